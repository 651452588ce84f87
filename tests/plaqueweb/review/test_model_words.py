"""The model's side of the comparison: lesions with reasons, warnings, uncertainties, and why there is no result."""

from __future__ import annotations

from typing import Any

import pytest

from plaqueweb.predictions.models import ClipPrediction, Prediction
from plaqueweb.review import words
from plaqueweb.review.model_words import ground
from plaqueweb.review.numbers import Row, numbers
from plaqueweb.review.payload import compare_payload
from plaqueweb.review.verdict import verdict
from tests.factories import ClipFactory
from tests.plaqueweb.review.world import World

pytestmark = pytest.mark.django_db
ANSWERS = {"mobile": "yes", "thickness": "no", "ulceration": "cannot tell"}
LESION = {
    "number": 1, "key_frame": 3, "frames": [[1, 4]], "thickness_mm": 3.2, "thickness_px": 6.4, "area_mm2": 21.0,
    "area_px": 84, "extent_mm": 7.5, "protrusion_mm": 6.1, "mobility_mm": 1.8, "mobility_sd_mm": 0.31,
    "mobility_frames": [[2, 3], [4, 4]], "ulcer_depth_mm": None, "calcified_share": 0.25, "reasons": ANSWERS,
}  # fmt: skip


def predicted(world: World, klass: int | None = 1, mm: float | None = 4.6, **fields: Any) -> Prediction:
    """A prediction; fields of the clip's part by ``part=``."""
    part = fields.pop("part", {})
    row = world.predict(klass, mm, **fields)
    if part:
        known = ClipPrediction.objects.get(prediction=row)
        values = {"prediction": row, "clip": ClipFactory(study=world.study, number=2), "curves": known.curves}
        ClipPrediction.objects.create(**(values | part))
    return row


def said(world: World, **chosen: Any) -> dict[str, Any]:
    found: dict[str, Any] = compare_payload(world.compare(**chosen))["model"]
    return found


def table(world: World) -> dict[str, Row]:
    return {row.key: row for row in numbers(world.compare())}


def test_uncertainties_stand_with_their_numbers_in_one_typography(world: World) -> None:
    world.read(world.reader_a, 1, 5.0)
    predicted(world, thickness_sd_mm=0.34, probability_sd=0.041)

    rows = table(world)

    assert rows["thickness"].right == "4.6 ± 0.4 mm"
    assert rows["class"].how == "calibrated probability 0.83 ± 0.04, cut-off 0.50"


@pytest.mark.parametrize(("sd", "shown"), [(0.0, "0.0"), (0.3, "0.3"), (0.31, "0.4"), (1.0, "1.0"), (0.02, "0.1")])
def test_an_uncertainty_is_rounded_up(sd: float, shown: str) -> None:
    assert words.uncertainty(sd) == shown


def test_each_lesion_gives_its_reasons_with_what_was_measured(world: World) -> None:
    predicted(world, reasons=ANSWERS, part={"lesions": [LESION]})

    (lesion,) = said(world)["lesions"]

    assert (lesion["name"], lesion["thickness"], lesion["area"]) == ("Lesion 1, clip 2", "3.2 mm", "21.0 mm²")
    assert [(one["key"], one["words"], one["ground"]) for one in lesion["reasons"]] == [
        ("thickness", "no", ""),
        ("ulceration", "cannot tell", ""),
        ("mobile", "yes", "moves 1.8 ± 0.4 mm, frames 2 to 3, 4"),
    ]
    assert lesion["more"] == "7.5 mm along the wall, reaches 6.1 mm into the lumen, 25 % calcified"


def test_an_ulcers_depth_and_width_are_told(world: World) -> None:
    ulcer = LESION | {"ulcer_depth_mm": 2.1, "ulcer_width_mm": 3.0, "ulcer_sd_mm": 0.3}
    predicted(world, reasons=ANSWERS, part={"lesions": [ulcer]})

    assert said(world)["lesions"][0]["reasons"][1]["ground"] == "2.1 ± 0.3 mm deep, 3.0 mm wide"


def test_the_thickest_lesion_comes_first(world: World) -> None:
    lesions = [LESION | {"number": 1, "thickness_mm": 2.0}, LESION | {"number": 2, "thickness_mm": 5.0}]
    predicted(world, part={"lesions": lesions})

    assert [one["thickness"] for one in said(world)["lesions"]] == ["5.0 mm", "2.0 mm"]


