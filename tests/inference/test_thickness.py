from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from inference.postprocess import depth_thickness, inscribed_thickness, thickness_from_mask, wall_normal_thickness
from inference.thickness import FITTED, INSCRIBED, WALL_NORMAL, depth_of
from tests.inference.shapes import cap_on_wall, wall_outline

SPACINGS = [(0.1, 0.1), (0.3, 0.3), (0.3, 0.2), (0.15, 0.45)]
TABLE = [(thickness, spacing) for thickness in (2.0, 4.0, 5.0, 8.0) for spacing in SPACINGS]


@pytest.mark.parametrize("thickness, spacing", TABLE)
def test_the_wall_normal_chord_is_the_thickness_of_a_cap_on_a_round_wall(thickness, spacing) -> None:
    plaque, aorta = cap_on_wall(thickness, spacing)

    result = wall_normal_thickness(plaque, aorta, spacing)

    assert result.method == WALL_NORMAL
    assert result.mm == pytest.approx(thickness, abs=1.5 * max(spacing))


@pytest.mark.parametrize("thickness, spacing", TABLE)
def test_the_depth_method_agrees(thickness, spacing) -> None:
    plaque, aorta = cap_on_wall(thickness, spacing)

    assert depth_thickness(plaque, aorta, spacing).mm == pytest.approx(thickness, abs=1.5 * max(spacing))


@pytest.mark.parametrize("thickness, spacing", TABLE)
def test_a_readers_outline_gives_the_same_thickness(thickness, spacing) -> None:
    plaque, _ = cap_on_wall(thickness, spacing)

    result = thickness_from_mask(plaque, spacing, wall_outline(spacing))

    assert result.mm == pytest.approx(thickness, abs=1.5 * max(spacing))


@pytest.mark.parametrize("thickness, spacing", [row for row in TABLE if row[0] >= 4.0])
def test_without_an_outline_a_circle_is_fitted_to_the_outer_edge_and_said_so(thickness, spacing) -> None:
    plaque, _ = cap_on_wall(thickness, spacing)

    result = thickness_from_mask(plaque, spacing)

    assert result.method == FITTED
    assert result.mm == pytest.approx(thickness, abs=1.5 * max(spacing))


def test_the_inscribed_disc_saturates_and_is_only_a_labelled_fallback() -> None:
    plaque, _ = cap_on_wall(8.0, (0.1, 0.1))
    blob = np.zeros((80, 80), dtype=bool)
    blob[20:60, 30:50] = blob[30:40, 10:70] = True

    assert inscribed_thickness(plaque, (0.1, 0.1)).mm < 7.2
    fallback = thickness_from_mask(blob, (0.1, 0.1))
    assert fallback.method == INSCRIBED
    assert "lower bound" in fallback.note


def test_one_spacing_for_both_axes_would_be_wrong() -> None:
    plaque, aorta = cap_on_wall(5.0, (0.15, 0.45), middle=0.0)

    right = wall_normal_thickness(plaque, aorta, (0.15, 0.45))
    wrong = wall_normal_thickness(plaque, aorta, (0.15, 0.15))

    assert right.mm == pytest.approx(5.0, abs=0.6)
    assert abs(wrong.mm - 5.0) > 1.0


def test_without_calibration_there_are_pixels_and_never_millimetres() -> None:
    plaque, aorta = cap_on_wall(4.0, (0.3, 0.3))

    for result in (
        wall_normal_thickness(plaque, aorta, None),
        depth_thickness(plaque, aorta, None),
        thickness_from_mask(plaque, None),
    ):
        assert result.mm is None
        assert result.px == pytest.approx(4.0 / 0.3, abs=2.5)


def test_the_chord_runs_from_the_lumen_edge_to_the_outer_wall() -> None:
    spacing = (0.3, 0.2)
    plaque, aorta = cap_on_wall(5.0, spacing, middle=0.0)

    (inner, outer), mm = (result := wall_normal_thickness(plaque, aorta, spacing)).chord, result.mm

    length = np.hypot((inner[0] - outer[0]) * spacing[1], (inner[1] - outer[1]) * spacing[0])
    assert length == pytest.approx(mm)
    centre = (15.0 / spacing[1] - 0.5, 15.0 / spacing[0] - 0.5)
    radii = [np.hypot((x - centre[0]) * spacing[1], (y - centre[1]) * spacing[0]) for x, y in (inner, outer)]
    assert radii == [pytest.approx(7.0, abs=0.45), pytest.approx(12.0, abs=0.45)]


