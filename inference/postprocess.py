"""From masks to what a report says: clean masks, areas, key frame, clip and study results, the rule's verdict.

Plain numpy and scipy.ndimage. Thickness itself lives in ``inference.thickness``, the place of a plaque in
``inference.places``; both are offered here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.places import (
    angle_around,
    centre_of_outline,
    middle,
    pieces,
    straight_distance,
    turned_apart,
    wall_curve,
    wall_distance,
)
from inference.thickness import (
    depth_thickness,
    inscribed_thickness,
    thickness_from_mask,
    wall_normal_thickness,
)
from inference.types import Answer, ClipResult, NoResult, Spacing, StudyResult, Thickness

__all__ = [
    "Thickness",
    "aggregate_study",
    "angle_around",
    "area_mm2",
    "centre_of_outline",
    "choose_key_frame",
    "clean_mask",
    "clip_probability",
    "depth_thickness",
    "displayed_mm",
    "inscribed_thickness",
    "middle",
    "most_telling",
    "pieces",
    "rule_verdict",
    "straight_distance",
    "thickness_from_mask",
    "turned_apart",
    "wall_curve",
    "wall_distance",
    "wall_normal_thickness",
]

COMPLEX_MM = 4.0
_EIGHT = np.ones((3, 3), dtype=bool)
_FILL_BELOW_MM2, _DROP_BELOW_MM2 = 1.0, 2.0
_FILL_BELOW_PX, _DROP_BELOW_PX = 12, 24
_LOGIT_LIMIT = 1e-6


def area_mm2(pixels: int, spacing: Spacing | None) -> float | None:
    """Area of so many pixels in mm2 with per-axis spacing; None without calibration."""
    return None if spacing is None else float(pixels) * spacing[0] * spacing[1]


def clean_mask(mask: NDArray[Any], spacing: Spacing | None) -> NDArray[np.bool_]:
    """A mask without specks and pinholes, on the same grid.

    Holes below 1 mm2 are filled and 8-connected components below 2 mm2 dropped; without calibration the limits are
    12 and 24 pixels.
    """
    array = np.asarray(mask).astype(bool, copy=False)
    out = np.zeros(array.shape, dtype=bool)
    box = bounding_box(array)
    if box is None:
        return out
    pixel = None if spacing is None else spacing[0] * spacing[1]
    fill = _FILL_BELOW_PX if pixel is None else _FILL_BELOW_MM2 / pixel
    drop = _DROP_BELOW_PX if pixel is None else _DROP_BELOW_MM2 / pixel
    part = array[box]
    holes, count = ndimage.label(~np.pad(part, 1))
    if count > 1:
        sizes = np.bincount(holes.ravel())
        small = sizes < fill
        small[0] = False
        small[holes[0, 0]] = False
        part = part | small[holes][1:-1, 1:-1]
    pieces, count = ndimage.label(part, structure=_EIGHT)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    keep = sizes >= drop
    keep[0] = False
    out[box] = keep[pieces]
    return out


def bounding_box(mask: NDArray[np.bool_], margin: int = 0) -> tuple[slice, slice] | None:
    """Row and column slices around the mask, widened by ``margin`` within the picture; None when it is empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return (
        slice(max(int(rows[0]) - margin, 0), min(int(rows[-1]) + 1 + margin, mask.shape[0])),
        slice(max(int(columns[0]) - margin, 0), min(int(columns[-1]) + 1 + margin, mask.shape[1])),
    )


