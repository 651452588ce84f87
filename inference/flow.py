"""Carry a mask from one frame of a loop to the others by optical flow: grey values only, no model.

Step by step the motion between neighbouring frames is found by pyramidal Lucas-Kanade with warping; the steps are
composed into one map back to the frame that was painted, and that map is held against the painted frame itself, so
that errors do not add up over a beat. The mask is looked up once through the composed map, never from copy to copy.

Source: Lucas and Kanade, IJCAI 1981; Bouguet, Intel 2001 (pyramid); Baker and Matthews, IJCV 56, 2004 (warping,
template drift). The figures in tests/inference/test_flow.py are on phantoms of this library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]
FrameSource = Callable[[int], NDArray[np.uint8]]

LEVELS, ROUNDS = 3, 3
WINDOW = 5.0
"""Standard deviation in pixels of the neighbourhood that moves together."""
CALM = 1.2
"""Standard deviation in pixels of the blur that takes the speckle's grain off."""
MOST_STEP = 12.0
"""No tissue moves further than this many pixels from one frame to the next; a larger step is no match."""
MARGIN = 40
LEAST_LIKENESS = 0.35
"""Below this correlation with the painted frame around the mask, the picture is another one: propagation ends."""
REGULAR = 1e-3


@dataclass(frozen=True)
class Carried:
    """The mask as it came out on one frame, and how alike the picture under it is (correlation, -1 to 1)."""

    frame: int
    mask: Mask
    likeness: float


def step_flow(
    before: Grey, after: Grey, start: tuple[Grey, Grey] | None = None, *, levels: int = LEVELS
) -> tuple[Grey, Grey]:
    """Return ``(down, across)`` in pixels so that ``after(y, x)`` looks like ``before(y + down, x + across)``.

    Shapes: all (rows, columns). ``start`` is a first guess on the finest level.
    """
    shapes = [before]
    others = [after]
    for _ in range(levels - 1):
        shapes.append(_half(shapes[-1]))
        others.append(_half(others[-1]))
    if start is None:
        down, across = np.zeros_like(shapes[-1]), np.zeros_like(shapes[-1])
    else:
        down, across = (_resize(field, shapes[-1].shape) / 2 ** (levels - 1) for field in start)
    for level in reversed(range(levels)):
        if level < levels - 1:
            down, across = (2 * _resize(field, shapes[level].shape) for field in (down, across))
        for _ in range(ROUNDS):
            down, across = _refine(shapes[level], others[level], down, across)
    return down, across


def _refine(before: Grey, after: Grey, down: Grey, across: Grey) -> tuple[Grey, Grey]:
    """One Lucas-Kanade step of all pixels at once, with the previous result warped in."""
    warped = look_up(before, down, across)
    gy, gx = np.gradient(warped)
    difference = after - warped
    window = WINDOW
    yy, xy, xx, by, bx = (
        ndimage.gaussian_filter(field, window, mode="nearest")
        for field in (gy * gy, gy * gx, gx * gx, gy * difference, gx * difference)
    )
    floor = REGULAR * float(np.mean(yy + xx)) + 1e-6
    yy, xx = yy + floor, xx + floor
    determinant = yy * xx - xy * xy
    more_down = (xx * by - xy * bx) / determinant
    more_across = (yy * bx - xy * by) / determinant
    limit = 1.0 + MOST_STEP / 4
    down = np.clip(down + np.clip(more_down, -limit, limit), -MOST_STEP, MOST_STEP)
    across = np.clip(across + np.clip(more_across, -limit, limit), -MOST_STEP, MOST_STEP)
    smooth = (ndimage.gaussian_filter(field, 1.0, mode="nearest") for field in (down, across))
    return next(smooth).astype(np.float32), next(smooth).astype(np.float32)


def look_up(field: Grey, down: Grey, across: Grey) -> Grey:
    """Return ``field`` at ``(y + down, x + across)``, bilinear, edges repeated."""
    rows, columns = np.indices(field.shape, dtype=np.float32)
    found = ndimage.map_coordinates(field, [rows + down, columns + across], order=1, mode="nearest")
    return np.asarray(found, dtype=np.float32)


