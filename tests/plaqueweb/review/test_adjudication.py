"""The reference queue: who enters, blind first, no model, and what a decision leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Conflict, DomainError, Invalid, InvalidTransition, NotAllowed, NotFound
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.predictions.models import Prediction, Showing
from plaqueweb.predictions.showing import model_was_shown, record_shown
from plaqueweb.reads.models import Read
from plaqueweb.review import adjudication, queue, queue_selectors, services
from plaqueweb.review.adjudication import Finding
from plaqueweb.review.models import (
    Adjudication,
    AdjudicationPlan,
    BlindAnswer,
    Case,
    CaseState,
    Consensus,
    ConsensusKind,
    QueueEntry,
    Trigger,
)
from tests.factories import InferenceJobFactory, member
from tests.plaqueweb.review.world import World, box

Browser = Callable[[User], Client]
Api = Callable[[User | None], APIClient]
COMPLEX = Finding(1, {"ulceration": "yes", "mobile": "no"})


def caliper(world: World, **change: Any) -> dict[str, Any]:
    return {"clip": str(world.clip.pk), "frame": 2, "region": 1, "points": [[10, 10], [10, 18]]} | change


def begun(world: World) -> Adjudication:
    return adjudication.begin(case=world.case, by=world.adjudicator)


def answered(world: World, finding: Finding = COMPLEX) -> Adjudication:
    row = begun(world)
    adjudication.answer_blind(adjudication=row, finding=finding, by=world.adjudicator)
    return row


def decide(row: Adjudication, take: str = "1", **change: Any) -> Consensus:
    values = {"adjudication": row, "take": take, "reason_code": "missed", "by": row.adjudicator} | change
    return adjudication.decide(**values)


# --- who enters


def test_readers_who_differ_bring_a_case_into_the_queue(waiting: World) -> None:
    entry = QueueEntry.objects.get()

    assert (entry.case, entry.trigger, entry.rules) == (waiting.case, Trigger.RULES, ["class", "thickness", "dice"])
    assert AuditEvent.objects.filter(verb="case.queued", object_id=str(waiting.case.pk)).exists()


@pytest.mark.parametrize(("share", "enters"), [(0.0, False), (1.0, True)])
def test_a_concordant_case_enters_by_lot_alone(world: World, share: float, enters: bool) -> None:
    queue.set_share(round_=world.round, share=share, by=world.coordinator)
    world.read(world.reader_a, 1, 5.0)
    world.read(world.reader_b, 1, 5.2)

    services.refresh_open_cases()

    assert QueueEntry.objects.filter(trigger=Trigger.SAMPLE).exists() is enters
    assert world.case.state == CaseState.AGREED


def test_a_tenth_is_drawn_unless_said_otherwise_from_a_stored_seed(world: World) -> None:
    plan = queue.plan_of(world.round)
    draws = [queue.draw_of(seed=plan.seed, study_id=world.add_study().pk) for _ in range(400)]

    assert (plan.share, plan.seed) == (0.10, world.round.seed)
    assert 20 <= sum(draw < plan.share for draw in draws) <= 65
    assert queue.draw_of(seed=1, study_id=world.study.pk) == queue.draw_of(seed=1, study_id=world.study.pk)
    assert queue.draw_of(seed=1, study_id=world.study.pk) != queue.draw_of(seed=2, study_id=world.study.pk)


def test_the_share_is_fixed_once_a_case_was_compared(waiting: World) -> None:
    with pytest.raises(InvalidTransition) as refused:
        queue.set_share(round_=waiting.round, share=0.5, by=waiting.coordinator)

    assert refused.value.rule == "adjudication-share-fixed"
    assert AdjudicationPlan.objects.filter(share=0.5).count() == 0


@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan")])
def test_a_share_is_a_part_of_one(world: World, share: float) -> None:
    with pytest.raises(Invalid):
        queue.set_share(round_=world.round, share=share, by=world.coordinator)


def test_a_reader_does_not_plan(world: World) -> None:
    with pytest.raises(NotAllowed):
        queue.set_share(round_=world.round, share=0.2, by=world.reader_a)


@pytest.mark.parametrize("predicted", [None, 0, 1])
def test_no_prediction_moves_a_case_into_or_out_of_the_queue(world: World, predicted: int | None) -> None:
    """Discrepant analysis: what a model said must not choose which references are looked at again."""
    queue.set_share(round_=world.round, share=0.0, by=world.coordinator)
    if predicted is not None:
        world.predict(predicted, 12.0, masks={2: box(20, 20, 10, 10)})
    world.read(world.reader_a, 1, 5.0)
    world.read(world.reader_b, 1, 5.2)

    services.refresh_open_cases()

    assert not QueueEntry.objects.exists()
    assert Consensus.objects.get().kind == ConsensusKind.AGREED


def test_how_a_case_entered_and_a_blind_answer_are_never_edited(waiting: World) -> None:
    answered(waiting)

    for rows, change in ((QueueEntry.objects, {"trigger": "sample"}), (BlindAnswer.objects, {"reader_class": 0})):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**change)


# --- who may


def test_who_has_read_a_study_does_not_adjudicate_it(waiting: World) -> None:
    from plaqueweb.accounts.services import set_roles

    set_roles(project=waiting.project, user=waiting.reader_a, roles=["reader", "adjudicator"], by=None)

    with pytest.raises(NotAllowed) as refused:
        adjudication.begin(case=waiting.case, by=waiting.reader_a)
    assert refused.value.rule == "adjudicator-is-reader"
    assert queue_selectors.queue_of(waiting.reader_a, waiting.project).rows == []


def test_a_coordinator_cannot_begin(waiting: World) -> None:
    with pytest.raises(NotAllowed):
        adjudication.begin(case=waiting.case, by=waiting.coordinator)


def test_who_still_reads_the_study_blind_finds_nothing(waiting: World) -> None:
    row = begun(waiting)
    waiting.assign(waiting.adjudicator, state="opened")

    with pytest.raises(NotFound):
        adjudication.answer_blind(adjudication=row, finding=COMPLEX, by=waiting.adjudicator)
    with pytest.raises(NotFound):
        queue_selectors.own_adjudication(waiting.adjudicator, row.pk)
    assert queue_selectors.queue_of(waiting.adjudicator, waiting.project).rows == []


def test_one_case_has_one_adjudicator_at_a_time(waiting: World) -> None:
    other = member(waiting.project, "adjudicator")
    row = begun(waiting)

    assert begun(waiting) == row
    with pytest.raises(Conflict):
        adjudication.begin(case=waiting.case, by=other)
    assert queue_selectors.queue_of(other, waiting.project).rows == []


def test_a_case_given_back_waits_for_somebody_else(waiting: World) -> None:
    other = member(waiting.project, "adjudicator")
    adjudication.give_back(adjudication=begun(waiting), by=waiting.adjudicator)

    assert adjudication.begin(case=waiting.case, by=other).adjudicator == other


def test_after_the_blind_answer_nothing_is_given_back(waiting: World) -> None:
    with pytest.raises(InvalidTransition):
        adjudication.give_back(adjudication=answered(waiting), by=waiting.adjudicator)


def test_another_adjudicators_case_is_not_mine(waiting: World) -> None:
    other = member(waiting.project, "adjudicator")
    row = begun(waiting)

    for act in (
        lambda: adjudication.answer_blind(adjudication=row, finding=COMPLEX, by=other),
        lambda: adjudication.give_back(adjudication=row, by=other),
        lambda: decide(row, by=other),
    ):
        with pytest.raises(NotAllowed):
            act()


def test_a_case_on_which_readers_agree_waits_for_nobody(world: World) -> None:
    queue.set_share(round_=world.round, share=0.0, by=world.coordinator)
    world.read(world.reader_a, 1, 5.0)
    world.read(world.reader_b, 1, 5.0)
    services.refresh_open_cases()

    with pytest.raises(NotFound):
        adjudication.begin(case=world.case, by=world.adjudicator)


# --- blind first


def test_before_the_blind_answer_the_document_holds_no_read(waiting: World) -> None:
    document = queue_selectors.adjudication_payload(begun(waiting), user=waiting.adjudicator)

    assert (document["reads"], document["pairs"], document["numbers"], document["own"]) == ([], [], [], None)


def test_a_decision_without_a_blind_answer_is_refused(waiting: World) -> None:
    with pytest.raises(InvalidTransition) as refused:
        decide(begun(waiting))

    assert refused.value.rule == "adjudication-blind-first"
    assert not Consensus.objects.exists()


def test_the_blind_answer_is_measured_by_the_server_and_stays(waiting: World) -> None:
    row = answered(waiting, Finding(1, {"mobile": "yes"}, caliper(waiting)))

    blind = BlindAnswer.objects.get(adjudication=row)
    assert (blind.thickness_px, blind.thickness_mm) == (pytest.approx(8.0), pytest.approx(4.0))
    with pytest.raises(InvalidTransition):
        adjudication.answer_blind(adjudication=row, finding=COMPLEX, by=waiting.adjudicator)


def test_the_reads_follow_without_a_name_in_an_order_that_is_stored(waiting: World) -> None:
    row = answered(waiting)

    document = queue_selectors.adjudication_payload(row, user=waiting.adjudicator)
    blind = BlindAnswer.objects.get()
    classes = {str(read.pk): read.reader_class for read in Read.objects.all()}

    assert [read["name"] for read in document["reads"]] == ["A", "B"]
    assert [read["reader_class"] for read in document["reads"]] == [classes[pk] for pk in blind.order]
    assert document["pairs"][0]["rules"] == ["class", "thickness", "dice"]
    text = str(document)
    for hidden in ("Reader A", "Reader B", *classes, "simulated", "signed_at", "drawn"):
        assert hidden not in text


def test_left_and_right_change_over_from_case_to_case(world: World) -> None:
    first, orders = world.study, set()
    for _ in range(12):
        world.study = world.add_study()
        world.read(world.reader_a, 1, 5.0, key_frame=None)
        world.read(world.reader_b, 0, 2.0, key_frame=None)
        services.refresh_open_cases()
        row = answered(world, Finding(1, {}))
        order = BlindAnswer.objects.get(adjudication=row).order
        orders.add(Read.objects.get(pk=order[0]).assignment.reader_id)
    world.study = first

    assert orders == {world.reader_a.pk, world.reader_b.pk}


@pytest.mark.parametrize(
    ("finding", "rule"),
    [
        (Finding(2, {}), "class"),
        (Finding(1, {"ulceration": "perhaps"}), "reasons"),
        (Finding(1, {"colour": "yes"}), "reasons"),
        (Finding(1, {}, {"frame": 2}), "caliper"),
        (Finding(1, {}, {"clip": "no id", "frame": 2, "points": [[1, 1], [2, 2]]}), "caliper"),
    ],
)
def test_an_answer_that_breaks_a_rule_changes_nothing(waiting: World, finding: Finding, rule: str) -> None:
    row = begun(waiting)

    with pytest.raises(Invalid) as refused:
        adjudication.answer_blind(adjudication=row, finding=finding, by=waiting.adjudicator)

    row.refresh_from_db()
    assert (refused.value.rule, row.state) == (rule, "begun")


@pytest.mark.parametrize("change", [{"frame": 99}, {"points": [[10, 10], [10, 900]]}])
def test_a_caliper_lies_on_a_frame_of_the_study(waiting: World, change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        answered(waiting, Finding(1, {}, caliper(waiting, **change)))

    assert refused.value.rule == "caliper-place"


# --- the decision


def test_taking_a_read_makes_its_answer_the_reference(waiting: World) -> None:
    row = answered(waiting)
    right = Read.objects.get(pk=BlindAnswer.objects.get().order[1])

    made = decide(row, "2")

    assert (made.kind, made.reader_class, made.thickness_mm) == (
        ConsensusKind.ADJUDICATED, right.reader_class, right.thickness_mm,
    )  # fmt: skip
    assert made.source_reads == sorted(str(read.pk) for read in Read.objects.all())
    assert (made.by, made.reason_code, made.basis["read"]) == (waiting.adjudicator, "missed", str(right.pk))
    assert Case.objects.get().state == CaseState.ADJUDICATED


def test_ones_own_answer_and_a_new_one_can_be_taken(waiting: World) -> None:
    row = answered(waiting)

    own = decide(row, "own")
    new = decide(row, "new", finding=Finding(9, {}))

    assert (own.revision, own.reader_class, own.reasons) == (1, 1, {"ulceration": "yes", "mobile": "no"})
    assert (new.revision, new.reader_class) == (2, 9)
    assert Consensus.objects.filter(kind=ConsensusKind.ADJUDICATED).count() == 2


@pytest.mark.parametrize(
    ("take", "change", "rule"),
    [
        ("3", {}, "adjudication-take"),
        ("0", {}, "adjudication-take"),
        ("left", {}, "adjudication-take"),
        ("new", {}, "adjudication-take"),
        ("1", {"reason_code": ""}, "reason-code"),
        ("1", {"reason_code": "because"}, "reason-code"),
    ],
)
def test_a_decision_that_breaks_a_rule_changes_nothing_either(
    waiting: World, take: str, change: dict[str, Any], rule: str
) -> None:
    row = answered(waiting)

    with pytest.raises(DomainError) as refused:
        decide(row, take, **change)

    assert refused.value.rule == rule
    assert not Consensus.objects.exists()
    assert Case.objects.get().state == CaseState.DISCORDANT


def test_a_case_drawn_by_lot_is_decided_like_any_other(world: World) -> None:
    queue.set_share(round_=world.round, share=1.0, by=world.coordinator)
    world.read(world.reader_a, 1, 5.0)
    world.read(world.reader_b, 1, 5.2)
    services.refresh_open_cases()

    made = decide(answered(world), "own", reason_code="no_fault")

    assert (made.kind, world.case.state) == (ConsensusKind.ADJUDICATED, CaseState.ADJUDICATED)


# --- the proof that no model was shown


def test_a_decision_made_in_the_queue_alone_saw_no_model(waiting: World) -> None:
    assert decide(answered(waiting)).model_visible is False


def test_who_was_sent_the_models_answer_before_decides_with_a_model_visible(waiting: World, api: Api) -> None:
    both = member(waiting.project, "coordinator", "adjudicator")
    assert len(api(both).get("/api/v1/predictions/").json()["results"]) == 1

    row = adjudication.begin(case=waiting.case, by=both)
    adjudication.answer_blind(adjudication=row, finding=COMPLEX, by=both)

    assert BlindAnswer.objects.get().model_shown is True
    assert decide(row).model_visible is True


def test_a_disclosure_after_a_reading_counts_as_shown(waiting: World) -> None:
    assert not model_was_shown(user=waiting.adjudicator, study_id=waiting.study.pk)
    waiting.disclose(waiting.adjudicator)

    assert model_was_shown(user=waiting.adjudicator, study_id=waiting.study.pk)


@pytest.mark.parametrize("roles", [("adjudicator",), ("coordinator", "adjudicator", "engineer", "auditor")])
def test_whoever_has_begun_a_case_finds_nothing_of_it_anywhere_else(waiting: World, roles: tuple[str, ...]) -> None:
    user = member(waiting.project, *roles)
    InferenceJobFactory(study=waiting.study, pipeline=waiting.pipeline)
    row = adjudication.begin(case=waiting.case, by=user)

    def seen() -> list[int]:
        models = (Prediction, Read, InferenceJob, Case, Consensus)
        return [model.objects.visible_to(user).count() for model in models]  # type: ignore[attr-defined]

    assert seen() == [0, 0, 0, 0, 0]
    adjudication.answer_blind(adjudication=row, finding=COMPLEX, by=user)
    assert seen() == [0, 0, 0, 0, 0]
    decide(row, by=user)
    assert seen() == [1, 2, 1, 1, 1]


def test_an_adjudicator_finds_nothing_of_a_case_that_still_waits(waiting: World) -> None:
    assert Prediction.objects.visible_to(waiting.coordinator).count() == 1
    assert Prediction.objects.visible_to(waiting.adjudicator).count() == 0
    assert Read.objects.visible_to(waiting.adjudicator).count() == 0


def test_every_door_that_sends_a_models_answer_says_so(waiting: World, browser_of: Browser, api: Api) -> None:
    prediction, base = Prediction.objects.get(), f"/p/{waiting.project.slug}"
    doors = [
        (f"/api/v1/predictions/{prediction.pk}/", "predictions"),
        (f"/api/v1/predictions/{prediction.pk}/clips/{waiting.clip.pk}/masks/", "predictions"),
        (f"/api/v1/cases/{waiting.case.pk}/compare/", "comparison"),
        (f"{base}/cases/{waiting.case.pk}/", "comparison"),
        (f"{base}/cases/{waiting.case.pk}/numbers.csv", "comparison"),
        (f"{base}/review/", "review"),
        (f"{base}/agreement/", "agreement"),
        (f"{base}/discordance/", "gallery"),
    ]
    for address, door in doors:
        user = member(waiting.project, "coordinator")
        assert browser_of(user).get(address).status_code == 200
        assert [row.door for row in Showing.objects.filter(user=user)] == [door], address


def test_a_showing_is_written_once_and_stays(waiting: World) -> None:
    studies = [waiting.study.pk]

    assert record_shown(user=waiting.coordinator, studies=studies, door="review") == 1
    assert record_shown(user=waiting.coordinator, studies=studies, door="comparison") == 0
    assert Showing.objects.get().door == "review"
    for act in (lambda: Showing.objects.update(door="x"), lambda: Showing.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


def test_a_stranger_to_the_study_is_shown_nothing_and_leaves_no_row(waiting: World, browser_of: Browser) -> None:
    browser_of(waiting.reader_b).get(f"/p/{waiting.project.slug}/review/")

    assert not Showing.objects.filter(user=waiting.reader_b).exists()
