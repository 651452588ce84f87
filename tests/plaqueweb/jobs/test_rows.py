"""Rows of a prediction from the library's results: typed reasons, greatest values, lesions within bounds."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import DatabaseError

from inference.types import Answer, ClipResult, FrameResult, LesionResult, NoResult, RegionBox
from plaqueweb.jobs import rows
from plaqueweb.predictions.models import ClipPrediction, Decision, Prediction
from plaqueweb.studies.models import Clip, Project
from tests.factories import ClipFactory, PredictionFactory, StudyFactory, SubjectFactory

pytestmark = pytest.mark.django_db
SIZE = (4, 5)


@pytest.fixture
def clips(project: Project) -> list[Clip]:
    study = StudyFactory(subject=SubjectFactory(project=project))
    return [ClipFactory(study=study, number=number) for number in (1, 2, 3)]


def frame(number: int, mm: float | None) -> FrameResult:
    empty = [SIZE[0] * SIZE[1]]
    return FrameResult(number, 0.5, 3, 0.75, mm, 7.0, 9, list(empty), list(empty), list(empty))


def result(probability: float | None = 0.9, mm: float | None = 5.0, **more: Any) -> ClipResult:
    """A clip's result of three frames with its key frame at 2."""
    values: dict[str, Any] = {
        "frames": 3, "rows": SIZE[0], "columns": SIZE[1], "region": RegionBox(1, 0, 0, 4, 3, 0.5, 0.5, "us_region"),
        "spacing_mm": None if mm is None else (0.5, 0.5), "probability_complex": probability, "predicted_class": None,
        "rule_verdict": None, "max_thickness_mm": mm, "key_frame": 2, "key_chord": ((1.0, 2.0), (3.0, 2.0)),
        "thickness_method": "wall-normal", "max_plaque_area_mm2": 30.0, "max_plaque_area_px": 120, "reason": "",
        "per_frame": [frame(number, mm) for number in (1, 2, 3)], "engine": "torch fp32", "outputs": ("masks",),
        "gated_frames": 3, "no_thickness": NoResult.NO_SCALE if mm is None else None,
    }  # fmt: skip
    return ClipResult(**(values | more))


def nothing(reason: NoResult) -> ClipResult:
    return result(
        None, None, no_result=reason, no_thickness=reason, key_frame=None, key_chord=None, max_plaque_area_mm2=None,
        max_plaque_area_px=0, gated_frames=0,
    )  # fmt: skip


def lesion(number: int = 1, mm: float | None = 5.0, **answers: Answer) -> LesionResult:
    said: dict[str, Answer] = {"thickness": "yes", "ulceration": "no", "mobile": "no", **answers}
    return LesionResult(
        number, 2, (1, 2, 3, 7), mm, 10.0, "wall-normal", ((1.0, 2.0), (3.0, 2.0)), 30.0, 120, reasons=said
    )


def study(pairs: list[tuple[Clip, ClipResult]]) -> dict[str, Any]:
    return rows.study_row(pairs, threshold=0.5, content_hash="h", seconds=1.0)


def test_a_study_has_a_class_when_one_clip_has_one(clips: list[Clip]) -> None:
    row = study([(clips[0], nothing(NoResult.COLOUR)), (clips[1], result(0.2, 2.0))])

    assert (row["probability"], row["predicted_class"], row["no_result_reason"]) == (0.2, 0, "")
    assert row["decision"] == Decision.CONCORDANT_NOT


def test_a_study_without_a_class_gives_the_most_telling_reason(clips: list[Clip]) -> None:
    reasons = (NoResult.NO_AORTA, NoResult.OUT_OF_DISTRIBUTION, NoResult.COLOUR)
    row = study([(clip, nothing(reason)) for clip, reason in zip(clips, reasons, strict=True)])

    assert (row["no_result_reason"], row["no_thickness"]) == ("out of distribution", "out of distribution")
    assert (row["predicted_class"], row["rule_class"], row["decision"]) == (None, None, Decision.NO_RESULT)


def test_a_probability_that_is_no_number_is_a_failure_and_never_stored(clips: list[Clip]) -> None:
    broken = result(math.nan)

    row = rows.clip_row(clips[0], broken, masks=None)  # type: ignore[arg-type]

    assert (row["probability"], row["no_result_reason"]) == (None, "failed")
    assert study([(clips[0], broken)])["no_result_reason"] == "failed"


def test_without_a_scale_the_class_stays_and_the_thickness_says_why(clips: list[Clip]) -> None:
    row = study([(clips[0], result(0.9, None))])

    assert (row["predicted_class"], row["thickness_mm"], row["thickness_px"]) == (1, None, 7.0)
    assert (row["no_result_reason"], row["no_thickness"]) == ("", "no scale")
    assert row["decision"] == Decision.CLASSIFIER_ONLY


def test_one_scaled_clip_gives_the_study_its_millimetres(clips: list[Clip]) -> None:
    row = study([(clips[0], result(0.9, None)), (clips[1], result(0.8, 4.6, thickness_sd_mm=0.4))])

    assert (row["thickness_mm"], row["thickness_sd_mm"], row["no_thickness"]) == (4.6, 0.4, "")
    assert row["key_clip"] == clips[1]


