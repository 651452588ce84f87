"""Agreement in parts of the studies: known answers."""

from __future__ import annotations

from typing import Any

import pytest

from plaqueweb.agreement.figures.subgroups import GroupUnit, compute_subgroups, thickness_band


def unit(number: int, model: int | None, readers: list[int | None], **groups: str) -> GroupUnit:
    answers = dict(zip("abc", readers, strict=False))
    return GroupUnit(f"s{number:02}", f"p{number:02}", model, answers, reference=readers[0], groups=groups)


def row(found: dict[str, Any], dimension: str, level: str = "") -> dict[str, Any]:
    return next(r for r in found["rows"] if (r["dimension"], r["level"]) == (dimension, level))


def test_each_level_has_the_model_and_the_readers_on_the_same_cases() -> None:
    units = [unit(i, 1, [1, 1], quality="good") for i in range(12)]
    units += [unit(20 + i, 0, [1, 0 if i < 6 else 1], quality="limited") for i in range(12)]

    found = compute_subgroups(units)

    good, limited, every = (row(found, "quality", "good"), row(found, "quality", "limited"), row(found, "all"))
    assert (good["model"]["value"], good["readers"]["value"]) == (1, 1)
    assert limited["model"]["value"] == pytest.approx((0 + 0.5) / 2)
    assert limited["readers"]["value"] == pytest.approx(0.5)
    assert limited["difference"]["value"] == pytest.approx(-0.25)
    assert limited["difference"]["interval"] is not None
    assert (every["model"]["n"], every["subjects"]) == (24, 24)
    assert every["model"]["value"] == pytest.approx((0.5 + 0.75) / 2)
    assert limited["studies"] == [f"s{20 + i:02}" for i in range(12)]


def test_a_small_part_has_a_point_and_no_interval() -> None:
    found = row(compute_subgroups([unit(i, 1, [1, 0], sex="F") for i in range(9)]), "sex", "F")
    assert (found["model"]["reason"], found["model"]["interval"], found["model"]["n"]) == ("too-few", None, 9)


def test_a_dimension_of_which_nothing_is_known_is_named_and_gives_no_row() -> None:
    found = compute_subgroups([unit(0, 1, [1], segment="arch"), unit(1, 1, [1])])
    assert {(r["dimension"], r["level"]) for r in found["rows"]} == {("all", ""), ("segment", "arch"), ("segment", "")}
    assert "sex" in found["unknown"]
    assert "segment" not in found["unknown"]


def test_two_readers_who_never_read_one_study_have_no_difference() -> None:
    units = [unit(1, 1, [1, None], quality="good"), unit(2, 0, [None, 0], quality="good")]
    found = row(compute_subgroups(units, reference=True), "quality", "good")

    assert (found["compared"], found["difference"]) == (0, None)
    assert found["studies"] == ["s01", "s02"]


def test_one_reader_has_no_ceiling_and_no_result_is_counted() -> None:
    found = row(compute_subgroups([unit(0, None, [1]), unit(1, 1, [1])], reference=True), "all")
    assert found["readers"]["reason"] == "no-units"
    assert found["difference"] is None
    assert found["no_class"] == 1
    assert found["reference"]["value"] == 1


def test_bands_follow_the_thickness_as_displayed() -> None:
    assert [thickness_band(mm) for mm in (None, 3.44, 3.45, 4.54, 4.56)] == [
        "", "below_near", "near" if float(f"{3.45:.1f}") >= 3.5 else "below_near", "near", "above_near",
    ]  # fmt: skip
