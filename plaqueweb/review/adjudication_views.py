"""The adjudicator's pages: the queue, and one case in two steps. Who plans a round chooses the share of lots here."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import DomainError, NotFound
from plaqueweb.predictions.showing import model_was_shown
from plaqueweb.reads.choices import PlaqueClass
from plaqueweb.reads.models import Round
from plaqueweb.review import adjudication, queue, queue_selectors, services
from plaqueweb.review.models import UNDECIDED, Case, CaseState, DifferenceReason, Trigger
from plaqueweb.review.selectors import as_uuid
from plaqueweb.studies.blinding import blinded_studies
from plaqueweb.studies.models import Project


@dataclass(frozen=True)
class RoundPlan:
    """One round as its coordinator plans it."""

    round: Round
    share: int
    fixed: bool
    differ: int
    drawn: int
    decided: int
    waiting: int


def _project(user: User, slug: str) -> Project:
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    wanted = (Capability.ADJUDICATE, Capability.MANAGE_ROUNDS)
    if project is None or not any(user.can(capability, project.pk) for capability in wanted):
        raise NotFound(_("There is nothing here that you may see."))
    return project


def _plans(user: User, project: Project) -> list[RoundPlan]:
    """Rounds with their share and counts, for who manages them and reads none of their cases blind."""
    if not user.can(Capability.MANAGE_ROUNDS, project.pk) or blinded_studies(user).filter(project=project).exists():
        return []
    out = []
    for round_ in Round.objects.filter(project=project).order_by("-id"):
        cases = Case.objects.queued().filter(round=round_)
        out.append(
            RoundPlan(
                round=round_,
                share=round(100 * queue.plan_of(round_).share),
                fixed=queue.share_is_fixed(round_),
                differ=cases.filter(queue_entry__trigger=Trigger.RULES).count(),
                drawn=cases.filter(queue_entry__trigger=Trigger.SAMPLE).count(),
                decided=cases.filter(state=CaseState.ADJUDICATED).count(),
                waiting=cases.filter(state__in=UNDECIDED).count(),
            )
        )
    return out


@login_required
def adjudication_queue(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what waits for this adjudicator, and how far the queue is."""
    user = current_user(request)
    project = _project(user, slug)
    services.refresh_open_cases()
    mine = queue_selectors.queue_of(user, project) if user.can(Capability.ADJUDICATE, project.pk) else None
    context = {"project": project, "queue": mine, "plans": _plans(user, project)}
    return render(request, "review/adjudication.html", context)


@login_required
@require_POST
def adjudication_begin(request: HttpRequest, slug: str) -> HttpResponse:
    """Begin the case asked for, or the next one; without any, back to the queue."""
    user = current_user(request)
    project = _project(user, slug)
    wanted = request.POST.get("case", "")
    if wanted:
        case = queue_selectors.queued_case(user, wanted, slug=slug)
    else:
        first = queue_selectors.queue_of(user, project).next
        if first is None:
            return redirect("adjudication", slug=slug)
        case = queue_selectors.queued_case(user, first.case.pk, slug=slug)
    try:
        row = adjudication.begin(case=case, by=user)
    except DomainError as error:
        messages.error(request, error.detail)
        return redirect("adjudication", slug=slug)
    return redirect("adjudicate", slug=slug, pk=row.pk)


@login_required
@require_POST
def adjudication_share(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose which part of a round's concordant cases is adjudicated too."""
    user = current_user(request)
    project = _project(user, slug)
    key = as_uuid(request.POST.get("round", ""))
    round_ = Round.objects.filter(project=project, pk=key).first() if key else None
    if round_ is None or not user.can(Capability.MANAGE_ROUNDS, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    try:
        share = float(request.POST.get("share", "").replace(",", ".")) / 100
    except ValueError:
        share = float("nan")
    try:
        queue.set_share(round_=round_, share=share, by=user)
    except DomainError as error:
        messages.error(request, error.detail)
    return redirect("adjudication", slug=slug)


@login_required
@ensure_csrf_cookie
def adjudicate(request: HttpRequest, slug: str, pk: object) -> HttpResponse:
    """Show one case: the pictures and the question; after the blind answer the reads, without names."""
    user = current_user(request)
    row = queue_selectors.own_adjudication(user, pk, slug=slug)
    payload = queue_selectors.adjudication_payload(row, user=user)
    mine = queue_selectors.queue_of(user, row.case.round.project)
    context = {
        "project": row.case.round.project,
        "row": row,
        "payload": payload,
        "queue": mine,
        "classes": PlaqueClass.choices,
        "reasons": DifferenceReason.choices,
        "questions": [
            ("ulceration", _("Ulceration"), "U"),
            ("mobile", _("Mobile part"), "M"),
            ("thrombus", _("Thrombus"), "H"),
        ],
        "model_shown": model_was_shown(user=user, study_id=row.case.study_id),
        "synthetic": row.case.round.project.is_synthetic,
        "next_url": reverse("adjudication-begin", args=[slug]),
    }
    return render(request, "review/adjudicate.html", context)
