"""Several readers' masks of one frame made into one: STAPLE, or the majority of each pixel. Pure; no model enters.

STAPLE: Warfield, Zou, Wells, IEEE Trans Med Imaging 2004; 23: 903-921, as in SimpleITK, which only the light worker
loads. It estimates each reader's sensitivity and specificity and the mask together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
LEAST_READERS = 3
"""Two readers cannot be told apart by who of them is right."""
MARGIN_PX = 8
"""Pixels around the union of all masks that count as background: with the whole picture every specificity nears 1."""
MOST_ROUNDS = 100
VERSION = "fusion-1"


@dataclass(frozen=True)
class Fused:
    """One mask, shape (rows, columns), and each reader's estimated sensitivity and specificity in the readers' order.

    Estimates are None where there is nothing to estimate: by majority, or where nobody marked anything.
    """

    mask: Mask
    sensitivity: tuple[float | None, ...]
    specificity: tuple[float | None, ...]


def fuse(masks: Sequence[Mask], method: str) -> Fused:
    """Make one mask of at least three on the same grid.

    Args:
        method: ``staple`` or ``majority``.

    Raises:
        ValueError: fewer than three masks, masks of different shapes, or an unknown method.
    """
    if len(masks) < LEAST_READERS:
        raise ValueError(f"A fused mask needs {LEAST_READERS} readers; got {len(masks)}.")
    if len({mask.shape for mask in masks}) != 1:
        raise ValueError("Masks to fuse lie on one grid.")
    if method not in ("staple", "majority"):
        raise ValueError(f"Masks are fused by staple or majority; got {method!r}.")
    stack = np.stack([np.asarray(mask, dtype=np.bool_) for mask in masks])
    nothing = (None,) * len(masks)
    if not stack.any():
        return Fused(np.zeros(masks[0].shape, dtype=np.bool_), nothing, nothing)
    return _staple(stack) if method == "staple" else Fused(majority(stack), nothing, nothing)


def majority(stack: Mask) -> Mask:
    """Pixels that more than half of the readers marked; a tie is not. (readers, rows, columns) → (rows, columns)."""
    voted: Mask = 2 * np.count_nonzero(stack, axis=0) > stack.shape[0]
    return voted


def _staple(stack: Mask) -> Fused:
    import SimpleITK as sitk

    box = _around(np.logical_or.reduce(stack, axis=0))
    images = [sitk.GetImageFromArray(mask[box].astype(np.uint8)) for mask in stack]
    staple: Any = sitk.STAPLEImageFilter()  # type: ignore[no-untyped-call]
    staple.SetForegroundValue(1)
    staple.SetMaximumIterations(MOST_ROUNDS)
    posterior = sitk.GetArrayFromImage(staple.Execute(images))
    mask = np.zeros(stack.shape[1:], dtype=np.bool_)
    mask[box] = posterior >= 0.5
    return Fused(mask, _shares(staple.GetSensitivity()), _shares(staple.GetSpecificity()))


def _around(union: Mask) -> tuple[slice, slice]:
    rows, columns = np.nonzero(union)
    return (
        slice(max(int(rows.min()) - MARGIN_PX, 0), int(rows.max()) + MARGIN_PX + 1),
        slice(max(int(columns.min()) - MARGIN_PX, 0), int(columns.max()) + MARGIN_PX + 1),
    )


def _shares(values: Sequence[float]) -> tuple[float | None, ...]:
    return tuple(float(value) if np.isfinite(value) else None for value in values)
