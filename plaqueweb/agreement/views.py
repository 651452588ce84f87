"""The tabs of the dashboard, the cases behind a mark, and what is downloaded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.roles import Capability
from plaqueweb.agreement import alarms, listing, present
from plaqueweb.agreement import filters as flt
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.boards.base import Board
from plaqueweb.agreement.boards.shown import Chart, cases_of, words_at
from plaqueweb.agreement.export import chart_csv, to_csv
from plaqueweb.agreement.plans import note_look
from plaqueweb.agreement.report import Report, build, visible_project
from plaqueweb.agreement.services import ENDED_BADLY, try_again
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import NotFound
from plaqueweb.core.models import WorkState
from plaqueweb.review.models import FusionMethod
from plaqueweb.studies.models import Project

STOP_POLLING = 286


def _report(
    request: HttpRequest, slug: str, board: Board | None = None, *, at_once: bool = True
) -> tuple[Project, Report]:
    user = current_user(request)
    project = visible_project(user, slug)
    return project, build(user, project, request.GET.dict(), board, at_once=at_once)


def _named_board(request: HttpRequest) -> Board:
    """The board that an address names, the overview without one.

    Raises:
        NotFound: there is no such tab.
    """
    try:
        return registry.board_of(request.GET.get("board") or registry.BOARDS[0].slug)
    except KeyError as error:
        raise NotFound(_("There is nothing here that you may see.")) from error


@login_required
@require_http_methods(["GET", "POST"])
def board(request: HttpRequest, slug: str, board: str) -> HttpResponse:
    """Show one tab of a comparison; POST queues a run that failed once more."""
    tab = registry.board_of(board)
    # The page comes at once; whatever takes long is put together for its next request.
    at_once = request.method == "POST" or bool({"fragment", "wait"} & set(request.GET))
    project, report = _report(request, slug, tab, at_once=at_once)
    address = f"{reverse(tab.route, args=[slug])}?{present.query(report.selection)}"
    if request.method == "POST":
        if report.run is not None:
            try_again(run=report.run, user=report.user)
        return redirect(address)
    context = {"project": project, "report": report, "address": address, **_frame(report)}
    if request.GET.get("fragment") == "run":
        done = report.run is None or report.run.work_state not in (WorkState.QUEUED, WorkState.RUNNING)
        response = render(request, "agreement/run.html", context, status=STOP_POLLING if done else 200)
        if report.results:
            response["HX-Refresh"] = "true"  # the whole page has figures now
        elif report.run is None:
            response["HX-Redirect"] = f"{address}&wait=1"  # there is nothing to compare: the page says why
        return response
    if report.has_figures:
        look(report)
        context |= tab.present(report)
    elif report.gate is not None:
        context |= report.gate.context
    return render(request, tab.template, context)


def look(report: Report) -> None:
    """Count that figures over a test list were shown."""
    round_, run = report.selection.round, report.run
    if round_ is not None and run is not None:
        note_look(case_list=round_.case_list, by=report.user, input_hash=run.input_hash, board=report.board.slug)


def _frame(report: Report) -> dict[str, Any]:
    """What every tab needs: tabs, filters, run and badges."""
    selection, results = report.selection, report.results
    slug = selection.project.slug
    standing = alarms.standing(report.user, selection.project)
    tabs = [
        {
            "label": tab.title,
            "href": f"{reverse(tab.route, args=[slug])}?{present.query(selection)}",
            "current": tab is report.board,
            "count": standing if tab.slug == "time" else 0,
        }
        for tab in registry.BOARDS
        if tab.visible is None or tab.visible(report.user, selection.project)
    ]
    return {
        "tabs": tabs,
        "standing": standing,
        "board": report.board,
        "selection": selection,
        "choices": report.choices,
        "fields": report.fields,
        "hidden_fields": _hidden_fields(report),
        "references": [(key, str(present.REFERENCE_WORDS[key])) for key in report.choices.references],
        "against_words": present.against_words(selection),
        "run": report.run,
        "results": results if report.has_figures else {},
        "n": results.get("n"),
        "interim": report.interim,
        "gate": report.gate,
        "descriptive": report.options.get("unit") in flt.DESCRIPTIVE,
        "computes": _computes(report),
        "ended_badly": report.run is not None and report.run.work_state in ENDED_BADLY,
        "query": present.query(selection),
        "synthetic": bool(results.get("synthetic")),
        "may_report": report.user.can(Capability.SEE_RESULTS, selection.project.pk),
    }


def _computes(report: Report) -> str:
    """What a worker computes for this tab, while the page waits for it."""
    method = report.options.get("masks", "")
    if method in FusionMethod.values:
        how = {"method": FusionMethod(method).label}
        return _("%(method)s: one mask is made of theirs on every given frame; a worker computes it.") % how
    if {"frames", "pairs"} & set(report.board.parts):
        return _("Studies and marked frames are compared, with intervals over subjects: a worker computes it.")
    return _("Many studies are compared, with intervals over subjects: a worker computes it.")


def _hidden_fields(report: Report) -> list[tuple[str, str]]:
    """Filters of other tabs, which the form of this one hands on."""
    own = {field.name for field in report.fields}
    return [(name, value) for name, value in report.selection.asked if name not in own]


@login_required
@require_GET
def cases(request: HttpRequest, slug: str) -> HttpResponse:
    """List the studies behind a cell, a bar or a point."""
    project, report = _report(request, slug, _named_board(request))
    pick = request.GET.get("pick", "")
    units = report.picked(pick) if pick else report.results.get("units", [])
    wanted = {key: request.GET[key] for key in ("ref", "model", "show") if request.GET.get(key)}
    of = request.GET.get("of", "")
    title = _title(report, pick, wanted, of, request.GET.get("chart", ""))
    listed = listing.listed(report, units, wanted=wanted, of=of, after=request.GET.get("after", ""))
    address = request.GET.copy()
    address.pop("after", None)
    context = {
        "project": project,
        "selection": report.selection,
        "board": report.board,
        "against_words": present.against_words(report.selection),
        "listed": listed,
        "first": listed.before + 1,
        "last": listed.before + len(listed.rows),
        "newest": f"?{address.urlencode()}",
        "older": f"?{address.urlencode()}&after={listed.after}",
        "title": title,
        "simulated": report.results.get("simulated", False),
        "synthetic": report.results.get("synthetic", False),
        "interim": report.interim,
        "back": f"{reverse(report.board.route, args=[slug])}?{present.query(report.selection)}",
    }
    return render(request, "agreement/cases.html", context)


def _title(report: Report, pick: str, wanted: dict[str, str], of: str, at: str) -> str:
    """What a list of cases shows: the chart and mark that led to it, else its filters in words."""
    if pick and report.has_figures:
        chart, _dot, key = pick.partition(".")
        # Naming thousands of studies would cost more than the page, and a mark of many is not called by one of them.
        charts = report.board.present(replace(report, unnamed=True))["charts"].values()
        if words := words_at(charts, cases_of(report, chart, key, of=of, at=at)):
            return words
    return present.case_list_title(report.selection, wanted)


@login_required
@require_GET
def download(request: HttpRequest, slug: str) -> HttpResponse:
    """Send the comparison as CSV, one row a study, and note that it left the site."""
    project, report = _report(request, slug)
    if report.run is not None:
        _exported(report, {"rows": len(report.results.get("units", []))})
    return _csv(to_csv(report), f"{project.slug}-agreement")


@login_required
@require_GET
def download_chart(request: HttpRequest, slug: str) -> HttpResponse:
    """Send the numbers of one chart as CSV, and note that they left the site."""
    tab = _named_board(request)
    project, report = _report(request, slug, tab)
    charts = tab.present(report)["charts"] if report.has_figures else {}
    if charts:
        look(report)
    chart: Chart | None = charts.get(request.GET.get("chart", ""))
    if chart is None:
        raise NotFound(_("There is nothing here that you may see."))
    _exported(report, {"chart": chart.key, "board": tab.slug, "rows": len(chart.rows)})
    return _csv(chart_csv(chart, report), f"{project.slug}-{tab.slug}-{chart.key}")


def _exported(report: Report, diff: dict[str, Any]) -> None:
    if report.run is None:
        return
    record_event(
        actor=report.user,
        verb="agreement.exported",
        target=report.run,
        project_id=report.selection.project.pk,
        diff=diff | {"against": report.selection.against},
    )


def _csv(text: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["Cache-Control"] = "private, no-store"
    return response
