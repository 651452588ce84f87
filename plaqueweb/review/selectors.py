"""What a user may compare in a case: its reads, predictions and references, and where it stands among the cases."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import NotFound
from plaqueweb.core.prepared import Prepared
from plaqueweb.core.work import WorkState
from plaqueweb.jobs.models import LIVE, InferenceJob
from plaqueweb.predictions.models import PipelineState, Prediction
from plaqueweb.reads.choices import AssignmentState, ReadState
from plaqueweb.reads.models import Assignment, Read
from plaqueweb.review.models import UNDECIDED, Case, Consensus, DifferenceNote
from plaqueweb.studies.models import ASSIGNED_STATES

Row = TypeVar("Row")


@dataclass(frozen=True)
class Position:
    """“Case 7 of 12” as this user counts it, and where the next one is."""

    number: int
    of: int
    next_case: uuid.UUID | None
    next_assignment: str | None


def visible_cases(user: User) -> QuerySet[Case]:
    """Cases the user may open, with what every page of them needs."""
    rows = Case.objects.visible_to(user)
    return rows.select_related("round__project", "round__protocol", "study__subject")


def visible_case(user: User, pk: object) -> Case:
    """Return one case.

    Raises:
        NotFound: it does not exist, or the user may not see it (blinded users see none).
    """
    key = as_uuid(pk)
    return _found(_CASE.first(user=user.pk, pk=key) if key else None)


def as_uuid(value: object) -> uuid.UUID | None:
    """Return an id from an address, or None where it is none."""
    try:
        return uuid.UUID(str(value))
    except ValueError:
        return None


def comparable_reads(user: User, case: Case) -> list[Read]:
    """Signed reads of a case that the user may see: one's own first, then by signature; those corrected since last."""
    rows = _READS(user=user.pk, round=case.round_id, study=case.study_id)
    return sorted(rows, key=lambda read: (read.is_replaced, read.assignment.reader_id != user.pk))


def comparable_predictions(user: User, case: Case) -> list[Prediction]:
    """The newest prediction of each pipeline that the user may see, the active pipeline first."""
    newest: dict[uuid.UUID, Prediction] = {}
    for row in _PREDICTIONS(user=user.pk, study=case.study_id):
        newest[row.pipeline_id] = row
    return sorted(newest.values(), key=lambda row: (row.pipeline.state != PipelineState.ACTIVE, -row.pk.int))


def read_of(user: User, case: Case, pk: uuid.UUID) -> Read:
    """Return one of the reads the user may compare in a case.

    Raises:
        NotFound: it is not among them.
    """
    return _found(next((row for row in comparable_reads(user, case) if row.pk == pk), None))


def prediction_of(user: User, case: Case, pk: uuid.UUID) -> Prediction:
    """Return one of the predictions the user may compare in a case.

    Raises:
        NotFound: it is not among them.
    """
    return _found(next((row for row in comparable_predictions(user, case) if row.pk == pk), None))


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    return row


def latest_job(user: User, case: Case) -> InferenceJob | None:
    """The job that will bring, or failed to bring, a prediction: a live one before a finished one."""
    jobs = (
        InferenceJob.objects.visible_to(user).filter(study=case.study_id).exclude(pipeline__state=PipelineState.SHADOW)
    )
    live = jobs.filter(work_state__in=LIVE).order_by("-id").first()
    return live or jobs.exclude(work_state=WorkState.CANCELLED).order_by("-id").first()


def position(user: User, case: Case) -> Position:
    """Count the case as its user does: a reader by the own order, anybody else by the case list."""
    own = list(
        Assignment.objects.own(user)
        .filter(round=case.round_id, repeat_no=0, stage_no=1)
        .order_by("order_no", "id")
        .values_list("study_id", "order_no", "public_id", "state")
    )
    seen = {row.study_id: (row.number, row.pk) for row in _CASES(user=user.pk, round=case.round_id)}
    waiting = [a for a in own if a[3] in (AssignmentState.ASSIGNED, AssignmentState.OPENED)]
    mine = next((a for a in own if a[0] == case.study_id), None)
    if mine is not None:
        ordered = [a[0] for a in own]
        after = [pk for pk in ordered[ordered.index(case.study_id) + 1 :] if pk in seen]
        later = [a for a in waiting if a[1] > mine[1]] or waiting
        return Position(mine[1], len(own), seen[after[0]][1] if after else None, later[0][2] if later else None)
    behind = [pk for number, pk in seen.values() if (number, pk) > (case.number, case.pk)]
    total = case.round.case_list.items.count()
    return Position(case.number, max(total, case.number), behind[0] if behind else None, None)


