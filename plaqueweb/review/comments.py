"""What people say about a place on a frame: threads under a case. Rows are only added, never changed."""

from __future__ import annotations

import math
import uuid
from collections import defaultdict
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, NotFound
from plaqueweb.reads.readset import clips_of_case
from plaqueweb.review.models import Case, Comment
from plaqueweb.studies.models import Clip

CHARACTERS = 1000


@transaction.atomic
def start_thread(*, case: Case, by: User, clip: uuid.UUID, frame: int, x: float, y: float, text: str) -> Comment:
    """Pin a comment to a place on a frame of the case; ``x``, ``y`` are picture pixels, sub-pixel, from the upper left.

    Raises:
        NotFound: the user may not see the case, or the clip is none of it.
        Invalid: no text or too much of it, or the place lies outside of the picture or the clip.
    """
    _need_case(case, by)
    row = next((one for one in clips_of_case(case.round_id, case.study_id) if one.pk == clip), None)
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    _need_place(row, frame, x, y)
    comment = Comment.objects.create(case=case, by=by, clip=row, frame=frame, x=x, y=y, text=_checked(text))
    _record(comment, by, {"clip": str(clip), "frame": frame})
    return comment


@transaction.atomic
def answer_thread(*, thread: Comment, by: User, text: str, settles: bool | None = None) -> Comment:
    """Add to a thread. ``settles`` true resolves it, false opens it again, None leaves it as it is.

    Raises:
        NotFound: the user may not see the case.
        Invalid: no text and nothing settled, or too much text, or this is an answer and no thread.
    """
    _need_case(thread.case, by)
    if thread.thread_id is not None:
        raise Invalid(_("An answer belongs to the first comment of its thread."), rule="comment-thread")
    said = text.strip() if settles is not None and not text.strip() else _checked(text)
    comment = Comment.objects.create(case=thread.case, by=by, thread=thread, text=said, settles=settles)
    _record(comment, by, {"thread": str(thread.pk), "settles": settles})
    return comment


def thread_of(*, user: User, case: Case, pk: uuid.UUID) -> Comment:
    """Return a comment of a case.

    Raises:
        NotFound: there is none, or the user may not see it.
    """
    found = Comment.objects.visible_to(user).filter(case=case, pk=pk).select_related("case__round")
    row: Comment | None = found.first()
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    return row


def threads_of(*, user: User, case: Case) -> list[dict[str, Any]]:
    """Return a case's threads in the order in which they began, each with its answers; one query, however many."""
    rows = Comment.objects.visible_to(user).filter(case=case).select_related("by", "clip").order_by("created_at", "id")
    answers: dict[uuid.UUID, list[Comment]] = defaultdict(list)
    first: list[Comment] = []
    for row in rows:
        if row.thread_id is None:
            first.append(row)
        else:
            answers[row.thread_id].append(row)
    return [_thread(number, row, answers[row.pk], user) for number, row in enumerate(first, start=1)]


def _thread(number: int, row: Comment, answers: list[Comment], user: User) -> dict[str, Any]:
    settled = next((one for one in reversed(answers) if one.settles is not None), None)
    return {
        "number": number,
        **_said(row, user),
        "clip": str(row.clip_id),
        "clip_number": row.clip.number if row.clip else None,
        "frame": row.frame,
        "x": row.x,
        "y": row.y,
        "resolved": settled is not None and settled.settles is True,
        "answers": [_said(one, user) | {"settles": one.settles} for one in answers],
    }


def _said(row: Comment, user: User) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "by": row.by.name,
        "own": row.by_id == user.pk,
        "at": row.created_at.isoformat(),
        "text": row.text,
    }


def _need_case(case: Case, by: User) -> None:
    if not Case.objects.visible_to(by).filter(pk=case.pk).exists():
        raise NotFound(_("There is nothing here that you may see."))


def _checked(text: str) -> str:
    said = text.strip()
    if not said:
        raise Invalid(_("A comment needs a text."), rule="comment-text")
    if len(said) > CHARACTERS:
        raise Invalid(_("A comment has at most %(limit)d characters.") % {"limit": CHARACTERS}, rule="comment-length")
    return said


def _need_place(clip: Clip, frame: int, x: float, y: float) -> None:
    if not 1 <= frame <= clip.frames:
        raise Invalid(_("The clip has frames 1 to %(frames)d.") % {"frames": clip.frames}, rule="comment-place")
    inside = math.isfinite(x) and math.isfinite(y) and 0 <= x <= clip.columns and 0 <= y <= clip.rows
    if not inside:
        raise Invalid(_("The place lies outside of the picture."), rule="comment-place")


def _record(comment: Comment, by: User, diff: dict[str, Any]) -> None:
    """What was said stays out of the audit; that it was said does not."""
    record_event(actor=by, verb="comment.added", target=comment, project_id=comment.case.round.project_id, diff=diff)
