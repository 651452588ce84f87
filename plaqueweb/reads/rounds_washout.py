"""Washout: when a reader may meet subjects again. One date a reader and round, so that it gives no case away."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from plaqueweb.core.errors import InvalidTransition
from plaqueweb.reads.choices import AssignmentState
from plaqueweb.reads.models import Assignment, Round

GONE = (AssignmentState.WITHDRAWN, AssignmentState.REASSIGNED)


def last_met(*, reader_id: UUID, subjects: Iterable[UUID], outside: Round) -> datetime | None:
    """Return when a reader last had a case of these subjects in hand, in any other round."""
    rows = Assignment.objects.filter(
        reader_id=reader_id, study__subject__in=list(subjects), round__project_id=outside.project_id
    ).exclude(round=outside)
    found = rows.aggregate(opened=Max("opened_at"), saved=Max("reads__saved_at"), signed=Max("reads__signed_at"))
    return max((at for at in found.values() if at is not None), default=None)


def opens_at(*, round_: Round, reader_id: UUID) -> datetime | None:
    """Return when a round's washout ends for a reader, None where it has none or it is over.

    No subject comes before its own washout is over. It counts from the last time this reader had any of the round's
    subjects in hand, so that some wait longer than they must: a date by case would tell which case it is.
    """
    if round_.repeat_of_id is None or round_.washout_days is None:
        return None
    mine = Assignment.objects.filter(round=round_, reader_id=reader_id).exclude(state__in=GONE)
    last = last_met(reader_id=reader_id, subjects=mine.values_list("study__subject", flat=True), outside=round_)
    if last is None:
        return None
    end = last + timedelta(days=round_.washout_days)
    return end if end > timezone.now() else None


def check_washout(assignment: Assignment) -> None:
    """Raise InvalidTransition while the washout lasts; a case in hand stays open."""
    if assignment.opened_at is not None:
        return
    end = opens_at(round_=assignment.round, reader_id=assignment.reader_id)
    if end is not None:
        raise InvalidTransition(
            _("This round opens for you on %(day)s, when the washout is over.") % {"day": end.strftime("%-d %b %Y")},
            rule="washout",
            extra={"opens_at": end.isoformat()},
        )
