"""Reads of simulated readers: the same way as everybody's, from opening the case to the signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils.translation import gettext as _

from plaqueweb.core.errors import NotAllowed
from plaqueweb.reads.bundle import own_read
from plaqueweb.reads.choices import ConflictReason, MaskSource, SignatureMeaning
from plaqueweb.reads.completion import complete_read
from plaqueweb.reads.draft_input import parse_save
from plaqueweb.reads.drafts import open_assignment, save_parsed
from plaqueweb.reads.models import Assignment, Read
from plaqueweb.reads.signing import sign_reads, sign_simulated


@transaction.atomic
def record_simulated_read(
    *,
    assignment: Assignment,
    answers: Mapping[str, Any],
    lesions: Sequence[Mapping[str, Any]] = (),
    frames: Sequence[Mapping[str, Any]] = (),
    active_seconds: int = 0,
    at: datetime | None = None,
) -> Read:
    """Open, save, complete and sign a case for a simulated reader; return the signed read.

    Args:
        answers, lesions, frames: as a client sends them to the API; masks carry the source "simulated".
        active_seconds: the stated reading time.
        at: the simulated time of the signature, not in the future; now if it is not given.

    Raises:
        NotAllowed: the reader is a person.
        Invalid: as when a person saves or completes.
    """
    reader = assignment.reader
    if not reader.is_simulated:
        raise NotAllowed(_("Only simulated readers can be simulated."), rule="reader-is-a-person")
    opened = open_assignment(assignment=assignment, by=reader)
    read = own_read(user=reader, pk=opened.pk)
    body = {
        "save_id": str(uuid4()),
        "answers": {"conflict_reason": ConflictReason.IMPRESSION.value, **answers},  # kept where one is asked for
        "lesions": [dict(lesion) for lesion in lesions],
        "frames": [{**frame, "source": MaskSource.SIMULATED.value} for frame in frames],
    }
    given = parse_save(body, sources=(MaskSource.SIMULATED,))
    save_parsed(read=read, by=reader, draft_no=read.draft_no, given=given)
    complete_read(read=read, by=reader, draft_no=read.draft_no)
    stated: dict[str, Any] = {"active_seconds": active_seconds} if active_seconds > 0 else {}
    if at is not None:
        stated["opened_at"] = at - timedelta(seconds=active_seconds)
        Read.objects.filter(pk=read.pk).update(completed_at=at, saved_at=at)
    if stated:
        Assignment.objects.filter(pk=assignment.pk).update(**stated)
    if at is not None:
        return sign_simulated(read=read, at=at)
    return sign_reads(reads=[read], by=reader, meaning=SignatureMeaning.AUTHORED)[0]