def test_a_mobile_stalk_is_protrusion_and_not_wall_thickness() -> None:
    spacing = (0.1, 0.1)
    base, aorta = cap_on_wall(2.0, spacing, middle=0.0)
    y, x = np.mgrid[: base.shape[0], : base.shape[1]] * 0.1 - 15.0
    stalk = (np.abs(y) < 0.45) & (x > 4.5) & (x < 12.0) | (np.hypot(x - 4.0, y) < 1.2)

    result = wall_normal_thickness((base | stalk) & aorta, aorta, spacing)

    assert result.mm == pytest.approx(2.0, abs=0.5)


def test_a_single_ragged_ray_does_not_set_the_thickness() -> None:
    spacing = (0.1, 0.1)
    plaque, aorta = cap_on_wall(4.0, spacing, middle=0.0)
    ragged = plaque.copy()
    ragged[148:151, 200:240] |= aorta[148:151, 200:240]

    result = wall_normal_thickness(ragged, aorta, spacing)

    assert result.mm == pytest.approx(4.0, abs=0.15)


def test_edge_noise_raises_the_thickness_by_less_than_its_own_size() -> None:
    spacing, rng, errors = (0.2, 0.2), np.random.default_rng(5), []
    plaque, aorta = cap_on_wall(4.0, spacing, half=1.0)
    rows, columns = np.indices(plaque.shape)
    for _ in range(12):
        noise = ndimage.gaussian_filter(rng.standard_normal((2, *plaque.shape)), (0, 4, 4))
        down, across = np.rint(noise / noise.std() * 0.3 / 0.2).astype(int)
        at = np.clip(rows + down, 0, rows.max()), np.clip(columns + across, 0, columns.max())
        errors.append(wall_normal_thickness(plaque[at] & aorta, aorta, spacing).mm - 4.0)

    assert abs(np.mean(errors)) < 0.3


def test_depth_at_a_place_is_its_distance_to_the_outside() -> None:
    _, aorta = cap_on_wall(4.0, (0.1, 0.2))

    assert depth_of(aorta, (74.5, 149.5), (0.1, 0.2)) == pytest.approx(12.0, abs=0.3)
    assert depth_of(aorta, (0.0, 0.0), (0.1, 0.2)) == depth_of(aorta, (-5.0, 900.0), (0.1, 0.2)) == 0.0


@pytest.mark.parametrize("spacing", [(0.1, 0.2), (0.3, 0.11)])
def test_depth_is_what_a_distance_transform_of_the_filled_mask_gives(spacing: tuple[float, float]) -> None:
    rng = np.random.default_rng(8)
    aorta = ndimage.binary_opening(ndimage.gaussian_filter(rng.normal(size=(60, 80)), 4) > 0, iterations=2)
    inside = np.pad(ndimage.binary_fill_holes(aorta), 1)
    distance = ndimage.distance_transform_edt(inside, sampling=spacing)[1:-1, 1:-1]
    places = np.argwhere(aorta)[::37]

    found = [depth_of(aorta, (float(column), float(row)), spacing) for row, column in places]

    assert found == pytest.approx([distance[row, column] - 0.5 * min(spacing) for row, column in places], abs=1e-9)


def test_an_empty_mask_has_no_thickness() -> None:
    empty = np.zeros((20, 20), dtype=bool)

    assert thickness_from_mask(empty, (0.1, 0.1)).mm is None
    assert wall_normal_thickness(empty, ~empty, (0.1, 0.1)).method == "none"


@pytest.mark.parametrize("spacing", [(0.0, 0.1), (0.1, -0.1), (float("nan"), 0.1)])
def test_a_spacing_that_is_not_above_zero_is_refused(spacing) -> None:
    with pytest.raises(ValueError, match="above zero"):
        thickness_from_mask(np.ones((4, 4), dtype=bool), spacing)


def test_grids_that_differ_and_outlines_without_area_are_refused() -> None:
    mask = np.ones((4, 4), dtype=bool)

    with pytest.raises(ValueError, match="one grid"):
        wall_normal_thickness(mask, np.ones((4, 5), dtype=bool), None)
    with pytest.raises(ValueError, match="three points"):
        thickness_from_mask(mask, None, [(0.0, 0.0), (1.0, 1.0)])
    with pytest.raises(ValueError, match="area"):
        thickness_from_mask(mask, None, [(1.0, 1.0)] * 4)
