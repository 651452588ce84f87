"""Jobs as the pages and the API show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.accounts.models import User
from plaqueweb.core.work import WorkState
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.jobs.services import ENDED_BADLY
from plaqueweb.studies.models import Study

LIVE = (WorkState.CREATED, WorkState.QUEUED, WorkState.RUNNING)
ERROR_WORDS = {
    "no-clips": gettext_lazy("the study holds no readable clip"),
    "content-moved": gettext_lazy("the study holds other clips now; a newer job reads them"),
    "worker-lost": gettext_lazy("the worker was lost each time it ran this"),
    "weights": gettext_lazy("the model's weights cannot be used"),
    "weights-sha256": gettext_lazy("the model's weights were changed"),
}
PLAIN_CODES = ("frame-unreadable", "clip-unreadable")


def jobs_of(user: User) -> QuerySet[InferenceJob]:
    """Return the jobs of studies whose results the user may see, newest first."""
    rows: QuerySet[InferenceJob] = InferenceJob.objects.visible_to(user)
    return rows.select_related("study", "pipeline").order_by("-id")


def latest_jobs(user: User, studies: Iterable[Study]) -> dict[UUID, InferenceJob]:
    """Return each study's newest job that the user may see, in one query."""
    rows = InferenceJob.objects.visible_to(user).filter(study__in=[study.pk for study in studies])
    return {job.study_id: job for job in rows.order_by("id")}


def error_words(job: InferenceJob) -> str:
    """Return what failed, in words that name the place; internal text stays in the log."""
    if not job.error_code or job.work_state in {WorkState.DONE, WorkState.RUNNING}:
        return ""
    if job.error_code in PLAIN_CODES:
        return str(job.log)[:200]
    return str(ERROR_WORDS.get(job.error_code, _("the worker met a fault (%(code)s)") % {"code": job.error_code}))


def job_payload(job: InferenceJob, place: int | None = None) -> dict[str, Any]:
    """One job for the API."""
    return {
        "id": str(job.pk),
        "study": {"id": str(job.study_id), "label": job.study.label},
        "pipeline": {"id": str(job.pipeline_id), "name": job.pipeline.name},
        "content_no": job.content_no,
        "state": job.work_state,
        "state_words": str(WorkState(job.work_state).label),
        "progress": {"done": job.progress_done, "total": job.progress_total},
        "place": place,
        "attempts": job.attempts,
        "failures": job.failures,
        "error": {"code": job.error_code, "words": error_words(job)} if error_words(job) else None,
        "can_cancel": job.work_state in LIVE,
        "can_retry": job.work_state in ENDED_BADLY,
        "created_at": job.created_at.isoformat(),
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
    }


def job_words(job: InferenceJob, place: int | None = None) -> str:
    """Return the state in words, with the count while it runs and the place while it waits."""
    if job.work_state == WorkState.RUNNING and job.progress_total:
        return _("%(done)d / %(total)d frames") % {"done": job.progress_done, "total": job.progress_total}
    if job.work_state == WorkState.QUEUED and place:
        return _("queued, place %(n)d") % {"n": place}
    if job.work_state in {WorkState.FAILED, WorkState.DEAD} and (why := error_words(job)):
        return _("failed, %(why)s") % {"why": why}
    return str(WorkState(job.work_state).label)
