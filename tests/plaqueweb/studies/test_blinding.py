"""Blinding follows the person, whatever other roles they hold."""

from __future__ import annotations

import pytest

from plaqueweb.jobs.models import InferenceJob
from plaqueweb.predictions.models import Prediction
from plaqueweb.reads.choices import AssignmentState
from plaqueweb.reads.models import Assignment, Read
from plaqueweb.studies.blinding import is_disclosed
from plaqueweb.studies.models import Clip, Disclosure, Study
from tests.factories import AssignmentFactory, ClipFactory, InferenceJobFactory, PredictionFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def assignment() -> Assignment:
    row = AssignmentFactory()
    PredictionFactory(study=row.study)
    InferenceJobFactory(study=row.study)
    return row


def test_a_coordinator_sees_results(assignment: Assignment) -> None:
    coordinator = member(assignment.round.project, "coordinator")

    assert Prediction.objects.visible_to(coordinator).count() == 1
    assert InferenceJob.objects.visible_to(coordinator).count() == 1


@pytest.mark.parametrize("state", ["assigned", "opened", "completed", "skipped"])
def test_a_coordinator_who_still_reads_the_study_blind_sees_none(assignment: Assignment, state: str) -> None:
    both = member(assignment.round.project, "coordinator", "reader", "engineer", "auditor")
    AssignmentFactory(round=assignment.round, study=assignment.study, reader=both, state=state)

    assert Prediction.objects.visible_to(both).count() == 0
    assert InferenceJob.objects.visible_to(both).count() == 0
    assert not is_disclosed(both, assignment.study)


def test_a_reader_sees_results_only_by_a_disclosure(assignment: Assignment) -> None:
    reader = assignment.reader
    Assignment.objects.filter(pk=assignment.pk).update(state=AssignmentState.SIGNED)
    before = Prediction.objects.visible_to(reader).count()
    Disclosure.objects.create(user=reader, study=assignment.study, kind="after_each", round_id=assignment.round_id)

    assert before == 0
    assert Prediction.objects.visible_to(reader).count() == 1
    assert is_disclosed(reader, assignment.study)


def test_a_disclosure_in_one_round_does_not_unblind_an_unsigned_one(assignment: Assignment) -> None:
    reader = assignment.reader
    Disclosure.objects.create(user=reader, study=assignment.study, kind="after_each", round_id=None)

    assert Prediction.objects.visible_to(reader).count() == 0


def test_shadow_predictions_are_never_shown(assignment: Assignment) -> None:
    coordinator = member(assignment.round.project, "coordinator")
    pipeline = Prediction.objects.get().pipeline
    pipeline.state = "shadow"
    pipeline.save()

    assert Prediction.objects.visible_to(coordinator).count() == 0


def test_others_drafts_are_nobodys_business(assignment: Assignment) -> None:
    Read.objects.create(assignment=assignment)
    coordinator = member(assignment.round.project, "coordinator")

    assert Read.objects.visible_to(coordinator).count() == 0
    assert Read.objects.visible_to(assignment.reader).count() == 1


def test_a_reader_meets_no_study_and_only_clips_of_opened_cases(assignment: Assignment) -> None:
    clip = ClipFactory(study=assignment.study)
    before = Clip.objects.visible_to(assignment.reader).count()
    Assignment.objects.filter(pk=assignment.pk).update(state="opened", opened_at=assignment.created_at)

    assert before == 0
    assert list(Clip.objects.visible_to(assignment.reader)) == [clip]
    assert Study.objects.visible_to(assignment.reader).count() == 0


def test_a_stranger_sees_nothing(assignment: Assignment) -> None:
    from tests.factories import UserFactory

    stranger = UserFactory()

    assert Study.objects.visible_to(stranger).count() == 0
    assert Prediction.objects.visible_to(stranger).count() == 0
    assert Read.objects.visible_to(stranger).count() == 0
