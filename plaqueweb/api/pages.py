"""The front door, the audit page and the error pages."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.api.audit import visible_events
from plaqueweb.core.errors import NotFound
from plaqueweb.core.middleware import trace_id
from plaqueweb.core.problems import problem_response
from plaqueweb.predictions.start import may_start_projects
from plaqueweb.reads.selectors import compare_url, own_assignment
from plaqueweb.review.services import case_for
from plaqueweb.studies.models import Project

PAGE = 50


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Send readers to their worklist and everybody else to their project's overview."""
    user = current_user(request)
    project = Project.objects.visible_to(user).order_by("name").first()
    if project is None:
        return redirect("project-new") if may_start_projects(user) else render(request, "no_project.html", status=200)
    return enter(request, project.slug)


@login_required
def enter(request: HttpRequest, slug: str) -> HttpResponse:
    """Go to the first page of one project that this user has."""
    user = current_user(request)
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    if project is None:
        raise NotFound(_("There is nothing here that you may see."))
    page = "overview" if user.can(Capability.VIEW_STUDIES, project.pk) else "worklist"
    return redirect(page, slug=project.slug)


@login_required
def audit(request: HttpRequest, slug: str) -> HttpResponse:
    """Show who did what in a project, newest first, paging by key."""
    user = current_user(request)
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    if project is None or not user.can(Capability.VIEW_AUDIT, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    events = visible_events(user).filter(project_id=project.pk)
    before = request.GET.get("before", "")
    if before.isdigit():
        events = events.filter(pk__lt=int(before))
    rows = list(events.order_by("-id")[: PAGE + 1])
    names = dict(User.objects.filter(pk__in={row.actor_id for row in rows}).values_list("pk", "name"))
    context = {
        "project": project,
        "events": [(row, names.get(row.actor_id) if row.actor_id else None) for row in rows[:PAGE]],
        "older": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "newest": not before,
    }
    return render(request, "audit/audit.html", context)


@login_required
def compare_of(request: HttpRequest, public_id: str) -> HttpResponse:
    """Lead from a reader's own signed case to its comparison, which makes the case in review on first use."""
    user = current_user(request)
    assignment = own_assignment(user=user, public_id=public_id)
    if compare_url(assignment, user=user) is None:
        raise NotFound(_("There is nothing here that you may see."))
    case = case_for(round=assignment.round, study=assignment.study)
    return redirect("compare", slug=assignment.round.project.slug, pk=case.pk)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse | JsonResponse:
    """The page, or the problem document, for what is not there."""
    if request.path.startswith("/api/"):
        return problem_response(request, NotFound(_("There is nothing here that you may see.")))
    return render(request, "404.html", {"trace_id": trace_id(request)}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """The page for our own faults: no stack, but an id to quote."""
    if request.path.startswith("/api/"):
        body = {
            "type": "about:blank#server-error",
            "title": "Our fault",
            "status": 500,
            "detail": "Something failed on the server. Nothing was half-stored. Quote the trace id.",
            "instance": request.path,
            "rule": "server-error",
            "trace_id": trace_id(request),
        }
        return JsonResponse(body, status=500, content_type="application/problem+json")
    return render(request, "500.html", {"trace_id": trace_id(request)}, status=500)
