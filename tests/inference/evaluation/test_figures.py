from __future__ import annotations

import pytest

from inference.evaluation.figures import BANDS_MM, band_of, studies_of, summarise
from tests.inference.evaluation.rows import row


def test_no_result_counts_as_wrong_in_the_figures_over_all_and_is_left_out_of_the_answered() -> None:
    rows = [row(f"p{n}", 1, 0.9) for n in range(6)] + [row(f"n{n}", 0, 0.1) for n in range(2)]
    rows += [row(f"x{n}", 0, None) for n in range(2)]

    figures = summarise(rows, 0.5).figures

    assert figures["coverage"].value == 0.8
    assert (figures["accuracy"].value, figures["accuracy_all"].value) == (1.0, 0.8)
    assert (figures["specificity"].value, figures["specificity_all"].value) == (1.0, 0.5)
    assert (figures["auc"].value, figures["auc_all"].value) == (1.0, 0.5)
    assert (figures["accuracy"].subjects, figures["accuracy_all"].subjects) == (8, 10)


def test_a_pipeline_that_never_answers_is_never_right() -> None:
    evaluation = summarise([row(f"s{n}", n % 2, None, predicted_mm=None) for n in range(8)], 0.5)

    assert evaluation.figures["accuracy"].value is None
    assert evaluation.figures["accuracy_all"].value == 0.0
    assert evaluation.figures["auc_all"].value == 0.0
    assert evaluation.coverage["no result: poor quality"].value == 1.0
    assert evaluation.reliability == []


def test_a_study_takes_the_greatest_of_its_clips() -> None:
    studies = studies_of([row("a", 0, 0.2), row("a", 1, 0.8), row("a", 0, None), row("b", 0, None), row("c", None)])

    assert [(s["subject"], s["class"], s["probability"], s["predicted"]) for s in studies] == [
        ("a", 1, 0.8, 1),
        ("b", 0, None, None),
    ]


def test_mask_figures_take_each_subjects_mean_and_count_missing_distances_apart() -> None:
    long = {"dice": [0.0, 0.5, 0.7], "iou": [0, 0.3, 0.5], "hd95": [None, 2.0, 4.0], "nsd": [0, 0.5, 0.5]}
    rows = [row(f"s{n}") for n in range(5)]
    rows.append(row("t", structures={"plaque": {**long, "assd": [None, 1.0, 1.0], "absent": 4, "invented": 1}}))

    figures = summarise(rows, 0.5).figures

    assert figures["plaque_dice"].value == pytest.approx((5 + 0.4) / 6, abs=1e-4)
    assert (figures["plaque_dice"].subjects, figures["plaque_dice"].units) == (6, 13)
    assert (figures["plaque_hd95_mm"].value, figures["plaque_hd95_mm"].units) == (pytest.approx(0.5), 12)
    assert figures["plaque_missed"].value == pytest.approx(1 / 13, abs=1e-4)
    assert figures["plaque_invented"].value == 0.25


def test_dice_over_all_is_zero_where_there_is_no_result() -> None:
    figures = summarise([row(f"s{n}") for n in range(6)] + [row("x", 1, None), row("y", 1, None)], 0.5).figures

    assert figures["plaque_dice"].value == 1.0
    assert figures["plaque_dice_all"].value == 0.75


def test_thickness_figures_are_over_measured_clips_with_plaque() -> None:
    errors = [0.3, -0.2, 0.8, -1.5, 0.1, 0.5]
    rows = [row(f"s{n}", true_mm=4.0, predicted_mm=4.0 + e) for n, e in enumerate(errors)]
    rows += [row("unmeasured", true_mm=4.0, predicted_mm=None), row("none", 0, true_mm=0.0, predicted_mm=1.0)]

    figures = summarise(rows, 0.5).figures

    assert figures["thickness_mae_mm"].value == pytest.approx(3.4 / 6, abs=1e-4)
    assert figures["thickness_bias_mm"].value == pytest.approx(0.0, abs=1e-4)
    assert figures["thickness_within_0.5mm"].value == pytest.approx(4 / 6, abs=1e-4)
    assert figures["thickness_within_1mm"].value == pytest.approx(5 / 6, abs=1e-4)
    assert figures["thickness_measured"].value == pytest.approx(6 / 7, abs=1e-4)
    assert figures["thickness_mae_mm"].units == 6


