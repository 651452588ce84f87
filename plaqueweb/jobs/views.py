"""Pages of the machine: jobs and pipelines."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import DomainError, NotFound
from plaqueweb.core.work import WorkState
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.jobs.selectors import LIVE, error_words, jobs_of
from plaqueweb.jobs.services import ENDED_BADLY, cancel_job, retry_job
from plaqueweb.predictions.models import ModelVersion, Pipeline, PipelineState
from plaqueweb.predictions.services import move_pipeline
from plaqueweb.studies.models import Project

PAGE = 50


def _project(user: User, slug: str) -> Project:
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    if project is None or not user.can(Capability.SEE_RESULTS, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    return project


@login_required
def jobs(request: HttpRequest, slug: str) -> HttpResponse:
    """Jobs, newest first, with what may be done about them."""
    user = current_user(request)
    project = _project(user, slug)
    own = jobs_of(user).filter(study__project=project)
    if request.method == "POST":
        return _act_on_job(request, user, project, own)
    before = _uuid(request.GET.get("before", ""))
    page = list((own.filter(pk__lt=before) if before else own)[: PAGE + 1])
    may_run = user.can(Capability.RUN_JOBS, project.pk)
    context = {
        "project": project,
        "rows": [_job_row(project, job, may_run) for job in page[:PAGE]],
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
    }
    template = "jobs/_rows.html" if request.GET.get("fragment") == "rows" else "jobs/jobs.html"
    return render(request, template, context)


def _act_on_job(request: HttpRequest, user: User, project: Project, own: Any) -> HttpResponse:
    pk = _uuid(request.POST.get("job", ""))
    job = own.filter(pk=pk).first() if pk else None
    if job is None:
        raise NotFound(_("There is nothing here that you may see."))
    try:
        if request.POST.get("action") == "retry":
            retry_job(job=job, by=user)
            messages.success(request, _("Queued again as a new job."))
        else:
            cancel_job(job=job, by=user)
            messages.success(request, _("The job was cancelled; it leaves no result."))
    except DomainError as refused:
        messages.error(request, refused.detail)
    return redirect("jobs", slug=project.slug)


def _job_row(project: Project, job: InferenceJob, may_run: bool) -> dict[str, Any]:
    seconds = (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else None
    words = str(WorkState(job.work_state).label)
    if job.work_state == WorkState.RUNNING and job.progress_total:
        words = _("%(done)d / %(total)d frames") % {"done": job.progress_done, "total": job.progress_total}
    return {
        "id": job.pk,
        "study": job.study.label,
        "study_url": reverse("study", args=[project.slug, job.study_id]),
        "pipeline": job.pipeline.name,
        "state": job.work_state,
        "words": words,
        "done": job.progress_done,
        "total": job.progress_total,
        "queued": job.queued_at,
        "seconds": seconds,
        "error": error_words(job),
        "log": job.log,
        "can_cancel": may_run and job.work_state in LIVE,
        "can_retry": may_run and job.work_state in ENDED_BADLY,
    }


@login_required
def pipelines(request: HttpRequest, slug: str) -> HttpResponse:
    """Pipelines with their models' cards."""
    user = current_user(request)
    project = _project(user, slug)
    own = Pipeline.objects.visible_to(user).filter(project=project).select_related("classifier", "segmenter")
    may_manage = user.can(Capability.MANAGE_PIPELINES, project.pk)
    if request.method == "POST":
        pk = _uuid(request.POST.get("pipeline", ""))
        pipeline = own.filter(pk=pk).first() if pk and may_manage else None
        if pipeline is None:
            raise NotFound(_("There is nothing here that you may see."))
        try:
            move_pipeline(pipeline=pipeline, event=request.POST.get("action", ""), by=user)
        except DomainError as refused:
            messages.error(request, refused.detail)
        return redirect("pipelines", slug=project.slug)
    rows = [_pipeline_row(pipeline, may_manage) for pipeline in own.order_by("-id")]
    return render(request, "jobs/pipelines.html", {"project": project, "rows": rows})


def _pipeline_row(pipeline: Pipeline, may_manage: bool) -> dict[str, Any]:
    states = PipelineState
    return {
        "id": pipeline.pk,
        "name": pipeline.name,
        "state": pipeline.state,
        "state_words": pipeline.get_state_display(),
        "threshold": pipeline.threshold,
        "temperature": pipeline.temperature,
        "code_version": pipeline.code_version,
        "hash": pipeline.hash,
        "parts": [_part(pipeline.classifier), _part(pipeline.segmenter)],
        "can_activate": may_manage and pipeline.state in {states.EVALUATED, states.SHADOW, states.RETIRED},
        "can_retire": may_manage and pipeline.state in {states.ACTIVE, states.SHADOW},
    }


def _part(version: ModelVersion) -> dict[str, Any]:
    card = version.card
    metrics = card.get("metrics", {})
    flat = [
        (key.replace("_", " "), _number(value)) for key, value in metrics.items() if not isinstance(value, dict | list)
    ]
    return {
        "task": version.get_task_display() if hasattr(version, "get_task_display") else version.task,
        "name": version.name,
        "version": version.version,
        "sha256": version.sha256,
        "data": card.get("data") or card.get("training_data") or card.get("summary", ""),
        "metrics": flat,
    }


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
