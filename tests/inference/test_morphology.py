from __future__ import annotations

import numpy as np
import pytest

from inference.morphology import closed, texture_of
from inference.profiles import FrameProfile
from tests.inference.clips import measured
from tests.inference.shapes import vessel_labels


@pytest.mark.parametrize("depth, width", [(2.0, 2.0), (2.5, 3.0), (3.5, 2.5)])
def test_a_crater_is_an_ulcer_of_its_depth_and_width(depth: float, width: float) -> None:
    result = measured([vessel_labels(top=5.5, half=0.8, crater=(depth, width))] * 4)

    lesion = result.lesions[0]
    assert lesion.reasons["ulceration"] == "yes"
    assert lesion.ulcer_depth_mm == pytest.approx(depth, abs=0.35)
    assert lesion.ulcer_width_mm == pytest.approx(width, abs=1.0)
    assert lesion.ulcer_sd_mm == pytest.approx(0.0, abs=0.05)
    assert result.rule_verdict == 1


@pytest.mark.parametrize("crater", [None, (0.6, 2.5), (2.0, 9.0)])
def test_a_smooth_a_shallow_and_a_wide_dip_are_no_ulcers(crater: tuple[float, float] | None) -> None:
    lesion = measured([vessel_labels(top=5.0, half=1.0, crater=crater)] * 4).lesions[0]

    assert lesion.reasons["ulceration"] == "no"
    assert lesion.ulcer_depth_mm < 1.2


def test_a_crater_whose_ground_is_bare_wall_is_still_measured() -> None:
    labels = vessel_labels(top=4.0, half=0.8, crater=(3.2, 2.5))
    y, x = np.mgrid[: labels.shape[0], : labels.shape[1]] * 0.2 + 0.1 - 16.0
    ground = (np.abs(np.arctan2(y, x)) * 12.0 < 1.25) & (np.hypot(x, y) > 11.3)
    labels[ground & (labels == 3)] = 2

    lesions = measured([labels] * 4).lesions

    assert {lesion.reasons["ulceration"] for lesion in lesions} == {"yes"}
    assert lesions[0].ulcer_depth_mm == pytest.approx(3.1, abs=0.4)


def test_the_error_of_an_ulcers_depth_grows_with_its_unrest() -> None:
    still = measured([vessel_labels(top=5.5, crater=(2.5, 2.6))] * 8).lesions[0]
    restless = measured([vessel_labels(top=5.5, crater=(2.5 + 0.5 * (-1) ** n, 2.6)) for n in range(8)]).lesions[0]

    assert restless.ulcer_sd_mm > still.ulcer_sd_mm + 0.1
    assert restless.ulcer_depth_mm == pytest.approx(2.5, abs=0.4)


def test_one_frame_cannot_tell_an_ulcer() -> None:
    lesion = measured([vessel_labels(top=5.5, crater=(2.5, 2.6))]).lesions[0]

    assert lesion.reasons["ulceration"] == "cannot tell"
    assert lesion.ulcer_depth_mm is None


def test_closing_fills_what_is_narrower_than_the_window_only() -> None:
    profile = np.full(100, 5.0)
    profile[20:24], profile[50:70] = 2.0, 2.0

    filled = closed(profile, 0.5, 4.0)

    assert (filled[20:24] == 5.0).all()
    assert (filled[55:65] == 2.0).all()


def grey_frame(plaque: float, bright: float, behind: float) -> tuple[FrameProfile, np.ndarray]:
    """A profile whose first 40 rays are plaque of this grey, on ground of 100; half of them bright and dark behind."""
    rays = np.arange(180) < 40
    ones = np.ones(180, dtype=np.float32)
    half = np.arange(180) < 20
    grey = {
        "outside": 100 * ones, "wall": 110 * ones, "blood": 20 * ones, "plaque": np.where(rays, plaque, np.nan),
        "bright": np.where(half, bright, plaque + 5), "behind": np.where(half, behind, 90.0),
    }  # fmt: skip
    nothing = np.zeros(180, dtype=np.float32)
    frame = FrameProfile(1, 12 * ones, ones, nothing, nothing, rays.astype(np.uint8), (), (), 1000, 800, grey=grey)
    return frame, rays


def test_echogenicity_is_grey_against_the_ground_in_nominal_decibels() -> None:
    frame, rays = grey_frame(117.0, 122.0, 90.0)

    texture = texture_of([frame], [rays])

    assert texture.echogenicity_db == pytest.approx(17 * 60 / 255)
    assert texture.calcified_share == texture.shadow_share == 0.0


def test_calcium_is_bright_and_leaves_a_shadow() -> None:
    frame, rays = grey_frame(100.0, 200.0, 5.0)

    texture = texture_of([frame], [rays])

    assert texture.calcified_share == texture.shadow_share == 0.5


def test_without_pictures_texture_is_unknown() -> None:
    lesion = measured([vessel_labels()] * 3).lesions[0]

    assert lesion.echogenicity_db is lesion.calcified_share is lesion.shadow_share is None
