from __future__ import annotations

import numpy as np
import pytest

from inference.profiles import measure_vessel
from inference.vessel import Vessel
from tests.inference.clips import measured, measurer_for
from tests.inference.shapes import vessel_labels


def swinging(frames: int, lean: float, *, length: float = 6.0, sway: float = 0.0) -> list[np.ndarray]:
    """A plaque with a stalk that swings by ``lean`` radians to both sides on an aorta that sways."""
    turns = np.sin(np.linspace(0, 4 * np.pi, frames, endpoint=False))
    return [
        vessel_labels(top=3.0, stalk=(length, lean * turn, 1.3), centre=(16.0 + sway * turn, 16.0 - sway * turn))
        for turn in turns
    ]


def test_a_swinging_stalk_is_mobile_and_its_head_moves_as_far_as_drawn() -> None:
    result = measured(swinging(16, 0.5, sway=1.0))

    lesion = result.lesions[0]
    assert lesion.reasons["mobile"] == "yes"
    assert lesion.mobility_mm == pytest.approx(2 * 6.0 * np.sin(0.5), abs=0.8)
    assert lesion.mobility_sd_mm < 0.3
    assert len(lesion.mobility_frames) >= 12
    assert result.rule_verdict == 1


def test_a_stalk_is_protrusion_and_not_wall_thickness() -> None:
    result = measured(swinging(12, 0.4))

    assert result.max_thickness_mm == pytest.approx(3.0, abs=0.25)
    assert result.protrusion_mm == pytest.approx(3.0 - 0.5 + 6.0 + 1.3, abs=0.7)


def test_a_stalk_that_stands_still_on_a_swaying_aorta_is_not_mobile() -> None:
    lesion = measured(swinging(12, 0.0, sway=1.5)).lesions[0]

    assert lesion.reasons["mobile"] == "no"
    assert lesion.mobility_mm < 0.5


def test_a_plaque_without_a_stalk_is_not_mobile_though_the_aorta_sways() -> None:
    turns = np.sin(np.arange(10))
    lesion = measured([vessel_labels(centre=(16 + t, 16 - t)) for t in turns]).lesions[0]

    assert lesion.reasons["mobile"] == "no"
    assert lesion.mobility_mm < 0.5
    assert lesion.mobility_frames == ()


def test_a_few_frames_cannot_tell_motion() -> None:
    lesion = measured(swinging(5, 0.5)).lesions[0]

    assert lesion.reasons["mobile"] == "cannot tell"
    assert lesion.mobility_mm is None


def test_without_a_scale_motion_cannot_be_told() -> None:
    assert measured(swinging(12, 0.5), None).lesions[0].reasons["mobile"] == "cannot tell"


@pytest.mark.parametrize("thick", [1.5, 2.0, 8.0])
def test_a_thin_or_a_bulky_plaque_is_no_free_part(thick: float) -> None:
    labels = vessel_labels(top=thick, half=0.7)

    found = measure_vessel(Vessel(labels, 0, 0), 1, measurer_for(labels.shape).canvas)

    assert found.profile.free == ()


def test_a_frame_in_which_the_head_lies_on_the_plaque_does_not_give_the_thickness() -> None:
    apart = swinging(9, 0.3)
    lying = [vessel_labels(top=3.0, stalk=(1.2, 0.0, 1.6)) for _ in range(3)]

    result = measured(apart + lying)

    assert result.max_thickness_mm == pytest.approx(3.0, abs=0.3)