def test_the_side_of_four_millimetres_goes_by_the_displayed_thickness() -> None:
    rows = [row("a", true_mm=3.96, predicted_mm=4.2), row("b", true_mm=3.94, predicted_mm=4.2)]

    assert summarise(rows, 0.5).figures["at_4mm_accuracy"].value == 0.5


def test_reasons_count_only_clips_that_were_told_yes_or_no() -> None:
    there, gone = {"ulceration": True, "mobile": False}, {"ulceration": False, "mobile": False}
    rows = [
        row("a", reasons=there, answers={"ulceration": "yes", "mobile": "no"}),
        row("b", reasons=there, answers={"ulceration": "no", "mobile": "yes"}),
        row("c", reasons=there, answers={"ulceration": "cannot tell", "mobile": "no"}),
        row("d", reasons=gone, answers={"ulceration": "no", "mobile": "no"}),
        row("e", reasons=gone, answers={}),
    ]

    found = summarise(rows, 0.5).reasons["ulceration"]

    assert (found["told"].value, found["told"].units) == (0.75, 4)
    assert (found["sensitivity"].value, found["sensitivity"].units) == (0.5, 2)
    assert (found["specificity"].value, found["specificity"].units) == (1.0, 1)


def test_groups_split_the_cases_and_every_part_has_its_n() -> None:
    rows = [row(f"t{n}", 1, 0.9, true_mm=5.0) for n in range(6)] + [row(f"s{n}", 0, 0.8, true_mm=3.0) for n in range(4)]

    groups = summarise(rows, 0.5).groups

    assert list(groups["true thickness"]) == ["2 to 3.5 mm", "4.5 to 6 mm"]
    assert groups["true thickness"]["4.5 to 6 mm"]["accuracy"].value == 1.0
    assert groups["true thickness"]["2 to 3.5 mm"]["accuracy"].value == 0.0
    assert groups["true thickness"]["2 to 3.5 mm"]["accuracy"].subjects == 4
    assert set(groups["kind of plaque"]) == {"thick", "thin"}
    assert groups["value out of its trained range"] == {}


@pytest.mark.parametrize("mm, name", [(1.99, "below 2 mm"), (2.0, "2 to 3.5 mm"), (6.0, "above 6 mm"), (None, "")])
def test_a_band_holds_its_lower_edge(mm, name) -> None:
    assert band_of(mm, BANDS_MM) == name


def test_the_threshold_lies_on_the_roc_curve() -> None:
    labels, scores = [0, 0, 0, 1, 1, 1], [0.1, 0.6, 0.3, 0.4, 0.8, 0.9]
    rows = [row(f"s{n}", y, p) for n, (y, p) in enumerate(zip(labels, scores, strict=True))]

    evaluation = summarise(rows, 0.5)

    at = (1 - evaluation.figures["specificity"].value, evaluation.figures["sensitivity"].value)
    assert any(point == pytest.approx(at, abs=1e-4) for point in evaluation.roc)
    assert evaluation.roc[0] == (0.0, 0.0)
    assert evaluation.roc[-1] == (1.0, 1.0)


def test_even_a_calibrated_model_shows_an_error_by_chance_in_a_small_sample() -> None:
    rows = [row(f"s{n}", n % 2, 0.5) for n in range(20)]

    figures = summarise(rows, 0.5).figures

    assert 0.1 < figures["ece_by_chance"].value < 0.5


def test_no_case_is_no_evaluation() -> None:
    with pytest.raises(ValueError, match="no case"):
        summarise([], 0.5)
