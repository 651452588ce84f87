"""Agreement and signals over time: known answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from plaqueweb.agreement import stats
from plaqueweb.agreement.figures.periods import PERIODS, Met, Seen, chance_each, period_length, period_start
from plaqueweb.agreement.figures.weeks import Change, compute_time

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
    assert series["baseline"] == {"cases": 100, "differ": 16, "level": pytest.approx(16.5 / 101)}
    most = stats.predictive_counts(16, 100, 25, chance_each(1) / PERIODS)[1]
    assert [p["upper"] for p in series["points"]] == [None] * 4 + [pytest.approx(most / 25)] * 4
    assert series["alarms"] == []


def test_among_the_first_cases_nothing_is_judged() -> None:
    series = one(compute_time(met([(25, 2)] * 3 + [(25, 25)]), [], []))
    assert {(p["upper"], p["cusum"], p["bias"], p["outside"]) for p in series["points"]} == {(None, None, None, False)}
    assert series["alarms"] == []


def test_a_week_of_many_disagreements_lies_outside_with_its_week_and_n() -> None:
    series = one(compute_time(met([(25, 4)] * 5 + [(25, 16)]), [], []))
    alarm = next(a for a in series["alarms"] if a["chart"] == "p_chart")
    assert (alarm["start"], alarm["n"], alarm["value"]) == ("2026-04-06", 25, pytest.approx(0.64))
    assert [p["outside"] for p in series["points"]] == [False] * 5 + [True]


def test_fewer_disagreements_than_usual_are_no_alarm() -> None:
    series = one(compute_time(met([(30, 12)] * 4 + [(30, 0)]), [], []))
    assert series["points"][-1]["value"] < series["points"][-1]["lower"]
    assert not series["points"][-1]["outside"]
    assert series["alarms"] == []


def test_a_lasting_rise_is_found_case_by_case() -> None:
    series = one(compute_time(met([(20, 3)] * 6 + [(20, 8)] * 8), [], []))
    assert not any(p["outside"] for p in series["points"])
    first = min(a["start"] for a in series["alarms"] if a["chart"] == "cusum")
    assert "2026-04-13" <= first <= "2026-05-25"
    high = stats.clopper_pearson(15, 100).high
    assert series["looks_for"] == pytest.approx(2 * high)


def measured(weeks: list[tuple[int, float]]) -> list[Met]:
    """(cases, mean difference in mm) a week, spread by 0.5 mm; every fourth has no measurement."""
    generator = np.random.default_rng(8)
    return [
        Met(f"{w:02}-{i:03}", MONDAY + timedelta(weeks=w, days=i % 5), "one", "", True,
            None if i % 4 == 0 else float(generator.normal(mm, 0.5)))
        for w, (cases, mm) in enumerate(weeks)
        for i in range(cases)
    ]  # fmt: skip


@pytest.mark.parametrize(("shift", "sign"), [(0.6, 1), (-0.6, -1)])
def test_another_thickness_is_found_although_the_class_stays_the_same(shift: float, sign: int) -> None:
    series = one(compute_time(measured([(20, 0.1)] * 6 + [(20, 0.1 + shift)] * 4), [], []))
    assert {a["chart"] for a in series["alarms"]} == {"bias"}
    alarm = series["alarms"][0]
    assert "2026-04-13" <= alarm["start"] <= "2026-04-27"
    assert np.sign(alarm["value"]) == sign
    assert abs(alarm["value"]) > alarm["limit"] == series["bias"]["decision"]
    assert series["bias"]["baseline"] == 75
    assert [p["mm_n"] for p in series["points"]] == [15] * 10
    assert series["points"][-1]["mm"] == pytest.approx(0.1 + shift, abs=0.4)


def test_without_enough_first_measurements_thickness_is_not_watched() -> None:
    rows = measured([(20, 0.1)] * 8)
    few = [replace(row, mm=row.mm if place < 19 else None) for place, row in enumerate(rows)]
    series = one(compute_time(few, [], []))
    assert series["bias"]["decision"] is None
    assert {p["bias"] for p in series["points"]} == {None}


def test_more_scanners_make_wider_limits() -> None:
    alone = met([(25, 4)] * 8, scanner="A")
    three = alone + met([(25, 4)] * 8, scanner="B") + met([(25, 4)] * 8, scanner="C")
    narrow, wide = (compute_time(rows, [], [], split="scanner")["series"][0] for rows in (alone, three))
    assert wide["decision"] > narrow["decision"]


def test_each_pipeline_starts_with_a_baseline_of_its_own() -> None:
    cases = met([(25, 2)] * 4) + met([(25, 10)] * 4, "two", MONDAY + timedelta(weeks=4))
    found = compute_time(cases, [], [Change("two", MONDAY + timedelta(weeks=4))])
    assert [s["pipeline"] for s in found["series"]] == ["one", "two"]
    assert [s["baseline"]["differ"] for s in found["series"]] == [8, 40]
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


def test_the_moving_average_shows_the_course_and_raises_no_alarm() -> None:
    series = one(compute_time(met([(25, 3)] * 4 + [(25, 9)] * 12), [], []))
    assert series["points"][3]["ewma"] < 0.2 < 0.3 < series["points"][-1]["ewma"]
    assert "ewma" not in {a["chart"] for a in series["alarms"]}


def test_periods_of_several_weeks_never_move() -> None:
    starts = {period_start(MONDAY + timedelta(days=d), 4) for d in range(28 * 3)}
    assert all(start.weekday() == 0 for start in starts)
    assert len(starts) in (3, 4)
    assert all((b - a).days == 28 for a, b in zip(sorted(starts), sorted(starts)[1:], strict=False))


def test_scanners_are_kept_apart_when_asked() -> None:
    cases = met([(25, 2)] * 3, scanner="A") + met([(25, 9)] * 3, scanner="B")
    found = compute_time(cases, [], [], split="scanner")
    assert [(s["scanner"], s["points"][0]["value"]) for s in found["series"]] == [("A", 0.08), ("B", 0.36)]


def test_sites_are_kept_apart_when_asked_and_widen_the_limits_like_scanners() -> None:
    cases = [replace(row, site=site) for site in ("A", "B") for row in met([(25, 4)] * 8, site)]
    every = [replace(row, pipeline="one") for row in cases]
    apart, together = (compute_time(every, [], [], split=split)["series"] for split in ("site", ""))

    assert [(s["site"], s["scanner"], s["cases"]) for s in apart] == [("A", "", 200), ("B", "", 200)]
    assert [(s["site"], s["cases"]) for s in together] == [("", 400)]
    alone = one(compute_time(met([(25, 4)] * 8), [], []))
    assert apart[0]["decision"] > alone["decision"]


def test_thicker_predictions_are_seen_without_a_reader() -> None:
    found = compute_time([], seen([(25, 3.0)] * 4 + [(25, 4.5)]), [], weeks=1)["signals"][0]
    assert {a["chart"] for a in found["alarms"]} == {"thickness"}
    assert found["alarms"][0]["start"] == "2026-03-30"
    assert found["baseline"] == 100


def test_another_picture_size_is_seen() -> None:
    sizes = ["800x600"] * 4 + ["1024x768"]
    found = compute_time([], seen([(25, 3.0)] * 5, sizes), [], weeks=1)["signals"][0]
    assert {a["chart"] for a in found["alarms"]} == {"picture"}
    picture = next(s for s in found["signals"] if s["signal"] == "picture")
    assert (picture["baseline"], picture["points"][-1]["mean"]) == ("800x600", "1024x768")


def test_periods_of_the_baseline_are_shown_and_not_judged() -> None:
    thickness = next(s for s in compute_time([], seen([(25, 3.0)] * 6), [], weeks=1)["signals"][0]["signals"]
                     if s["signal"] == "thickness")  # fmt: skip
    assert [p["value"] is None for p in thickness["points"]] == [True] * 4 + [False] * 2
    assert all(p["mean"] is not None for p in thickness["points"])


def test_nothing_gives_nothing() -> None:
    found = compute_time([], [], [])
    assert (found["series"], found["signals"], found["n"]["cases"]) == ([], [], 0)
