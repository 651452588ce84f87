"""Agreement and signals over time: known answers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from plaqueweb.agreement.figures.weeks import Change, Met, Seen, compute_time, period_length, period_start

MONDAY = date(2026, 3, 2)


def met(weeks: list[tuple[int, int]], pipeline: str = "one", first: date = MONDAY, scanner: str = "") -> list[Met]:
    """(cases, disagreements) a week, the disagreements spread over it."""
    return [
        Met(
            f"{pipeline}{w:02}-{i:03}",
            first + timedelta(weeks=w, days=i % 7),
            pipeline,
            scanner,
            (i + 1) * wrong // cases == i * wrong // cases,
        )
        for w, (cases, wrong) in enumerate(weeks)
        for i in range(cases)
    ]


def seen(weeks: list[tuple[int, float]], pictures: list[str] | None = None) -> list[Seen]:
    """(predictions, mean thickness) a week, spread by 1 mm."""
    generator = np.random.default_rng(3)
    return [
        Seen(f"{w:02}-{i:03}", MONDAY + timedelta(weeks=w), "one", "", 1, 0.5, float(generator.normal(mm, 1.0)), 10.0,
             (pictures or ["800x600"] * len(weeks))[w])
        for w, (cases, mm) in enumerate(weeks)
        for i in range(cases)
    ]  # fmt: skip


def one(found: dict[str, Any]) -> dict[str, Any]:
    assert len(found["series"]) == 1
    return dict(found["series"][0])


def test_a_steady_pipeline_gives_points_limits_and_no_alarm() -> None:
    series = one(compute_time(met([(25, 4)] * 8), [], []))
    assert [p["value"] for p in series["points"]] == pytest.approx([0.16] * 8)
    assert series["baseline"] == {"cases": 50, "differ": 8, "level": pytest.approx(8.5 / 51)}
    level = 8.5 / 51
    assert series["points"][0]["upper"] == pytest.approx(level + 3 * np.sqrt(level * (1 - level) / 25))
    assert series["alarms"] == []


def test_a_week_of_many_disagreements_lies_outside_with_its_week_and_n() -> None:
    series = one(compute_time(met([(25, 4)] * 5 + [(25, 16)]), [], []))
    alarm = next(a for a in series["alarms"] if a["chart"] == "p_chart")
    assert (alarm["start"], alarm["n"], alarm["value"]) == ("2026-04-06", 25, pytest.approx(0.64))
    assert [p["outside"] for p in series["points"]] == [False] * 5 + [True]


def test_fewer_disagreements_than_usual_are_no_alarm() -> None:
    series = one(compute_time(met([(30, 12)] * 4 + [(30, 0)]), [], []))
    assert series["points"][-1]["value"] < series["points"][-1]["lower"]
    assert series["alarms"] == []


def test_a_slow_doubling_is_found_case_by_case() -> None:
    series = one(compute_time(met([(20, 3)] * 6 + [(20, 7)] * 6), [], []))
    assert not any(p["outside"] for p in series["points"])
    first = min(a["start"] for a in series["alarms"] if a["chart"] == "cusum")
    assert "2026-04-13" <= first <= "2026-05-11"
    assert series["looks_for"] == pytest.approx(2 * series["baseline"]["level"])


def test_each_pipeline_starts_with_a_baseline_of_its_own() -> None:
    cases = met([(25, 2)] * 4) + met([(25, 10)] * 4, "two", MONDAY + timedelta(weeks=4))
    found = compute_time(cases, [], [Change("two", MONDAY + timedelta(weeks=4))])
    assert [s["pipeline"] for s in found["series"]] == ["one", "two"]
    assert [s["baseline"]["differ"] for s in found["series"]] == [4, 20]
    assert found["changes"] == [{"pipeline": "two", "at": "2026-03-30"}]


def test_below_twenty_cases_there_are_points_and_no_limits() -> None:
    series = one(compute_time(met([(6, 1)] * 3), [], [], weeks=1))
    assert series["baseline"]["cases"] == 0
    assert {(p["upper"], p["cusum"], p["outside"]) for p in series["points"]} == {(None, None, False)}


def test_an_empty_week_stays_on_the_axis() -> None:
    points = one(compute_time(met([(25, 4), (0, 0), (25, 4)]), [], [], weeks=1))["points"]
    assert [(p["n"], p["value"]) for p in points] == [(25, 0.16), (0, None), (25, 0.16)]


def test_the_period_is_the_shortest_with_twenty_cases_in_the_middle_one() -> None:
    days = [MONDAY + timedelta(weeks=w) for w in range(8)]
    assert period_length([d for d in days for _ in range(20)]) == 1
    assert period_length([d for d in days for _ in range(12)]) == 2
    assert period_length([d for d in days for _ in range(3)]) == 4
    assert period_length([]) == 1


def test_two_pipelines_on_the_same_studies_do_not_make_a_week_fuller() -> None:
    found = compute_time(met([(12, 2)] * 8) + met([(12, 2)] * 8, "two"), [], [])
    assert found["weeks"] == 2


def test_a_moving_average_that_stays_high_is_one_alarm() -> None:
    series = one(compute_time(met([(25, 3)] * 4 + [(25, 9)] * 12), [], []))
    assert len([a for a in series["alarms"] if a["chart"] == "ewma"]) == 1


def test_periods_of_several_weeks_never_move() -> None:
    starts = {period_start(MONDAY + timedelta(days=d), 4) for d in range(28 * 3)}
    assert all(start.weekday() == 0 for start in starts)
    assert len(starts) in (3, 4)
    assert all((b - a).days == 28 for a, b in zip(sorted(starts), sorted(starts)[1:], strict=False))


def test_scanners_are_kept_apart_when_asked() -> None:
    cases = met([(25, 2)] * 3, scanner="A") + met([(25, 9)] * 3, scanner="B")
    found = compute_time(cases, [], [], by_scanner=True)
    assert [(s["scanner"], s["points"][0]["value"]) for s in found["series"]] == [("A", 0.08), ("B", 0.36)]


def test_thicker_predictions_are_seen_without_a_reader() -> None:
    found = compute_time([], seen([(25, 3.0)] * 4 + [(25, 4.5)]), [], weeks=1)["signals"][0]
    assert {a["chart"] for a in found["alarms"]} == {"thickness"}
    assert found["alarms"][0]["start"] == "2026-03-30"
    assert found["baseline"] == 50


def test_another_picture_size_is_seen() -> None:
    sizes = ["800x600"] * 4 + ["1024x768"]
    found = compute_time([], seen([(25, 3.0)] * 5, sizes), [], weeks=1)["signals"][0]
    assert {a["chart"] for a in found["alarms"]} == {"picture"}
    picture = next(s for s in found["signals"] if s["signal"] == "picture")
    assert (picture["baseline"], picture["points"][-1]["mean"]) == ("800x600", "1024x768")


def test_periods_of_the_baseline_are_shown_and_not_judged() -> None:
    thickness = next(s for s in compute_time([], seen([(25, 3.0)] * 4), [], weeks=1)["signals"][0]["signals"]
                     if s["signal"] == "thickness")  # fmt: skip
    assert [p["value"] is None for p in thickness["points"]] == [True, True, False, False]
    assert all(p["mean"] is not None for p in thickness["points"])


def test_nothing_gives_nothing() -> None:
    found = compute_time([], [], [])
    assert (found["series"], found["signals"], found["n"]["cases"]) == ([], [], 0)