def test_uncertainties_belong_to_the_number_they_stand_beside(clips: list[Clip]) -> None:
    thick = result(0.6, 6.0, thickness_sd_mm=0.3, area_sd_mm2=1.0, probability_sd=0.01, max_plaque_area_mm2=20.0)
    large = result(0.9, 3.0, thickness_sd_mm=0.9, area_sd_mm2=7.0, probability_sd=0.05, max_plaque_area_mm2=80.0)

    row = study([(clips[0], thick), (clips[1], large)])

    assert (row["thickness_mm"], row["thickness_sd_mm"]) == (6.0, 0.3)
    assert (row["area_mm2"], row["area_sd_mm2"]) == (80.0, 7.0)
    assert (row["probability"], row["probability_sd"]) == (0.9, 0.05)


def test_the_greatest_of_the_clips_with_a_class_stands_for_the_study(clips: list[Clip]) -> None:
    one = result(protrusion_mm=5.5, area_ratio=0.1, arc_share=0.4, ood_score=1.0, flags=("a", "b"))
    two = result(mm=2.0, protrusion_mm=2.5, area_ratio=0.3, arc_share=None, ood_score=2.5, flags=("b",))
    refused = nothing(NoResult.OUT_OF_DISTRIBUTION)

    row = study([(clips[0], one), (clips[1], two), (clips[2], refused)])

    found = {name: row[name] for name in ("protrusion_mm", "area_ratio", "arc_share", "ood_score", "flags")}
    assert found == {
        "protrusion_mm": 5.5, "area_ratio": 0.3, "arc_share": 0.4, "ood_score": 2.5, "flags": ["a", "b"]
    }  # fmt: skip


def test_the_uncertainty_of_the_thickness_reaches_the_decision(clips: list[Clip]) -> None:
    sure, unsure = result(0.9, 5.1), result(0.9, 5.1, thickness_sd_mm=0.6)

    assert study([(clips[0], sure)])["decision"] == Decision.CONCORDANT_COMPLEX
    assert study([(clips[0], unsure)])["decision"] == Decision.NEAR_CUTOFF


def test_a_mobile_part_on_any_clip_makes_the_rule_say_complex(clips: list[Clip]) -> None:
    still = result(0.2, 2.0, lesions=(lesion(mm=2.0, thickness="no", ulceration="cannot tell"),))
    moving = result(0.2, 1.5, lesions=(lesion(mm=1.5, thickness="no", mobile="yes"),))

    row = study([(clips[0], still), (clips[1], moving)])

    assert row["reasons"] == {"thickness": "no", "ulceration": "cannot tell", "mobile": "yes"}
    assert (row["predicted_class"], row["rule_class"], row["decision"]) == (0, 1, Decision.DISCORDANT_REASON)


def test_without_lesions_the_rule_rests_on_thickness_alone(clips: list[Clip]) -> None:
    row = study([(clips[0], result(0.9, 5.0))])

    assert (row["reasons"], row["rule_class"], row["decision"]) == (None, 1, Decision.CONCORDANT_COMPLEX)


def test_lesions_are_stored_thickest_first_within_bounds_and_the_rest_is_said(clips: list[Clip]) -> None:
    many = tuple(lesion(number, number / 10) for number in range(1, rows.MAX_LESIONS + 4))

    row = rows.clip_row(clips[0], result(lesions=many), masks=None)  # type: ignore[arg-type]

    thickness = [stored["thickness_mm"] for stored in row["lesions"]]
    assert len(thickness) == rows.MAX_LESIONS
    assert thickness == sorted(thickness, reverse=True)
    assert row["flags"] == ["3 thinner plaques are not listed."]


def test_a_stored_lesion_is_plain_json_with_runs_of_frames_and_no_nan() -> None:
    odd = LesionResult(
        **{**vars(lesion()), "mobility_mm": 1.23456, "mobility_frames": (3, 4, 5), "echogenicity_db": math.nan}
    )

    stored = json.loads(json.dumps(rows.lesion_row(odd), allow_nan=False))

    assert (stored["frames"], stored["mobility_frames"]) == ([[1, 3], [7, 7]], [[3, 5]])
    assert (stored["mobility_mm"], stored["echogenicity_db"]) == (1.2346, None)
    assert stored["chord"] == [[1.0, 2.0], [3.0, 2.0]]
    assert stored["reasons"] == {"thickness": "yes", "ulceration": "no", "mobile": "no"}
    assert stored.keys() == vars(odd).keys()


def test_rows_are_taken_by_the_tables_and_never_change_again(clips: list[Clip]) -> None:
    found = result(thickness_sd_mm=0.4, lesions=(lesion(),), flags=("unlike",), quality=0.7)
    made = PredictionFactory(study=clips[0].study, **study([(clips[0], found)]))
    part = ClipPrediction.objects.create(prediction=made, **rows.clip_row(clips[0], found, masks=None))  # type: ignore[arg-type]
    part.refresh_from_db()

    assert (part.lesions[0]["number"], part.flags, part.thickness_sd_mm, part.quality) == (1, ["unlike"], 0.4, 0.7)
    for rows_of in (Prediction.objects.filter(pk=made.pk), ClipPrediction.objects.filter(pk=part.pk)):
        with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
            rows_of.update(quality=0.1)


def test_a_reason_outside_the_list_is_refused_by_the_database(clips: list[Clip]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PredictionFactory(study=clips[0].study, no_result_reason="tired")
