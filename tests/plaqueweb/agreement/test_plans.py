"""The margin comes first and stays; nobody is judged on what was learnt; looks at a test list are counted."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from plaqueweb.agreement import plans
from plaqueweb.agreement.models import ComparisonPlan, ListLook
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Conflict, Invalid, NotAllowed
from plaqueweb.predictions.models import ModelVersion, Pipeline
from plaqueweb.studies.choices import ListPurpose
from plaqueweb.studies.models import CaseList, CaseListItem
from plaqueweb.studies.services import freeze_case_list
from tests.factories import PipelineFactory, ProjectFactory, SubjectFactory, member
from tests.plaqueweb.agreement.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def second(world: World) -> Pipeline:
    world.study()
    freeze_case_list(case_list=world.round.case_list, by=None)
    made: Pipeline = PipelineFactory(project=world.project, name="PlaqueNet 0.2", state="evaluated")
    return made


def plan(world: World, other: Pipeline, **fields: Any) -> ComparisonPlan:
    given = {"case_list": world.round.case_list, "first": world.pipeline, "second": other, "against": "consensus"}
    return plans.set_margin(**(given | {"margin": 0.05, "by": world.coordinator} | fields))


def test_a_margin_is_stored_audited_and_never_changed(world: World, second: Pipeline) -> None:
    row = plan(world, second)

    found = plans.plan_for(
        case_list=world.round.case_list, first=world.pipeline.pk, second=second.pk, against="consensus"
    )
    assert found == row
    event = AuditEvent.objects.get(verb="comparison.margin_set")
    assert (event.diff["margin"], event.diff["list"]) == (0.05, world.round.case_list.hash)
    with pytest.raises(Conflict):
        plan(world, second, margin=0.2)
    with pytest.raises(DatabaseError), transaction.atomic():
        ComparisonPlan.objects.filter(pk=row.pk).update(margin=0.2)
    with pytest.raises(DatabaseError), transaction.atomic():
        ComparisonPlan.objects.filter(pk=row.pk).delete()


def test_each_reference_and_direction_has_a_margin_of_its_own(world: World, second: Pipeline) -> None:
    plan(world, second)
    plan(world, second, against="known_truth", margin=0.1)
    plan(world, second, first=second, second=world.pipeline)
    assert ComparisonPlan.objects.count() == 3


@pytest.mark.parametrize("margin", [0.0, -0.1, 0.51, float("nan"), float("inf")])
def test_a_margin_outside_its_range_is_refused(world: World, second: Pipeline, margin: float) -> None:
    with pytest.raises(Invalid) as refused:
        plan(world, second, margin=margin)
    assert refused.value.rule == "comparison-margin"


def test_an_open_list_and_one_pipeline_alone_are_refused(world: World, second: Pipeline) -> None:
    loose = CaseList.objects.create(project=world.project, name="loose", purpose=ListPurpose.TEST)
    for fields, rule in (
        ({"case_list": loose}, "list-open"),
        ({"second": world.pipeline}, "comparison-two"),
        ({"second": PipelineFactory(project=ProjectFactory())}, "comparison-two"),
    ):
        with pytest.raises(Invalid) as refused:
            plan(world, second, **fields)
        assert refused.value.rule == rule


def test_who_may_not_plan_is_refused(world: World, second: Pipeline) -> None:
    for role in ("reader", "auditor", "adjudicator", "administrator"):
        with pytest.raises(NotAllowed):
            plan(world, second, by=member(world.project, role))
    assert plan(world, second, by=member(world.project, "engineer")).pk


def test_a_list_with_subjects_of_a_training_list_judges_nobody(world: World, second: Pipeline) -> None:
    subject = CaseListItem.objects.get(case_list=world.round.case_list).study.subject
    train = CaseList.objects.create(project=world.project, name="for training", purpose=ListPurpose.TRAIN)
    CaseListItem.objects.create(case_list=train, study=subject.studies.get())

    with pytest.raises(Invalid) as refused:
        plan(world, second)

    assert refused.value.rule == "trained-on"
    assert "for training" in refused.value.detail
    assert ComparisonPlan.objects.count() == 0


def test_a_list_that_a_card_names_as_its_export_is_refused_whatever_it_serves_now(
    world: World, second: Pipeline
) -> None:
    card = {"training": {"data": {"export": {"lists": [{"name": "x", "hash": world.round.case_list.hash}]}}}}
    assert plans.trained_on(world.round.case_list, [world.pipeline, second]) is None

    ModelVersion.objects.filter(pk=second.segmenter_id).update(card=card)
    second = Pipeline.objects.get(pk=second.pk)

    seen = plans.trained_on(world.round.case_list, [world.pipeline, second])
    assert seen is not None
    assert (seen.pipelines[-1], seen.subjects) == (second.name, 1)


@pytest.mark.parametrize("card", [{}, {"training": 3}, {"training": {"data": {"export": {"lists": ["x"]}}}}])
def test_a_card_of_another_shape_names_nothing(world: World, second: Pipeline, card: dict[str, Any]) -> None:
    ModelVersion.objects.filter(pk=second.segmenter_id).update(card=card)
    assert plans.trained_on(world.round.case_list, [Pipeline.objects.get(pk=second.pk)]) is None


def test_subjects_of_other_projects_do_not_count(world: World, second: Pipeline) -> None:
    other = ProjectFactory()
    train = CaseList.objects.create(project=other, name="elsewhere", purpose=ListPurpose.TRAIN)
    from tests.factories import StudyFactory

    CaseListItem.objects.create(case_list=train, study=StudyFactory(subject=SubjectFactory(project=other)))
    assert plans.trained_on(world.round.case_list, [world.pipeline]) is None


def test_a_look_counts_once_a_person_and_result(world: World) -> None:
    case_list, other = world.round.case_list, member(world.project, "engineer")
    CaseList.objects.filter(pk=case_list.pk).update(purpose=ListPurpose.TEST)
    case_list.refresh_from_db()
    for user, digest in ((world.coordinator, "a"), (world.coordinator, "a"), (world.coordinator, "b"), (other, "a")):
        plans.note_look(case_list=case_list, by=user, input_hash=digest, board="pipelines")

    assert (plans.looks_at([case_list]).looks, plans.looks_at([case_list]).people) == (3, 2)
    assert AuditEvent.objects.filter(verb="test_list.looked").count() == 3
    with pytest.raises(DatabaseError), transaction.atomic():
        ListLook.objects.all().delete()


def test_a_list_that_is_no_test_is_not_counted(world: World) -> None:
    CaseList.objects.filter(pk=world.round.case_list_id).update(purpose=ListPurpose.MONITOR)
    world.round.case_list.refresh_from_db()
    assert not plans.note_look(case_list=world.round.case_list, by=world.coordinator, input_hash="a", board="x")
