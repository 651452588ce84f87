"""The audit trail is append-only and tells when it was tampered with."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from plaqueweb.audit.models import AuditEvent
from plaqueweb.audit.services import record_event, seal_events, verify_chain
from plaqueweb.studies.models import Project
from tests.factories import UserFactory
from tests.triggers import lift

pytestmark = pytest.mark.django_db


@pytest.fixture
def events(project: Project) -> list[AuditEvent]:
    actor = UserFactory()
    rows = [
        record_event(actor=actor, verb=f"thing.{n}", target=project, project_id=project.pk, diff={"n": n})
        for n in range(4)
    ]
    seal_events()
    return rows


def test_a_sealed_trail_is_whole(events: list[AuditEvent]) -> None:
    assert verify_chain() is None
    assert seal_events() == 0


def test_the_database_refuses_to_change_or_delete_an_event(events: list[AuditEvent]) -> None:
    for harm in (lambda: AuditEvent.objects.filter(pk=events[1].pk).update(verb="x"), lambda: events[1].delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            harm()


def test_an_unsealed_event_cannot_be_changed_under_the_pretext_of_sealing(project: Project) -> None:
    event = record_event(actor=None, verb="thing.made", target=project)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.filter(pk=event.pk).update(hash="x" * 64, verb="thing.forged")


@pytest.mark.parametrize("field, value", [("verb", "forged"), ("diff", '{"n": 9}'), ("object_id", "other")])
def test_tampering_below_the_triggers_is_found_and_located(events: list[AuditEvent], field: str, value: str) -> None:
    lift("audit_auditevent_no_update", table="audit_auditevent")
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_auditevent SET {field} = %s WHERE id = %s", [value, events[2].pk])  # noqa: S608

    broken = verify_chain()

    assert broken is not None
    assert broken.pk == events[2].pk


def test_the_command_says_the_chain_is_whole(events: list[AuditEvent], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_audit")

    assert "chain whole" in capsys.readouterr().out
