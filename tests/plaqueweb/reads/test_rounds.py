"""Rounds: who reads what in which order, and what a round may not do."""

from __future__ import annotations

from typing import Any

import pytest

from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from plaqueweb.reads import services
from plaqueweb.reads.models import Assignment, Read, Round
from plaqueweb.reads.rounds import repeat_cases
from plaqueweb.studies.models import CaseList, Project, Protocol, Study
from plaqueweb.studies.services import create_case_list
from tests.factories import ClipFactory, StudyFactory, SubjectFactory, member
from tests.plaqueweb.reads.helpers import COMPLETE, box_mask, frame, lesion

pytestmark = pytest.mark.django_db


def studies_of(project: Project, count: int) -> list[Study]:
    return [StudyFactory(subject=SubjectFactory(project=project)) for _ in range(count)]


@pytest.fixture
def case_list(project: Project) -> CaseList:
    return create_case_list(project=project, name="L", purpose="test", studies=studies_of(project, 12), by=None)


def make(case_list: CaseList, **changes: Any) -> Round:
    project = case_list.project
    given: dict[str, Any] = {
        "project": project, "protocol": Protocol.objects.get(project=project), "case_list": case_list, "name": "R",
        "readers": [member(project, "reader"), member(project, "reader")], "policy": "blinded", "reveal": "all_signed",
        "seed": 7, "by": None,
    }  # fmt: skip
    return services.create_round(**(given | changes))


def order_of(round_: Round, reader: Any) -> list[Any]:
    return list(
        Assignment.objects.filter(round=round_, reader=reader).order_by("order_no").values_list("study_id", flat=True)
    )


def test_every_reader_gets_every_case_in_an_own_order(case_list: CaseList) -> None:
    first, second = member(case_list.project, "reader"), member(case_list.project, "reader")

    round_ = make(case_list, readers=[first, second])

    assert set(order_of(round_, first)) == set(order_of(round_, second))
    assert len(order_of(round_, first)) == 12
    assert order_of(round_, first) != order_of(round_, second)


def test_the_same_seed_gives_the_same_order(case_list: CaseList) -> None:
    reader = member(case_list.project, "reader")

    once, again = make(case_list, readers=[reader]), make(case_list, readers=[reader], name="again")
    other = make(case_list, readers=[reader], name="other", seed=8)

    assert order_of(once, reader) == order_of(again, reader)
    assert order_of(once, reader) != order_of(other, reader)


def test_opaque_ids_are_not_ordered(case_list: CaseList) -> None:
    make(case_list)

    ids = list(Assignment.objects.order_by("order_no").values_list("public_id", flat=True))
    assert len(set(ids)) == 24
    assert ids != sorted(ids)


def test_opening_a_round_freezes_its_case_list(case_list: CaseList) -> None:
    make(case_list)

    case_list.refresh_from_db()
    assert case_list.frozen_at is not None
    assert len(case_list.hash) == 64


@pytest.mark.parametrize(
    "changes, error, rule",
    [
        ({"name": " "}, Invalid, "round-name"),
        ({"reveal": "after_each"}, Invalid, "round-reveal-reason"),
        ({"reveal": "sometimes"}, Invalid, "round-policy"),
        ({"policy": "open-label"}, Invalid, "round-policy"),
        ({"seed": -1}, Invalid, "round-seed"),
        ({"seed": 2**63}, Invalid, "round-seed"),
        ({"freeze": False}, Invalid, "round-open-list"),
    ],
)
def test_a_round_against_a_rule_is_refused(
    case_list: CaseList, changes: dict[str, Any], error: type[Exception], rule: str
) -> None:
    with pytest.raises(error) as caught:
        make(case_list, **changes)

    assert caught.value.rule == rule  # type: ignore[attr-defined]
    assert not Round.objects.exists()


def test_revealing_after_each_is_for_demos_or_with_a_reason(case_list: CaseList) -> None:
    make(case_list, name="with a reason", reveal="after_each", reveal_reason="training of new readers")
    Project.objects.update(is_demo=True)
    case_list.project.refresh_from_db()
    make(case_list, name="demo", reveal="after_each")

    assert Round.objects.count() == 2


def test_a_name_is_taken_once(case_list: CaseList) -> None:
    make(case_list)

    with pytest.raises(Conflict):
        make(case_list)


def test_who_may_not_read_is_no_reader(case_list: CaseList) -> None:
    with pytest.raises(NotAllowed):
        make(case_list, readers=[member(case_list.project, "engineer")])


def test_who_may_not_manage_opens_no_round(case_list: CaseList) -> None:
    with pytest.raises(NotAllowed):
        make(case_list, by=member(case_list.project, "reader"))


def test_a_late_reader_gets_all_cases_and_the_others_keep_theirs(case_list: CaseList) -> None:
    round_ = make(case_list)
    before = set(Assignment.objects.values_list("pk", flat=True))

    added = services.add_reader(round_=round_, reader=member(case_list.project, "reader"), by=None)

    assert len(added) == 12
    assert before < set(Assignment.objects.values_list("pk", flat=True))
    assert services.add_reader(round_=round_, reader=added[0].reader, by=None) == []


def test_a_demo_round_grows_while_studies_arrive(project: Project) -> None:
    project.is_demo = True
    project.save()
    first, late = studies_of(project, 2), studies_of(project, 3)
    case_list = create_case_list(project=project, name="L", purpose="test", studies=first, by=None)
    reader = member(project, "reader")
    round_ = make(case_list, readers=[reader], freeze=False, reveal="after_each")

    services.add_cases(round_=round_, studies=late, by=None)
    services.add_cases(round_=round_, studies=late, by=None)

    numbers = Assignment.objects.filter(reader=reader).order_by("order_no").values_list("order_no", flat=True)
    assert list(numbers) == [1, 2, 3, 4, 5]