def choose_key_frame(values: Sequence[float | None]) -> int | None:
    """Index of the key frame: where the median over two thirds of the frames, adjacent to each other, is greatest.

    A plain maximum over many noisy frames is biased upward (the largest error wins), and the more so the longer the
    clip; so the window grows with it: two thirds of the frames, three at least. Of the winning window, the frame that
    holds the median is taken, so that the official value belongs to the frame shown. None stands for a frame that does
    not count (no result); the frames on both sides of it are then neighbours. None when nothing was found.
    """
    counted = [n for n, value in enumerate(values) if value is not None]
    series = np.asarray([float(values[n] or 0.0) for n in counted])
    if series.size == 0 or series.max() <= 0:
        return None
    if series.size < 3:
        return counted[int(series.argmax())]
    width = max(3, 2 * (series.size // 3) + 1)
    width = min(width, series.size - 1 + series.size % 2)
    windows = np.lib.stride_tricks.sliding_window_view(series, width)
    order = np.argsort(windows, axis=1, kind="stable")[:, width // 2]
    medians = windows[np.arange(len(windows)), order]
    best = int(medians.argmax())
    if medians[best] <= 0:
        return counted[int(series.argmax())]
    return counted[best + int(order[best])]


def clip_probability(frame_probabilities: Iterable[float]) -> float:
    """Probability of a clip: the logistic of the mean of its frames' logits. Raises ValueError without frames."""
    p = np.clip(np.asarray(list(frame_probabilities), dtype=np.float64), _LOGIT_LIMIT, 1 - _LOGIT_LIMIT)
    if p.size == 0:
        raise ValueError("A clip needs at least one frame to have a probability.")
    return float(1.0 / (1.0 + np.exp(-np.mean(np.log(p / (1 - p))))))


def displayed_mm(value: float) -> float:
    """A length (mm) or an area (mm²) as it is displayed, to 0.1, halves rounded up as every browser does."""
    return float(np.floor(value * 10.0 + 0.5 + 1e-6) / 10.0)


def rule_verdict(
    thickness_mm: float | None,
    *,
    ulceration: Answer | bool | None = None,
    mobile: Answer | bool | None = None,
    thrombus: Answer | bool | None = None,
    threshold_mm: float = COMPLEX_MM,
) -> bool | None:
    """Whether the label rule calls a plaque complex: displayed thickness >= 4.0 mm, or any other reason.

    A reason is "yes" (True), "no" (False), or unknown: "cannot tell", or None where it was not asked. One "yes" makes
    the plaque complex. None is returned when it cannot be told: no thickness in mm and no "yes". An unknown reason is
    not taken for a "no": it stays visible as a reason, and what follows from the verdict must look for it. (A reader's
    rule is stricter and stays open until every reason is answered; a model that sees one loop cannot answer all.)
    """
    thick = None if thickness_mm is None else displayed_mm(thickness_mm) >= threshold_mm - 1e-6
    if thick or any(reason is True or reason == "yes" for reason in (ulceration, mobile, thrombus)):
        return True
    return None if thick is None else False


MOST_TELLING: tuple[NoResult, ...] = (
    NoResult.FAILED,
    NoResult.OUT_OF_DISTRIBUTION,
    NoResult.POOR_QUALITY,
    NoResult.COLOUR,
    NoResult.NO_AORTA,
    NoResult.NO_SCALE,
)
"""Which reason stands for a study of which no clip has a class: a failure first, since somebody has to look into it,
then the nearer a clip came to a result, the more its reason says."""


def most_telling(reasons: Iterable[NoResult | None]) -> NoResult | None:
    """The reason that stands for several, by ``MOST_TELLING``; None where none is given."""
    given = set(reasons)
    return next((reason for reason in MOST_TELLING if reason in given), None)


def aggregate_study(clips: Sequence[ClipResult], *, threshold: float) -> StudyResult:
    """A study from its clips: the greatest probability, and the greatest official thickness with its frame.

    Where no clip has a class, the most telling of their reasons stands (:func:`most_telling`). ``key_clip`` counts
    from 0 in the order given. Raises ValueError when no clip is given.
    """
    if not clips:
        raise ValueError("A study result needs at least one clip.")
    answered = [clip.probability_complex for clip in clips if clip.probability_complex is not None]
    probability = max(answered, default=None)
    no_result = None if answered else most_telling(clip.no_result for clip in clips) or NoResult.FAILED
    measured = [(clip.max_thickness_mm, n) for n, clip in enumerate(clips) if clip.max_thickness_mm is not None]
    areas = [clip.max_plaque_area_mm2 for clip in clips if clip.max_plaque_area_mm2 is not None]
    thickness, key_clip = max(measured, default=(None, None), key=lambda item: item[0] or 0.0)
    if key_clip is None:
        largest = max(range(len(clips)), key=lambda n: clips[n].max_plaque_area_px)
        key_clip = largest if clips[largest].key_frame is not None else None
    verdict = True if any(clip.rule_verdict for clip in clips) else rule_verdict(thickness)
    reasons = sorted({clip.reason for clip in clips if clip.reason})
    return StudyResult(
        probability_complex=probability,
        predicted_class=None if probability is None else int(probability >= threshold),
        rule_verdict=None if verdict is None else int(verdict),
        max_thickness_mm=thickness,
        max_plaque_area_mm2=max(areas) if areas else None,
        key_clip=key_clip,
        key_frame=None if key_clip is None else clips[key_clip].key_frame,
        reason="; ".join(reasons),
        clips=clips,
        no_result=no_result,
        no_thickness=no_result or (NoResult.NO_SCALE if thickness is None else None),
        flags=tuple(sorted({flag for clip in clips for flag in clip.flags})),
    )
