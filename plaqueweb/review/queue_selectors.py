"""What an adjudicator meets: the cases that wait, and of one case only what its step allows."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from inference import metrics
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import NotFound
from plaqueweb.predictions.showing import model_was_shown
from plaqueweb.reads.models import Assignment, FrameAnnotation, Lesion, Read
from plaqueweb.reads.readset import clips_of_case
from plaqueweb.reads.selectors import lesion_payload
from plaqueweb.review import rules, words
from plaqueweb.review.adjudication import REASONS
from plaqueweb.review.masks import MarkedFrame, Place, area, marked_frames, region_of
from plaqueweb.review.models import (
    LIVE_ADJUDICATION,
    UNDECIDED,
    Adjudication,
    AdjudicationState,
    BlindAnswer,
    Case,
    Consensus,
)
from plaqueweb.review.selectors import as_uuid
from plaqueweb.review.services import answers_of
from plaqueweb.review.shown import frame_payload
from plaqueweb.studies.blinding import blinded_studies
from plaqueweb.studies.models import ASSIGNED_STATES, DEFAULT_RULE, Clip, Project
from plaqueweb.studies.selectors import clip_payload

NAMES = "ABCDEFGH"


@dataclass(frozen=True)
class QueueRow:
    """One case as its adjudicator meets it: where it is on the way, never what brought it here."""

    case: Case
    adjudication: Adjudication | None

    @property
    def state(self) -> str:
        """One word of the queue's own."""
        return "waiting" if self.adjudication is None else self.adjudication.state


@dataclass(frozen=True)
class Queue:
    """The queue of one adjudicator in one project."""

    rows: list[QueueRow]
    decided: int

    @property
    def total(self) -> int:
        return len(self.rows) + self.decided

    @property
    def next(self) -> QueueRow | None:
        """A case begun before a new one."""
        return self.rows[0] if self.rows else None


def _askable(user: User, project: Project) -> QuerySet[Case]:
    """Queued cases the user may be asked about: not a reader of the study, and not reading it blind."""
    read = Assignment.objects.filter(reader=user, state__in=ASSIGNED_STATES)
    rows: QuerySet[Case] = Case.objects.queued().filter(round__project=project)
    rows = rows.exclude(study__in=read.values("study_id")).exclude(study__in=blinded_studies(user).values("pk"))
    return rows.select_related("round")


