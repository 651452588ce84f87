"""Lesions of a read and of a prediction as ``matching`` wants them. Masks are decoded where both sides have one."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from inference.postprocess import angle_around, centre_of_outline, middle, pieces, turned_apart
from inference.types import Point, Spacing
from plaqueweb.predictions.models import ClipPrediction
from plaqueweb.reads.models import FrameAnnotation, Lesion
from plaqueweb.review.masks import MarkedFrame, Mask, ModelMasks, Place, within
from plaqueweb.review.matching import Drawn, Mark, Plaque, Ref
from plaqueweb.studies.models import Region

Regions = Callable[[uuid.UUID], Sequence[Region]]
"""The regions of a clip, empty for one that is not known."""
HALF = 0.5
"""A page's pixel centres lie at .5, the library's at whole numbers."""


def model_ref(clip: object, region: int, number: int) -> Ref:
    """The name of a prediction's lesion, which counts them by clip and region."""
    return f"{clip}.{region}.{number}"


def spacing_at(regions: Regions, place: Place) -> Spacing | None:
    """Spacing (row, column) of a place by the file's own scale."""
    row = next((one for one in regions(place[0]) if one.number == place[2]), None)
    return row.spacing if row is not None else None


class ReadMark(Mark):
    """What a read holds of one lesion on one frame."""

    def __init__(
        self,
        number: int,
        place: Place,
        frame: MarkedFrame | None,
        calipers: Sequence[Any],
        outline: Any,
        scale: Regions,
    ) -> None:
        self.number, self.place, self.frame = number, place, frame
        self.calipers, self.outline, self.scale = calipers, outline, scale

    def mask(self) -> Mask | None:
        if self.frame is None or self.number not in self.frame.runs:
            return None
        return self.frame.lesions[self.number]

    def caliper(self) -> Point | None:
        for one in self.calipers:
            if one.get("lesion") == self.number and one.get("kind") == "thickness":
                (x0, y0), (x1, y1) = one["points"]
                return (x0 + x1) / 2 - HALF, (y0 + y1) / 2 - HALF
        return None

    def spacing(self) -> Spacing | None:
        return spacing_at(self.scale, self.place)

    def wall(self) -> Sequence[Sequence[float]] | None:
        return [[x - HALF, y - HALF] for x, y in self.outline] if self.outline else None

    def centre(self) -> Point | None:
        """Centre of the drawn wall."""
        wall = self.wall()
        return centre_of_outline(wall) if wall else None

    def turn(self) -> float | None:
        """Angle of the middle around the centre of the drawn wall, None without one.

        The plaque's own edge would not do: a circle fits its inner side as well as the wall, half a turn away.
        """
        centre = self.centre()
        return None if centre is None or self.at is None else angle_around(self.at, centre, self.spacing())


class ReadLesion(Drawn):
    """A lesion of a read: its angle comes from its key frame, else from the first frame that shows one."""

    def __init__(self, plaque: Plaque, marks: Mapping[Place, ReadMark], key: Place | None) -> None:
        super().__init__(plaque, marks)
        self._own, self._key = marks, key

    def turn(self) -> float | None:
        return self._turn

    def centre(self, place: Place) -> Point | None:
        mark = self._own.get(place)
        return mark.centre() if mark is not None else None

    @cached_property
    def _turn(self) -> float | None:
        order = sorted(self._own, key=lambda place: (place != self._key, str(place[0]), *place[1:]))
        turns = (self._own[place].turn() for place in order)
        return next((turn for turn in turns if turn is not None), None)


def read_lesions(
    lesions: Iterable[Lesion],
    annotations: Sequence[FrameAnnotation],
    frames: Mapping[Place, MarkedFrame],
    regions: Regions,
) -> list[Drawn]:
    """The lesions of a read with what it holds on its frames (``frames`` from ``masks.marked_frames``)."""
    made: list[Drawn] = []
    for lesion in lesions:
        marks: dict[Place, ReadMark] = {}
        for row in annotations:
            place = (row.clip_id, row.frame, row.region)
            mark = ReadMark(lesion.number, place, frames.get(place), row.calipers or [], row.outline, regions)
            if (mark.frame is not None and lesion.number in mark.frame.runs) or mark.caliper() is not None:
                marks[place] = mark
        key = None
        if lesion.key_clip_id is not None and lesion.key_frame is not None:
            key = (lesion.key_clip_id, lesion.key_frame, lesion.key_region or 1)
        made.append(ReadLesion(Plaque(str(lesion.number), lesion.segment), marks, key))
    return made


