"""When a study is complete: the drop was closed and nothing of it is pending, or nothing came for a while."""

from __future__ import annotations

import hashlib
import uuid

from django.db import transaction
from django.db.models import Case, F, PositiveIntegerField, Q, When
from django.db.models.functions import Now

from plaqueweb.accounts.models import User
from plaqueweb.audit.services import record_event
from plaqueweb.core import limits
from plaqueweb.core.work import WorkState
from plaqueweb.ingest.models import Upload
from plaqueweb.jobs.services import queue_active
from plaqueweb.studies.models import Clip, Study

_BUSY = (WorkState.CREATED, WorkState.QUEUED, WorkState.RUNNING)


def touch_study(study_id: uuid.UUID, *, preparing: bool = False) -> None:
    """Count a change of what a study holds: to be read and predicted afresh.

    ``preparing``: a person is changing it clip by clip; it settles when that is said to be done, or after a while. A
    clip that arrives is still to be looked at.

    The number rises for the first clip and whenever a complete study changes; what arrives before it was complete
    belongs to the same content.
    """
    clips = Clip.objects.filter(study_id=study_id).for_reading().order_by("sop_uid")
    lines = "\n".join(f"{sop} {sha}" for sop, sha in clips.values_list("sop_uid", "source_sha256"))
    digest = hashlib.sha256(lines.encode()).hexdigest()
    first_or_complete = Q(content_no=0) | Q(ready_at__isnull=False)
    number = F("content_no") + Case(When(first_or_complete, then=1), default=0, output_field=PositiveIntegerField())
    change = {"preparing_at": Now()} if preparing else {"prepared_at": None, "last_arrival_at": Now()}
    Study.objects.filter(pk=study_id).exclude(content_hash=digest).update(
        content_no=number, content_hash=digest, ready_at=None, **change
    )


@transaction.atomic
def settle_study(study_id: uuid.UUID, *, by: User | None = None) -> bool:
    """Mark a study ready and queue its job, if it is complete; return whether it became ready now."""
    study = Study.objects.filter(pk=study_id, ready_at__isnull=True, content_no__gt=0).first()
    if study is None or not _complete(study):
        return False
    if not Clip.objects.filter(study=study).for_reading().exists():
        return False
    same = Study.objects.filter(pk=study.pk, ready_at__isnull=True, content_no=study.content_no)
    if not same.update(ready_at=Now(), preparing_at=None):
        return False
    study.refresh_from_db()
    record_event(actor=by, verb="study.ready", target=study, diff={"content_no": study.content_no})
    queue_active(study=study, by=by)
    return True


def settle_waiting(*, project_id: uuid.UUID | None = None) -> int:
    """Settle every study that waits; return how many became ready."""
    waiting = Study.objects.filter(ready_at__isnull=True, content_no__gt=0)
    if project_id is not None:
        waiting = waiting.filter(project_id=project_id)
    return sum(settle_study(pk) for pk in waiting.values_list("pk", flat=True)[:200])


def _complete(study: Study) -> bool:
    busy = Q(preparing_at__gte=Now() - limits.STUDY_QUIET)
    if Study.objects.filter(busy, pk=study.pk).exists():
        return False
    batches = Upload.objects.filter(study=study).values("batch")
    of_drop = Upload.objects.filter(project_id=study.project_id, batch__in=batches)
    if of_drop.filter(work_state__in=_BUSY).exists():
        return False
    if not of_drop.filter(batch_closed=False).exists():
        return True
    quiet = Q(last_arrival_at__isnull=True) | Q(last_arrival_at__lt=Now() - limits.STUDY_QUIET)
    return Study.objects.filter(quiet, pk=study.pk).exists()
