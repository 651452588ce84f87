"""Vessels drawn from a seed: an uneven wall, plaques of any width, specks, pinholes, what stands free in the lumen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.types import LUMEN, PLAQUE, WALL


def vessel(seed: int, noise: float = 0.0) -> NDArray[np.uint8]:
    """Labels of a part of a picture, of 50 to 90 pixels a side; ``noise`` is the share of pixels that are any label."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(50, 90, 2)
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    centre = np.array([height, width]) * rng.uniform(0.42, 0.58, 2)
    angle = np.arctan2(rows - centre[0], columns - centre[1])
    away = np.hypot(rows - centre[0], columns - centre[1])
    outer = min(height, width) * rng.uniform(0.3, 0.52)
    outer = outer * (1 + sum(rng.uniform(0, 0.08) * np.cos(k * (angle - rng.uniform(0, 6))) for k in (1, 2, 3)))
    labels = np.where(away < outer, np.where(away < outer - rng.uniform(1, 4), LUMEN, WALL), 0)
    for _ in range(rng.integers(0, 4)):
        turn, half, thick = rng.uniform(-3, 3), rng.uniform(0.05, 1.2), rng.uniform(2, 14)
        near = np.abs((angle - turn + np.pi) % (2 * np.pi) - np.pi)
        plaque = (away < outer) & (away > outer - thick * np.clip(1.4 - near / half, 0, 1)) & (near < half)
        labels = np.where(plaque, PLAQUE, labels)
        if rng.random() < 0.6:  # a head on a stalk, or alone
            reach = (outer - thick - rng.uniform(0, 8)).clip(0)
            stalk = (near < rng.uniform(0.02, 0.12)) & (away > reach) & (away < outer) & (rng.random() < 0.8)
            head = (near < 0.25) & (np.abs(away - reach) < rng.uniform(1, 5))
            labels = np.where((stalk | head) & (labels == LUMEN), PLAQUE, labels)
    labels = np.where(rng.random(labels.shape) < noise, rng.integers(0, 4, labels.shape), labels)
    labels[int(centre[0]) : int(centre[0]) + 2, int(centre[1])] = LUMEN  # never empty
    return labels.astype(np.uint8)


def outputs(seed: int, size: int = 192, noise: float = 1.0) -> NDArray[np.float32]:
    """Real-valued outputs (4, size, size) that are largest for a drawn vessel's labels, smooth and with noise."""
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), dtype=np.uint8)
    for n in range(rng.integers(1, 3)):
        part = vessel(seed + 1000 * n, noise=0.01)
        row, column = (int(rng.integers(0, size - side + 1)) for side in part.shape)
        labels[row : row + part.shape[0], column : column + part.shape[1]] = part
    sure = np.where(np.arange(4)[:, None, None] == labels, 8.0, -8.0)
    soft = np.stack([ndimage.gaussian_filter(plane, 1.2) for plane in sure])
    return (soft + noise * rng.normal(size=soft.shape)).astype(np.float32)