class ModelClip:
    """The lesions of a prediction on one clip and region, and which pixels of the plaque belong to which of them."""

    def __init__(self, part: ClipPrediction, masks: ModelMasks, regions: Regions) -> None:
        self.clip, self.number, self.masks, self.regions = part.clip_id, part.region_number, masks, regions
        self.lesions: list[dict[str, Any]] = list(part.lesions or [])
        self._split: dict[int, dict[int, Mask]] = {}

    def place(self, frame: int) -> Place:
        return self.clip, frame, self.number

    @property
    def region(self) -> Region | None:
        return next((one for one in self.regions(self.clip) if one.number == self.number), None)

    def _within(self, mask: Mask | None) -> Mask | None:
        if mask is None or len(self.regions(self.clip)) < 2:
            return mask
        return within(mask, self.region)

    def aorta(self, frame: int) -> Mask | None:
        """Everything within the outer wall on a frame."""
        return self._within(self.masks.aorta(self.clip, frame))

    def mask(self, frame: int, number: int) -> Mask | None:
        """One lesion on one frame; None where the model marked nothing of it."""
        if frame not in self._split:
            self._split[frame] = self._divide(frame)
        return self._split[frame].get(number)

    def _divide(self, frame: int) -> dict[int, Mask]:
        """Every connected piece goes to the lesion that is nearest by angle around the aorta, else by its chord."""
        plaque = self._within(self.masks.plaque(self.clip, frame))
        shown = [one for one in self.lesions if is_shown(one, frame)]
        if plaque is None or not shown or not plaque.any():
            return {}
        if len(shown) == 1:
            return {int(shown[0]["number"]): plaque}
        aorta = self.aorta(frame)
        centre = middle(aorta) if aorta is not None else None
        found: dict[int, Mask] = {}
        for piece in pieces(plaque):
            number = self._nearest(piece, centre, shown)
            found[number] = found[number] | piece if number in found else piece
        return found

    def _nearest(self, piece: Mask, centre: Point | None, shown: Sequence[Mapping[str, Any]]) -> int:
        at = middle(piece) or (0.0, 0.0)
        spacing = self.region.spacing if self.region is not None else None
        turn = angle_around(at, centre, spacing) if centre is not None else None

        def apart(lesion: Mapping[str, Any]) -> tuple[float, float, int]:
            angle, chord = lesion.get("angle"), lesion.get("chord")
            turned = turned_apart(turn, angle) if turn is not None and angle is not None else 0.0
            way = float(np.hypot(*np.subtract(np.mean(chord, axis=0), at))) if chord else 0.0
            return turned, way, int(lesion["number"])

        return int(min(shown, key=apart)["number"])


def is_shown(lesion: Mapping[str, Any], frame: int) -> bool:
    """Whether a stored lesion was followed on a frame; one without a list of frames counts on its key frame alone."""
    runs = lesion.get("frames")
    if not runs:
        return bool(lesion.get("key_frame") == frame)
    return any(first <= frame <= last for first, last in runs)


class ModelMark(Mark):
    """What a prediction holds of one lesion on one frame."""

    def __init__(self, clip: ModelClip, frame: int, number: int) -> None:
        self.clip, self.frame, self.number = clip, frame, number

    def mask(self) -> Mask | None:
        return self.clip.mask(self.frame, self.number)

    def spacing(self) -> Spacing | None:
        return spacing_at(self.clip.regions, self.clip.place(self.frame))

    def wall(self) -> Mask | None:
        return self.clip.aorta(self.frame)


class ModelLesion(Drawn):
    """A lesion of a prediction, which knows the aorta on every frame of its clip."""

    def __init__(self, plaque: Plaque, marks: Mapping[Place, Mark], clip: ModelClip) -> None:
        super().__init__(plaque, marks)
        self._clip = clip

    def centre(self, place: Place) -> Point | None:
        if (place[0], place[2]) != (self._clip.clip, self._clip.number):
            return None
        aorta = self._clip.aorta(place[1])
        return middle(aorta) if aorta is not None else None


def model_lesions(
    parts: Iterable[ClipPrediction],
    masks: ModelMasks,
    segments: Mapping[uuid.UUID, str],
    regions: Regions,
    wanted: Iterable[Place],
) -> list[Drawn]:
    """The lesions of a prediction. Marks are made for the ``wanted`` places alone, and only where it marked something.

    ``segments``: the segment of each clip.
    """
    places = list(wanted)
    made: list[Drawn] = []
    for part in parts:
        if part.no_result_reason:
            continue
        clip = ModelClip(part, masks, regions)
        frames = sorted({place[1] for place in places if place[0] == clip.clip and place[2] == clip.number})
        for lesion in clip.lesions:
            number = int(lesion["number"])
            shown = [frame for frame in frames if is_shown(lesion, frame) and clip.mask(frame, number) is not None]
            marks = {clip.place(frame): ModelMark(clip, frame, number) for frame in shown}
            made.append(ModelLesion(model_plaque(part, lesion, segments), marks, clip))
    return made


def model_plaque(part: ClipPrediction, lesion: Mapping[str, Any], segments: Mapping[uuid.UUID, str]) -> Plaque:
    """A stored lesion of a prediction without its marks."""
    ref = model_ref(part.clip_id, part.region_number, int(lesion["number"]))
    return Plaque(ref, segments.get(part.clip_id, ""), part.clip_id, lesion.get("angle"))


def places_of(side: Iterable[Drawn]) -> set[Place]:
    """Every frame and region on which a side has a mark."""
    return {place for drawn in side for place in drawn.marks}
