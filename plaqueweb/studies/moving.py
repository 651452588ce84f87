"""Pictures that move and show nobody: for a test read without a study, the bench and the browser tests."""

from __future__ import annotations

import io
import struct

import numpy as np
from numpy.typing import NDArray

LARGE_PIXELS = 400_000
"""From here on frames are compressed more, to about the 99 kB that a real cart's frame of speckle takes."""
Bundle = tuple[bytes, list[list[int]]]
"""The stored bundle and where in it each frame lies."""


def moving(rows: int, columns: int, frames: int, *, seed: int = 1) -> list[NDArray[np.uint8]]:
    """Return grey frames: a bright ring with a lump inside, swaying and pulsing once a loop, under speckle."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[:rows, :columns].astype(np.float32)
    grain = rng.rayleigh(1.0, (rows + 64, columns + 64)).astype(np.float32)
    radius = 0.3 * rows
    pictures = []
    for number in range(frames):
        phase = 2 * np.pi * number / frames
        dx, dy = 0.02 * columns * np.sin(phase), 0.015 * rows * np.cos(phase)
        here = radius * (1 + 0.03 * np.sin(phase))
        away = np.hypot(xx - columns / 2 - dx, yy - rows / 2 - dy)
        lump = np.hypot(xx - columns / 2 - dx, yy - rows / 2 - dy - 0.78 * here) < 0.25 * here
        light = 30.0 + 120.0 * (np.abs(away - here) < 0.06 * rows) + 90.0 * (lump & (away < here))
        shift = (32 - round(float(dy)), 32 - round(float(dx)))  # the grain moves with the tissue
        speckle = grain[shift[0] : shift[0] + rows, shift[1] : shift[1] + columns]
        pictures.append(np.clip(light * (0.55 + 0.35 * speckle), 0, 255).astype(np.uint8))
    return pictures


def bundle(pictures: list[NDArray[np.uint8]]) -> Bundle:
    """Return the frames as a cine bundle of JPEGs, and each frame's offset and length in it."""
    from PIL import Image

    body, offsets = io.BytesIO(), []
    body.write(b"CINE" + struct.pack("<I", len(pictures)))
    for picture in pictures:
        data = io.BytesIO()
        Image.fromarray(picture).save(data, "JPEG", quality=85 if picture.size < LARGE_PIXELS else 78)
        body.write(struct.pack("<I", data.tell()))
        offsets.append([body.tell(), data.tell()])
        body.write(data.getvalue())
    return body.getvalue(), offsets
