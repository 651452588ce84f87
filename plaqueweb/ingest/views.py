"""Pages of the people who look after studies: overview, studies, one study, the release queue."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core import limits
from plaqueweb.core.errors import DomainError, Invalid, NotAllowed, NotFound
from plaqueweb.core.ids import parse_uuid
from plaqueweb.ingest import pages, services
from plaqueweb.ingest.models import Upload
from plaqueweb.ingest.overview import PAGE, Board
from plaqueweb.ingest.selectors import held_uploads, uploads_of
from plaqueweb.studies.models import Project, Protocol, Study
from plaqueweb.studies.sites import CHARACTERS, numbers_of, set_site, sites_of

STILL = 286  # htmx: stop asking


@login_required
@require_GET
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Is it on course, is anything stuck, what needs a person?"""
    user = current_user(request)
    project = project_for(user, slug, Capability.VIEW_STUDIES)
    board = Board(user, project)
    context = _table(request, board, "overview")
    context |= {
        "protocol": Protocol.objects.filter(project=project).order_by("-version").first(),
        "figures": board.figures(),
        "people": board.people(),
        "readers": board.readers(),
        "first_run": not Study.objects.filter(project=project).exists(),
        "first": {"rounds_url": _rounds_url(user, project)},
    }
    return _live(request, board, context, "ingest/overview.html", "ingest/_overview_live.html")


@login_required
@require_GET
def studies(request: HttpRequest, slug: str) -> HttpResponse:
    """All studies of a project, newest first."""
    user = current_user(request)
    board = Board(user, project_for(user, slug, Capability.VIEW_STUDIES))
    context = _table(request, board, "studies")
    return _live(request, board, context, "ingest/studies.html", "ingest/_studies_table.html")


@login_required
@require_POST
def studies_site(request: HttpRequest, slug: str) -> HttpResponse:
    """Give studies their site by number, and go back to the list, which says what was done or what is wrong."""
    user = current_user(request)
    project = project_for(user, slug, Capability.UPLOAD)
    try:
        numbers = numbers_of(request.POST.get("studies", ""))
        changed = set_site(project=project, numbers=numbers, site=request.POST.get("site", ""), by=user)
    except Invalid as error:
        messages.error(request, error.detail)
    else:
        words = ngettext("%(n)s study has another site now.", "%(n)s studies have another site now.", changed)
        messages.success(request, words % {"n": changed})
    return redirect("studies", slug=project.slug)


@login_required
@require_GET
def study(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """One study: its clips in the player, intake, the model's job."""
    user = current_user(request)
    project = project_for(user, slug, Capability.VIEW_STUDIES)
    row = Study.objects.visible_to(user).filter(project=project, pk=pk).select_related("subject").first()
    if row is None:
        raise NotFound(_("There is no such study that you may see."))
    context = pages.study_context(user, project, row)
    if request.GET.get("fragment"):
        moving = context.pop("moving")
        return render(request, "ingest/_study_live.html", context, status=200 if moving else STILL)
    return render(request, "ingest/study.html", context)


@login_required
@require_GET
def release_queue(request: HttpRequest, slug: str) -> HttpResponse:
    """Clips that wait for a person, oldest first."""
    user = current_user(request)
    project = project_for(user, slug, Capability.RELEASE)
    held = held_uploads(user, project)
    after = parse_uuid(request.GET.get("after"))
    page = list((held.filter(pk__gt=after) if after else held)[: PAGE + 1])
    older = f"{request.path}?after={page[PAGE - 1].pk}" if len(page) > PAGE else None
    rows = [pages.held_row(project, upload) for upload in page[:PAGE]]
    context = {"project": project, "rows": rows, "older": older, "total": held.count()}
    return render(request, "ingest/release_queue.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def release(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """Look at a held clip; release or refuse it with a reason."""
    user = current_user(request)
    project = project_for(user, slug, Capability.RELEASE)
    upload = uploads_of(user).filter(project=project, pk=pk).select_related("study", "clip__cine").first()
    if upload is None or upload.clip is None:
        raise NotFound(_("There is no such clip that you may see."))
    error: DomainError | None = None
    if request.method == "POST":
        try:
            _decide(request, user, upload)
        except NotAllowed:
            raise
        except DomainError as refused:
            error = refused
        else:
            return redirect("release", slug=project.slug, pk=upload.pk)
    context = pages.release_context(user, project, upload) | {"error": error.detail if error else None}
    return render(request, "ingest/release.html", context, status=error.status if error else 200)


def project_for(user: User, slug: str, capability: str) -> Project:
    """Return a project of the user's; without the capability it does not exist for them.

    Raises:
        NotFound: no membership, or no such right.
    """
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    if project is None or not user.can(capability, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    return project


def _table(request: HttpRequest, board: Board, page: str) -> dict[str, Any]:
    here = reverse(page, args=[board.project.slug])
    query = request.GET.get("q", "").strip()[:40]
    tabs = board.tabs(here, query)
    tab = request.GET.get("tab", "all")
    if tab not in {item["key"] for item in tabs}:
        tab = "all"
    found = board.studies(tab, query)
    before = parse_uuid(request.GET.get("before"))
    rows = list((found.filter(pk__lt=before) if before else found)[: PAGE + 1])
    shown = rows[:PAGE]
    older = f"{here}?tab={tab}&q={query}&before={shown[-1].pk}" if len(rows) > PAGE else None
    user, key = board.user, board.project.pk
    return {
        "project": board.project,
        "blind": board.blind,
        "rows": board.rows(shown),
        "tab": tab,
        "tabs": tabs,
        "query": query,
        "shown": len(shown),
        "total": found.count(),
        "older": older,
        "may_upload": user.can(Capability.UPLOAD, key),
        "may_release": user.can(Capability.RELEASE, key),
        "may_run": user.can(Capability.RUN_JOBS, key),
        "max_bytes": limits.UPLOAD_BYTES,
        "sites": sites_of(board.project),
        "site_characters": CHARACTERS,
    }


def _live(request: HttpRequest, board: Board, context: dict[str, Any], page: str, fragment: str) -> HttpResponse:
    if request.GET.get("fragment"):
        return render(request, fragment, context, status=200 if board.moving() else STILL)
    return render(request, page, context)


def _decide(request: HttpRequest, user: User, upload: Upload) -> None:
    reason = request.POST.get("reason", "")
    action = request.POST.get("action")
    if action == "release":
        services.release_upload(upload=upload, by=user, reason=reason)
    elif action == "refuse":
        services.refuse_upload(upload=upload, by=user, reason=reason)
    else:
        raise DomainError(_("Choose release or refuse."), rule="release-action")


def _rounds_url(user: User, project: Project) -> str | None:
    return reverse("rounds", args=[project.slug]) if user.can(Capability.MANAGE_ROUNDS, project.pk) else None
