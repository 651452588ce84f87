"""The two sides of a comparison: a signed read, a reference, or a pipeline's prediction, all asked in the same way.

What a side says nothing about is unknown: None, never empty and never 0.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from django.utils.translation import gettext as _

from plaqueweb.predictions.models import ClipPrediction, Prediction
from plaqueweb.reads.choices import Arm
from plaqueweb.reads.models import FrameAnnotation, Lesion, Read
from plaqueweb.review.corrections import revision_words
from plaqueweb.review.masks import MarkedFrame, Mask, ModelMasks, Place, area, polygon_mask, region_of, within
from plaqueweb.review.models import Consensus, ConsensusKind
from plaqueweb.studies.models import Clip, Region

READ, REFERENCE, PIPELINE, NONE = "read", "reference", "pipeline", "none"


@dataclass(eq=False, kw_only=True)
class Side:
    """One answer; as it stands here, none: no read was signed, no model has run, or the model is hidden.

    ``key`` names it in an address: ``read.<id>``, ``reference.<kind>``, ``pipeline.<id>`` or ``none``. ``index`` is the
    lesion that official thickness and class stand on, ``key_place`` where the answer is best looked at.
    """

    kind: ClassVar[str] = NONE
    role: ClassVar[str] = ""

    clips: Sequence[Clip] = ()
    key: str = NONE
    name: str = ""
    plaque_class: int | None = None
    thickness_mm: float | None = None
    thickness_px: float | None = None
    content_no: int | None = None
    index: Lesion | None = None
    key_place: Place | None = None

    def plaque(self, place: Place) -> Mask | None:
        """All plaque on a frame and region, shape (rows, columns), for reading only; None: unknown."""
        return None

    def declared(self, place: Place) -> bool:
        """Tell whether all plaque of the frame is marked, so that its area may be compared."""
        return False

    def aorta_share(self, place: Place) -> float | None:
        """Plaque in percent of what lies within the outer wall, or None without one."""
        return None

    def area_at(self, place: Place) -> tuple[int, float | None] | None:
        """(pixels, mm²) on a frame; mm² is None without a scale. None: unknown."""
        mask = self.plaque(place)
        return None if mask is None else area(int(np.count_nonzero(mask)), self.region(place))

    def clip(self, pk: uuid.UUID) -> Clip | None:
        """Return a clip of the study by id."""
        return next((row for row in self.clips if row.pk == pk), None)

    def region(self, place: Place) -> Region | None:
        """Return the region of a place."""
        clip = self.clip(place[0])
        return region_of(clip, place[2]) if clip is not None else None


@dataclass(eq=False, kw_only=True)
class ReadSide(Side):
    """A signed read with its marks; ``frames`` holds those that carry a mask, an outline or an extent."""

    kind: ClassVar[str] = READ
    role: ClassVar[str] = "physician"

    read: Read
    annotations: list[FrameAnnotation] = field(default_factory=list)
    frames: dict[Place, MarkedFrame] = field(default_factory=dict)
    lesions: list[Lesion] = field(default_factory=list)

    @property
    def places(self) -> list[Place]:
        """Frames the reader said anything about, in clip and frame order."""
        order = {clip.pk: clip.number for clip in self.clips}
        return sorted((p for p in self.frames if p[0] in order), key=lambda p: (order[p[0]], *p[1:]))

    def plaque(self, place: Place) -> Mask | None:
        marked = self.frames.get(place)
        return marked.plaque if marked is not None and marked.known else None

    def declared(self, place: Place) -> bool:
        marked = self.frames.get(place)
        return marked is not None and marked.declared

    def aorta_share(self, place: Place) -> float | None:
        marked = self.frames.get(place)
        if marked is None or marked.outline is None or not marked.known:
            return None
        wall = polygon_mask(marked.outline, marked.shape)
        inside = int(np.count_nonzero(wall))
        return 100 * int(np.count_nonzero(marked.plaque & wall)) / inside if inside else None


@dataclass(eq=False, kw_only=True)
class ModelSide(Side):
    """A pipeline's prediction with its masks; it looked at every frame of the clips it has a result on."""

    kind: ClassVar[str] = PIPELINE
    role: ClassVar[str] = "model"

    prediction: Prediction
    parts: list[ClipPrediction] = field(default_factory=list)
    masks: ModelMasks = field(default_factory=lambda: ModelMasks({}))

    def plaque(self, place: Place) -> Mask | None:
        return self._in_region(place, self.masks.plaque(*place[:2]))

    def declared(self, place: Place) -> bool:
        return place[0] in self.masks.rows

    def aorta_share(self, place: Place) -> float | None:
        aorta, plaque = self._in_region(place, self.masks.aorta(*place[:2])), self.plaque(place)
        if aorta is None or plaque is None or not aorta.any():
            return None
        return 100 * int(np.count_nonzero(plaque)) / int(np.count_nonzero(aorta))

    def area_sd(self, place: Place, px: int) -> float | None:
        """Standard uncertainty in mm² of an area: known for the largest of its clip, and told nowhere else."""
        part = next((one for one in self.parts if (one.clip_id, one.region_number) == (place[0], place[2])), None)
        return part.area_sd_mm2 if part is not None and px and part.max_area_px == px else None

    @property
    def lesions(self) -> list[dict[str, Any]]:
        """The stored lesions of all clips."""
        return [lesion for part in self.parts for lesion in part.lesions or []]

    def _in_region(self, place: Place, mask: Mask | None) -> Mask | None:
        """What lies in the place's region; None where the mask cannot be laid over the picture."""
        clip = self.clip(place[0])
        if mask is None or clip is None or mask.shape != (clip.rows, clip.columns):
            return None
        return within(mask, self.region(place)) if len(clip.regions.all()) > 1 else mask


