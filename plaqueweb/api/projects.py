"""The page on which an administrator starts a project."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.roles import Role
from plaqueweb.core.errors import DomainError, NotFound
from plaqueweb.predictions.start import Person, may_start_projects, start_project
from plaqueweb.studies.models import DEFAULT_RULE, Project

LINES = 4


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def new_project(request: HttpRequest) -> HttpResponse:
    """Ask for name, members and model, and start the project. New people's passwords are shown in the answer, once."""
    user = current_user(request)
    if not may_start_projects(user):
        raise NotFound(_("There is nothing here that you may see."))
    context: dict[str, Any] = {
        "given": request.POST, "roles": Role.choices, "own": [row for row in Role.choices if row[0] != "administrator"],
        "own_roles": request.POST.getlist("own") if request.POST else [Role.COORDINATOR.value],
        "lines": _lines(request), "rule_mm": DEFAULT_RULE["thickness_mm"], "first": not Project.objects.exists(),
        "with_model": "model" in request.POST or not request.POST,
    }  # fmt: skip
    if request.method == "GET":
        return render(request, "studies/project_new.html", context)
    people = [Person(line["email"], line["name"], line["role"]) for line in context["lines"]]
    try:
        started = start_project(
            slug=request.POST.get("slug", ""), name=request.POST.get("name", ""), by=user,
            own_roles=context["own_roles"], people=people, with_model=context["with_model"],
        )  # fmt: skip
    except DomainError as refused:
        context["error"] = refused
        return render(request, "studies/project_new.html", context, status=refused.status)
    if started.passwords:
        return render(request, "studies/project_started.html", {"started": started, "project": started.project})
    messages.success(request, _("%(name)s is started.") % {"name": started.project.name})
    return redirect("enter", slug=started.project.slug)


def _lines(request: HttpRequest) -> list[dict[str, str]]:
    """Return the lines of people as they were typed, empty ones up to ``LINES``."""
    columns = [request.POST.getlist(name) for name in ("email", "person", "role")]
    typed = list(zip(*columns, strict=False))[:20]
    typed += [("", "", Role.READER.value)] * (LINES - len(typed))
    return [{"email": email, "name": name, "role": role} for email, name, role in typed]
