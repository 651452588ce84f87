from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from plaqueweb.jobs.models import InferenceJob
from plaqueweb.predictions.models import Prediction
from plaqueweb.review.numbers import numbers
from plaqueweb.review.timing import Waited, waited_for
from tests.factories import InferenceJobFactory
from tests.plaqueweb.review.world import ALL, World, box


def timed(world: World, *, arrived: float | None, queued: float, **job: Any) -> Prediction:
    """A prediction written now whose study arrived, and whose job was queued, so many seconds ago."""
    row = InferenceJobFactory(study=world.study, pipeline=world.pipeline, work_state="done", **job)
    prediction = world.predict(1, 5.6, masks={2: box(10, 10, 10, 10)}, job_id=row.pk)
    at = prediction.created_at
    InferenceJob.objects.filter(pk=row.pk).update(created_at=at - timedelta(seconds=queued))
    world.study.content_no = prediction.content_no
    world.study.last_arrival_at = None if arrived is None else at - timedelta(seconds=arrived)
    world.study.save()
    return prediction


def test_a_result_is_timed_from_the_last_arrival(world: World) -> None:
    assert waited_for(timed(world, arrived=38, queued=6), world.study) == Waited(38.0, asked=False)


def test_a_result_that_somebody_asked_for_is_timed_from_the_wish(world: World) -> None:
    prediction = timed(world, arrived=86_400, queued=12, asked_by=world.coordinator.pk)

    assert waited_for(prediction, world.study) == Waited(12.0, asked=True)


@pytest.mark.parametrize("arrived", [None, 2])
def test_where_the_arrival_is_unknown_or_later_than_the_job_the_wish_counts(
    world: World, arrived: float | None
) -> None:
    assert waited_for(timed(world, arrived=arrived, queued=12), world.study) == Waited(12.0, asked=True)


def test_a_later_content_says_nothing_about_when_this_one_arrived(world: World) -> None:
    prediction = timed(world, arrived=38, queued=6)
    world.study.content_no += 1

    assert waited_for(prediction, world.study) == Waited(6.0, asked=True)


def test_without_a_job_there_is_no_time(world: World) -> None:
    assert waited_for(world.predict(1, 5.6), world.study) is None
    assert "arrival" not in {row.key for row in numbers(world.compare())}


def test_the_time_stands_beside_the_published_half_hour(world: World) -> None:
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, box(10, 10, 10, 10))})
    timed(world, arrived=38, queued=6)

    row = next(row for row in numbers(world.compare()) if row.key == "arrival")

    assert (row.left, row.right, row.how) == ("–", "38 s", "result 38 s after arrival; published: 30 min")


def test_uncertainty_of_the_largest_area_stands_on_the_frame_that_gave_it(world: World) -> None:
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, box(10, 10, 10, 10))})
    world.predict(1, 5.6, masks={2: box(10, 10, 10, 10), 3: box(10, 10, 5, 5)})
    comparison = world.compare()
    (part,) = comparison.models[0].parts
    part.max_area_px, part.area_sd_mm2 = 100, 2.31

    area = next(row for row in numbers(comparison) if row.key == "area")

    assert (area.left, area.right) == ("25.0 mm²", "25.0 ± 2.4 mm²")