def test_a_demo_round_repeats_cases_behind_the_last_once_and_for_those_who_had_them(project: Project) -> None:
    project.is_demo = True
    project.save()
    studies, stranger = studies_of(project, 6), studies_of(project, 1)
    case_list = create_case_list(project=project, name="L", purpose="test", studies=studies, by=None)
    one, two = member(project, "reader"), member(project, "reader")
    round_ = make(case_list, readers=[one, two], freeze=False)
    gone = Assignment.objects.get(round=round_, reader=two, study=studies[0])
    services.withdraw(assignment=gone, by=None)

    made = repeat_cases(round_=round_, studies=[*studies[:4], *stranger], by=None)
    again = repeat_cases(round_=round_, studies=studies[:4], by=None)

    assert again == []
    assert {row.study for row in made if row.reader == one} == set(studies[:4])
    assert {row.study for row in made if row.reader == two} == set(studies[1:4])
    assert [row.order_no for row in made if row.reader == one] == [7, 8, 9, 10]
    assert {(row.repeat_no, row.arm) for row in made} == {(1, "blind")}
    told = AuditEvent.objects.filter(verb="round.assigned").order_by("-id")[:2]
    assert {row.diff["repeats"] for row in told} == {3, 4}


def test_a_round_of_people_gets_no_late_repeat(case_list: CaseList) -> None:
    round_, studies = make(case_list), list(Study.objects.all())[:2]
    with pytest.raises(Invalid) as error:
        repeat_cases(round_=round_, studies=studies, by=None)
    Project.objects.update(is_demo=True)
    each = make(case_list, name="each", reveal="after_each", reveal_reason="training")
    with pytest.raises(Invalid) as shown:
        repeat_cases(round_=Round.objects.get(pk=each.pk), studies=studies, by=None)

    assert (error.value.rule, shown.value.rule) == ("round-late-repeat", "round-repeats-reveal")
    assert not Assignment.objects.filter(repeat_no__gt=0).exists()


def test_a_frozen_list_does_not_grow(case_list: CaseList) -> None:
    round_ = make(case_list)

    with pytest.raises(InvalidTransition):
        services.add_cases(round_=round_, studies=studies_of(case_list.project, 1), by=None)


def test_a_closed_round_takes_no_reader_and_closes_once(case_list: CaseList) -> None:
    round_ = make(case_list)
    services.close_round(round_=round_, by=None)

    with pytest.raises(InvalidTransition):
        services.add_reader(round_=round_, reader=member(case_list.project, "reader"), by=None)
    with pytest.raises(InvalidTransition):
        services.close_round(round_=round_, by=None)


def test_a_withdrawn_case_is_gone_from_its_reader(case_list: CaseList) -> None:
    round_ = make(case_list)
    row = Assignment.objects.filter(round=round_).select_related("round__project", "reader").first()
    assert row is not None

    services.withdraw(assignment=row, by=None)

    assert row.pk not in Assignment.objects.visible_to(row.reader).values_list("pk", flat=True)


def test_a_reassigned_case_goes_behind_the_other_readers_last(case_list: CaseList) -> None:
    round_ = make(case_list, readers=[member(case_list.project, "reader")])
    row = Assignment.objects.select_related("round__project", "reader", "study").first()
    assert row is not None
    other = member(case_list.project, "reader")

    new = services.reassign(assignment=row, to=other, by=None)

    assert (new.reader, new.study_id, new.order_no, new.round_id) == (other, row.study_id, 1, round_.pk)
    row.refresh_from_db()
    assert row.state == "reassigned"


# --- simulated readers ---


def test_a_simulated_reader_takes_the_same_way_as_a_person(project: Project) -> None:
    study = StudyFactory(subject=SubjectFactory(project=project))
    clip = ClipFactory(study=study)
    simulated = member(project, "reader", is_simulated=True)
    case_list = create_case_list(project=project, name="L", purpose="test", studies=[study], by=None)
    make(case_list, readers=[simulated])
    row = Assignment.objects.select_related("round__project", "reader", "study").get()

    read = services.record_simulated_read(
        assignment=row, answers={**COMPLETE, "reader_class": 1}, lesions=[lesion()],
        frames=[frame(clip, masks={"1": box_mask(10, 22, 4, 60)}, extent="all_marked")], active_seconds=90,
    )  # fmt: skip

    stored = Read.objects.get()
    assert (stored.pk, stored.state, stored.thickness_source) == (read.pk, "signed", "mask")
    assert stored.annotations.get().mask.source == "simulated"
    row.refresh_from_db()
    assert (row.state, row.active_seconds) == ("signed", 90)
    assert services.verify_read(stored)


def test_a_person_is_not_simulated(case_list: CaseList) -> None:
    make(case_list)
    row = Assignment.objects.select_related("round__project", "reader", "study").first()
    assert row is not None

    with pytest.raises(NotAllowed):
        services.record_simulated_read(assignment=row, answers=COMPLETE)


def test_an_incomplete_simulated_read_stores_nothing(project: Project) -> None:
    study = StudyFactory(subject=SubjectFactory(project=project))
    case_list = create_case_list(project=project, name="L", purpose="test", studies=[study], by=None)
    make(case_list, readers=[member(project, "reader", is_simulated=True)])
    row = Assignment.objects.select_related("round__project", "reader", "study").get()

    with pytest.raises(Invalid):
        services.record_simulated_read(assignment=row, answers={"reader_class": 1})

    assert not Read.objects.exists()
