"""Error review: who may look, what is kept, and that no reference ever comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Invalid, NotAllowed, NotFound
from plaqueweb.core.models import WorkState
from plaqueweb.predictions.models import Prediction
from plaqueweb.review import adjudication, queue, services
from plaqueweb.review.errors import overlaps
from plaqueweb.review.errors.queue import ErrorRow, Filters, error_queue
from plaqueweb.review.errors.services import record
from plaqueweb.review.models import (
    Adjudication,
    BlindAnswer,
    Case,
    Consensus,
    ConsensusKind,
    ErrorReview,
    MaskOverlap,
    QueueEntry,
)
from plaqueweb.review.tasks import compare_masks
from tests.factories import ClipFactory, PipelineFactory, RoundFactory, member
from tests.plaqueweb.review.test_adjudication import answered, begun, decide
from tests.plaqueweb.review.world import ALL, NONE, World, box

Browser = Callable[[User], Client]
Api = Callable[[User | None], APIClient]


@pytest.fixture
def wrong(world: World) -> World:
    """Two readers agree on complex, the model says not complex and misses two thirds of the plaque; no lot is drawn."""
    queue.set_share(round_=world.round, share=0.0, by=world.coordinator)
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, box(10, 10, 10, 10))})
    world.read(world.reader_b, 1, 6.2, marks={2: (ALL, box(10, 10, 10, 10)), 3: (NONE, None)})
    world.predict(0, 2.0, masks={2: box(10, 10, 10, 3)})
    services.refresh_open_cases()
    return world


def rows(world: World, user: User | None = None, **filters: str) -> list[ErrorRow]:
    return error_queue(user or world.coordinator, world.project, Filters(**filters)).rows


def give(world: World, by: User | None = None, **change: Any) -> ErrorReview:
    values: dict[str, Any] = {
        "project": world.project, "case": world.case.pk, "pipeline": "", "reasons": ["missed"], "note": "",
        "by": by or world.coordinator,
    }  # fmt: skip
    return record(**(values | change))


def references() -> list[tuple[Any, ...]]:
    """Every byte of every reference and of what decides about one."""
    found: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for model in (Consensus, Adjudication, BlindAnswer, QueueEntry, Case):
            cursor.execute(f"SELECT * FROM {model._meta.db_table} ORDER BY id")  # noqa: S608 - our own table names
            found += [(model.__name__, *row) for row in cursor.fetchall()]
    return found


# --- what is in the queue


def test_a_model_that_parts_from_the_readers_brings_the_case(wrong: World) -> None:
    (row,) = rows(wrong)

    assert row.found.triggers == ("class", "thickness")
    assert (row.found.readers_class, row.found.against, row.found.gap_mm) == (1, "reference", pytest.approx(-4.1))
    assert (row.pending, row.state) == (2, "waiting")


def test_dice_comes_from_the_light_worker_once(wrong: World) -> None:
    rows(wrong)
    assert compare_masks() == 2
    (row,) = rows(wrong)

    assert row.found.triggers == ("class", "thickness", "dice")
    assert row.found.dice == pytest.approx(2 * 30 / 130)
    assert row.pending == 0
    assert compare_masks() == 0
    assert MaskOverlap.objects.filter(work_state=WorkState.DONE).count() == 2


def test_masks_that_cannot_be_opened_are_a_failure_with_its_reason_and_wait_for_nobody(wrong: World) -> None:
    key = Prediction.objects.get().clips.get().masks.key
    Path(default_storage.path(key)).write_bytes(b"no gzip")
    rows(wrong)

    assert compare_masks() == 0
    (row,) = rows(wrong)

    failed = MaskOverlap.objects.filter(work_state__in=[WorkState.FAILED, WorkState.DEAD])
    assert failed.count() == 2
    assert failed[0].error_code == "BadGzipFile"
    assert (row.pending, row.found.dice) == (0, None)


def test_a_read_of_another_content_says_nothing_about_this_prediction(wrong: World) -> None:
    wrong.predict(1, 6.0, content_no=2)

    assert rows(wrong, state="all") == []


def test_a_prediction_of_a_pipeline_in_shadow_is_in_nobodys_queue(wrong: World) -> None:
    type(wrong.pipeline).objects.filter(pk=wrong.pipeline.pk).update(state="shadow")

    assert rows(wrong) == []


def test_another_pipeline_has_a_queue_of_its_own(wrong: World) -> None:
    other = PipelineFactory(project=wrong.project, name="Other", state="evaluated")
    first, wrong.pipeline = wrong.pipeline, other
    wrong.predict(1, 6.1)

    assert rows(wrong, pipeline=str(other.pk)) == []
    assert len(rows(wrong, pipeline=str(first.pk))) == 1
    with pytest.raises(NotFound):
        rows(wrong, pipeline=str(wrong.case.pk))


def test_filters_keep_trigger_and_state(wrong: World) -> None:
    assert len(rows(wrong, trigger="class")) == 1
    assert rows(wrong, trigger="no_result") == []
    assert rows(wrong, state="reviewed") == []

    give(wrong)

    assert rows(wrong) == []
    assert len(rows(wrong, state="reviewed")) == 1


# --- who may


def test_who_reads_the_case_blind_finds_nothing_whatever_the_role(wrong: World) -> None:
    wrong.assign(wrong.coordinator, state="opened")

    assert rows(wrong, state="all") == []
    with pytest.raises(NotFound):
        give(wrong)


def test_who_still_reads_another_case_of_the_round_is_shown_none_of_it(wrong: World) -> None:
    wrong.assign(wrong.coordinator, study=wrong.add_study(), state="assigned")
    given = give(wrong, by=member(wrong.project, "engineer"))

    assert rows(wrong, state="all") == []
    assert not ErrorReview.objects.visible_to(wrong.coordinator).filter(pk=given.pk).exists()


def test_an_adjudicator_meets_no_case_whose_reference_may_still_be_asked(waiting: World) -> None:
    engineer = member(waiting.project, "engineer")
    assert len(rows(waiting, engineer)) == 1
    assert rows(waiting, waiting.adjudicator) == []

    decide(answered(waiting), reason_code="missed")

    assert len(rows(waiting, waiting.adjudicator)) == 1


def test_an_adjudicator_with_more_roles_is_kept_from_it_too(waiting: World) -> None:
    both = member(waiting.project, "coordinator", "adjudicator")

    assert rows(waiting, both) == []


@pytest.mark.parametrize("role", ["reader", "auditor", "data_steward", "administrator"])
def test_other_roles_do_not_review(wrong: World, role: str) -> None:
    user = member(wrong.project, role)
    wrong.disclose(user)

    with pytest.raises(NotFound):
        rows(wrong, user)
    with pytest.raises(NotAllowed):
        give(wrong, by=user)


# --- what is kept


def test_a_review_keeps_who_when_what_and_why(wrong: World) -> None:
    made = give(wrong, reasons=["wall", "missed"], note=" thin rim ")

    assert made.reasons == ["wall", "missed"]
    assert (made.note, made.by, made.pipeline) == ("thin rim", wrong.coordinator, wrong.pipeline)
    assert made.prediction_id == Prediction.objects.get().pk
    assert len(made.reads) == 2
    assert made.triggers == ["class", "thickness"]
    event = AuditEvent.objects.get(verb="error.reviewed")
    assert event.diff["reasons"] == ["wall", "missed"]
    assert "thin rim" not in str(event.diff)


def test_rows_are_only_added_and_the_last_one_counts(wrong: World) -> None:
    first = give(wrong)
    give(wrong, reasons=["no_fault"])
    (row,) = rows(wrong, state="reviewed")

    assert row.review is not None
    assert row.review.reasons == ["no_fault"]
    assert ErrorReview.objects.count() == 2
    for change in (lambda: ErrorReview.objects.filter(pk=first.pk).update(note="x"), lambda: first.delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_a_new_read_asks_again(wrong: World) -> None:
    give(wrong)
    wrong.read(member(wrong.project, "reader"), 1, 5.9)
    (row,) = rows(wrong)

    assert row.changed


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"reasons": []}, "reason-code"),
        ({"reasons": ["bad"]}, "reason-code"),
        ({"reasons": ["missed", "missed"]}, "reason-code"),
        ({"note": "n" * 501}, "note-length"),
    ],
)
def test_rubbish_names_its_rule(wrong: World, change: dict[str, Any], rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        give(wrong, **change)

    assert refused.value.rule == rule
    assert not ErrorReview.objects.exists()


def test_a_case_on_which_they_agree_is_not_reviewed(world: World) -> None:
    world.read(world.reader_a, 1, 6.0)
    world.predict(1, 6.0)
    services.refresh_open_cases()

    with pytest.raises(NotFound):
        give(world)


# --- discrepant analysis: a model-triggered review never changes a reference


def test_the_whole_walk_leaves_every_reference_byte_for_byte(wrong: World, browser_of: Browser, api: Api) -> None:
    """Agreed, adjudicated and known references; looked at, reviewed twice, exported, read by API."""
    first, kept, second = wrong.study, wrong.clip, wrong.add_study()
    wrong.study, wrong.clip = second, ClipFactory(study=second, number=1)
    wrong.read(wrong.reader_a, 1, 5.0)
    wrong.read(wrong.reader_b, 0, 2.0)
    wrong.predict(0, 2.2)
    services.refresh_open_cases()
    decide(answered(wrong), reason_code="missed")
    services.record_known_truth(study=second, reader_class=1, thickness_mm=5.0, reasons={})
    wrong.study, wrong.clip = first, kept
    before = references()
    assert {row[0] for row in before} == {"Consensus", "Adjudication", "BlindAnswer", "QueueEntry", "Case"}

    engineer = member(wrong.project, "engineer")
    client, base = browser_of(engineer), f"/p/{wrong.project.slug}/errors/"
    compare_masks()
    assert client.get(base).content.decode().count("data-row=") == 2
    for case in Case.objects.all():
        assert client.get(f"{base}{case.pk}/").status_code == 200
        for reasons in (["missed"], ["reader", "no_fault"]):
            body = {"project": wrong.project.slug, "case": str(case.pk), "pipeline": str(wrong.pipeline.pk)}
            made = api(engineer).post("/api/v1/error-reviews/", body | {"reasons": reasons}, format="json")
            assert made.status_code == 201
    assert client.get(f"{base}reasons.csv").status_code == 200
    assert client.get(base, {"state": "reviewed"}).status_code == 200
    services.refresh_open_cases()

    assert ErrorReview.objects.count() == 4
    assert references() == before


@pytest.mark.parametrize("field", ["reader_class", "thickness_mm", "consensus", "kind", "model_visible", "take"])
def test_the_api_of_error_review_takes_no_answer(wrong: World, api: Api, field: str) -> None:
    before = references()
    body = {
        "project": wrong.project.slug, "case": str(wrong.case.pk), "pipeline": str(wrong.pipeline.pk),
        "reasons": ["missed"], field: 1,
    }  # fmt: skip

    refused = api(wrong.coordinator).post("/api/v1/error-reviews/", body, format="json")

    assert refused.status_code == 422
    assert refused.json()["rule"] == "unknown-field"
    assert references() == before


@pytest.mark.parametrize("kind", [ConsensusKind.ADJUDICATED, ConsensusKind.AGREED])
def test_the_database_refuses_a_reference_that_comes_from_an_error_review(wrong: World, kind: str) -> None:
    """Whoever writes it, by whatever path: without a blind answer of this very case there is no adjudicated row."""
    review = give(wrong)
    before = references()

    with pytest.raises(DatabaseError, match="answered blind"), transaction.atomic():
        services.add_consensus(
            study=wrong.study, kind=kind, by=wrong.coordinator, case=wrong.case, reader_class=0, thickness_mm=2.0,
            source_reads=review.reads, basis={"error_review": str(review.pk)},
        )  # fmt: skip

    assert references() == before


def test_the_database_refuses_a_reference_on_an_adjudication_without_a_blind_answer_or_of_another_case(
    waiting: World,
) -> None:
    row = begun(waiting)
    values = {"kind": ConsensusKind.ADJUDICATED, "by": waiting.adjudicator, "reader_class": 1, "thickness_mm": None}
    with pytest.raises(DatabaseError, match="answered blind"), transaction.atomic():
        services.add_consensus(study=waiting.study, case=waiting.case, adjudication=row, **values)
    adjudication.answer_blind(adjudication=row, finding=adjudication.Finding(1, {}), by=waiting.adjudicator)
    other = Case.objects.create(round=RoundFactory(project=waiting.project), study=waiting.study, number=1)

    with pytest.raises(DatabaseError, match="answered blind"), transaction.atomic():
        services.add_consensus(study=waiting.study, case=other, adjudication=row, **values)

    assert not Consensus.objects.exists()


def test_a_reference_is_not_taken_back(wrong: World) -> None:
    with pytest.raises(DatabaseError, match="never taken back"), transaction.atomic():
        Consensus.objects.get().delete()


def test_an_error_review_cannot_bring_a_case_into_the_reference_queue(wrong: World) -> None:
    give(wrong)

    assert not QueueEntry.objects.exists()
    with pytest.raises(DatabaseError), transaction.atomic():
        QueueEntry.objects.create(case=wrong.case, trigger="errors")


def test_pairs_are_asked_for_once(wrong: World) -> None:
    rows(wrong)
    known = set(MaskOverlap.objects.values_list("read_id", "prediction_id"))

    assert overlaps.want(wrong.project.pk, known) == 2
    assert MaskOverlap.objects.count() == 2
