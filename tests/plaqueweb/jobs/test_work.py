"""Leased rows: one owner at a time, nothing lost, nothing doubled."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from plaqueweb.core import limits, work
from plaqueweb.core.work import WorkState
from plaqueweb.jobs.models import InferenceJob
from tests.factories import InferenceJobFactory

pytestmark = pytest.mark.django_db
EXPIRED = timedelta(seconds=-1)


def claim(lease: timedelta = limits.LEASE) -> work.Claim:
    found = work.claim_next(InferenceJob, lease=lease)
    assert found is not None
    return found


def test_a_row_is_claimed_once() -> None:
    InferenceJobFactory()

    first, second = work.claim_next(InferenceJob), work.claim_next(InferenceJob)

    assert first is not None
    assert second is None


def test_priority_goes_before_age() -> None:
    InferenceJobFactory(priority=0)
    urgent = InferenceJobFactory(priority=5)

    assert claim().pk == urgent.pk


def test_a_busy_owner_waits_for_an_idle_one() -> None:
    busy, idle = uuid.uuid4(), uuid.uuid4()
    for _ in range(3):
        InferenceJobFactory(owner_id=busy)
    other = InferenceJobFactory(owner_id=idle)
    claim()

    assert claim().pk == other.pk


def test_an_overtaken_claim_cannot_report_close_or_fail() -> None:
    job = InferenceJobFactory()
    late = claim(EXPIRED)
    work.sweep(InferenceJob)
    claim()

    with pytest.raises(work.Overtaken):
        late.extend(1, 2)
    with pytest.raises(work.Overtaken):
        work.close(late)
    work.fail(late, code="x", log="y", permanent=True)

    job.refresh_from_db()
    assert (job.work_state, job.error_code) == (WorkState.RUNNING, "")


def test_a_lost_lease_is_queued_again_and_counted() -> None:
    job = InferenceJobFactory()
    claim(EXPIRED)

    requeued, waiting = work.sweep(InferenceJob)

    job.refresh_from_db()
    assert (requeued, waiting, job.work_state, job.attempts, job.failures) == (1, 1, WorkState.QUEUED, 1, 0)


def test_a_row_lost_too_often_is_dead() -> None:
    job = InferenceJobFactory()

    for _ in range(limits.LOST_ATTEMPTS):
        job.refresh_from_db()
        assert job.work_state == WorkState.QUEUED
        claim(EXPIRED)
        work.sweep(InferenceJob)

    job.refresh_from_db()
    assert (job.work_state, job.error_code, job.attempts) == (WorkState.DEAD, "worker-lost", limits.LOST_ATTEMPTS)


def test_failures_are_tried_again_until_the_limit() -> None:
    job = InferenceJobFactory()

    for _ in range(limits.FAILURES):
        job.refresh_from_db()
        assert job.work_state == WorkState.QUEUED
        work.fail(claim(), code="OSError", log="disk", permanent=False)

    job.refresh_from_db()
    assert (job.work_state, job.failures, job.attempts) == (WorkState.DEAD, limits.FAILURES, 0)


def test_a_permanent_failure_is_not_tried_again() -> None:
    job = InferenceJobFactory()

    work.fail(claim(), code="no-clips", log="", permanent=True)

    job.refresh_from_db()
    assert job.work_state == WorkState.FAILED
    assert job.finished_at is not None


def test_a_live_lease_is_left_alone_by_the_sweeper() -> None:
    job = InferenceJobFactory()
    held = claim()

    assert work.sweep(InferenceJob) == (0, 0)
    held.extend(3, 9)
    job.refresh_from_db()
    assert (job.progress_done, job.progress_total) == (3, 9)


def test_cancelling_stops_a_queued_row_at_once_and_a_running_one_at_its_next_step() -> None:
    queued = InferenceJobFactory()
    work.request_cancel(InferenceJob, queued.pk)
    running = InferenceJobFactory()
    held = claim()
    work.request_cancel(InferenceJob, running.pk)

    with pytest.raises(work.Overtaken):
        held.extend(1, 2)
    work.end_cancelled(held)

    queued.refresh_from_db()
    running.refresh_from_db()
    assert {queued.work_state, running.work_state} == {WorkState.CANCELLED}


def test_a_cancelled_row_cannot_be_finished() -> None:
    job = InferenceJobFactory()
    held = claim()
    work.request_cancel(InferenceJob, job.pk)

    with pytest.raises(work.Overtaken):
        work.close(held)
