"""Calibration: what counts as a scale, and what must never become a millimetre."""

from __future__ import annotations

import math
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.tag import Tag

from inference.dicom.regions import (
    frame_times,
    region_at,
    regions_from_dataset,
    spacing_at,
    spacing_between,
)
from tests.inference.dicom.makers import header_with, region_dataset

ROWS, COLUMNS = 120, 160


def only(**changes: Any) -> Any:
    return regions_from_dataset(header_with(region_dataset(**changes)), ROWS, COLUMNS)[0]


def test_deltas_in_centimetres_become_millimetres_per_axis() -> None:
    region = only()

    assert region.valid
    assert region.spacing == pytest.approx((0.3, 0.2))
    assert (region.x0, region.y0, region.x1, region.y1) == (10, 20, 109, 99)
    assert (region.source, region.kind, region.reason) == ("us_region", "tissue_2d", "")


def test_a_negative_delta_is_an_axis_direction_not_a_negative_length() -> None:
    assert only(PhysicalDeltaY=-0.03).spacing == pytest.approx((0.3, 0.2))


@pytest.mark.parametrize(
    "changes",
    [
        {"RegionLocationMaxX1": 162},
        {"RegionLocationMaxY1": 122},
        {"RegionLocationMaxX1": 4_294_967_295},
        {"RegionLocationMinX0": 110, "RegionLocationMaxX1": 110},
        {"RegionLocationMinX0": 120, "RegionLocationMaxX1": 20},
        {"RegionLocationMinX0": 400, "RegionLocationMaxX1": 20},
        {"RegionLocationMinY0": -5},
        {"RegionLocationMinX0": None},
        {"PhysicalUnitsXDirection": 4},
        {"PhysicalUnitsYDirection": 0},
        {"PhysicalUnitsYDirection": None},
        {"PhysicalDeltaX": 0.0},
        {"PhysicalDeltaY": math.nan},
        {"PhysicalDeltaY": math.inf},
        {"PhysicalDeltaX": 1e308},
        {"PhysicalDeltaX": 1e-9},
        {"PhysicalDeltaX": None},
        {"RegionSpatialFormat": 2},
        {"RegionSpatialFormat": 3},
        {"RegionSpatialFormat": None},
    ],
)
def test_a_region_that_breaks_a_rule_is_listed_with_its_reason_and_without_a_scale(changes: dict[str, Any]) -> None:
    region = only(**changes)

    assert not region.valid
    assert region.spacing is None
    assert region.row_mm is None
    assert region.reason.endswith((".", "?"))
    assert 0 <= region.x0 <= region.x1 <= 65_535
    assert 0 <= region.y0 <= region.y1 <= 65_535


def test_a_box_that_ends_one_pixel_past_the_picture_is_cut_to_it() -> None:
    region = only(RegionLocationMaxX1=COLUMNS, RegionLocationMaxY1=ROWS)

    assert region.valid
    assert (region.x1, region.y1) == (COLUMNS - 1, ROWS - 1)


def test_no_sequence_gives_no_region() -> None:
    assert regions_from_dataset(SimpleNamespace(), ROWS, COLUMNS) == []


def test_plain_objects_serve_as_well_as_datasets() -> None:
    item = {element.keyword: element.value for element in region_dataset()}

    assert regions_from_dataset({"SequenceOfUltrasoundRegions": [item]}, ROWS, COLUMNS)[0].valid


def test_two_planes_keep_a_calibration_each() -> None:
    left = region_dataset(RegionLocationMaxX1=70)
    right = region_dataset(RegionLocationMinX0=80, RegionLocationMaxX1=150, PhysicalDeltaX=0.04, PhysicalDeltaY=0.04)
    regions = regions_from_dataset(header_with(left, right), ROWS, COLUMNS)

    assert [region.number for region in regions] == [1, 2]
    assert spacing_at(regions, 30, 50) == pytest.approx((0.3, 0.2))
    assert spacing_at(regions, 100, 50) == pytest.approx((0.4, 0.4))
    assert spacing_at(regions, 75, 50) is None


def test_both_ends_of_a_caliper_must_lie_in_one_region() -> None:
    left = region_dataset(RegionLocationMaxX1=70)
    right = region_dataset(RegionLocationMinX0=71, RegionLocationMaxX1=150)
    regions = regions_from_dataset(header_with(left, right), ROWS, COLUMNS)

    assert spacing_between(regions, (20, 30), (60, 30)) == pytest.approx((0.3, 0.2))
    assert spacing_between(regions, (20, 30), (100, 30)) is None
    assert spacing_between(regions, (20, 30), (20, 5)) is None


