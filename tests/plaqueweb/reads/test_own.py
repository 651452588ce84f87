"""Own questions from the draft to the signature, the exports and the comparison."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import Invalid
from plaqueweb.reads import services
from plaqueweb.reads.bundle import load_bundle, own_read
from plaqueweb.reads.models import Assignment, Read
from plaqueweb.reads.signing import payload_of, verify_read
from plaqueweb.review.comparison import compare
from plaqueweb.review.numbers import numbers
from plaqueweb.review.selectors import visible_case
from plaqueweb.review.services import case_for
from plaqueweb.studies.models import Project, Protocol
from plaqueweb.studies.services import create_protocol
from tests.factories import AssignmentFactory, ClipFactory, RoundFactory, member
from tests.plaqueweb.reads.helpers import COMPLETE, complete, opened, save, sign
from tests.plaqueweb.studies.test_questions import DEPTH, ECHO, WHY

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(project: Project) -> Assignment:
    protocol = create_protocol(project=project, by=None, questions=[ECHO, DEPTH, WHY])
    row: Assignment = AssignmentFactory(round=RoundFactory(project=project, protocol=protocol, reveal="after_each"))
    ClipFactory(study=row.study)
    return row


def own(read: Read, **answers: Any) -> dict[str, Any] | None:
    bundle = save(read, answers={"own": answers})
    return bundle.read.own


def test_answers_are_merged_checked_and_taken_back(asked: Assignment) -> None:
    read = opened(asked)

    assert own(read, echo="low") == {"echo": "low"}
    assert own(read, depth=4, why="dark") == {"echo": "low", "depth": 4.0, "why": "dark"}
    assert own(read, depth=None, why="") == {"echo": "low"}
    for answers, rule in (
        ({"colour": "red"}, "own-unknown"),
        ({"echo": "medium"}, "own-choice"),
        ({"depth": 99}, "own-range"),
    ):
        with pytest.raises(Invalid) as refused:
            own(read, **answers)
        assert refused.value.rule == rule
    assert Read.objects.get(pk=read.pk).own == {"echo": "low"}


def test_required_ones_are_missing_only_where_they_are_asked(
    asked: Assignment, api: Callable[[User], APIClient]
) -> None:
    read = opened(asked)
    client = api(asked.reader)

    def missing() -> list[str]:
        return [row["field"] for row in client.get(f"/api/v1/reads/{read.pk}/").json()["missing"]]

    save(read, answers=COMPLETE)
    assert missing() == ["own.echo"]
    own(read, echo="low")
    assert missing() == ["own.why"]
    with pytest.raises(Invalid) as refused:
        complete(read)
    assert refused.value.rule == "read-incomplete"
    own(read, echo="high")
    assert missing() == []
    assert complete(read).own == {"echo": "high"}


def test_what_a_later_answer_hid_is_not_part_of_the_answer(asked: Assignment) -> None:
    read = opened(asked)
    save(read, answers={**COMPLETE, "own": {"echo": "low", "why": "dark", "depth": 3}})
    own(read, echo="high")
    assert Read.objects.get(pk=read.pk).own == {"echo": "high", "why": "dark", "depth": 3.0}  # back with "low"

    assert complete(read).own == {"echo": "high", "depth": 3.0}


def test_the_signature_covers_questions_and_answers(asked: Assignment) -> None:
    read = opened(asked)
    save(read, answers={**COMPLETE, "own": {"echo": "low", "why": "dark"}})
    complete(read)
    signed = sign(read)[0]

    bundle = load_bundle(own_read(user=asked.reader, pk=signed.pk), masks=False)
    payload = payload_of(bundle, signed_at=signed.signed_at, signed_name="", meaning="")
    assert payload["own"] == {"questions": [ECHO, DEPTH, WHY], "answers": {"echo": "low", "why": "dark"}}
    assert verify_read(signed)
    bundle.read.own = {"echo": "high"}
    other = payload_of(bundle, signed_at=signed.signed_at, signed_name="", meaning="")
    assert other["own"] != payload["own"]
    with pytest.raises(DatabaseError), transaction.atomic():
        Read.objects.filter(pk=signed.pk).update(own={"echo": "high"})
    protocol = Protocol.objects.get(pk=asked.round.protocol_id)
    assert protocol.frozen_at is not None
    with pytest.raises(DatabaseError), transaction.atomic():
        Protocol.objects.filter(pk=protocol.pk).update(questions=None)


def test_a_protocol_without_own_questions_signs_as_before(project: Project) -> None:
    row = AssignmentFactory(round=RoundFactory(project=project))
    read = opened(row)

    assert "own" not in payload_of(load_bundle(read, masks=False), signed_at=row.created_at, signed_name="", meaning="")
    with pytest.raises(Invalid) as refused:
        own(read, echo="low")
    assert refused.value.rule == "own-unknown"


def test_the_page_and_the_api_say_what_is_asked(asked: Assignment, api: Callable[[User], APIClient]) -> None:
    case = api(asked.reader).post(f"/api/v1/assignments/{asked.public_id}/open/").json()

    assert case["protocol"]["questions"] == [ECHO, DEPTH | {"range": "0 to 20 cm"}, WHY]
    assert case["read"]["answers"]["own"] == {}


def test_signed_answers_are_exported_and_compared(
    asked: Assignment, browser_of: Callable[[User], Client], project: Project
) -> None:
    read = opened(asked)
    save(read, answers={**COMPLETE, "own": {"echo": "low", "why": "=1+1", "depth": 2.5}})
    complete(read)
    sign(read)
    coordinator = member(project, "coordinator")
    address = f"/p/{project.slug}/rounds/{asked.round_id}/"

    answer = browser_of(coordinator).get(f"{address}reads.csv")
    [row] = csv.DictReader(io.StringIO(answer.content.decode()))
    assert (row["class"], row["own.echo"], row["own.depth"], row["own.why"]) == ("0", "low", "2.5", "'=1+1")
    assert row["protocol"] == f"v{asked.round.protocol.version}"
    assert f'href="{address}reads.csv"' in browser_of(coordinator).get(address).content.decode()
    assert browser_of(asked.reader).get(f"{address}reads.csv").status_code == 404

    case = case_for(round=asked.round, study=asked.study)
    rows = numbers(compare(user=coordinator, case=visible_case(coordinator, case.pk)))
    told = [(one.key, one.label, one.left, one.right) for one in rows if one.key.startswith("own.")]
    assert told == [
        ("own.echo", "Echogenicity", "Low", "–"), ("own.depth", "Depth", "2.5 cm", "–"),
        ("own.why", "Why", "=1+1", "–"),
    ]  # fmt: skip


def test_the_csv_leaves_out_what_its_reader_still_reads_blind(
    asked: Assignment, browser_of: Callable[[User], Client], project: Project
) -> None:
    read = opened(asked)
    save(read, answers={**COMPLETE, "own": {"echo": "high"}})
    complete(read)
    sign(read)
    both = member(project, "coordinator", "reader")
    AssignmentFactory(round=asked.round, study=asked.study, reader=both, state="opened")

    table = browser_of(both).get(f"/p/{project.slug}/rounds/{asked.round_id}/reads.csv").content.decode()
    assert len(table.splitlines()) == 1


def test_the_second_stage_asks_none(asked: Assignment) -> None:
    Assignment.objects.filter(pk=asked.pk).update(stage_no=2)
    read = opened(Assignment.objects.get(pk=asked.pk))

    with pytest.raises(Invalid) as refused:
        own(read, echo="low")
    assert refused.value.rule == "stage-marks-only"


def test_the_answer_with_the_model_begins_with_ones_own(asked: Assignment) -> None:
    asked.round.policy = "ai_assisted"
    asked.round.save(update_fields=["policy"])
    read = opened(asked)
    save(read, answers={**COMPLETE, "own": {"echo": "high"}})
    complete(read)
    sign(read)
    second = Assignment.objects.get(study=asked.study, stage_no=2)

    assert services.open_assignment(assignment=second, by=second.reader).own == {"echo": "high"}
