"""Rounds, cases, signed reads and disclosures from before the policies keep what they were, and stay unchangeable."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError
from django.utils import timezone

from plaqueweb.reads.models import Assignment, Read
from plaqueweb.studies.models import Disclosure
from tests.factories import CaseListFactory, SubjectFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
UNGUARDED = [("reads", "0001_initial"), ("studies", "0001_initial")]
BEFORE = [("reads", "0004_manual_scale"), ("studies", "0003_frozen")]


def migrate(targets: list[tuple[str, str]]) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


def newest() -> list[tuple[str, str]]:
    return [node for node in MigrationExecutor(connection).loader.graph.leaf_nodes() if node[0] != "__first__"]


@pytest.fixture
def before() -> Iterator[Any]:
    yield migrate(BEFORE)
    # Signed rows cannot be deleted while their triggers stand: they go before the triggers were made.
    bare = migrate(UNGUARDED)
    for app, model in (("studies", "Disclosure"), ("reads", "Read"), ("reads", "Assignment"), ("reads", "Round")):
        bare.get_model(app, model).objects.all().delete()
    migrate(newest())


def stored(apps: Any, policy: str) -> tuple[uuid.UUID, uuid.UUID, uuid.UUID]:
    """A signed case of a round and its disclosure, written by the tables of that time."""
    subject, reader = SubjectFactory(), UserFactory()
    cases = CaseListFactory(project=subject.project)
    protocol = apps.get_model("studies", "Protocol").objects.create(id=uuid.uuid4(), project_id=subject.project_id)
    study = apps.get_model("studies", "Study").objects.create(
        id=uuid.uuid4(), project_id=subject.project_id, subject_id=subject.pk, number=1, uid=uuid.uuid4().hex
    )
    round_ = apps.get_model("reads", "Round").objects.create(
        id=uuid.uuid4(), project_id=study.project_id, protocol_id=protocol.pk, case_list_id=cases.pk, name=policy,
        policy=policy, seed=1,
    )  # fmt: skip
    case = apps.get_model("reads", "Assignment").objects.create(
        id=uuid.uuid4(), round_id=round_.pk, study_id=study.pk, reader_id=reader.pk, order_no=1, state="signed",
        public_id=uuid.uuid4().hex[:16],
    )  # fmt: skip
    read = apps.get_model("reads", "Read").objects.create(
        id=uuid.uuid4(), assignment_id=case.pk, state="signed", signed_at=timezone.now(), payload_sha256="c" * 64
    )
    shown = apps.get_model("studies", "Disclosure").objects.create(
        id=uuid.uuid4(), user_id=reader.pk, study_id=study.pk, kind="all_signed", round_id=round_.pk
    )
    return case.pk, read.pk, shown.pk


def test_old_rows_keep_their_meaning_and_cannot_be_changed(before: Any) -> None:
    blinded, imported = stored(before, "blinded"), stored(before, "open")

    migrate(newest())

    cases = [Assignment.objects.select_related("round").get(pk=row[0]) for row in (blinded, imported)]
    assert [(case.arm, case.stage_no, case.frames) for case in cases] == [("blind", 1, None), ("unknown", 1, None)]
    assert [(case.round.frames, case.round.repeats, case.round.pass_mark) for case in cases] == [
        ("reader", 0, None)
    ] * 2
    for rows, change in (
        (Read.objects.filter(pk=blinded[1]), {"note": "x"}),
        (Disclosure.objects.filter(pk=blinded[2]), {"kind": "model"}),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            rows._raw_delete(rows.db)
