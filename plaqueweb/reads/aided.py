"""The second answer: after a signed blind answer the model's result is shown, and the reader answers once more."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from plaqueweb.accounts.models import User
from plaqueweb.audit.services import record_event
from plaqueweb.reads.choices import MODEL_ARMS, Arm, Policy
from plaqueweb.reads.copying import copy_answers
from plaqueweb.reads.models import Assignment, Read
from plaqueweb.studies.choices import DisclosureKind
from plaqueweb.studies.models import Disclosure
from plaqueweb.studies.services import disclose


def ask_again(*, signed: Sequence[Read], by: User) -> list[Assignment]:
    """Where the round is AI-assisted, disclose the model of each blind answer just signed, and ask for the second.

    The blind answer stays as it was signed; the second is a read of its own, in the arm "aided".
    """
    made = []
    for first in signed:
        assignment = first.assignment
        if assignment.round.policy != Policy.AI_ASSISTED or assignment.stage_no != 1:
            continue
        _disclose_model(assignment, by)
        row, created = Assignment.objects.get_or_create(
            round=assignment.round, study=assignment.study, reader=by, repeat_no=assignment.repeat_no, stage_no=2,
            defaults={"order_no": assignment.order_no, "arm": Arm.AIDED},
        )  # fmt: skip
        if created:
            record_event(
                actor=by, verb="assignment.second", target=row, project_id=assignment.round.project_id,
                diff={"after": str(first.pk)},
            )  # fmt: skip
            made.append(row)
    return made


def show_from_the_start(*, assignment: Assignment, by: User) -> None:
    """Disclose the model before a concurrent answer is begun."""
    if assignment.arm == Arm.CONCURRENT:
        _disclose_model(assignment, by)


def _disclose_model(assignment: Assignment, reader: User) -> None:
    disclose(user=reader, study=assignment.study, kind=DisclosureKind.MODEL, round_id=assignment.round_id, by=None)


def sees_model(assignment: Assignment) -> bool:
    """Tell whether this case's page shows the model's result: an open case of such an arm, with its disclosure."""
    if assignment.arm not in MODEL_ARMS or assignment.opened_at is None:
        return False
    shown = Disclosure.objects.filter(user=assignment.reader_id, study=assignment.study_id)
    return shown.filter(kind=DisclosureKind.MODEL, round_id=assignment.round_id).exists()


@transaction.atomic
def record_shown(*, assignment: Assignment, prediction_id: UUID, by: User) -> None:
    """Keep which prediction a reader first saw on a case; a later one changes nothing."""
    rows = Assignment.objects.filter(pk=assignment.pk, shown_prediction=None)
    if assignment.shown_prediction is None and rows.update(shown_prediction=prediction_id):
        assignment.shown_prediction = prediction_id
        record_event(
            actor=by, verb="model.shown", target=assignment, project_id=assignment.round.project_id,
            diff={"prediction": str(prediction_id)},
        )  # fmt: skip


def first_read(assignment: Assignment) -> Read | None:
    """Return the signed blind answer that a second answer follows: no correction made with the model in sight."""
    rows = Read.objects.counting().filter(
        assignment__round=assignment.round_id, assignment__study=assignment.study_id,
        assignment__reader=assignment.reader_id, assignment__repeat_no=assignment.repeat_no, assignment__stage_no=1,
    )  # fmt: skip
    return rows.order_by("-revision").first()


def begin_with_first(*, assignment: Assignment, second: Read) -> None:
    """Fill a second answer's new draft with the first answer, for the reader to keep or to change."""
    first = first_read(assignment)
    if first is not None:
        copy_answers(of=first, to=second)