def test_where_regions_overlap_the_one_of_high_priority_owns_the_pixel() -> None:
    below = region_dataset(RegionFlags=1)
    above = region_dataset(RegionLocationMinX0=40, RegionLocationMaxX1=60, PhysicalDeltaX=0.05, PhysicalDeltaY=0.05)
    regions = regions_from_dataset(header_with(below, above), ROWS, COLUMNS)

    assert spacing_at(regions, 50, 50) == pytest.approx((0.5, 0.5))
    assert spacing_at(regions, 20, 50) == pytest.approx((0.3, 0.2))


def test_overlapping_regions_of_equal_rank_and_unequal_scale_give_no_millimetres() -> None:
    second = region_dataset(PhysicalDeltaX=0.05, PhysicalDeltaY=0.05)
    regions = regions_from_dataset(header_with(region_dataset(), second), ROWS, COLUMNS)

    assert region_at(regions, 50, 50) is None


def test_ecg_strip_and_depth_ruler_are_named_and_never_measured_in() -> None:
    ecg = region_dataset(RegionSpatialFormat=4, RegionDataType=0x0A, RegionLocationMinY0=100, RegionLocationMaxY1=118)
    ruler = region_dataset(RegionSpatialFormat=5, RegionDataType=0, RegionLocationMinX0=150, RegionLocationMaxX1=158)
    regions = regions_from_dataset(header_with(ecg, ruler), ROWS, COLUMNS)

    assert [region.kind for region in regions] == ["ecg", "depth_ruler"]
    assert all(region.is_strip and not region.valid for region in regions)


def test_a_ruler_as_wide_as_the_picture_is_not_believed() -> None:
    region = only(RegionSpatialFormat=5, RegionDataType=0, RegionLocationMinX0=0, RegionLocationMaxX1=159)

    assert not region.is_strip


@given(
    x1=st.integers(0, 70_000),
    dx=st.floats(allow_nan=True, allow_infinity=True),
    units=st.integers(0, 12),
    spatial=st.integers(0, 6),
)
def test_no_header_makes_a_valid_region_without_a_plausible_scale(x1: int, dx: float, units: int, spatial: int) -> None:
    item = {element.keyword: element.value for element in region_dataset()}
    item |= {
        "RegionLocationMaxX1": x1,
        "PhysicalDeltaX": dx,
        "PhysicalUnitsXDirection": units,
        "RegionSpatialFormat": spatial,
    }
    region = regions_from_dataset({"SequenceOfUltrasoundRegions": [item]}, ROWS, COLUMNS)[0]

    if region.valid:
        assert region.col_mm is not None
        assert 0.005 <= region.col_mm <= 5.0
        assert 0 <= region.x0 < region.x1 < COLUMNS
        assert (units, spatial) == (3, 1)
    else:
        assert region.spacing is None
        assert region.reason


@pytest.mark.parametrize(
    ("values", "times", "source"),
    [
        ({"FrameTime": "40"}, [0.0, 40.0, 80.0], "FrameTime"),
        ({"FrameTimeVector": [0, 30, 50]}, [0.0, 30.0, 80.0], "FrameTimeVector"),
        (
            {"FrameTime": "40", "FrameTimeVector": [0, 30, 50], "FrameIncrementPointer": Tag(0x0018, 0x1065)},
            [0.0, 30.0, 80.0],
            "FrameTimeVector",
        ),
        ({"FrameTime": "0", "CineRate": 25}, [0.0, 40.0, 80.0], "CineRate"),
        ({"RecommendedDisplayFrameRate": 50}, [0.0, 20.0, 40.0], "RecommendedDisplayFrameRate"),
        ({"FrameTimeVector": [0, 30]}, [0.0, 33.3333, 66.6667], "assumed"),
        ({"FrameTime": "nan"}, [0.0, 33.3333, 66.6667], "assumed"),
        ({}, [0.0, 33.3333, 66.6667], "assumed"),
    ],
)
def test_frame_times_come_from_the_file_and_say_from_which_tag(
    values: dict[str, Any], times: list[float], source: str
) -> None:
    assert frame_times(SimpleNamespace(**values), 3) == (pytest.approx(times), source)


def test_reading_calibration_loads_neither_pydicom_nor_torch() -> None:
    code = "import sys, inference.dicom.regions; print(sorted({'pydicom', 'torch', 'imagecodecs'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
