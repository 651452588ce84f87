"""What the time tab's limits promise: steady pipelines are left alone, the one that drifts is found.

Streams are drawn from the simulated programme, whose errors have heavy tails: quality and scanner scale them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from plaqueweb.agreement import stats
from plaqueweb.agreement.figures.periods import BASELINE, CASES, FALSE_ALARM, SPLITS, Met, Seen, chance_each, chance_of
from plaqueweb.agreement.figures.weeks import compute_time
from plaqueweb.ops.programme.draw import Predictions, Programme, draw
from plaqueweb.ops.programme.parameters import PIPELINES, READERS, SCANNERS, Parameters

MONDAY = date(2026, 1, 5)
STEADY = Parameters(studies=BASELINE + CASES, weeks=60, readers=READERS[:1], pipelines=PIPELINES[:1], repeats=0.0)
DRIFTING = Parameters(studies=240, weeks=24, readers=READERS[:1], repeats=0.0)  # ten a week; B drifts from the 12th on
PROGRAMMES = 60
WITHIN = timedelta(weeks=8)
SITES = "ABC"


def cases(drawn: Programme, said: Predictions, name: str) -> tuple[list[Met], list[Seen]]:
    """What the time tab sees of one pipeline against the known truth."""
    s, met, seen = drawn.studies, [], []
    for n in range(drawn.parameters.studies):
        study, at, scanner = f"{n:05}", MONDAY + timedelta(weeks=int(s.week[n]), days=n % 5), SCANNERS[s.scanner[n]]
        site = SITES[n % len(SITES)]
        mm, answered = float(said.thickness_mm[n]), int(said.klass[n]) in (0, 1)
        measured = answered and mm > 0 and bool(s.scaled[n])
        if answered:
            both = measured and bool(s.plaque[n])
            difference = mm - float(s.thickness_mm[n]) if both else None
            met.append(Met(study, at, name, scanner, int(said.klass[n]) == int(s.complex[n]), difference, site))
        seen.append(
            Seen(
                study, at, name, scanner, int(said.klass[n]) if answered else None,
                float(said.probability[n]) if answered else None, mm if measured else None, None, "240x240",
                site,
            )
        )  # fmt: skip
    return met, seen


def alarms(parameters: Parameters, pipeline: int = 0, **options: Any) -> list[dict[str, Any]]:
    """Every alarm of one pipeline: as a whole, in its three sites and with its scanners, as the watch looks at it."""
    drawn = draw(parameters)
    met, seen = cases(drawn, drawn.predictions[pipeline], "one")
    found = [compute_time(met, seen, [], split=split, **options) for split in ("", *SPLITS)]
    series = [row for one in found for row in (*one["series"], *one["signals"])]
    assert all(row["watched"] for row in series)
    return [alarm for row in series for alarm in row["alarms"]]


def test_a_steady_pipeline_raises_an_alarm_no_oftener_than_promised_however_it_is_parted() -> None:
    raised = sum(bool(alarms(replace(STEADY, seed=seed))) for seed in range(PROGRAMMES))
    assert raised <= FALSE_ALARM * PROGRAMMES


def test_limits_are_those_of_all_that_is_watched_whatever_is_shown() -> None:
    drawn = draw(STEADY)
    met, seen = cases(drawn, drawn.predictions[0], "one")
    shown = {split: compute_time(met, seen, [], split=split) for split in ("", *SPLITS)}

    counts = {split: len(found["series"]) for split, found in shown.items()}

    assert counts == {"": 1, "site": len(SITES), "scanner": len(SCANNERS)}
    assert shown[""]["promise"]["parts"] == {"site": len(SITES), "scanner": len(SCANNERS)}
    parts = counts["site"] + counts["scanner"]
    for split, found in shown.items():
        chance = chance_each(2 * parts if split else 2)
        for row in (series["bias"] for series in found["series"]):
            assert row["decision"] == stats.scores_decision(row["baseline"] // 10 * 10, CASES, chance)
    assert chance_of(parts, whole=True) + parts * chance_of(parts, whole=False) <= chance_each(1)


def test_one_site_alone_is_the_whole_and_takes_no_part_of_the_chance() -> None:
    drawn = draw(replace(STEADY, studies=150))
    met, seen = cases(drawn, drawn.predictions[0], "one")
    met, seen = ([replace(row, site="A", scanner="One") for row in rows] for rows in (met, seen))

    whole, site = (compute_time(met, seen, [], split=split) for split in ("", "site"))

    assert whole["promise"]["parts"] == {"site": 0, "scanner": 0}
    assert [row["watched"] for row in (*site["series"], *site["signals"])] == [False, False]
    assert site["series"][0]["bias"] == whole["series"][0]["bias"]
    assert whole["series"][0]["bias"]["decision"] == stats.scores_decision(
        whole["series"][0]["bias"]["baseline"] // 10 * 10, CASES, chance_each(1)
    )


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
