"""Error review: the queue of cases on which a model and the readers part, and one of them side by side."""

from __future__ import annotations

import csv
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import NotFound
from plaqueweb.predictions.showing import record_shown
from plaqueweb.review import selectors, sides, words
from plaqueweb.review.comparison import Chosen
from plaqueweb.review.comparison import compare as open_comparison
from plaqueweb.review.error_models import REASON_KEYS, ErrorReason, ErrorReview, ErrorTrigger
from plaqueweb.review.errors import queue
from plaqueweb.review.errors.queue import ErrorQueue, ErrorRow, Filters
from plaqueweb.review.payload import compare_payload
from plaqueweb.studies.models import Project

PAGE = 50
STILL = 286
"""Tells a live part that nothing moves any more (static/src/base/live.ts)."""


def _project(user: User, slug: str) -> Project:
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    if project is None or not user.can(Capability.REVIEW_ERRORS, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    return project


def _query(filters: Filters, **change: str) -> str:
    """Filters as a query string; empty ones are left out."""
    values = {"pipeline": filters.pipeline, "trigger": filters.trigger, "state": filters.state} | change
    return urlencode({key: value for key, value in values.items() if value})


@login_required
def errors(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the cases on which the chosen pipeline and the readers part, worst first, and how often each reason came."""
    user = current_user(request)
    project = _project(user, slug)
    filters = Filters.of(request.GET.dict())
    found = queue.error_queue(user, project, filters)
    start = int(at) if (at := request.GET.get("from", "")).isdigit() else 0
    rows = found.rows[start : start + PAGE]
    record_shown(user=user, studies=[row.case.study_id for row in rows], door="errors")
    reviewed, counts = queue.reason_counts(queue.latest_reviews(user, project))
    context = {
        "project": project,
        "queue": found,
        "rows": rows,
        "filters": filters,
        "query": _query(filters),
        "tabs": _tabs(found),
        "states": _states(found),
        "older": _query(filters, **{"from": str(start + PAGE)}) if len(found.rows) > start + PAGE else "",
        "reviewed_pipelines": reviewed,
        "reasons": counts,
        "sees_studies": user.can(Capability.VIEW_STUDIES, project.pk),
    }
    if request.GET.get("fragment"):
        return render(request, "review/_errors_queue.html", context, status=200 if found.pending else STILL)
    return render(request, "review/errors.html", context)


def _tabs(found: ErrorQueue) -> list[dict[str, Any]]:
    """One filter a trigger, with its count in any state."""
    filters = found.filters
    keys = [("", _("Any trigger"), len(found.every))]
    keys += [(one.value, str(one.label), found.triggers[one.value]) for one in ErrorTrigger]
    return [
        {"label": label, "count": count, "query": _query(filters, trigger=key), "current": key == filters.trigger}
        for key, label, count in keys
    ]


def _states(found: ErrorQueue) -> list[dict[str, Any]]:
    filters, total = found.filters, len(found.of_trigger)
    words_of = {queue.WAITING: _("Waiting"), queue.REVIEWED: _("Reviewed"), queue.ALL: _("All")}
    counts = {queue.WAITING: total - found.reviewed, queue.REVIEWED: found.reviewed, queue.ALL: total}
    return [
        {
            "label": words_of[key],
            "count": counts[key],
            "query": _query(filters, state=key),
            "current": key == filters.state,
        }
        for key in queue.STATES
    ]


@login_required
@ensure_csrf_cookie
def error_case(request: HttpRequest, slug: str, pk: object) -> HttpResponse:
    """Show image, read and prediction of one case side by side, and ask why they differ."""
    user = current_user(request)
    project = _project(user, slug)
    filters = Filters.of(request.GET.dict())
    found, row = queue.error_case(user, project, pk, filters)
    case = selectors.visible_case(user, row.case.pk)
    comparison = open_comparison(user=user, case=case, chosen=_chosen(request, row))
    record_shown(user=user, studies=[case.study_id], door="errors")
    payload = compare_payload(comparison) | {"errors": _payload(found, row, user)}
    payload["next_url"] = payload["errors"]["next_url"]
    context = {
        "project": project,
        "case": case,
        "comparison": comparison,
        "payload": payload,
        "sides": (payload["left"], payload["right"]),
        "simulated": any(payload[side]["simulated"] for side in ("left", "right")),
        "references": comparison.references,
        "may_adjudicate": False,
        "synthetic": project.is_synthetic or any(clip.synthetic for clip in comparison.clips),
        "filters": filters,
        "row": row,
        "queue": found,
        "back_url": f"{reverse('errors', args=[slug])}?{_query(filters)}",
    }
    return render(request, "review/error_case.html", context)


def _chosen(request: HttpRequest, row: ErrorRow) -> Chosen:
    """The sides that the address names; else the read that differs most beside the reviewed prediction."""
    asked = [(name, value) for name, values in request.GET.lists() for value in values if name != "pipeline"]
    found, worst = Chosen.of(asked), row.worst_read
    left = found.left or (f"{sides.READ}.{worst.pk}" if worst is not None else "")
    return Chosen(left, found.right or f"{sides.PIPELINE}.{row.prediction.pipeline_id}", found.more)


def _payload(found: ErrorQueue, row: ErrorRow, user: User) -> dict[str, Any]:
    """What the page's script needs to ask and to go on."""
    before, after = found.around(row.case)
    review = row.review
    return {
        "user": str(user.pk),
        "case": str(row.case.pk),
        "project": found.project.slug,
        "pipeline": str(row.prediction.pipeline_id),
        "reasons": [{"key": one.value, "label": str(one.label), "cap": REASON_KEYS[one.value]} for one in ErrorReason],
        "chosen": review.reasons if review else [],
        "note": review.note if review else "",
        "review": str(review.pk) if review else None,
        "next_url": _address(found, after),
        "previous_url": _address(found, before),
    }


def _address(found: ErrorQueue, row: ErrorRow | None) -> str | None:
    if row is None:
        return None
    return f"{reverse('error-case', args=[found.project.slug, row.case.pk])}?{_query(found.filters)}"


@login_required
def errors_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """Give the last review of each case and pipeline, one line each, with a column of 0 and 1 for each reason."""
    user = current_user(request)
    project = _project(user, slug)
    sees_studies = user.can(Capability.VIEW_STUDIES, project.pk)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="error-review-{project.slug}.csv"'
    out = csv.writer(response)
    out.writerow(
        ["case", "round", "study", "pipeline", "triggers", *ErrorReason.values, "note", "by", "reviewed at (UTC)",
         "prediction id", "read ids", "review id"]
    )  # fmt: skip
    for row in queue.latest_reviews(user, project):
        out.writerow([words.csv_cell(text) for text in _line(row, sees_studies)])
    return response


def _line(row: ErrorReview, sees_studies: bool) -> list[str]:
    return [
        str(row.case.number), row.case.round.name, row.case.study.label if sees_studies else "", row.pipeline.name,
        " ".join(row.triggers), *[str(int(code in row.reasons)) for code in ErrorReason.values], row.note, row.by.name,
        f"{row.created_at:%Y-%m-%d %H:%M:%S}", str(row.prediction_id), " ".join(row.reads), str(row.pk),
    ]  # fmt: skip
