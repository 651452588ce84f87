"""Pages of the machine room: jobs and pipelines."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import DomainError, NotFound
from plaqueweb.core.ids import parse_uuid
from plaqueweb.core.work import WorkState
from plaqueweb.jobs import services
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.jobs.selectors import LIVE, error_words, job_words, jobs_of
from plaqueweb.predictions.cards import sections_of
from plaqueweb.predictions.models import ModelVersion, Pipeline, Prediction
from plaqueweb.predictions.selectors import is_synthetic_only
from plaqueweb.predictions.services import activate_pipeline
from plaqueweb.studies.models import Project

PAGE = 30
STILL = 286  # htmx: stop asking
TABS = {
    "all": None,
    "live": LIVE,
    "done": (WorkState.DONE,),
    "failed": (WorkState.FAILED, WorkState.DEAD),
}


@login_required
@require_http_methods(["GET", "POST"])
def jobs(request: HttpRequest, slug: str) -> HttpResponse:
    """The model's jobs on studies whose results the user may see; retry and cancel."""
    user = current_user(request)
    project = _project(user, slug)
    found = jobs_of(user).filter(study__project=project)
    if request.method == "POST":
        return _act(request, user, project, found)
    context = _context(request, user, project, found)
    if request.GET.get("fragment"):
        moving = found.filter(work_state__in=LIVE).exists()
        return render(request, "jobs/_jobs_table.html", context, status=200 if moving else STILL)
    return render(request, "jobs/jobs.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def pipelines(request: HttpRequest, slug: str) -> HttpResponse:
    """The project's pipelines with their cards; activate one."""
    user = current_user(request)
    project = _project(user, slug)
    rows = Pipeline.objects.visible_to(user).filter(project=project).select_related("classifier", "segmenter")
    if request.method == "POST":
        wished = parse_uuid(request.POST.get("pipeline"))
        pipeline = rows.filter(pk=wished).first() if wished else None
        if pipeline is None or request.POST.get("action") != "activate":
            raise NotFound(_("There is no such pipeline that you may see."))
        activate_pipeline(pipeline=pipeline, by=user)
        return redirect("pipelines", slug=project.slug)
    context = {
        "project": project,
        "may_manage": user.can(Capability.MANAGE_PIPELINES, project.pk),
        "pipelines": [_pipeline(user, row) for row in rows.order_by("-id")],
    }
    return render(request, "jobs/pipelines.html", context)


def _project(user: User, slug: str) -> Project:
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    if project is None or not user.can(Capability.SEE_RESULTS, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    return project


def _act(request: HttpRequest, user: User, project: Project, found: QuerySet[InferenceJob]) -> HttpResponse:
    wished = parse_uuid(request.POST.get("job"))
    job = found.filter(pk=wished).first() if wished else None
    if job is None:
        raise NotFound(_("There is no such job that you may see."))
    action = request.POST.get("action")
    try:
        if action == "retry":
            services.retry_job(job=job, by=user)
        elif action == "cancel":
            services.cancel_job(job=job, by=user)
        else:
            raise DomainError(_("Choose retry or cancel."), rule="job-action")
    except DomainError as error:
        if error.status not in {409, 422}:
            raise
        messages.error(request, error.detail)
    return redirect("jobs", slug=project.slug)


def _context(request: HttpRequest, user: User, project: Project, found: QuerySet[InferenceJob]) -> dict[str, Any]:
    here = reverse("jobs", args=[project.slug])
    labels = {"all": _("All"), "live": _("Queued and running"), "done": _("Done"), "failed": _("Failed")}
    tab = request.GET.get("tab", "all")
    tab = tab if tab in TABS else "all"
    chosen = _of_tab(found, tab)
    before = parse_uuid(request.GET.get("before"))
    page = list((chosen.filter(pk__lt=before) if before else chosen)[: PAGE + 1])
    places = services.places(project.pk)
    return {
        "project": project,
        "may_run": user.can(Capability.RUN_JOBS, project.pk),
        "tab": tab,
        "tabs": [
            {"key": key, "label": label, "count": _of_tab(found, key).count(), "url": f"{here}?tab={key}"}
            for key, label in labels.items()
        ],
        "rows": [_row(project, job, places.get(job.pk)) for job in page[:PAGE]],
        "shown": min(len(page), PAGE),
        "total": chosen.count(),
        "older": f"{here}?tab={tab}&before={page[PAGE - 1].pk}" if len(page) > PAGE else None,
    }


def _of_tab(found: QuerySet[InferenceJob], tab: str) -> QuerySet[InferenceJob]:
    states = TABS[tab]
    return found if states is None else found.filter(work_state__in=states)


def _row(project: Project, job: InferenceJob, place: int | None) -> dict[str, Any]:
    running = job.work_state == WorkState.RUNNING
    took = (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else None
    return {
        "id": str(job.pk),
        "study": job.study.label,
        "url": reverse("study", args=[project.slug, job.study_id]),
        "pipeline": job.pipeline.name,
        "state": job.work_state,
        "words": job_words(job, place),
        "done": job.progress_done if running else None,
        "total": job.progress_total if running else None,
        "queued_at": job.created_at,
        "seconds": took,
        "tries": 1 + job.attempts + job.failures if job.started_at else 0,
        "error": error_words(job),
        "retry": job.work_state in services.ENDED_BADLY,
        "cancel": job.work_state in LIVE,
    }


def _pipeline(user: User, pipeline: Pipeline) -> dict[str, Any]:
    seen = Prediction.objects.visible_to(user).filter(pipeline=pipeline).count()
    roles = ((_("classifier"), pipeline.classifier), (_("segmenter"), pipeline.segmenter))
    return {
        "pipeline": pipeline,
        "models": [_model(role, version) for role, version in roles],
        "synthetic_only": any(is_synthetic_only(version) for _role, version in roles),
        "predictions": seen,
        "sections": [section for section in sections_of(pipeline) if section.headline],
    }


def _model(role: str, version: ModelVersion) -> dict[str, Any]:
    card = version.card
    return {
        "role": role,
        "name": str(version),
        "sha256": version.sha256,
        "card": {
            "summary": card.get("summary") or card.get("intended_use", ""),
            "limits": card.get("limits", ""),
            "trained_on": card.get("trained_on") or _trained_on(card.get("training", {}).get("data", "")),
            "parameters": card.get("parameters"),
        },
    }


def _trained_on(data: Any) -> str:
    """Say what a model was trained on; the library's own training writes a table, others a sentence."""
    if not isinstance(data, dict):
        return str(data)
    words = _("%(phantom)s, seed %(seed)s: %(train)s subjects, %(validation)s for validation")
    known = {key: data.get(key, "?") for key in ("phantom", "seed", "train", "validation")}
    return words % known