@dataclass(eq=False, kw_only=True)
class ReferenceSide(Side):
    """A study's reference. It has marks only where one read was taken as the answer: that read's."""

    kind: ClassVar[str] = REFERENCE
    role: ClassVar[str] = "reference"

    consensus: Consensus
    taken: ReadSide | None = None

    def plaque(self, place: Place) -> Mask | None:
        return self.taken.plaque(place) if self.taken else None

    def declared(self, place: Place) -> bool:
        return self.taken is not None and self.taken.declared(place)

    def aorta_share(self, place: Place) -> float | None:
        return self.taken.aorta_share(place) if self.taken else None


def read_side(
    read: Read,
    clips: Sequence[Clip],
    annotations: list[FrameAnnotation],
    frames: dict[Place, MarkedFrame],
    lesions: list[Lesion],
) -> ReadSide:
    """Return a read as a side."""
    side = ReadSide(
        clips=clips, key=f"{READ}.{read.pk}", name=read_name(read), plaque_class=read.reader_class,
        thickness_mm=read.thickness_mm, thickness_px=read.thickness_px, content_no=read.content_no, read=read,
        annotations=annotations, frames=frames, lesions=lesions,
    )  # fmt: skip
    side.index = next((row for row in lesions if row.is_index), lesions[0] if len(lesions) == 1 else None)
    lesion = side.index
    if lesion is not None and lesion.key_clip_id and lesion.key_frame:
        side.key_place = (lesion.key_clip_id, lesion.key_frame, lesion.key_region or 1)
    else:
        side.key_place = next(iter(side.places), None)
    return side


def model_side(prediction: Prediction, clips: Sequence[Clip], parts: list[ClipPrediction]) -> ModelSide:
    """Return a prediction as a side."""
    row = prediction
    known = row.key_clip_id is not None and row.key_frame is not None
    return ModelSide(
        clips=clips, key=f"{PIPELINE}.{row.pipeline_id}", name=row.pipeline.name, plaque_class=row.predicted_class,
        thickness_mm=row.thickness_mm, thickness_px=row.thickness_px, content_no=row.content_no, prediction=row,
        parts=parts, masks=ModelMasks.of(parts),
        key_place=(row.key_clip_id, row.key_frame, row.key_region or 1) if known else None,  # type: ignore[arg-type]
    )  # fmt: skip


def reference_side(row: Consensus, clips: Sequence[Clip], taken: ReadSide | None) -> ReferenceSide:
    """Return a reference as a side; ``taken`` is the read whose answer it is, if it is one's."""
    return ReferenceSide(
        clips=clips, key=f"{REFERENCE}.{row.kind}", name=reference_name(row), plaque_class=row.reader_class,
        thickness_mm=row.thickness_mm, consensus=row, taken=taken, index=taken.index if taken else None,
        key_place=taken.key_place if taken else None,
    )  # fmt: skip


def read_name(read: Read) -> str:
    """Return the reader's name, and which answer it was where that is not the plain first one."""
    parts = [read.assignment.reader.name]
    if revised := revision_words(read):
        parts.append(revised)
    if read.arm != Arm.BLIND:
        parts.append(str(read.get_arm_display()))
    if read.assignment.repeat_no:
        parts.append(_("repeat %(n)d") % {"n": read.assignment.repeat_no})
    return ", ".join(parts)


def reference_name(row: Consensus) -> str:
    """Return which kind of reference it is, as a heading."""
    return {
        ConsensusKind.KNOWN_TRUTH.value: _("Known truth of the phantom"),
        ConsensusKind.AGREED.value: _("Agreed reference"),
        ConsensusKind.ADJUDICATED.value: _("Adjudicated reference"),
    }[row.kind]


def marks_of(side: Side) -> ReadSide | None:
    """Return the read whose marks a side shows: its own, or the one that the reference took."""
    if isinstance(side, ReferenceSide):
        return side.taken
    return side if isinstance(side, ReadSide) else None


__all__ = [
    "NONE", "PIPELINE", "READ", "REFERENCE", "ModelSide", "ReadSide", "ReferenceSide", "Side", "marks_of",
    "model_side", "read_name", "read_side", "reference_name", "reference_side",
]  # fmt: skip
