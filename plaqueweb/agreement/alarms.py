"""Alarms: a value beyond its limits becomes a row, and stays until a person found the cause and decided."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.agreement.models import Alarm
from plaqueweb.agreement.states import ALARM
from plaqueweb.agreement.watch_models import AlarmChart, AlarmDecision, AlarmState
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, NotAllowed, NotFound
from plaqueweb.predictions.models import Pipeline
from plaqueweb.studies.blinding import blinded_studies
from plaqueweb.studies.models import Project

CAUSE_CHARACTERS = 500
MAY_ACT = (Capability.MANAGE_PIPELINES, Capability.MANAGE_ROUNDS)


def may_act(user: User, project_id: uuid.UUID) -> bool:
    """Tell whether the user may own and close alarms."""
    return any(user.can(capability, project_id) for capability in MAY_ACT)


def sees_all(user: User, project: Project) -> bool:
    """Tell whether the user sees every result of the project: only such a view may raise an alarm for all."""
    return user.can(Capability.SEE_RESULTS, project.pk) and not blinded_studies(user).filter(project=project).exists()


def standing(user: User, project: Project) -> int:
    """How many alarms of the project wait for a decision, as far as the user may know of them."""
    rows = Alarm.objects.visible_to(user).filter(project=project)
    return int(rows.exclude(state=AlarmState.CLOSED).count())


def found_alarms(results: Mapping[str, Any], split: str = "") -> list[dict[str, Any]]:
    """Every alarm of a time run with its pipeline, and with its site or scanner where series are split by them.

    A pipeline with one site or scanner alone is watched as a whole: its alarms would be told twice.
    """
    series = [row for row in (*results.get("series", []), *results.get("signals", [])) if row["watched"]]
    return [
        {**alarm, "pipeline": row["pipeline"], "split": split, "part": row[split] if split else ""}
        for row in series
        for alarm in row["alarms"]
    ]


@transaction.atomic
def raise_alarms(*, project: Project, found: Iterable[Mapping[str, Any]]) -> list[Alarm]:
    """Write the alarms that are not there yet; each chart, pipeline, site or scanner, and period has one.

    A later computation does not change an alarm: what somebody had to look at stays what it was.
    """
    pipelines = {str(pk): pk for pk in Pipeline.objects.filter(project=project).values_list("pk", flat=True)}
    made = []
    for row in found:
        pipeline = pipelines.get(str(row["pipeline"]))
        if pipeline is None or row["chart"] not in AlarmChart.values:
            continue
        alarm, new = Alarm.objects.get_or_create(
            project=project, pipeline_id=pipeline, chart=row["chart"], split=row["split"], part=str(row["part"])[:140],
            starts_on=date.fromisoformat(row["start"]),
            defaults={"value": float(row["value"]), "limit": float(row["limit"]), "n": int(row["n"])},
        )  # fmt: skip
        if new:
            diff = {"chart": alarm.chart, "from": str(alarm.starts_on), "value": alarm.value, "limit": alarm.limit}
            diff |= {alarm.split: alarm.part} if alarm.split else {}
            record_event(actor=None, verb="alarm.raised", target=alarm, diff={**diff, "n": alarm.n})
            made.append(alarm)
    return made


def _visible(alarm: Alarm, by: User) -> Alarm:
    row: Alarm | None = Alarm.objects.visible_to(by).filter(pk=alarm.pk).first()
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    if not may_act(by, row.project_id):
        raise NotAllowed(_("You may not own alarms in this project."), rule="alarm-owner")
    return row


@transaction.atomic
def take_alarm(*, alarm: Alarm, by: User) -> Alarm:
    """Make oneself the owner: who says that the cause is being looked for.

    Raises:
        NotFound: the user does not see the alarm. NotAllowed: the user may not own alarms.
        InvalidTransition: it is closed.
    """
    row = _visible(alarm, by)
    ALARM.apply(Alarm.objects.all(), pk=row.pk, event="take", owner=by)
    record_event(actor=by, verb="alarm.taken", target=row, diff={"before": str(row.owner_id or "")})
    row.refresh_from_db()
    return row


@transaction.atomic
def close_alarm(*, alarm: Alarm, by: User, cause: str, decision: str) -> Alarm:
    """Close an alarm with its cause and what was decided; one that nobody had is taken first.

    Raises:
        NotFound, NotAllowed: as ``take_alarm``. InvalidTransition: it is closed.
        Invalid: no cause, one longer than 500 characters, or an unknown decision.
    """
    row = _visible(alarm, by)
    words = " ".join(cause.split())
    if not words:
        raise Invalid(_("An alarm is closed with its cause; “not found” is a cause."), rule="alarm-cause")
    if len(words) > CAUSE_CHARACTERS:
        raise Invalid(_("A cause has up to %(n)d characters.") % {"n": CAUSE_CHARACTERS}, rule="alarm-cause-length")
    if decision not in AlarmDecision.values:
        raise Invalid(_("Say what was decided."), rule="alarm-decision")
    if row.state == AlarmState.OPEN:
        row = take_alarm(alarm=row, by=by)
    ALARM.apply(Alarm.objects.all(), pk=row.pk, event="close", cause=words, decision=decision, closed_at=Now())
    record_event(actor=by, verb="alarm.closed", target=row, diff={"cause": words, "decision": decision})
    row.refresh_from_db()
    return row


@transaction.atomic
def reopen_alarm(*, alarm: Alarm, by: User) -> Alarm:
    """Take up a closed alarm again; cause and decision stay in the audit trail.

    Raises:
        NotFound, NotAllowed: as ``take_alarm``. InvalidTransition: it is not closed.
    """
    row = _visible(alarm, by)
    ALARM.apply(Alarm.objects.all(), pk=row.pk, event="reopen", owner=by, closed_at=None)
    record_event(actor=by, verb="alarm.reopened", target=row, diff={"cause": row.cause, "decision": row.decision})
    row.refresh_from_db()
    return row
