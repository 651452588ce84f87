"""The list of cases and the comparison page."""

from __future__ import annotations

import csv

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import NotFound
from plaqueweb.predictions.showing import record_shown
from plaqueweb.reads.models import Assignment
from plaqueweb.review import overview, selectors, services, words
from plaqueweb.review.comparison import Chosen, Comparison
from plaqueweb.review.comparison import compare as open_comparison
from plaqueweb.review.frame_table import CSV_HEAD, csv_row, frame_rows
from plaqueweb.review.lesion_rows import lesions_payload
from plaqueweb.review.models import Case
from plaqueweb.review.numbers import numbers
from plaqueweb.review.payload import compare_payload
from plaqueweb.review.verdict import verdict
from plaqueweb.review.words import csv_cell
from plaqueweb.studies.blinding import is_disclosed
from plaqueweb.studies.models import Project


def _project(user: User, slug: str) -> Project:
    row = Project.objects.visible_to(user).filter(slug=slug).first()
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    return row


@login_required
def review(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the cases of a project that the user may open."""
    user = current_user(request)
    project = _project(user, slug)
    services.refresh_open_cases()
    every = overview.case_rows(user=user, project=project)
    rounds = overview.rounds_of(every)
    wanted = request.GET.get("round", "")
    rows = [row for row in every if str(row.case.round_id) == wanted] if wanted else every
    tab = request.GET.get("show", "")
    tab = tab if tab in overview.TABS else ""
    shown = [row for row in rows if overview.TABS[tab](row)]
    start = int(at) if (at := request.GET.get("from", "")).isdigit() else 0
    page = shown[start : start + overview.PAGE]
    record_shown(user=user, studies=[row.case.study_id for row in page if row.prediction is not None], door="review")
    context = {
        "project": project,
        "rows": page,
        "older": start + overview.PAGE if len(shown) > start + overview.PAGE else None,
        "total": len(shown),
        "tabs": overview.tabs(rows),
        "tab": tab,
        "rounds": rounds,
        "round_id": wanted,
        "sees_studies": user.can(Capability.VIEW_STUDIES, project.pk),
        "simulated": any(read.assignment.reader.is_simulated for row in rows for read in row.reads),
    }
    return render(request, "review/review.html", context)


def _case(request: HttpRequest, slug: str, pk: object) -> Case:
    case = selectors.visible_case(current_user(request), pk)
    if case.round.project.slug != slug:
        raise NotFound(_("There is nothing here that you may see."))
    return case


def _comparison(request: HttpRequest, case: Case) -> Comparison:
    """Open what the address names. Who has to decide meets the reads without the model first."""
    user = current_user(request)
    asked = [(name, value) for name, values in request.GET.lists() for value in values]
    found = open_comparison(user=user, case=case, chosen=Chosen.of(asked))
    if found.models:
        record_shown(user=user, studies=[case.study_id], door="comparison")
    return found


@login_required
def compare(request: HttpRequest, slug: str, pk: object) -> HttpResponse:
    """Show image, one read and one prediction side by side."""
    case = _case(request, slug, pk)
    services.refresh_cases(round=case.round)
    case = _case(request, slug, pk)  # it may have entered an adjudicator's queue just now
    comparison = _comparison(request, case)
    user = comparison.user
    payload = compare_payload(comparison)
    context = {
        "project": case.round.project,
        "case": case,
        "comparison": comparison,
        "payload": payload,
        "sides": (payload["left"], payload["right"]),
        "simulated": any(payload[side]["simulated"] for side in ("left", "right")),
        "references": [] if comparison.model_hidden else comparison.references,
        "may_adjudicate": selectors.may_adjudicate(user, case),
        "synthetic": case.round.project.is_synthetic or any(clip.synthetic for clip in comparison.clips),
    }
    return render(request, "review/compare.html", context)


@login_required
def compare_lesions(request: HttpRequest, slug: str, pk: object) -> HttpResponse:
    """Show which lesions of the two answers are the same plaque: the part of the comparison that acts renew."""
    comparison = _comparison(request, _case(request, slug, pk))
    context = {"lesions": lesions_payload(comparison), "verdict": verdict(comparison)}
    return render(request, "review/_lesions.html", context)


@login_required
def compare_of(request: HttpRequest, public_id: str) -> HttpResponse:
    """Lead a reader from the own signed case to its comparison, once it was disclosed."""
    user = current_user(request)
    rows = Assignment.objects.own(user).filter(public_id=public_id).select_related("round__project", "study")
    assignment = rows.first()
    if assignment is None or not is_disclosed(user, assignment.study):
        raise NotFound(_("There is nothing here that you may see."))
    case = services.case_for(round=assignment.round, study=assignment.study)
    return redirect("compare", slug=assignment.round.project.slug, pk=case.pk)


@login_required
def compare_csv(request: HttpRequest, slug: str, pk: object) -> HttpResponse:
    """Give the numbers of a comparison as CSV, one line a number."""
    case = _case(request, slug, pk)
    comparison = _comparison(request, case)
    place = selectors.position(comparison.user, case)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="case-{place.number}.csv"'
    out = csv.writer(response)
    out.writerow(["number", *csv_names(comparison), "how"])
    for row in numbers(comparison):
        out.writerow([csv_cell(text) for text in (row.label, row.left, row.right, row.difference, row.how)])
    return response


@login_required
def frames_csv(request: HttpRequest, slug: str, pk: object) -> HttpResponse:
    """Give both sides frame by frame as CSV; what is not known is empty, never 0."""
    case = _case(request, slug, pk)
    comparison = _comparison(request, case)
    place = selectors.position(comparison.user, case)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="case-{place.number}-frames.csv"'
    out = csv.writer(response)
    out.writerow(CSV_HEAD)
    out.writerows([words.csv_cell(text) for text in csv_row(row)] for row in frame_rows(comparison))
    return response


def csv_names(comparison: Comparison) -> list[str]:
    """Return what the columns of left, right and difference are called: by role, by name where both have one role."""
    left, right = comparison.pair
    if left.role == right.role:
        names = [left.name, right.name]
    else:
        names = [left.role or "none", right.role or "none"]
    return [csv_cell(name) for name in (*names, f"{names[1]} minus {names[0]}")]
