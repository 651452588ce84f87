"""The picture of a card: one stored frame, the part of it to show, and both outlines as runs on that part.

No picture is made here: the browser fetches the frame through its own address and draws.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.urls import reverse

from inference import metrics
from inference.types import rle_encode
from plaqueweb.accounts.models import User
from plaqueweb.agreement.gallery import KeyPlace, Pair
from plaqueweb.predictions.models import ClipPrediction
from plaqueweb.reads.models import FrameAnnotation
from plaqueweb.reads.readset import clips_of_reads
from plaqueweb.review.masks import MarkedFrame, Mask, ModelMasks, marked_frames, region_of
from plaqueweb.studies.choices import ClipState
from plaqueweb.studies.models import Clip

ASPECT = 127 / 136
"""Width to height of one of a card's three pictures."""
MARGIN = 0.12


@dataclass(frozen=True)
class Picture:
    """What a card draws. ``box`` is x0, y0, x1, y1 in picture pixels, half open; runs are on its grid.

    ``reader_declared``: the reader said that all plaque here is marked, or that there is none.
    """

    frame_url: str
    frame: int
    clip: int
    box: tuple[int, int, int, int]
    reader: list[int] | None
    model: list[int] | None
    dice: float | None
    reader_declared: bool
    synthetic: bool

    @property
    def data(self) -> dict[str, Any]:
        """For the script."""
        return {"url": self.frame_url, "box": self.box, "reader": self.reader, "model": self.model}


def pictures(user: User, shown: Sequence[Pair]) -> dict[uuid.UUID, Picture]:
    """The picture of each pair whose clip the user may see, by case. Four queries, and one object a prediction."""
    marked: dict[uuid.UUID, list[FrameAnnotation]] = defaultdict(list)
    rows = FrameAnnotation.objects.filter(read_id__in=[pair.read for pair in shown]).select_related("mask", "clip")
    for row in rows.order_by("clip_id", "frame"):
        marked[row.read_id].append(row)
    parts: dict[uuid.UUID, list[ClipPrediction]] = defaultdict(list)
    for part in ClipPrediction.objects.filter(prediction__in=[p.prediction for p in shown]).select_related("masks"):
        parts[part.prediction_id].append(part)
    clips = {
        clip.pk: clip
        for clip in Clip.objects.visible_to(user)
        .filter(clips_of_reads([pair.read for pair in shown]), state=ClipState.STORED)
        .filter(study__in=[pair.study for pair in shown])
        .prefetch_related("regions")
    }
    found = {}
    for pair in shown:
        frames = marked_frames(marked[pair.read])
        at = _place(pair, frames, clips)
        if at is not None:
            found[pair.case] = _picture(at, frames.get(at), ModelMasks.of(parts[pair.prediction]), clips[at[0]])
    return found


def _place(pair: Pair, frames: dict[KeyPlace, MarkedFrame], clips: dict[uuid.UUID, Clip]) -> KeyPlace | None:
    """The reader's key frame, a frame with a mark, the model's key frame, a frame examined, the first frame."""
    drawn = [place for place, one in frames.items() if one.runs]
    own = [clip for clip in clips.values() if clip.study_id == pair.study]
    first = [(clip.pk, 1, 1) for clip in sorted(own, key=lambda clip: clip.number)]
    wanted = [pair.read_key if pair.read_key in frames else None, *drawn[:1], pair.read_key, pair.model_key]
    for place in (*wanted, *frames, *first):
        if place is not None and place[0] in clips and 1 <= place[1] <= clips[place[0]].frames:
            return place
    return None


def _picture(at: KeyPlace, frame: MarkedFrame | None, model: ModelMasks, clip: Clip) -> Picture:
    shape = (clip.rows, clip.columns)
    reader = frame.plaque if frame is not None and frame.runs and frame.plaque.shape == shape else None
    found = model.plaque(at[0], at[1])
    found = found if found is not None and found.shape == shape else None
    box = _box(at, reader, model.aorta(at[0], at[1]), clip)
    declared = frame is not None and frame.declared
    dice = None
    if declared and found is not None:
        dice = metrics.dice(reader if reader is not None else np.zeros(shape, dtype=np.bool_), found)
    return Picture(
        frame_url=reverse("clips-frame", args=[clip.pk, at[1]]),
        frame=at[1],
        clip=clip.number,
        box=box,
        reader=_runs(reader, box),
        model=_runs(found, box),
        dice=dice,
        reader_declared=declared,
        synthetic=clip.synthetic,
    )


def _runs(mask: Mask | None, box: tuple[int, int, int, int]) -> list[int] | None:
    if mask is None or not mask.any():
        return None
    x0, y0, x1, y1 = box
    return rle_encode(np.ascontiguousarray(mask[y0:y1, x0:x1]))


def _box(at: KeyPlace, reader: Mask | None, aorta: Mask | None, clip: Clip) -> tuple[int, int, int, int]:
    """Around the aorta and the marks with a margin, in the shape of the card; else the region, else everything."""
    region = region_of(clip, at[2])
    x0, y0, x1, y1 = (region.x0, region.y0, region.x1 + 1, region.y1 + 1) if region else (0, 0, clip.columns, clip.rows)
    masks = [mask for mask in (reader, aorta) if mask is not None and mask.shape == (clip.rows, clip.columns)]
    inside = np.logical_or.reduce(masks) if masks else None
    if inside is not None and inside.any():
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        x0, y0, x1, y1 = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
        grow = round(MARGIN * max(x1 - x0, y1 - y0))
        x0, y0, x1, y1 = x0 - grow, y0 - grow, x1 + grow, y1 + grow
    return _shaped(x0, y0, x1, y1, clip)


def _shaped(x0: int, y0: int, x1: int, y1: int, clip: Clip) -> tuple[int, int, int, int]:
    """Widen to the card's aspect about the middle, and move inside the picture; what is too large is cut."""
    width, height = x1 - x0, y1 - y0
    wide, high = max(width, round(height * ASPECT)), max(height, round(width / ASPECT))
    wide, high = min(wide, clip.columns), min(high, clip.rows)
    left = min(max(0, (x0 + x1 - wide) // 2), clip.columns - wide)
    top = min(max(0, (y0 + y1 - high) // 2), clip.rows - high)
    return left, top, left + wide, top + high
