"""Deciding a queued case: begin it, answer blind, then see the reads without names, then decide.

Whoever begins a case is blinded to it everywhere else until it is decided (``studies.blinding``). Whether a model had
been shown before is read from the server's own rows (``predictions.showing``), never asked of a client.
"""

from __future__ import annotations

import random
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Conflict, Invalid, InvalidTransition, NotAllowed, NotFound
from plaqueweb.predictions.showing import model_was_shown
from plaqueweb.reads.choices import PlaqueClass, Reason
from plaqueweb.reads.measure import measure_caliper
from plaqueweb.reads.models import Assignment, Lesion, Read
from plaqueweb.reads.readset import clips_of_case
from plaqueweb.review.models import (
    LIVE_ADJUDICATION,
    UNDECIDED,
    Adjudication,
    AdjudicationState,
    BlindAnswer,
    Case,
    Consensus,
    ConsensusKind,
    DifferenceReason,
)
from plaqueweb.review.services import add_consensus, current_reads
from plaqueweb.review.states import ADJUDICATION, CASE
from plaqueweb.studies.blinding import blinded_studies
from plaqueweb.studies.models import ASSIGNED_STATES

REASONS = ("ulceration", "mobile", "thrombus")
OWN, NEW = "own", "new"
"""What a decision may take besides one of the reads: the blind answer, or a new one."""


@dataclass(frozen=True)
class Finding:
    """An answer as an adjudicator gives it; ``caliper`` is {"clip", "frame", "region", "points"} in picture pixels."""

    reader_class: int
    reasons: Mapping[str, str]
    caliper: Mapping[str, Any] | None = None


@transaction.atomic
def begin(*, case: Case, by: User) -> Adjudication:
    """Take a queued case; taking one's own again gives it back as it stands.

    Raises:
        NotFound: the case waits for nobody, or the user still reads the study blind.
        NotAllowed: no right to adjudicate, or the user is one of the study's readers.
        Conflict: another adjudicator is at it.
    """
    if not by.can(Capability.ADJUDICATE, case.round.project_id):
        raise NotAllowed(_("Only an adjudicator of this project can decide."), rule="adjudicate")
    if blinded_studies(by).filter(pk=case.study_id).exists():
        raise NotFound(_("There is nothing here that you may see."))
    if Assignment.objects.filter(study=case.study_id, reader=by, state__in=ASSIGNED_STATES).exists():
        raise NotAllowed(_("Who has read a study does not adjudicate it."), rule="adjudicator-is-reader")
    if not Case.objects.queued().filter(pk=case.pk, state__in=UNDECIDED).exists():
        raise NotFound(_("This case does not wait for a decision."), rule="not-queued")
    live: Adjudication | None = Adjudication.objects.filter(case=case, state__in=LIVE_ADJUDICATION).first()
    if live is not None and live.adjudicator_id == by.pk:
        return live
    try:
        with transaction.atomic():
            row = Adjudication.objects.create(case=case, adjudicator=by)
    except IntegrityError:
        raise Conflict(_("Another adjudicator is deciding this case."), rule="adjudication-taken") from None
    _record(row, "adjudication.begun", by, {})
    return row


@transaction.atomic
def give_back(*, adjudication: Adjudication, by: User) -> None:
    """Leave a case to somebody else, as long as nothing of the reads was seen.

    Raises:
        NotAllowed: it is somebody else's.
        InvalidTransition: the blind answer was given.
    """
    _own(adjudication, by)
    _move(adjudication, "give_back")
    _record(adjudication, "adjudication.returned", by, {})


@transaction.atomic
def answer_blind(*, adjudication: Adjudication, finding: Finding, by: User) -> BlindAnswer:
    """Keep the adjudicator's own answer for good, and draw in which order the reads are shown from now on.

    Raises:
        NotAllowed: it is somebody else's.
        Invalid: an answer is missing or not one of the list, or the caliper is not on a clip of the study.
        InvalidTransition: it was answered already.
    """
    _own(adjudication, by)
    case = adjudication.case
    values = _values(case, finding)
    reads = [str(read.pk) for read in current_reads(case.round_id, case.study_id)]
    if len(reads) < 2:
        raise InvalidTransition(_("There are no longer two reads to decide between."), rule="adjudication-reads")
    _move(adjudication, "answer")
    seed = secrets.randbits(63)
    random.Random(seed).shuffle(reads)  # order of showing, no secret
    shown = model_was_shown(user=by, study_id=case.study_id)
    row = BlindAnswer.objects.create(adjudication=adjudication, order=reads, seed=seed, model_shown=shown, **values)
    diff = {"class": row.reader_class, "thickness_mm": row.thickness_mm, "order": reads, "model_shown": shown}
    _record(adjudication, "adjudication.answered", by, diff)
    return row


