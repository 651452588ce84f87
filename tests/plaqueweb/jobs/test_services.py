"""Jobs: one wish, one job; one content, one prediction."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from plaqueweb.accounts.roles import Role
from plaqueweb.core import work
from plaqueweb.core.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from plaqueweb.core.work import WorkState
from plaqueweb.jobs import services
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.jobs.services import StudyOutcome
from plaqueweb.jobs.states import JOB
from plaqueweb.predictions.models import ClipPrediction, Decision, PipelineState, Prediction
from plaqueweb.studies.models import Study
from tests.factories import ClipFactory, InferenceJobFactory, PipelineFactory, ProjectFactory, StudyFactory, member

pytestmark = pytest.mark.django_db


def outcome(study: Study) -> StudyOutcome:
    clip = ClipFactory(study=study)
    row: dict[str, Any] = {"clip": clip, "probability": 0.9, "curves": b"", "masks": None}
    return StudyOutcome(
        prediction={
            "content_hash": study.content_hash, "probability": 0.9, "predicted_class": 1,
            "decision": Decision.CLASSIFIER_ONLY,
        },
        clips=[row],
    )  # fmt: skip


def claimed(lease: timedelta = timedelta(seconds=30)) -> work.Claim:
    found = work.claim_next(InferenceJob, lease=lease)
    assert found is not None
    return found


def test_the_same_wish_twice_is_one_job() -> None:
    pipeline = PipelineFactory()
    study = StudyFactory(subject__project=pipeline.project)

    first = services.queue_job(study=study, pipeline=pipeline, by=None)
    second = services.queue_job(study=study, pipeline=pipeline, by=None)

    assert first == second
    assert InferenceJob.objects.count() == 1


def test_a_predicted_content_is_not_queued_again() -> None:
    job = InferenceJobFactory()
    services.finish(claim=claimed(), outcome=outcome(job.study))

    assert services.queue_job(study=job.study, pipeline=job.pipeline, by=None) is None


def test_finishing_writes_prediction_and_clips_and_closes_the_job() -> None:
    job = InferenceJobFactory()

    prediction = services.finish(claim=claimed(), outcome=outcome(job.study))

    job.refresh_from_db()
    assert (job.work_state, prediction.job_id, ClipPrediction.objects.count()) == (WorkState.DONE, job.pk, 1)


def test_an_overtaken_claim_writes_nothing() -> None:
    job = InferenceJobFactory()
    late = claimed(timedelta(seconds=-1))
    services.sweep()
    claimed()

    with pytest.raises(work.Overtaken):
        services.finish(claim=late, outcome=outcome(job.study))

    assert not Prediction.objects.exists()


def test_a_late_worker_finds_the_winner_and_writes_no_second_prediction() -> None:
    job = InferenceJobFactory()
    late = claimed(timedelta(seconds=-1))
    services.sweep()
    services.finish(claim=claimed(), outcome=outcome(job.study))

    with pytest.raises(work.Overtaken):
        services.finish(claim=late, outcome=outcome(job.study))

    assert Prediction.objects.count() == 1


def test_shadow_pipelines_run_beside_the_active_one() -> None:
    project = ProjectFactory()
    active = PipelineFactory(project=project)
    PipelineFactory(project=project, state=PipelineState.SHADOW)
    PipelineFactory(project=project, state=PipelineState.RETIRED)
    study = StudyFactory(subject__project=project)

    job = services.queue_active(study=study, by=None)

    assert job is not None
    assert job.pipeline_id == active.pk
    assert InferenceJob.objects.count() == 2


def test_a_retry_is_a_new_row_and_the_failed_one_stays() -> None:
    job = InferenceJobFactory()
    services.fail(claim=claimed(), code="no-clips", log="", permanent=True)
    job.refresh_from_db()
    engineer = member(job.study.project, Role.ENGINEER)

    fresh = services.retry_job(job=job, by=engineer)

    assert fresh.pk != job.pk
    assert sorted(InferenceJob.objects.values_list("work_state", flat=True)) == ["failed", "queued"]


def test_only_what_ended_badly_can_be_retried() -> None:
    job = InferenceJobFactory()

    with pytest.raises(InvalidTransition):
        services.retry_job(job=job, by=member(job.study.project, Role.ENGINEER))


def test_a_retry_after_a_prediction_is_a_conflict() -> None:
    job = InferenceJobFactory()
    services.fail(claim=claimed(), code="no-clips", log="", permanent=True)
    job.refresh_from_db()
    services.queue_job(study=job.study, pipeline=job.pipeline, by=None)
    services.finish(claim=claimed(), outcome=outcome(job.study))

    with pytest.raises(Conflict):
        services.retry_job(job=job, by=member(job.study.project, Role.ENGINEER))


def test_a_done_job_cannot_be_cancelled() -> None:
    job = InferenceJobFactory()
    services.finish(claim=claimed(), outcome=outcome(job.study))
    job.refresh_from_db()

    with pytest.raises(InvalidTransition):
        services.cancel_job(job=job, by=member(job.study.project, Role.ENGINEER))


def test_readers_may_not_start_or_cancel() -> None:
    job = InferenceJobFactory()
    reader = member(job.study.project, Role.READER)

    with pytest.raises(NotAllowed):
        services.cancel_job(job=job, by=reader)
    with pytest.raises(NotAllowed):
        services.queue_job(study=job.study, pipeline=job.pipeline, by=reader)


def test_a_pipeline_of_another_project_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        services.queue_job(study=StudyFactory(), pipeline=PipelineFactory(), by=None)

    assert refused.value.rule == "job-project"


def test_a_stopping_worker_gives_its_row_back_uncounted() -> None:
    job = InferenceJobFactory()

    services.give_back(claim=claimed())

    job.refresh_from_db()
    assert (job.work_state, job.attempts, job.failures) == (WorkState.QUEUED, 0, 0)


@pytest.mark.parametrize("state", JOB.states)
@pytest.mark.parametrize("event", JOB.events)
def test_every_pair_of_state_and_event(state: str, event: str) -> None:
    allowed = {
        ("created", "queue"): "queued", ("created", "cancel"): "cancelled", ("queued", "claim"): "running",
        ("queued", "cancel"): "cancelled", ("running", "finish"): "done", ("running", "fail"): "failed",
        ("running", "give_up"): "dead", ("running", "cancel"): "cancelled", ("running", "requeue"): "queued",
    }  # fmt: skip
    if (state, event) in allowed:
        assert JOB.next(state, event) == allowed[state, event]
    else:
        with pytest.raises(InvalidTransition):
            JOB.next(state, event)
