"""What the time tab's limits promise: steady pipelines are left alone, the one that drifts is found.

Streams are drawn from the simulated programme, whose errors have heavy tails: quality and scanner scale them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from plaqueweb.agreement.figures.periods import BASELINE, CASES, FALSE_ALARM, Met, Seen
from plaqueweb.agreement.figures.weeks import compute_time
from plaqueweb.ops.programme.draw import Predictions, Programme, draw
from plaqueweb.ops.programme.parameters import PIPELINES, READERS, SCANNERS, Parameters

MONDAY = date(2026, 1, 5)
STEADY = Parameters(studies=BASELINE + CASES, weeks=60, readers=READERS[:1], pipelines=PIPELINES[:1], repeats=0.0)
DRIFTING = Parameters(studies=240, weeks=24, readers=READERS[:1], repeats=0.0)  # ten a week; B drifts from the 12th on
PROGRAMMES = 60
WITHIN = timedelta(weeks=8)


def cases(drawn: Programme, said: Predictions, name: str) -> tuple[list[Met], list[Seen]]:
    """What the time tab sees of one pipeline against the known truth."""
    s, met, seen = drawn.studies, [], []
    for n in range(drawn.parameters.studies):
        study, at, scanner = f"{n:05}", MONDAY + timedelta(weeks=int(s.week[n]), days=n % 5), SCANNERS[s.scanner[n]]
        mm, answered = float(said.thickness_mm[n]), int(said.klass[n]) in (0, 1)
        measured = answered and mm > 0 and bool(s.scaled[n])
        if answered:
            both = measured and bool(s.plaque[n])
            difference = mm - float(s.thickness_mm[n]) if both else None
            met.append(Met(study, at, name, scanner, int(said.klass[n]) == int(s.complex[n]), difference))
        seen.append(
            Seen(
                study, at, name, scanner, int(said.klass[n]) if answered else None,
                float(said.probability[n]) if answered else None, mm if measured else None, None, "240x240",
            )
        )  # fmt: skip
    return met, seen


def alarms(parameters: Parameters, pipeline: int = 0, **options: Any) -> list[dict[str, Any]]:
    drawn = draw(parameters)
    met, seen = cases(drawn, drawn.predictions[pipeline], "one")
    found = compute_time(met, seen, [], **options)
    return [alarm for series in [*found["series"], *found["signals"]] for alarm in series["alarms"]]


@pytest.mark.parametrize("split", ["", "scanner"])
def test_a_steady_pipeline_raises_an_alarm_no_oftener_than_promised(split: str) -> None:
    raised = sum(bool(alarms(replace(STEADY, seed=seed), split=split)) for seed in range(PROGRAMMES))
    assert raised <= FALSE_ALARM * PROGRAMMES


def test_the_drifting_pipeline_is_found_within_eight_weeks_and_its_steady_neighbour_is_left_alone() -> None:
    change = MONDAY + timedelta(weeks=PIPELINES[1].drift_from - 1)
    found, false = [], 0
    for seed in range(30):
        programme = replace(DRIFTING, seed=seed)
        days = [date.fromisoformat(alarm["start"]) for alarm in alarms(programme, 1, weeks=1)]
        found += [day for day in [min(days, default=None)] if day is not None and change <= day <= change + WITHIN]
        false += bool(alarms(programme, 0, weeks=1))
    assert len(found) >= 27
    assert false <= 1