def queue_of(user: User, project: Project) -> Queue:
    """Return what waits for an adjudicator, in an order of the person's own that says nothing about the cases."""
    if not user.can(Capability.ADJUDICATE, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    cases = _askable(user, project)
    live = {
        row.case_id: row
        for row in Adjudication.objects.filter(case__round__project=project, state__in=LIVE_ADJUDICATION)
    }
    own = {pk: row for pk, row in live.items() if row.adjudicator_id == user.pk}
    taken = live.keys() - own.keys()
    waiting = [QueueRow(case, own.get(case.pk)) for case in cases.filter(state__in=UNDECIDED) if case.pk not in taken]
    waiting.sort(key=lambda row: (row.adjudication is None, _lot(user.pk, row.case.pk)))
    decided = Adjudication.objects.filter(
        case__round__project=project, adjudicator=user, state=AdjudicationState.DECIDED
    ).count()
    return Queue(waiting, decided)


def _lot(user: uuid.UUID, case: uuid.UUID) -> bytes:
    return hashlib.sha256(f"{user}:{case}".encode()).digest()


def queued_case(user: User, pk: object, *, slug: str = "") -> Case:
    """Return a case that waits for the user.

    Raises:
        NotFound: it is not one of the user's queue.
    """
    key = as_uuid(pk)
    rows = Case.objects.select_related("round__project", "study")
    row: Case | None = rows.filter(pk=key).first() if key is not None else None
    if row is None or (slug and row.round.project.slug != slug):
        raise NotFound(_("There is nothing here that you may see."))
    if not user.can(Capability.ADJUDICATE, row.round.project_id):
        raise NotFound(_("There is nothing here that you may see."))
    if not _askable(user, row.round.project).filter(pk=row.pk).exists():
        raise NotFound(_("There is nothing here that you may see."))
    return row


def own_adjudication(user: User, pk: object, *, slug: str = "") -> Adjudication:
    """Return one of the user's adjudications.

    Raises:
        NotFound: it is somebody else's, was given back, or the user reads the study blind.
    """
    key = as_uuid(pk)
    rows = Adjudication.objects.own(user).exclude(state=AdjudicationState.RETURNED).filter(pk=key)
    rows = rows.exclude(case__study__in=blinded_studies(user).values("pk"))
    rows = rows.select_related("case__round__project", "case__round__protocol", "case__study")
    row: Adjudication | None = rows.first() if key is not None else None
    if row is None or (slug and row.case.round.project.slug != slug):
        raise NotFound(_("There is nothing here that you may see."))
    return row


def adjudication_payload(row: Adjudication, *, user: User) -> dict[str, Any]:
    """Return one adjudication as JSON: pictures and question; after the blind answer the reads too, without names."""
    case = row.case
    clips = clips_of_case(case.round_id, case.study_id)
    rule = case.round.protocol.label_rule or DEFAULT_RULE
    blind = BlindAnswer.objects.filter(adjudication=row).first()
    out: dict[str, Any] = {
        "id": str(row.pk),
        "case": {"id": str(case.pk), "number": case.number},
        "state": row.state,
        "cutoff_mm": float(rule.get("thickness_mm", DEFAULT_RULE["thickness_mm"])),
        "clips": [clip_payload(clip) for clip in clips],
        "model_shown": blind.model_shown if blind else model_was_shown(user=user, study_id=case.study_id),
        "own": None,
        "reads": [],
        "pairs": [],
        "numbers": [],
        "decision": None,
    }
    if blind is None:
        return out
    out["own"] = _own_payload(blind)
    reads = _reads(blind.order)
    sides = [_Side.of(name, read, clips) for name, read in zip(NAMES, reads, strict=False)]
    out["reads"] = [side.payload() for side in sides]
    out["pairs"] = _pairs(sides)
    out["numbers"] = _numbers(blind, sides)
    last = Consensus.objects.filter(adjudication=row).order_by("-revision").first()
    if last is not None:
        out["decision"] = {
            "reader_class": last.reader_class, "thickness_mm": last.thickness_mm, "reason_code": last.reason_code,
            "revision": last.revision, "model_visible": last.model_visible, "took": (last.basis or {}).get("took"),
        }  # fmt: skip
    return out


def _own_payload(blind: BlindAnswer) -> dict[str, Any]:
    return {
        "reader_class": blind.reader_class,
        "reasons": blind.reasons,
        "caliper": blind.caliper,
        "thickness_mm": blind.thickness_mm,
        "thickness_px": blind.thickness_px,
    }


def _reads(order: Sequence[str]) -> list[Read]:
    found = {str(read.pk): read for read in Read.objects.filter(pk__in=order)}
    return [found[pk] for pk in order]


@dataclass(frozen=True)
class _Side:
    """One read under a letter."""

    name: str
    read: Read
    answer: rules.Answer
    annotations: list[FrameAnnotation]
    frames: dict[Place, MarkedFrame]
    lesions: list[Lesion]
    clips: list[Clip]

    @classmethod
    def of(cls, name: str, read: Read, clips: list[Clip]) -> _Side:
        rows = FrameAnnotation.objects.filter(read=read).select_related("mask", "clip").order_by("clip_id", "frame")
        annotations = list(rows)
        lesions = list(Lesion.objects.filter(read=read).order_by("number"))
        return cls(name, read, answers_of([read])[0], annotations, marked_frames(annotations), lesions, clips)

    @property
    def index(self) -> Lesion | None:
        found = next((row for row in self.lesions if row.is_index), None)
        return found or (self.lesions[0] if len(self.lesions) == 1 else None)

    @property
    def key(self) -> Place | None:
        lesion = self.index
        if lesion is not None and lesion.key_clip_id and lesion.key_frame:
            return lesion.key_clip_id, lesion.key_frame, lesion.key_region or 1
        order = {clip.pk: clip.number for clip in self.clips}
        places = sorted((order.get(p[0], 0), p[1], p[2], p) for p in self.frames)
        return places[0][3] if places else None

    def payload(self) -> dict[str, Any]:
        """The read without anything that tells whose it is: no name, no id, no note, no time."""
        key = self.key
        return {
            "name": self.name,
            "reader_class": self.read.reader_class,
            "key": None if key is None else {"clip": str(key[0]), "frame": key[1], "region": key[2]},
            "lesions": [lesion_payload(row) for row in self.lesions],
            "frames": [self._frame(row) for row in self.annotations],
            "thickness_mm": self.read.thickness_mm,
            "thickness_px": self.read.thickness_px,
        }

    def _frame(self, row: FrameAnnotation) -> dict[str, Any]:
        """One frame; how a mask was made (by which tool, or simulated) may tell who made it."""
        shown = frame_payload(row, self.frames)
        return {key: shown[key] for key in ("clip", "frame", "region", "extent", "outline", "calipers", "masks")}


def _pairs(sides: Sequence[_Side]) -> list[dict[str, Any]]:
    """Which rules each pair breaks, and where their areas differ most."""
    out = []
    for a, b in combinations(sides, 2):
        shared = a.answer.frames.keys() & b.answer.frames.keys()
        scored = [(value, place) for place in shared if (value := _dice(a, b, place)) is not None]
        worst = min(scored, key=lambda one: (one[0], str(one[1]))) if scored else None
        place = worst[1] if worst else None
        out.append(
            {
                "names": [a.name, b.name],
                "rules": rules.differences(a.answer, b.answer),
                "dice": rules.mean_dice(a.answer, b.answer),
                "frames": len(scored),
                "worst": None if place is None else {"clip": str(place[0]), "frame": place[1], "region": place[2]},
            }
        )
    return out


def _dice(a: _Side, b: _Side, place: Place) -> float | None:
    value: float | None = metrics.dice(a.answer.frames[place], b.answer.frames[place])
    return value


def _numbers(blind: BlindAnswer, sides: Sequence[_Side]) -> list[dict[str, Any]]:
    """Rows of the table: one's own blind answer beside the reads, in words."""
    rows = [
        (_("Class"), words.class_short(blind.reader_class), [words.class_short(s.read.reader_class) for s in sides]),
        (
            _("Official thickness"),
            words.length(blind.thickness_mm, blind.thickness_px),
            [words.length(s.read.thickness_mm, s.read.thickness_px) for s in sides],
        ),
    ]
    labels = {"ulceration": _("Ulceration"), "mobile": _("Mobile part"), "thrombus": _("Thrombus")}
    for name in REASONS:
        said = [_reason(getattr(s.index, name) if s.index is not None else "") for s in sides]
        rows.append((labels[name], _reason(blind.reasons.get(name, "")), said))
    rows.append((_("Area on the key frame"), words.DASH, [_key_area(s) for s in sides]))
    rows.append((_("Key frame"), _own_frame(blind, sides), [_key_words(s) for s in sides]))
    return [{"label": label, "own": own, "reads": said} for label, own, said in rows]


def _reason(value: str) -> str:
    return words.answer_words("cannot tell" if value == "unclear" else value)


def _key_area(side: _Side) -> str:
    marked = side.frames.get(side.key) if side.key is not None else None
    if marked is None or not marked.known:
        return words.DASH
    clip = next((row for row in side.clips if row.pk == marked.place[0]), None)
    return words.area(*area(marked.area_px, region_of(clip, marked.place[2]) if clip else None))


def _key_words(side: _Side) -> str:
    return _place_words(side.clips, side.key[0], side.key[1]) if side.key is not None else words.DASH


def _own_frame(blind: BlindAnswer, sides: Sequence[_Side]) -> str:
    if blind.caliper is None or not sides:
        return words.DASH
    return _place_words(sides[0].clips, uuid.UUID(blind.caliper["clip"]), blind.caliper["frame"])


def _place_words(clips: Sequence[Clip], clip_id: uuid.UUID, frame: int) -> str:
    number = next((row.number for row in clips if row.pk == clip_id), None)
    if number is None or len(clips) == 1:
        return _("frame %(frame)d") % {"frame": frame}
    return _("clip %(clip)d, frame %(frame)d") % {"clip": number, "frame": frame}


__all__ = ["Queue", "QueueRow", "adjudication_payload", "own_adjudication", "queue_of", "queued_case"]
