from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference import postprocess as post
from inference.types import ClipResult, NoResult


def clip(probability: float, thickness: float | None, area: float | None = 10.0) -> ClipResult:
    return ClipResult(
        frames=1,
        rows=10,
        columns=10,
        region=None,
        spacing_mm=(0.1, 0.1),
        probability_complex=probability,
        predicted_class=0,
        rule_verdict=None,
        max_thickness_mm=thickness,
        key_frame=1 if thickness else None,
        key_chord=None,
        thickness_method="wall-normal",
        max_plaque_area_mm2=area,
        max_plaque_area_px=5,
        reason="",
        per_frame=[],
    )


def test_specks_below_two_square_millimetres_go_and_pinholes_are_filled() -> None:
    mask = np.zeros((60, 60), dtype=bool)
    mask[10:40, 10:40] = True
    mask[20:22, 20:22] = False
    mask[25:35, 25:35] = False
    mask[50:53, 50:53] = True

    clean = post.clean_mask(mask, (0.2, 0.2))

    assert clean[20, 20]
    assert not clean[30, 30]
    assert not clean[51, 51]
    assert clean[10:20, 10:40].all()


def test_components_that_touch_at_a_corner_are_one() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[5:15, 5:15] = mask[15:18, 15:18] = True

    assert post.clean_mask(mask, (0.2, 0.2))[16, 16]


def test_area_uses_both_axes_and_is_unknown_without_calibration() -> None:
    assert post.area_mm2(100, (0.3, 0.2)) == pytest.approx(6.0)
    assert post.area_mm2(100, None) is None


def test_the_key_frame_is_where_three_neighbours_agree_and_not_the_single_highest() -> None:
    assert post.choose_key_frame([1.0, 9.0, 1.0, 3.0, 3.4, 3.2, 1.0]) == 5
    assert post.choose_key_frame([2.0, None]) == 0
    assert post.choose_key_frame([0.0, 5.0, 0.0]) == 1
    assert post.choose_key_frame([None, None, None]) is None
    assert post.choose_key_frame([]) is None


def test_a_clip_takes_the_mean_of_the_logits() -> None:
    assert post.clip_probability([0.9, 0.1]) == pytest.approx(0.5)
    assert post.clip_probability([1.0, 1.0]) > 0.99
    with pytest.raises(ValueError, match="at least one frame"):
        post.clip_probability([])


@pytest.mark.parametrize("thickness, verdict", [(3.94, False), (3.95, True), (4.0, True), (4.04, True), (None, None)])
def test_the_rule_reads_the_thickness_as_displayed(thickness, verdict) -> None:
    assert post.rule_verdict(thickness) is verdict


def test_any_reason_makes_a_plaque_complex_and_an_unknown_one_is_no_no() -> None:
    assert post.rule_verdict(2.0, ulceration=True) is True
    assert post.rule_verdict(None, mobile=True) is True
    assert post.rule_verdict(None, ulceration=False, mobile=False, thrombus=None) is None
    assert post.rule_verdict(2.0, mobile=None) is False


@pytest.mark.parametrize(
    "thickness, ulceration, mobile, verdict",
    [
        (2.0, "cannot tell", "no", False),
        (2.0, "yes", "cannot tell", True),
        (None, "cannot tell", "yes", True),
        (None, "no", "cannot tell", None),
        (4.2, "no", "no", True),
    ],
)
def test_what_cannot_be_told_is_no_reason_and_hides_none(thickness, ulceration, mobile, verdict) -> None:
    assert post.rule_verdict(thickness, ulceration=ulceration, mobile=mobile) is verdict


def test_the_key_frames_window_grows_with_the_clip_and_passes_over_frames_without_result() -> None:
    long = [3.0] * 20
    long[4:7] = [6.0, 6.1, 6.2]

    assert long[post.choose_key_frame(long)] == 3.0
    assert post.choose_key_frame([None, 2.0, None, 3.0, 2.5, None]) == 4


def test_a_study_in_which_no_clip_has_a_result_says_why() -> None:
    refused = replace(clip(0.5, None, None), probability_complex=None, no_result=NoResult.COLOUR)

    study = post.aggregate_study([refused, refused], threshold=0.5)

    assert (study.probability_complex, study.predicted_class, study.rule_verdict) == (None, None, None)
    assert study.no_result is study.no_thickness is NoResult.COLOUR


def test_of_several_reasons_the_most_telling_stands_whatever_the_order_of_the_clips() -> None:
    refused = replace(clip(0.5, None, None), probability_complex=None)
    reasons = [NoResult.NO_AORTA, NoResult.COLOUR, NoResult.OUT_OF_DISTRIBUTION]

    for order in (reasons, reasons[::-1]):
        study = post.aggregate_study([replace(refused, no_result=reason) for reason in order], threshold=0.5)
        assert study.no_result is NoResult.OUT_OF_DISTRIBUTION
    assert post.aggregate_study([refused], threshold=0.5).no_result is NoResult.FAILED
    assert set(post.MOST_TELLING) == set(NoResult)


def test_a_clip_without_result_does_not_weaken_the_others() -> None:
    refused = replace(clip(0.5, None, None), probability_complex=None, no_result=NoResult.NO_AORTA)

    study = post.aggregate_study([refused, clip(0.8, 5.0)], threshold=0.6)

    assert (study.predicted_class, study.rule_verdict, study.no_result, study.key_clip) == (1, 1, None, 1)


def test_an_ulcer_in_one_clip_makes_the_studys_verdict_complex() -> None:
    study = post.aggregate_study([clip(0.2, 2.0), replace(clip(0.2, 1.5), rule_verdict=1)], threshold=0.6)

    assert study.rule_verdict == 1


def test_a_study_takes_the_greatest_probability_and_the_greatest_thickness_of_its_clips() -> None:
    study = post.aggregate_study([clip(0.7, 2.0), clip(0.2, 4.4), clip(0.1, None)], threshold=0.6)

    assert study.probability_complex == 0.7
    assert study.predicted_class == 1
    assert (study.max_thickness_mm, study.key_clip, study.key_frame) == (4.4, 1, 1)
    assert study.rule_verdict == 1


def test_a_study_without_clips_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one clip"):
        post.aggregate_study([], threshold=0.5)
