"""What one read, one reference or one prediction says, and what is known of the study around it. Plain values."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from plaqueweb.agreement.stats import FrameScore

KeyPlace = tuple[uuid.UUID, int, int]
"""Clip, frame (from 1) and region of an official thickness."""


@dataclass(frozen=True)
class LesionAnswer:
    """One plaque of an answer. Thickness in mm or None; ``reasons``: ulceration, mobile, thrombus: yes, no, unclear.

    ``ref`` names it as ``review.matching`` does. ``area_mm2`` is that of the key frame. Of a prediction ``clip`` is the
    clip that it was counted on and ``angle`` (radians) its place around the aorta.
    """

    number: int
    segment: str
    is_index: bool
    key: KeyPlace | None
    thickness_mm: float | None
    reasons: tuple[str, str, str] = ("", "", "")
    ref: str = ""
    area_mm2: float | None = None
    clip: uuid.UUID | None = None
    angle: float | None = None


@dataclass(frozen=True)
class Answer:
    """What a read, a consensus or a prediction says about a study. Thickness in mm, None without calibration.

    ``key`` is the frame of the official thickness, ``segment`` the aorta's segment there. ``quality`` and
    ``confidence`` are the reader's words. ``at``: when a read was signed or a prediction made. ``area_mm2``: of a read
    the marked plaque on its key frame, of a prediction its largest. ``no_result`` is the reason why a prediction has no
    class.
    """

    klass: int | None
    thickness_mm: float | None = None
    key: KeyPlace | None = None
    probability: float | None = None
    rater: uuid.UUID | None = None
    no_result: str = ""
    id: uuid.UUID | None = None
    segment: str = ""
    quality: str = ""
    confidence: str = ""
    area_mm2: float | None = None
    thickness_source: str = ""
    at: datetime | None = None
    order_no: int | None = None
    repeat_no: int = 0
    active_seconds: int | None = None
    round: uuid.UUID | None = None
    threshold: float | None = None
    out_of_distribution: float | None = None
    picture_quality: float | None = None
    lesions: tuple[LesionAnswer, ...] = ()


@dataclass(frozen=True)
class Unit:
    """A study of the comparison, with the two answers that are compared."""

    study: uuid.UUID
    subject: uuid.UUID
    reference: Answer | None
    model: Answer | None


@dataclass(frozen=True)
class Context:
    """Conditions of a study. ``segment`` is that of the index lesion of the reference, else of most readers', else of
    the model's key clip; ``quality`` the reference's, else the worst that a reader gave. "" is unknown.

    ``site`` is the label that people gave; ``sex`` and ``age_band`` are the subject's; ``arrived`` when the study was
    ready. ``picture`` is the size of the first clip, say 800x600.
    """

    segment: str = ""
    quality: str = ""
    scanner: str = ""
    site: str = ""
    scale: bool = False
    sex: str = ""
    age_band: str = ""
    arrived: datetime | None = None
    frames: int = 0
    picture: str = ""


@dataclass(frozen=True)
class ModelAt:
    """The model on the frame where the reference has its official thickness: mm, mm², and which clip and frame."""

    thickness_mm: float | None
    area_mm2: float | None
    key: KeyPlace


@dataclass(frozen=True)
class FramePair:
    """One declared frame compared: reader and model (``other`` None), or two readers.

    Distances in mm, None where there is no scale or one side is empty. ``reader_mm2`` is the reader's plaque area.
    """

    study: uuid.UUID
    subject: uuid.UUID
    key: KeyPlace
    reader: uuid.UUID
    other: uuid.UUID | None
    kind: str
    dice: float | None
    reader_px: int
    other_px: int
    reader_mm2: float | None = None
    hd95_mm: float | None = None
    assd_mm: float | None = None
    nsd: float | None = None


@dataclass(frozen=True)
class Frames:
    """Scores of the declared frames by study, and how many annotated frames could not be scored and why.

    ``pairs`` hold the same frames with their places and distances, and those of two readers where these were asked for.
    """

    scores: dict[uuid.UUID, list[FrameScore]]
    unknown: int
    no_result: int
    pairs: list[FramePair] = field(default_factory=list)
    unknown_of: dict[uuid.UUID, int] = field(default_factory=dict)
    no_result_of: dict[uuid.UUID, int] = field(default_factory=dict)


def majority_class(answers: Sequence[Answer]) -> int | None:
    """The class that more than half of at least two classified reads gave; None on a tie or with fewer."""
    given = Counter(answer.klass for answer in answers if answer.klass in (0, 1))
    total = sum(given.values())
    if total < 2:
        return None
    klass, count = given.most_common(1)[0]
    return klass if 2 * count > total else None
