"""Alarms: raised once, owned, closed with cause and decision; hidden from whoever still reads blind."""

from __future__ import annotations

import itertools
import uuid
from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from plaqueweb.agreement import alarms
from plaqueweb.agreement.models import Alarm
from plaqueweb.agreement.states import ALARM
from plaqueweb.agreement.watch_models import AlarmState as A
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed, NotFound
from plaqueweb.reads.choices import AssignmentState
from tests.factories import ProjectFactory, member
from tests.plaqueweb.agreement.world import World

pytestmark = pytest.mark.django_db
ALLOWED = {(A.OPEN, "take"): A.OWNED, (A.OWNED, "take"): A.OWNED, (A.OWNED, "close"): A.CLOSED,
           (A.CLOSED, "reopen"): A.OWNED}  # fmt: skip


@pytest.mark.parametrize(("state", "event"), list(itertools.product(A.values, ["take", "close", "reopen", "delete"])))
def test_every_pair_of_state_and_event_is_either_in_the_table_or_refused(state: str, event: str) -> None:
    expected = ALLOWED.get((A(state), event))
    if expected is None:
        with pytest.raises(InvalidTransition):
            ALARM.next(state, event)
    else:
        assert ALARM.next(state, event) == expected


def row(world: World, **fields: Any) -> dict[str, Any]:
    found = {"chart": "p_chart", "start": "2026-04-06", "value": 0.64, "limit": 0.4, "n": 25}
    return found | {"pipeline": str(world.pipeline.pk), "split": "", "part": ""} | fields


@pytest.fixture
def alarm(world: World) -> Alarm:
    return alarms.raise_alarms(project=world.project, found=[row(world)])[0]


def test_an_alarm_is_raised_once_and_keeps_what_it_was(world: World, alarm: Alarm) -> None:
    again = alarms.raise_alarms(project=world.project, found=[row(world, value=0.9, n=30)])

    assert again == []
    kept = Alarm.objects.get()
    assert (kept.value, kept.n, kept.starts_on, kept.state) == (0.64, 25, date(2026, 4, 6), A.OPEN)
    assert AuditEvent.objects.filter(verb="alarm.raised").count() == 1


def test_another_chart_part_or_week_is_another_alarm_and_a_foreign_pipeline_none(world: World, alarm: Alarm) -> None:
    found = [row(world, chart="cusum"), row(world, start="2026-04-13"), row(world, split="site")]
    found += [row(world, split=split, part="One") for split in ("site", "scanner")]
    found += [row(world, pipeline=str(uuid.uuid4())), row(world, chart="nonsense")]

    made = alarms.raise_alarms(project=world.project, found=found)

    name = world.pipeline.name
    assert [one.watched for one in made] == [name, name, f"{name}, site not known", f"{name}, One", f"{name}, One"]
    told = AuditEvent.objects.filter(verb="alarm.raised").order_by("pk").values_list("diff", flat=True)
    assert [diff.get("site", diff.get("scanner")) for diff in told] == [None, None, None, "", "One", "One"]


def test_an_alarm_is_closed_with_owner_cause_and_decision(world: World, alarm: Alarm) -> None:
    closed = alarms.close_alarm(alarm=alarm, by=world.coordinator, cause="  new  gain preset ", decision="data")

    assert (closed.state, closed.owner, closed.cause, closed.decision) == (
        A.CLOSED, world.coordinator, "new gain preset", "data",
    )  # fmt: skip
    assert closed.closed_at is not None
    verbs = AuditEvent.objects.order_by("pk").values_list("verb", flat=True)
    assert [verb for verb in verbs if verb.startswith("alarm.")] == ["alarm.raised", "alarm.taken", "alarm.closed"]


@pytest.mark.parametrize(
    ("cause", "decision"), [("", "watch"), ("   ", "watch"), ("x" * 501, "watch"), ("x", ""), ("x", "no")]
)
def test_without_cause_or_decision_it_stays_open(world: World, alarm: Alarm, cause: str, decision: str) -> None:
    with pytest.raises(Invalid):
        alarms.close_alarm(alarm=alarm, by=world.coordinator, cause=cause, decision=decision)
    assert Alarm.objects.get().state == A.OPEN


def test_a_closed_alarm_can_be_taken_up_again(world: World, alarm: Alarm) -> None:
    alarms.close_alarm(alarm=alarm, by=world.coordinator, cause="x", decision="watch")
    engineer = member(world.project, "engineer")

    again = alarms.reopen_alarm(alarm=alarm, by=engineer)

    assert (again.state, again.owner, again.closed_at) == (A.OWNED, engineer, None)
    with pytest.raises(InvalidTransition):
        alarms.reopen_alarm(alarm=alarm, by=engineer)


def test_who_only_looks_may_not_own_one_and_outsiders_do_not_see_it(world: World, alarm: Alarm) -> None:
    with pytest.raises(NotAllowed):
        alarms.take_alarm(alarm=alarm, by=member(world.project, "auditor"))
    for user in (world.reader_a, member(ProjectFactory(), "coordinator")):
        with pytest.raises(NotFound):
            alarms.take_alarm(alarm=alarm, by=user)


def test_who_still_reads_blind_sees_no_alarm_whatever_other_role(world: World, alarm: Alarm) -> None:
    both = member(world.project, "coordinator", "reader")
    assert Alarm.objects.visible_to(both).count() == 1
    assert alarms.sees_all(both, world.project)

    world.assign(world.study(), both, AssignmentState.ASSIGNED)

    assert Alarm.objects.visible_to(both).count() == 0
    assert not alarms.sees_all(both, world.project)
    with pytest.raises(NotFound):
        alarms.close_alarm(alarm=alarm, by=both, cause="x", decision="watch")


def test_the_database_refuses_a_closed_alarm_without_a_decision(world: World, alarm: Alarm) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Alarm.objects.filter(pk=alarm.pk).update(state=A.CLOSED)
