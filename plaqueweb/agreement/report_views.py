"""Freezing a report, the list of a project's reports, the printable page, and the manifest."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.agreement import filters, freezing, present
from plaqueweb.agreement.models import FrozenReport
from plaqueweb.agreement.paper.printed import paper_of
from plaqueweb.agreement.plans import note_look
from plaqueweb.agreement.report import Start, begin, parameters, visible_project
from plaqueweb.agreement.report_models import TITLE_CHARACTERS
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import DomainError, NotAllowed, NotFound
from plaqueweb.predictions.showing import record_shown
from plaqueweb.reads.models import Round
from plaqueweb.studies.models import Project

STOP_POLLING = 286
PAGE = 20


def _asked(request: HttpRequest) -> dict[str, str]:
    """The filters of the address, and no other parameter."""
    known = {*filters.COMPARISON, *parameters()}
    return {name: value for name, value in request.GET.dict().items() if name in known and value}


@login_required
@require_http_methods(["GET", "POST"])
def reports(request: HttpRequest, slug: str) -> HttpResponse:
    """List the reports of a project, and freeze the comparison of the address under a title."""
    user = current_user(request)
    project = visible_project(user, slug)
    if not user.can(Capability.SEE_RESULTS, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    asked, may = _asked(request), freezing.may_freeze(user, project)
    address = f"{reverse('agreement-reports', args=[slug])}?{filters.query(asked)}"
    error: DomainError | None = None
    if request.method == "POST":
        try:
            made = freezing.freeze(user=user, project=project, asked=asked, title=request.POST.get("title", ""))
            return redirect("agreement-report", slug=slug, pk=made.pk)
        except NotFound:
            raise
        except DomainError as refused:
            error = refused
    parts_at = f"{reverse('agreement-reports', args=[slug])}?{filters.query(asked, fragment='parts')}"
    context: dict[str, Any] = {"project": project, "address": address, "parts_at": parts_at, "may_freeze": may}
    if request.GET.get("fragment") == "parts":
        return _parts(request, freezing.parts(user, project, asked) if may else [], context)
    context |= _page(request, user, project, asked) | {
        "error": error,
        "title": request.POST.get("title", ""),
        "most": TITLE_CHARACTERS,
        "comparison": _comparison(begin(user, project, asked)) if may else {},
        "back": f"{reverse('agreement', args=[slug])}?{filters.query(asked)}",
    }
    return render(request, "agreement/reports.html", context, status=error.status if error else 200)


def _parts(request: HttpRequest, parts: list[freezing.Part], context: dict[str, Any]) -> HttpResponse:
    """The tabs that a report would hold: found or computed now, after the page, which need not wait for them."""
    waiting = any(part.state == "queued" for part in parts)
    context |= {"parts": parts, "waiting": waiting}
    return render(request, "agreement/_report_parts.html", context, status=200 if waiting else STOP_POLLING)


def _page(request: HttpRequest, user: User, project: Project, asked: dict[str, str]) -> dict[str, Any]:
    """One page of reports by key, the newest first."""
    rows = FrozenReport.objects.visible_to(user).filter(project=project).select_related("frozen_by").order_by("-id")
    before = request.GET.get("before", "")
    if before:
        try:
            rows = rows.filter(pk__lt=uuid.UUID(before))
        except ValueError:
            raise NotFound(_("There is nothing here that you may see.")) from None
    found = list(rows[: PAGE + 1])
    older = filters.query(asked, before=str(found[PAGE - 1].pk)) if len(found) > PAGE else ""
    return {"rows": found[:PAGE], "older": older}


def _comparison(start: Start) -> dict[str, str]:
    """What would be frozen, in words."""
    selection = start.selection
    return {
        "round": selection.round.name if selection.round else _("all rounds"),
        "pipeline": selection.pipeline.name if selection.pipeline else "–",
        "against": present.against_words(selection) or "–",
        "filters": ", ".join(f"{filters.LABELS.get(name, name)}: {value}" for name, value in selection.asked),
        "interim": "yes" if start.found.interim else "",
    }


def _one(user: User, slug: str, pk: uuid.UUID) -> FrozenReport:
    project = visible_project(user, slug)
    rows = FrozenReport.objects.visible_to(user).filter(project=project, pk=pk)
    row: FrozenReport | None = rows.select_related("project").first()
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    return row


def _shown(user: User, row: FrozenReport) -> None:
    """Write down who saw the model's answers, and count looks at a test list: a report shows them too."""
    body = row.manifest
    record_shown(user=user, studies={uuid.UUID(p["study"]) for p in body["made_of"]["predictions"]}, door="report")
    if body["comparison"]["round"]:
        round_ = Round.objects.select_related("case_list").get(pk=body["comparison"]["round"])
        for tab in body["tabs"]:
            note_look(case_list=round_.case_list, by=user, input_hash=tab["input_hash"], board=tab["tab"])


@login_required
@require_GET
def report(request: HttpRequest, slug: str, pk: uuid.UUID) -> HttpResponse:
    """Show a report as pages of paper."""
    user = current_user(request)
    row = _one(user, slug, pk)
    _shown(user, row)
    context = {
        "project": row.project,
        "report": row,
        "paper": paper_of(row, user),
        "body": row.manifest,
        "may_download": user.can(Capability.EXPORT, row.project_id),
    }
    return render(request, "agreement/printed.html", context)


@login_required
@require_GET
def manifest(request: HttpRequest, slug: str, pk: uuid.UUID) -> HttpResponse:
    """Send the manifest, byte for byte what was hashed, and note that it left the site."""
    user = current_user(request)
    row = _one(user, slug, pk)
    if not user.can(Capability.EXPORT, row.project_id):
        raise NotAllowed(_("Downloading a manifest needs the right to download results."), rule="report-right")
    _shown(user, row)
    record_event(actor=user, verb="report.downloaded", target=row, diff={"sha256": row.sha256})
    response = HttpResponse(row.body, content_type="application/json")
    name = f"{row.project.slug}-report-{row.sha256[:12]}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response
