from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import postprocess as p

TURN = np.linspace(0, 2 * np.pi, 180, endpoint=False)
CIRCLE = [[60 + 40 * math.cos(t), 50 + 40 * math.sin(t)] for t in TURN]


def on_circle(degrees: float, radius: float = 40) -> tuple[float, float]:
    return 60 + radius * math.cos(math.radians(degrees)), 50 + radius * math.sin(math.radians(degrees))


def disc(radius: float, centre: tuple[float, float] = (60, 50), shape: tuple[int, int] = (110, 130)) -> np.ndarray:
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    return np.hypot(x - centre[0], y - centre[1]) <= radius


def test_pieces_touch_by_corners_and_together_are_the_mask() -> None:
    mask = np.zeros((6, 8), dtype=bool)
    mask[0, 0] = mask[1, 1] = mask[4, 5] = True

    found = p.pieces(mask)

    assert [int(piece.sum()) for piece in found] == [2, 1]
    assert (np.logical_or.reduce(found) == mask).all()
    assert p.pieces(np.zeros((3, 3))) == []


def test_the_middle_is_the_centroid_as_x_and_y() -> None:
    mask = np.zeros((9, 9), dtype=bool)
    mask[2:5, 1:8] = True

    assert p.middle(mask) == (4.0, 3.0)
    assert p.middle(np.zeros((3, 3))) is None


@pytest.mark.parametrize("degrees", [10.0, 90.0, 170.0, 350.0])
def test_the_way_along_a_round_wall_is_its_arc_the_shorter_way(degrees: float) -> None:
    curve = p.wall_curve(CIRCLE, (0.5, 0.5))
    assert curve is not None

    found = p.wall_distance(on_circle(0, 33), on_circle(degrees, 36), curve, (0.5, 0.5))

    shorter = min(degrees, 360 - degrees)
    assert found == pytest.approx(math.radians(shorter) * 20, abs=0.15)


def test_a_wall_may_be_drawn_or_be_the_mask_of_the_aorta() -> None:
    drawn, mask = p.wall_curve(CIRCLE, (0.5, 0.5)), p.wall_curve(disc(40), (0.5, 0.5))
    assert drawn is not None
    assert mask is not None

    ways = [p.wall_distance(on_circle(20), on_circle(80), curve, (0.5, 0.5)) for curve in (drawn, mask)]

    assert ways[0] == pytest.approx(ways[1], abs=0.3)
    assert p.wall_curve(np.zeros((4, 4), dtype=bool), (1, 1)) is None
    assert p.wall_curve([[0, 0], [1, 1]], (1, 1)) is None
    assert p.wall_curve([[1, 1], [1, 1], [1, 1]], (1, 1)) is None


@given(a=st.floats(0, 359), b=st.floats(0, 359), r=st.floats(20, 55))
def test_the_way_along_the_wall_is_symmetric_and_never_more_than_half_round(a: float, b: float, r: float) -> None:
    spacing = (0.4, 0.7)
    curve = p.wall_curve(CIRCLE, spacing)
    assert curve is not None
    round_ = float(np.hypot(*np.diff(np.vstack((curve, curve[:1])), axis=0).T).sum())

    way = p.wall_distance(on_circle(a, r), on_circle(b), curve, spacing)

    assert way == pytest.approx(p.wall_distance(on_circle(b), on_circle(a, r), curve, spacing))
    assert 0 <= way <= round_ / 2 + 1e-9


def test_angles_are_those_of_a_lesion_result() -> None:
    assert p.angle_around((10, 5), (5, 5), None) == 0.0
    assert p.angle_around((5, 10), (5, 5), (0.5, 0.5)) == pytest.approx(math.pi / 2)  # down the picture: clockwise
    assert p.angle_around((6, 6), (5, 5), (2.0, 1.0)) == pytest.approx(math.atan2(2, 1))
    assert p.turned_apart(0.1, 2 * math.pi - 0.1) == pytest.approx(0.2)


def test_the_centre_of_the_aorta_is_that_of_the_area_within_the_outline() -> None:
    assert p.centre_of_outline(CIRCLE) == pytest.approx((60, 50))
    assert p.centre_of_outline([[0, 0], [4, 0], [4, 4], [4, 4], [4, 4], [0, 4]]) == pytest.approx((2, 2))
    assert p.centre_of_outline([[0, 0], [1, 1], [2, 2]]) is None
