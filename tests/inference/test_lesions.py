from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.lesions import overlaps
from tests.inference.clips import measured
from tests.inference.shapes import vessel_labels

SWAY = [(16.0 + 0.8 * np.sin(n), 16.0 + 0.6 * np.cos(n)) for n in range(9)]


def two_plaques(second: float, centre: tuple[float, float]) -> np.ndarray:
    """A thick plaque to the right and a thinner one to the left."""
    first = vessel_labels(top=5.0, at=0.0, half=0.5, centre=centre)
    other = vessel_labels(top=second, at=np.pi, half=0.4, centre=centre)
    left = np.arange(first.shape[1]) * 0.2 < centre[1]
    return np.where(left[None, :], other, first).astype(np.uint8)


def test_two_plaques_are_followed_apart_and_numbered_by_size_while_the_aorta_sways() -> None:
    result = measured([two_plaques(3.0, centre) for centre in SWAY])

    assert [lesion.number for lesion in result.lesions] == [1, 2]
    first, second = result.lesions
    assert first.frames == second.frames == tuple(range(1, 10))
    assert first.area_px > second.area_px
    assert (first.thickness_mm, second.thickness_mm) == (pytest.approx(5.0, abs=0.2), pytest.approx(3.0, abs=0.2))
    assert np.cos(first.angle) == pytest.approx(1.0, abs=0.02)
    assert np.cos(second.angle) == pytest.approx(-1.0, abs=0.02)
    assert (first.reasons["thickness"], second.reasons["thickness"]) == ("yes", "no")


def test_extent_and_its_share_follow_the_wall() -> None:
    lesion = measured([vessel_labels(half=0.5)] * 3).lesions[0]

    assert lesion.extent_mm == pytest.approx(2 * 0.5 * 12.0, rel=0.06)
    assert lesion.extent_share == pytest.approx(1.0 / (2 * np.pi), rel=0.06)


def test_shares_of_the_circumference_are_for_short_axis_views_only() -> None:
    frames = [vessel_labels()] * 3

    short, long, unnamed = (measured(frames, view=view) for view in ("SAX", "LAX", "unknown"))

    assert short.area_ratio == unnamed.area_ratio == pytest.approx((frames[0] == 3).sum() / (frames[0] > 0).sum())
    assert 0.1 < short.arc_share < 0.3
    assert long.area_ratio is long.arc_share is long.lesions[0].extent_share is None
    assert long.lesions[0].thickness_mm == short.lesions[0].thickness_mm


def test_a_plaque_missing_in_some_frames_stays_one_and_a_flicker_is_none() -> None:
    plaque, clear = vessel_labels(), vessel_labels(top=1.0)
    clear[clear == 3] = 2
    flicker = two_plaques(3.0, (16.0, 16.0))

    result = measured([plaque, clear, plaque, plaque, clear, flicker, plaque, plaque])

    assert len(result.lesions) == 1
    assert result.lesions[0].frames == (1, 3, 4, 6, 7, 8)


def test_specks_are_counted_but_are_no_plaque() -> None:
    labels = vessel_labels()
    labels[80:84, 24:28] = 3

    result = measured([labels] * 3)

    assert len(result.lesions) == 1
    assert result.small_pieces == 1


def test_the_official_thickness_is_that_of_the_key_frame() -> None:
    result = measured([vessel_labels(top=top) for top in (3.0, 5.0, 5.1, 5.2, 3.0, 3.0)])

    key = result.per_frame[result.key_frame - 1]
    assert (key.max_thickness_mm, key.chord) == (result.max_thickness_mm, result.key_chord)
    assert result.max_thickness_mm == pytest.approx(5.1, abs=0.2)


@settings(max_examples=25, deadline=None)
@given(
    top=st.floats(2.0, 8.0), at=st.floats(0, 6.28), half=st.floats(0.45, 1.2), radius=st.floats(9.0, 14.0),
    spacing=st.sampled_from([(0.15, 0.15), (0.2, 0.3), (0.3, 0.2)]),
)  # fmt: skip
def test_thickness_does_not_depend_on_where_the_plaque_lies(top, at, half, radius, spacing) -> None:
    top = min(top, 0.6 * radius)

    result = measured([vessel_labels(spacing, radius=radius, top=top, at=at, half=half)], spacing)

    assert result.max_thickness_mm == pytest.approx(top, abs=0.35)
    assert result.flags == ()


def test_overlap_is_one_for_equal_and_none_for_separate_profiles() -> None:
    first = np.r_[np.ones(10), np.zeros(10)]

    found = overlaps(np.stack([first, 0 * first]), np.stack([first, first[::-1], 2 * first, 0 * first]))

    assert found.tolist() == [[1.0, 0.0, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0]]
