"""Say why a model was wrong: one row more, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, NotAllowed
from plaqueweb.review.error_models import NOTE_CHARACTERS, ErrorReason, ErrorReview
from plaqueweb.review.errors.queue import ErrorRow, Filters, error_case
from plaqueweb.studies.models import Project


@transaction.atomic
def record(
    *, project: Project, case: object, pipeline: str, reasons: Sequence[str], note: str, by: User
) -> ErrorReview:
    """Keep the reasons why a pipeline and the readers differ on a case of the queue. The last row counts.

    No answer, reference, case or queue is changed: this room cannot even reach what writes them.

    Args:
        case: id of the case.
        pipeline: id of the pipeline; "" is the active one.
        reasons: one or more of ``ErrorReason``, each once.

    Raises:
        NotFound: the case is not in this user's queue of that pipeline (who reads it blind finds none).
        NotAllowed: no right to review errors.
        Invalid: no reason, an unknown or doubled one, or a note that is too long.
    """
    if not by.can(Capability.REVIEW_ERRORS, project.pk):
        raise NotAllowed(_("You may not review errors in this project."), rule="review-errors")
    _queue, row = error_case(by, project, case, Filters(pipeline=pipeline))
    chosen = _checked(reasons, note)
    made = ErrorReview.objects.create(
        case=row.case, pipeline_id=row.prediction.pipeline_id, prediction_id=row.prediction.pk, reads=row.read_ids,
        triggers=list(row.found.triggers), reasons=chosen, note=note.strip(), by=by,
    )  # fmt: skip
    _audit(made, row, by)
    return made


def _checked(reasons: Sequence[str], note: str) -> list[str]:
    if not reasons:
        raise Invalid(_("Give at least one reason."), rule="reason-code")
    unknown = next((code for code in reasons if code not in ErrorReason.values), None)
    if unknown is not None or len(set(reasons)) != len(reasons):
        raise Invalid(_("Each reason is one of the list, and given once."), rule="reason-code")
    if len(note.strip()) > NOTE_CHARACTERS:
        limit = {"limit": NOTE_CHARACTERS}
        raise Invalid(_("A note has at most %(limit)d characters.") % limit, rule="note-length")
    return [code for code in ErrorReason.values if code in reasons]


def _audit(made: ErrorReview, row: ErrorRow, by: User) -> None:
    diff = {
        "case": str(row.case.pk), "pipeline": str(made.pipeline_id), "prediction": str(made.prediction_id),
        "reads": made.reads, "triggers": made.triggers, "reasons": made.reasons, "note": bool(made.note),
    }  # fmt: skip
    record_event(actor=by, verb="error.reviewed", target=made, project_id=row.case.round.project_id, diff=diff)