@pytest.mark.parametrize(
    ("mine", "physician", "difference"),
    [("no", "no", "differs"), ("yes", "yes", "same"), ("unclear", "cannot tell", ""), ("", "–", "")],
)
def test_answers_stand_beside_answers_and_cannot_tell_is_not_compared(
    world: World, mine: str, physician: str, difference: str
) -> None:
    world.read(world.reader_a, 1, 5.0, lesion={"mobile": mine})
    predicted(world, reasons=ANSWERS, part={"lesions": [LESION]})

    rows = table(world)

    assert (rows["mobile"].left, rows["mobile"].right, rows["mobile"].difference) == (
        physician,
        "yes",
        difference,
    )
    assert rows["mobile"].how == "moves 1.8 ± 0.4 mm, frames 2 to 3, 4"
    assert (rows["ulceration"].right, rows["ulceration"].difference) == ("cannot tell", "")
    assert rows["reason"].right == "mobile part"


def test_a_model_without_reasons_says_so_and_answers_nothing(world: World) -> None:
    world.read(world.reader_a, 1, 5.0, lesion={"mobile": "no"})
    predicted(world)

    rows = table(world)

    assert (rows["reason"].right, rows["reason"].how) == ("not given", "model has no reasons")
    assert not rows.keys() & {"ulceration", "mobile"}


@pytest.mark.parametrize(
    ("reason", "told", "help_"),
    [
        ("colour", "colour Doppler covers the picture", "without colour Doppler"),
        ("out of distribution", "unlike the pictures it was trained on", "Do not rely on a model here"),
        ("failed", "the model failed on these pictures", "Run the job again"),
    ],
)
def test_no_result_is_told_in_plain_words_with_what_to_do(world: World, reason: str, told: str, help_: str) -> None:
    world.read(world.reader_a, 1, 5.0)
    predicted(world, None, None, probability=None, no_result_reason=reason, no_thickness=reason)

    model = said(world)

    assert model["no_result"]["words"] == told
    assert help_ in model["no_result"]["what_to_do"]
    assert model["no_thickness"] is None  # said once
    assert told in verdict(world.compare()).ground


def test_a_class_without_millimetres_says_why(world: World) -> None:
    predicted(world, 1, None, thickness_px=120.0, no_thickness="no scale")

    model = said(world)

    assert model["no_result"] is None
    assert model["no_thickness"]["words"] == "no scale in the file"


def test_a_clip_without_a_result_is_named_while_the_study_has_one(world: World) -> None:
    predicted(world, part={"no_result_reason": "colour"})

    assert [(one["number"], one["words"]) for one in said(world)["clips"]] == [(2, "colour Doppler covers the picture")]


def test_warnings_and_what_the_result_stands_on_are_shown(world: World) -> None:
    flag = "unlike the pictures it was trained on"
    predicted(
        world, flags=[flag], engine="torch fp32, 2 threads, batch 8", outputs=["masks", "lesions"], ood_score=3.24,
        quality=0.71, area_mm2=104.3, area_sd_mm2=6.04, area_ratio=0.118,
    )  # fmt: skip

    model = said(world)

    assert model["flags"] == [flag]
    told = {row["label"]: row["value"] for row in model["details"]}
    assert told["Run on"] == "torch fp32, 2 threads, batch 8"
    assert told["Switched on"] == "masks, lesions"
    assert told["Largest area"] == "104.3 ± 6.1 mm²"
    assert told["Plaque / aorta, largest"] == "12 %"
    assert told["Distance from the training pictures"] == "score 3.2"


def test_where_the_model_is_hidden_it_says_nothing(world: World) -> None:
    world.read(world.reader_a, 1, 5.0)
    predicted(world, reasons=ANSWERS, flags=["a flag"], part={"lesions": [LESION]})

    document = compare_payload(world.compare(pipeline="none"))

    assert document["model"] is None
    assert "a flag" not in str(document)
    assert "moves" not in str(document)


def test_a_crater_without_a_depth_that_shows_is_not_measured() -> None:
    flat = {"ulcer_depth_mm": 0.02, "ulcer_sd_mm": 0.01, "ulcer_width_mm": 0.5}

    assert ground("ulceration", flat) == ""
    assert ground("ulceration", {**flat, "ulcer_depth_mm": 0.5}).startswith("0.5")
