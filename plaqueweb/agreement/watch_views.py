"""Setting the margin of a comparison, and the page of an alarm."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from plaqueweb.accounts.api import current_user
from plaqueweb.agreement import alarms, filters, plans, selectors
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.models import Alarm
from plaqueweb.agreement.report import visible_project
from plaqueweb.agreement.watch_models import AlarmDecision
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import DomainError, Invalid, NotFound
from plaqueweb.predictions.models import Pipeline


@login_required
@require_POST
def set_margin(request: HttpRequest, slug: str) -> HttpResponse:
    """Store the margin of the comparison that the form names, then show the result."""
    user = current_user(request)
    project = visible_project(user, slug)
    asked = {name: request.POST.get(name, "") for name in ("round", "pipeline", "second", "against")}
    round_ = selectors.find_round(user, project, asked["round"])
    found = selectors.scope(user, project, round_)
    selection = selectors.select(project, round_, found, pipeline=asked["pipeline"], against=asked["against"])
    second = next((row for row in found.choices.pipelines if str(row.id) == asked["second"]), None)
    if round_ is None or selection.pipeline is None or second is None or not selection.against:
        raise NotFound(_("There is nothing here that you may see."))
    rows = Pipeline.objects.select_related("classifier", "segmenter").in_bulk([selection.pipeline.id, second.id])
    address = f"{reverse(registry.board_of('pipelines').route, args=[slug])}?{filters.query(asked)}"
    try:
        plans.set_margin(
            case_list=round_.case_list, first=rows[selection.pipeline.id], second=rows[second.id],
            against=selection.against, margin=_share(request.POST.get("margin", "")), by=user,
        )  # fmt: skip
    except DomainError as error:
        messages.error(request, error.detail)
    return redirect(address)


def _share(text: str) -> float:
    """A share from percent as typed, with point or comma."""
    try:
        return float(text.replace(",", ".")) / 100
    except ValueError as error:
        raise Invalid(_("The margin is a number in percent."), rule="comparison-margin") from error


@login_required
@require_http_methods(["GET", "POST"])
def alarm(request: HttpRequest, slug: str, pk: Any) -> HttpResponse:
    """Show one alarm with what was done about it; POST takes, closes or reopens it."""
    user = current_user(request)
    project = visible_project(user, slug)
    row = Alarm.objects.visible_to(user).filter(project=project, pk=pk).select_related("pipeline", "owner").first()
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    if request.method == "POST":
        try:
            _act(request, row)
        except DomainError as error:
            messages.error(request, error.detail)
        return redirect("agreement-alarm", slug=slug, pk=row.pk)
    history = AuditEvent.objects.filter(object_type="agreement.alarm", object_id=str(row.pk)).order_by("pk")
    context = {
        "project": project,
        "alarm": row,
        "may_act": alarms.may_act(user, project.pk),
        "decisions": AlarmDecision.choices,
        "history": [(event.at, _VERBS.get(event.verb, event.verb), _told(event.diff)) for event in history],
        "board": registry.board_of("time"),
    }
    return render(request, "agreement/alarm.html", context)


_VERBS: dict[str, Any] = {
    "alarm.raised": gettext_lazy("raised"),
    "alarm.taken": gettext_lazy("taken"),
    "alarm.closed": gettext_lazy("closed"),
    "alarm.reopened": gettext_lazy("taken up again"),
}


def _told(diff: dict[str, Any]) -> str:
    """Cause and decision of an event, where it has any."""
    cause, decision = str(diff.get("cause", "")), str(diff.get("decision", ""))
    words = str(dict(AlarmDecision.choices).get(decision, decision))
    return " · ".join(part for part in (cause, words) if part)


def _act(request: HttpRequest, row: Alarm) -> None:
    user, action = current_user(request), request.POST.get("action", "")
    if action == "take":
        alarms.take_alarm(alarm=row, by=user)
    elif action == "close":
        alarms.close_alarm(
            alarm=row, by=user, cause=request.POST.get("cause", ""), decision=request.POST.get("decision", "")
        )
    elif action == "reopen":
        alarms.reopen_alarm(alarm=row, by=user)
    else:
        raise Invalid(_("An alarm is taken, closed or reopened."), rule="alarm-action")
