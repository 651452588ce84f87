from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from inference.types import RegionBox, rle_decode, rle_encode

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


@given(masks)
def test_decoding_gives_back_what_was_encoded(mask: np.ndarray) -> None:
    assert np.array_equal(rle_decode(rle_encode(mask), mask.shape), mask)


@given(masks)
def test_runs_start_with_zeros_alternate_and_fill_the_picture(mask: np.ndarray) -> None:
    runs = rle_encode(mask)

    assert sum(runs) == mask.size
    assert all(run > 0 for run in runs[1:])
    assert (runs[0] == 0) == bool(mask.flat[0])


def test_runs_are_row_major_with_the_zero_run_first() -> None:
    mask = np.array([[1, 1, 0], [0, 1, 0]], dtype=bool)

    assert rle_encode(mask) == [0, 2, 2, 1, 1]


@pytest.mark.parametrize(
    "runs, rule",
    [([1, 2], "add up"), ([10, -4], "negative"), ([2.5, 3.5], "whole numbers"), ([True, 5], "whole numbers")],
)
def test_runs_that_break_a_rule_are_refused_by_name(runs: list, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        rle_decode(runs, (2, 3))


def test_small_integer_types_add_up_like_any_other() -> None:
    assert rle_decode(np.array([200, 100, 100], dtype=np.uint8), (20, 20)).sum() == 100


def test_a_region_without_calibration_or_validity_has_no_spacing() -> None:
    assert RegionBox(1, 0, 0, 9, 9).spacing is None
    assert RegionBox(1, 0, 0, 9, 9, row_mm=0.2, col_mm=None).spacing is None
    assert RegionBox(1, 0, 0, 9, 9, row_mm=0.2, col_mm=0.3, valid=False).spacing is None
    assert RegionBox(1, 0, 0, 9, 9, row_mm=0.2, col_mm=0.3).spacing == (0.2, 0.3)


@pytest.mark.parametrize("module", ["inference.types", "inference.metrics", "inference.postprocess"])
def test_what_the_site_imports_loads_no_torch(module: str) -> None:
    heavy = "{'torch', 'monai', 'pydicom', 'PIL', 'django'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "[]"