def latest_note(*, user: User, case: Case, read: Read, prediction: Prediction) -> DifferenceNote | None:
    """The last reason that anybody gave for this read and prediction, one's own first. Who sees the case sees it."""
    newest = _NOTES(case=case.pk, read=read.pk, prediction=prediction.pk)
    own = (row for row in newest if row.by_id == user.pk)
    return next(own, newest[0] if newest else None)


def references(user: User, case: Case) -> list[Consensus]:
    """The latest revision of each kind of reference in force that the user may see."""
    return list({row.kind: row for row in _REFERENCES(user=user.pk, study=case.study_id)}.values())


def may_adjudicate(user: User, case: Case) -> bool:
    """Tell whether the case waits for the user's decision: then the model stays out of sight unless asked for."""
    if not user.can(Capability.ADJUDICATE, case.round.project_id):
        return False
    read = Assignment.objects.filter(study=case.study_id, reader=user, state__in=ASSIGNED_STATES)
    return Case.objects.queued().filter(pk=case.pk, state__in=UNDECIDED).exists() and not read.exists()


def _reads(user: uuid.UUID, round: uuid.UUID, study: uuid.UUID) -> QuerySet[Read]:
    rows: QuerySet[Read] = Read.objects.visible_to(User(pk=user)).filter(state=ReadState.SIGNED).answers()
    rows = rows.filter(assignment__round_id=round, assignment__study_id=study)
    rows = rows.exclude(assignment__state__in=[AssignmentState.WITHDRAWN, AssignmentState.REASSIGNED])
    return rows.select_related(
        "assignment__reader", "assignment__round__protocol", "supersedes", "superseded_by"
    ).order_by("signed_at", "id")


def _predictions(user: uuid.UUID, study: uuid.UUID) -> QuerySet[Prediction]:
    rows: QuerySet[Prediction] = Prediction.objects.visible_to(User(pk=user)).filter(study_id=study)
    return rows.select_related("pipeline__classifier", "pipeline__segmenter").order_by("content_no", "id")


def _references(user: uuid.UUID, study: uuid.UUID) -> QuerySet[Consensus]:
    rows: QuerySet[Consensus] = Consensus.objects.visible_to(User(pk=user)).in_force().filter(study_id=study)
    return rows.select_related("by").order_by("revision", "id")


def _notes(case: uuid.UUID, read: uuid.UUID, prediction: uuid.UUID) -> QuerySet[DifferenceNote]:
    rows: QuerySet[DifferenceNote] = DifferenceNote.objects.filter(case_id=case, read_id=read, prediction_id=prediction)
    return rows.select_related("by").order_by("-id")


_CASE = Prepared(lambda user, pk: visible_cases(User(pk=user)).filter(pk=pk).order_by(), "user", "pk")
_CASES = Prepared(
    lambda user, round: Case.objects.visible_to(User(pk=user)).filter(round_id=round).order_by("number", "id"),
    "user", "round",
)  # fmt: skip
_READS = Prepared(_reads, "user", "round", "study")
_PREDICTIONS = Prepared(_predictions, "user", "study")
_REFERENCES = Prepared(_references, "user", "study")
_NOTES = Prepared(_notes, "case", "read", "prediction")

__all__ = [
    "Position", "as_uuid", "comparable_predictions", "comparable_reads", "latest_job", "latest_note",
    "may_adjudicate", "position", "prediction_of", "read_of", "references", "visible_case", "visible_cases",
]  # fmt: skip
