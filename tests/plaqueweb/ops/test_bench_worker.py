"""The bench of the worker's path measures a real job on a stored clip."""

from __future__ import annotations

import pytest

from plaqueweb.jobs.models import InferenceJob
from plaqueweb.ops.bench_worker import worker_figures
from plaqueweb.studies.models import Clip

pytestmark = pytest.mark.django_db


def test_the_workers_job_is_held_against_the_bare_passes_of_the_same_pictures() -> None:
    figures = worker_figures(frames=4, rounds=1)

    assert [figure.unit for figure in figures] == ["×", "ms CPU"]
    assert figures[0].value > 0
    assert InferenceJob.objects.get().pipeline.name
    assert Clip.objects.get().frames == 4