def _half(field: Grey) -> Grey:
    return np.asarray(ndimage.gaussian_filter(field, 1.0, mode="nearest")[::2, ::2], dtype=np.float32)


def _resize(field: Grey, shape: tuple[int, ...]) -> Grey:
    at = np.meshgrid(
        *(np.linspace(0, old - 1, new) for old, new in zip(field.shape, shape, strict=True)), indexing="ij"
    )
    return np.asarray(ndimage.map_coordinates(field, at, order=1, mode="nearest"), dtype=np.float32)


def carry(source: FrameSource, mask: Mask, frame: int, order: list[int]) -> Iterator[Carried]:
    """Carry ``mask`` from ``frame`` along ``order`` (neighbours, one way), until the picture is another one.

    Args:
        source: frame number → grey picture (rows, columns), uint8.
        mask: (rows, columns), painted on ``frame``; must not be empty.
        order: numbers of the frames to visit, each the neighbour of the one before, the first that of ``frame``.

    Yields:
        One result a frame; fewer than asked where the likeness fell below ``LEAST_LIKENESS`` or the mask left the
        picture.
    """
    box = _around(mask)
    first = _calm(source(frame), box)
    distance = _signed(mask[box])
    near = ndimage.binary_dilation(mask[box], iterations=8)
    before = first
    down, across = np.zeros_like(first), np.zeros_like(first)
    for number in order:
        now = _calm(source(number), box)
        step_down, step_across = step_flow(before, now)
        # The composed map: first this step back, then all earlier ones from there.
        down, across = (
            step_down + look_up(down, step_down, step_across), step_across + look_up(across, step_down, step_across)
        )  # fmt: skip
        down, across = _held(first, now, down, across)
        inside = look_up(distance, down, across) < 0
        likeness = _likeness(look_up(first, down, across), now, look_up(near.astype(np.float32), down, across) > 0.5)
        if likeness < LEAST_LIKENESS or not inside.any():
            return
        whole = np.zeros_like(mask)
        whole[box] = inside
        yield Carried(number, whole, likeness)
        before = now


def _held(first: Grey, now: Grey, down: Grey, across: Grey) -> tuple[Grey, Grey]:
    """Hold the composed map against the painted frame: what is left between both, found on coarse and fine level."""
    seen = look_up(first, down, across)
    more_down, more_across = step_flow(seen, now, levels=2)
    likely = _likeness(look_up(seen, more_down, more_across), now) > _likeness(seen, now)
    if not likely:
        return down, across
    return (
        more_down + look_up(down, more_down, more_across),
        more_across + look_up(across, more_down, more_across),
    )


def _around(mask: Mask) -> tuple[slice, slice]:
    """The part of the picture that matters: the mask's box and a margin for its motion."""
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not ys.size:
        raise ValueError("an empty mask cannot be carried")
    sides = (ys, mask.shape[0]), (xs, mask.shape[1])
    y, x = (slice(max(0, int(at[0]) - MARGIN), min(size, int(at[-1]) + 1 + MARGIN)) for at, size in sides)
    return y, x


def _calm(picture: NDArray[np.uint8], box: tuple[slice, slice]) -> Grey:
    return np.asarray(ndimage.gaussian_filter(picture[box].astype(np.float32), CALM, mode="nearest"))


def _signed(mask: Mask) -> Grey:
    """Distance to the border in pixels, negative inside; zero lies between the pixels on both sides."""
    outside, inside = ndimage.distance_transform_edt(~mask), ndimage.distance_transform_edt(mask)
    return np.asarray(outside - inside + np.where(mask, 0.5, -0.5), dtype=np.float32)


def _likeness(a: Grey, b: Grey, where: Mask | None = None) -> float:
    """Correlation of two pictures, of a part of them where given; 0 where one of them is flat."""
    one, two = (a, b) if where is None else (a[where], b[where])
    if one.size < 2:
        return 0.0
    one, two = one - one.mean(), two - two.mean()
    norm = float(np.sqrt((one * one).sum() * (two * two).sum()))
    return float((one * two).sum()) / norm if norm > 1e-6 else 0.0
