"""Readers against each other and themselves: known answers."""

from __future__ import annotations

from typing import Any

import pytest

from plaqueweb.agreement.figures.readers import Reading, compute_readers

ROWS = [[1, 1, 1], [1, 1, 0], [0, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 0], [1, 0, 1], [0, 0, 1], [1, 1, 1], [0, 0, 0]]
"""Golden: Fleiss .466667, alpha .484444, AC1 .46667."""


def readings(rows: list[list[int | None]], **fields: Any) -> list[Reading]:
    return [
        Reading(f"s{i:02}", f"p{i:02}", reader, answer, **fields)
        for i, row in enumerate(rows)
        for reader, answer in zip("abc", row, strict=False)
        if answer is not None
    ]


def pair(found: dict[str, Any], a: str, b: str) -> dict[str, Any]:
    return next(row for row in found["pairs"] if (row["a"], row["b"]) == (a, b))


def test_all_readers_at_once_have_the_golden_values() -> None:
    overall = compute_readers(readings(ROWS))["overall"]
    assert overall["fleiss"]["value"] == pytest.approx(0.466667, abs=1e-6)
    assert overall["alpha"]["value"] == pytest.approx(0.484444, abs=1e-6)
    assert overall["ac1"]["value"] == pytest.approx(0.46667, abs=1e-5)
    assert (overall["units"], overall["complete"]) == (10, 10)


def test_each_two_readers_have_their_table_their_kappa_and_their_cases() -> None:
    found = pair(compute_readers(readings(ROWS)), "a", "b")
    assert found["table"][0][:2] == [4, 1]
    assert found["table"][1][:2] == [1, 4]
    assert found["kappa"]["value"] == pytest.approx(0.6)
    assert found["kappa"]["interval"] is not None
    assert found["differ"] == ["s03", "s06"]


def test_cannot_assess_is_counted_and_enters_no_kappa() -> None:
    found = compute_readers(readings([*ROWS, [9, 1, 1]]))
    assert pair(found, "a", "b")["kappa"]["value"] == pytest.approx(0.6)
    assert pair(found, "a", "b")["shared"] == 11
    assert pair(found, "a", "b")["differ"][-1] == "s10"
    assert found["n"]["cannot_assess"] == 1
    assert found["overall"]["units"] == 11  # two of the three gave a class


def test_the_bias_is_the_reader_minus_the_mean_of_the_others() -> None:
    rows = []
    for i in range(12):
        base = 2 + i / 4
        for reader, shift in (("a", 0.6), ("b", 0.0), ("c", -0.3)):
            rows.append(Reading(f"s{i:02}", f"p{i:02}", reader, 1, base + shift))
    bias = {row["reader"]: row["bland_altman"] for row in compute_readers(rows)["bias"]}
    assert bias["a"]["bias"] == pytest.approx(0.75)
    assert bias["b"]["bias"] == pytest.approx(-0.15)
    assert bias["c"]["bias"] == pytest.approx(-0.6)
    assert bias["a"]["n"] == bias["a"]["subjects"] == 12


def test_a_reader_alone_on_a_study_has_no_bias_there() -> None:
    found = compute_readers([Reading("s", "p", "a", 1, 4.0)])
    assert found["bias"][0]["points"] == []
    assert found["bias"][0]["bland_altman"]["reason"] == "no-units"
    assert found["overall"]["fleiss"]["reason"] == "no-units"


def test_hidden_repeats_count_for_the_reader_alone() -> None:
    rows = readings(ROWS)
    again = [
        Reading(row.study, row.subject, "a", 1 - row.klass if i == 0 else row.klass, repeat=1)
        for i, row in enumerate(row for row in rows if row.reader == "a")
    ]
    found, without = compute_readers([*rows, *again]), compute_readers(rows)
    repeats = {row["reader"]: row for row in found["repeats"]}
    assert repeats["a"]["observed"]["value"] == pytest.approx(0.9)
    assert repeats["a"]["kappa"]["value"] == pytest.approx(0.8)
    assert repeats["a"]["differ"] == ["s00"]
    assert repeats["b"]["n"] == 0
    assert found["pairs"] == without["pairs"]


def test_repeated_thickness_is_the_second_minus_the_first() -> None:
    rows = [
        Reading(f"s{i}", f"p{i}", "a", 1, 4.0 + i + 0.5 * again, repeat=again) for i in range(3) for again in (0, 1)
    ]
    repeats = compute_readers(rows)["repeats"][0]
    assert repeats["thickness"]["bias"] == pytest.approx(0.5)
    assert repeats["mae"]["value"] == pytest.approx(0.5)


def test_unmeasured_times_are_counted_and_left_out_of_the_median() -> None:
    rows = [Reading(f"s{i}", f"p{i}", "a", 1, seconds=seconds) for i, seconds in enumerate([0, 60, 90, 120])]
    time = compute_readers(rows)["time"][0]
    assert (time["n"], time["unmeasured"], time["median"]) == (3, 1, 90)


def test_the_order_shows_in_thirds() -> None:
    rows = [Reading(f"s{i:02}", f"p{i:02}", "a", 1, order=i + 1, seconds=100 - 10 * (i // 4)) for i in range(12)]
    rows += [Reading(f"s{i:02}", f"p{i:02}", "b", 1 if i < 8 else 0, order=12 - i) for i in range(12)]
    parts = compute_readers(rows)["sequence"][0]["parts"]
    assert [part["seconds"]["median"] for part in parts] == [100, 90, 80]
    assert [part["observed"]["value"] for part in parts] == [1, 1, 0]
    assert [(part["from"], part["to"]) for part in parts] == [(1, 4), (5, 8), (9, 12)]


def test_the_own_column_holds_nothing_of_the_others() -> None:
    found = compute_readers(readings(ROWS, seconds=30), own="b")
    assert {row["reader"] for key in ("readers", "bias", "repeats", "time", "sequence") for row in found[key]} == {"b"}
    assert [(row["a"], row["b"]) for row in found["pairs"]] == [("a", "b"), ("b", "c")]
    assert found["overall"] is None


def test_nothing_gives_nothing() -> None:
    found = compute_readers([])
    assert (found["pairs"], found["readers"], found["n"]["reads"]) == ([], [], 0)
