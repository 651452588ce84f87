"""The agreement page, the cases behind a cell, and the CSV."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from plaqueweb.accounts.api import current_user
from plaqueweb.agreement import present
from plaqueweb.agreement.charts import bland_altman_chart, ceiling_chart
from plaqueweb.agreement.export import to_csv
from plaqueweb.agreement.report import Report, build, visible_project
from plaqueweb.agreement.services import ENDED_BADLY, try_again
from plaqueweb.audit.services import record_event
from plaqueweb.core.models import WorkState
from plaqueweb.studies.models import Project

FILTERS = ("round", "pipeline", "against")
STOP_POLLING = 286


def _report(request: HttpRequest, slug: str) -> tuple[Project, Report]:
    user = current_user(request)
    project = visible_project(user, slug)
    return project, build(user, project, {key: request.GET.get(key, "") for key in FILTERS})


@login_required
@require_http_methods(["GET", "POST"])
def agreement(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one comparison; POST queues a run that failed once more."""
    project, report = _report(request, slug)
    address = f"{reverse('agreement', args=[slug])}?{present.query(report.selection)}"
    if request.method == "POST":
        if report.run is not None:
            try_again(run=report.run, user=report.user)
        return redirect(address)
    context = {"project": project, "report": report, "address": address, **_page(report)}
    if request.GET.get("fragment") == "run":
        done = report.run is None or report.run.work_state not in (WorkState.QUEUED, WorkState.RUNNING)
        response = render(request, "agreement/run.html", context, status=STOP_POLLING if done else 200)
        if report.results:
            response["HX-Refresh"] = "true"  # the whole page has figures now
        return response
    return render(request, "agreement/agreement.html", context)


def _page(report: Report) -> dict[str, Any]:
    selection, results = report.selection, report.results
    context: dict[str, Any] = {
        "selection": selection,
        "choices": report.choices,
        "references": [(key, str(present.REFERENCE_WORDS[key])) for key in report.choices.references],
        "against_words": present.against_words(selection),
        "run": report.run,
        "ended_badly": report.run is not None and report.run.work_state in ENDED_BADLY,
        "query": present.query(selection),
        "synthetic": bool(results.get("synthetic")),
    }
    if not results or not report.has_figures:
        return context
    figures = results["class"]
    subjects = figures["subjects"]
    accuracy = results["accuracy"] or {}
    # Against a reference the share of equal classes is the accuracy: it is said once.
    keys = [] if accuracy else ["observed"]
    keys += ["kappa", "ac1", "pabak", "positive", "negative"]
    return context | {
        "results": results,
        "n": results["n"],
        "sentence": present.sentence(selection, results),
        "ground": present.ground(selection, results),
        "matrix": present.matrix(selection.project, selection, results["confusion"]),
        "same": present.line("observed", figures["observed"], subjects=subjects),
        "kappa": present.line("kappa", figures["kappa"], subjects=subjects),
        "figures": [present.line(key, figures[key], subjects=subjects) for key in keys],
        "accuracy": [present.line(key, figure, subjects=subjects) for key, figure in accuracy.items()],
        "coverage": [
            present.line(key, figure, subjects=results["n"]["subjects"])
            for key, figure in results["coverage"]["figures"].items()
        ],
        "no_result_words": present.no_result_words(results["coverage"]["no_result"]),
        "missing_words": present.missing_words(selection),
        "ceiling": ceiling_chart(results["ceiling"]),
        "thickness": bland_altman_chart(report),
        "dice": present.dice_words(results["dice"]),
    }


@login_required
@require_GET
def cases(request: HttpRequest, slug: str) -> HttpResponse:
    """List the studies behind a cell, a bar or a point."""
    project, report = _report(request, slug)
    wanted = {key: request.GET[key] for key in ("ref", "model", "show") if request.GET.get(key)}
    rows = present.case_rows(report.results.get("units", []), report.places, wanted)
    context = {
        "project": project,
        "selection": report.selection,
        "against_words": present.against_words(report.selection),
        "rows": rows,
        "title": present.case_list_title(report.selection, wanted),
        "simulated": report.results.get("simulated", False),
        "synthetic": report.results.get("synthetic", False),
        "query": present.query(report.selection),
    }
    return render(request, "agreement/cases.html", context)


@login_required
@require_GET
def download(request: HttpRequest, slug: str) -> HttpResponse:
    """Send the comparison as CSV, one row a study, and note that it left the site."""
    project, report = _report(request, slug)
    if report.run is not None:
        diff = {"rows": len(report.results.get("units", [])), "against": report.selection.against}
        record_event(actor=report.user, verb="agreement.exported", target=report.run, project_id=project.pk, diff=diff)
    response = HttpResponse(to_csv(report), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{project.slug}-agreement.csv"'
    response["Cache-Control"] = "private, no-store"
    return response
