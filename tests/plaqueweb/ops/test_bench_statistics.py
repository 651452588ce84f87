"""The bench's statistics part measures what it says; how fast is measured, never asserted."""

from __future__ import annotations

import pytest

from plaqueweb.agreement.models import AgreementRun
from plaqueweb.core.models import WorkState
from plaqueweb.ops import bench_statistics as bench


def test_every_value_equals_scikit_learns() -> None:
    figures = bench.interval_figures(subjects=(40,), pairs=5000)
    cold, warm, apart = figures
    assert (cold.name, cold.goal) == ("20 intervals, 5 000 pairs of 40 subjects: cold", 2000.0)
    assert warm.goal == 50.0
    assert 0.0 <= apart.value <= 1e-9
    assert apart.reached


def test_a_wrong_value_would_be_told() -> None:
    data = bench.Pairs(40, 5000)
    figures = bench.every_figure(*data.sums())
    data.second = 1 - data.second
    assert bench.from_scikit_learn(data, figures) > 0.1


@pytest.mark.django_db
def test_the_first_view_has_nothing_counted_and_the_last_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "VIEWS", 1)
    first, _cpu, _together, _wait, done, *_more = bench.dashboard_figures(studies=501)  # one more than counts at once
    assert first.name == "dashboard over 200 400 frame results: first view"
    assert done.name.endswith(": view when counted")
    assert (first.goal, done.goal) == (300.0, 300.0)
    run = AgreementRun.objects.get()
    assert run.work_state == WorkState.DONE
    assert run.results["n"]["studies"] == 501
    assert run.results["confusion"][0][0] > 0