@transaction.atomic
def decide(
    *, adjudication: Adjudication, take: str, reason_code: str, by: User, finding: Finding | None = None
) -> Consensus:
    """Decide a case: its reference becomes the answer of one read, the blind answer, or a new one.

    Args:
        take: "1", "2", … for the reads from left to right, ``own`` for the blind answer, ``new`` with a ``finding``.
        reason_code: why the reads differ, one of ``DifferenceReason``.

    Returns:
        An immutable revision; a second decision is a new one.

    Raises:
        NotAllowed: it is somebody else's.
        Invalid: an unknown choice or reason, or a new answer that breaks a rule.
        InvalidTransition: the blind answer is missing.
    """
    _own(adjudication, by)
    if reason_code not in DifferenceReason.values:
        raise Invalid(_("Give a reason of the list why the reads differ."), rule="reason-code")
    blind = BlindAnswer.objects.filter(adjudication=adjudication).first()
    if blind is None:
        raise InvalidTransition(_("Answer blind first; then the reads are shown."), rule="adjudication-blind-first")
    case = adjudication.case
    values, taken = _taken(case, blind, take, finding)
    _move(adjudication, "decide")
    CASE.apply(Case.objects.queued(), pk=case.pk, event="adjudicate")
    shown = model_was_shown(user=by, study_id=case.study_id)
    row = add_consensus(
        study=case.study,
        kind=ConsensusKind.ADJUDICATED,
        by=by,
        case=case,
        adjudication=adjudication,
        reason_code=reason_code,
        model_visible=shown or blind.model_shown,
        source_reads=sorted(blind.order),
        basis={"took": take if take in (OWN, NEW) else "read", "read": taken, "order": blind.order},
        **values,
    )
    _record(adjudication, "adjudication.decided", by, {"consensus": str(row.pk), "took": take, "read": taken})
    return row


def _taken(case: Case, blind: BlindAnswer, take: str, finding: Finding | None) -> tuple[dict[str, Any], str | None]:
    """Answers of what was chosen, and the read it was, if any."""
    if take == OWN:
        return {"reader_class": blind.reader_class, "thickness_mm": blind.thickness_mm, "reasons": blind.reasons}, None
    if take == NEW:
        if finding is None:
            raise Invalid(_("A new answer needs a class."), rule="adjudication-take")
        values = _values(case, finding)
        return {key: values[key] for key in ("reader_class", "thickness_mm", "reasons")}, None
    if not take.isdigit() or not 1 <= int(take) <= len(blind.order):
        raise Invalid(_("Take one of the reads, your own answer, or a new one."), rule="adjudication-take")
    read = Read.objects.get(pk=blind.order[int(take) - 1])
    if read.reader_class is None:
        raise Invalid(_("This read has no class to take."), rule="adjudication-take")
    index = Lesion.objects.filter(read=read).order_by("-is_index", "number").first()
    reasons = {name: getattr(index, name) for name in REASONS if index is not None and getattr(index, name)}
    return {"reader_class": read.reader_class, "thickness_mm": read.thickness_mm, "reasons": reasons}, str(read.pk)


def _values(case: Case, finding: Finding) -> dict[str, Any]:
    """Check an answer and measure its caliper."""
    if finding.reader_class not in PlaqueClass.values:
        raise Invalid(_("The class is 0 (not complex), 1 (complex) or 9 (can’t assess)."), rule="class")
    for name, value in finding.reasons.items():
        if name not in REASONS or value not in Reason.values:
            raise Invalid(_("Each reason is answered with yes, no or unclear."), rule="reasons")
    values: dict[str, Any] = {"reader_class": finding.reader_class, "reasons": dict(finding.reasons)}
    if finding.caliper is None:
        return values | {"caliper": None, "thickness_mm": None, "thickness_px": None}
    clip_id, frame, region, ends = _caliper(finding.caliper)
    clip = next((row for row in clips_of_case(case.round_id, case.study_id, pictures=False) if row.pk == clip_id), None)
    if clip is None or not 1 <= frame <= clip.frames:
        raise Invalid(_("The caliper lies on no frame of this study."), rule="caliper-place")
    if any(not (0 <= x <= clip.columns and 0 <= y <= clip.rows) for x, y in ends):
        raise Invalid(_("The caliper lies outside the picture."), rule="caliper-place")
    length = measure_caliper(clip, ends, region_number=region, where=_("Clip %(n)d") % {"n": clip.number})
    stored = {"clip": str(clip.pk), "frame": frame, "region": region, "points": [list(end) for end in ends]}
    return values | {"caliper": stored, "thickness_mm": length.mm, "thickness_px": length.px}


Ends = tuple[tuple[float, float], tuple[float, float]]


def _caliper(given: Mapping[str, Any]) -> tuple[uuid.UUID, int, int, Ends]:
    try:
        (x0, y0), (x1, y1) = given["points"]
        ends = ((float(x0), float(y0)), (float(x1), float(y1)))
        return uuid.UUID(str(given["clip"])), int(given["frame"]), int(given.get("region", 1)), ends
    except (KeyError, TypeError, ValueError):
        raise Invalid(_("A caliper has a clip, a frame and two points."), rule="caliper") from None


def _own(adjudication: Adjudication, by: User) -> None:
    if adjudication.adjudicator_id != by.pk:
        raise NotAllowed(_("Another adjudicator is deciding this case."), rule="adjudication-own")
    if not by.can(Capability.ADJUDICATE, adjudication.case.round.project_id):
        raise NotAllowed(_("Only an adjudicator of this project can decide."), rule="adjudicate")
    if blinded_studies(by).filter(pk=adjudication.case.study_id).exists():
        raise NotFound(_("There is nothing here that you may see."))


def _move(adjudication: Adjudication, event: str) -> None:
    adjudication.state = AdjudicationState(
        ADJUDICATION.apply(Adjudication.objects.all(), pk=adjudication.pk, event=event)
    )


def _record(adjudication: Adjudication, verb: str, by: User, diff: dict[str, Any]) -> None:
    project = adjudication.case.round.project_id
    record_event(actor=by, verb=verb, target=adjudication, project_id=project, diff=diff)
