from __future__ import annotations

import numpy as np
import pytest

from inference import border, gates
from inference.types import NoResult
from tests.inference.clips import measured, measurer_for
from tests.inference.shapes import vessel_labels

GOOD = gates.VesselShape(22.0, 26.0, 0.7, calibrated=True)
FAIR = {"coloured": False, "finite": True, "shape": GOOD, "view": "SAX", "quality": 0.5}


@pytest.mark.parametrize(
    "change, reason",
    [
        ({}, None),
        ({"coloured": True}, NoResult.COLOUR),
        ({"finite": False}, NoResult.FAILED),
        ({"shape": None}, NoResult.NO_AORTA),
        ({"shape": gates.VesselShape(3.0, 4.0, 0.7, True)}, NoResult.NO_AORTA),
        ({"shape": gates.VesselShape(80.0, 90.0, 0.7, True)}, NoResult.NO_AORTA),
        ({"shape": gates.VesselShape(8.0, 30.0, 0.7, True)}, NoResult.NO_AORTA),
        ({"shape": gates.VesselShape(8.0, 30.0, 0.7, True), "view": "LAX"}, None),
        ({"shape": gates.VesselShape(8.0, 30.0, 0.7, True), "view": "unknown"}, None),
        ({"shape": gates.VesselShape(800.0, 900.0, 0.7, False)}, None),
        ({"shape": gates.VesselShape(22.0, 26.0, 0.02, True)}, NoResult.NO_AORTA),
        ({"quality": 0.05}, NoResult.POOR_QUALITY),
        ({"quality": None}, None),
    ],
)
def test_a_frame_is_refused_for_one_named_reason(change: dict, reason: NoResult | None) -> None:
    assert gates.frame_gate(**{**FAIR, **change}) is reason


@pytest.mark.parametrize(
    "frames, reason",
    [
        ([None, NoResult.NO_AORTA, NoResult.NO_AORTA], None),
        ([NoResult.NO_AORTA, NoResult.COLOUR, NoResult.COLOUR], NoResult.COLOUR),
        ([None] + [NoResult.NO_AORTA] * 99, NoResult.NO_AORTA),
        ([NoResult.POOR_QUALITY], NoResult.POOR_QUALITY),
        ([], NoResult.FAILED),
    ],
)
def test_a_clip_has_no_result_when_hardly_a_frame_has_one(frames: list, reason: NoResult | None) -> None:
    assert gates.clip_gate(frames) is reason


def test_every_reason_has_a_text() -> None:
    assert set(gates.TEXTS) == set(NoResult)


def test_only_gated_frames_enter_the_clips_probability() -> None:
    aorta, nothing = vessel_labels(), vessel_labels(radius=3.0, top=1.5)

    result = measured([aorta, nothing, aorta], probabilities=[0.2, 0.99, 0.2])

    assert result.probability_complex == pytest.approx(0.2)
    assert result.predicted_class == 0
    assert result.gated_frames == 2
    assert [frame.no_result for frame in result.per_frame] == [None, NoResult.NO_AORTA, None]


def test_a_clip_without_result_has_neither_class_nor_number() -> None:
    result = measured([vessel_labels(radius=3.0, top=1.5)] * 3)

    assert result.no_result is result.no_thickness is NoResult.NO_AORTA
    numbers = (result.probability_complex, result.predicted_class, result.rule_verdict, result.max_thickness_mm)
    assert numbers == (None, None, None, None)
    assert result.max_plaque_area_mm2 is result.protrusion_mm is result.key_frame is None
    assert result.lesions == ()


def test_values_that_are_no_numbers_are_a_failure_and_not_an_aorta() -> None:
    measurer = measurer_for((160, 160))
    size = measurer.canvas.size
    logits = np.full((1, 4, size, size), np.nan, dtype=np.float32)

    frame = measurer.measure(0, np.array([0.4], np.float32), logits, np.zeros(1, bool))[0]

    assert frame.no_result is NoResult.FAILED


def test_without_a_scale_the_class_stays_and_the_millimetres_go() -> None:
    result = measured([vessel_labels()] * 3, None)

    assert result.predicted_class == 1
    assert result.no_result is None
    assert result.no_thickness is NoResult.NO_SCALE
    assert result.max_thickness_mm is result.max_plaque_area_mm2 is result.lesions[0].thickness_mm is None
    assert result.lesions[0].thickness_px == pytest.approx(5.0 / 0.2, abs=2.0)
    assert set(result.lesions[0].reasons.values()) == {"cannot tell"}


def test_quality_is_the_share_of_the_border_that_stands_out_from_the_blood() -> None:
    rays = np.full(180, 100.0, dtype=np.float32)
    dark = np.full(180, 20.0, dtype=np.float32)
    none = np.full(180, np.nan, dtype=np.float32)
    half = np.where(np.arange(180) < 90, rays, dark).astype(np.float32)

    def quality(wall: np.ndarray, outside: np.ndarray) -> float:
        return border.quality_of({"wall": wall, "outside": outside, "blood": dark, "plaque": none})

    assert quality(rays, rays) == 1.0
    assert quality(half, dark) == 0.5
    assert quality(dark, dark) == 0.0
    assert quality(np.zeros_like(dark), np.zeros_like(dark)) == 0.0
