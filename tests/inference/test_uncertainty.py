"""How sure thickness, area and probability are."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from inference.types import FrameResult
from inference.uncertainty import Draw, around, base_thickness_sd, draws_of, larger, spread_over_draws

SIDE = 48


def bars() -> NDArray[np.uint8]:
    image = np.full((1, SIDE, SIDE), 20, dtype=np.uint8)
    image[0, 12:30, 16:22] = 200
    return image


def test_the_first_draw_changes_nothing_and_draws_are_equal_every_time() -> None:
    x = torch.rand(1, 1, SIDE, SIDE)
    first, again = draws_of(6, seed=4), draws_of(6, seed=4)

    assert torch.allclose(first[0].change(x), x, atol=1e-5)
    assert all(torch.equal(a.theta, b.theta) and a.gamma == b.gamma for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("count", [0, 1, 65])
def test_a_number_of_draws_that_gives_no_spread_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="draws"):
        draws_of(count)


def test_what_was_moved_comes_back_to_its_place() -> None:
    x = torch.from_numpy(bars())[:, None].float() / 255
    for draw in draws_of(5, seed=1):
        plain = Draw(draw.theta)
        logits = plain.change(x).repeat(1, 2, 1, 1)

        back = plain.undo(logits)[:, 1:]

        middle = (slice(None), slice(None), slice(6, -6), slice(6, -6))
        assert float((back - x)[middle].abs().mean()) < 0.03


def test_background_wins_where_the_moved_picture_did_not_reach() -> None:
    logits = torch.zeros(1, 3, SIDE, SIDE)
    logits[:, 2] = 5.0

    back = Draw(torch.tensor([[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]])).undo(logits)

    assert int(back[0, :, SIDE // 2, 2].argmax()) == 0
    assert int(back[0, :, SIDE // 2, -8].argmax()) == 2


def _frame(probability: float, width: float, area: int, *, found: bool = True) -> FrameResult:
    return FrameResult(
        1, probability, area, float(area), width if found else None, width, 9 if found else 0, [], [], []
    )


def _read(images: NDArray[np.uint8]) -> tuple[torch.Tensor, torch.Tensor]:
    """A reader that sees bright pixels as plaque and takes the mean grey value for the margin."""
    x = torch.from_numpy(images)[:, None].float() / 255
    return x.mean((1, 2, 3)), torch.cat((0.5 - x, x - 0.5), dim=1)


def _measure(probabilities: NDArray[np.float32], logits: NDArray[np.float32]) -> list[FrameResult]:
    masks = logits[:, 1] > logits[:, 0]
    return [
        _frame(float(p), float(mask.sum() / 18), int(mask.sum())) for p, mask in zip(probabilities, masks, strict=True)
    ]


def test_spread_is_that_of_what_was_measured_in_each_draw() -> None:
    spread = spread_over_draws(bars(), _read, _measure, draws=8)

    assert spread.draws == 8
    assert spread.thickness_mm is not None
    assert 0.0 < spread.thickness_mm < 2.0
    assert spread.area_mm2 is not None
    assert spread.area_mm2 > 0.0
    assert spread.probability is not None
    assert 0.0 < spread.probability < 0.1


def test_draws_without_an_aorta_give_no_thickness() -> None:
    spread = spread_over_draws(bars(), _read, lambda p, _l: [_frame(float(p[0]), 0.0, 0, found=False)], draws=3)

    assert spread.thickness_mm is None
    assert spread.area_mm2 is None
    assert spread.probability is not None


def test_base_uncertainty_joins_pixel_and_segmenter() -> None:
    assert base_thickness_sd((0.3, 0.3), 0.4) == pytest.approx(math.sqrt(0.3**2 / 6 + 0.16))
    assert base_thickness_sd((0.2, 0.45), 0.0) == pytest.approx(math.sqrt(0.09 / 6))


def test_without_scale_or_card_there_is_no_base_uncertainty() -> None:
    assert base_thickness_sd(None, 0.4) is None
    assert base_thickness_sd((0.3, 0.3), None) is None


@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf")])
def test_an_absurd_spread_in_the_card_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="mm"):
        base_thickness_sd((0.3, 0.3), wrong)


def test_the_larger_uncertainty_counts_and_unknown_is_not_zero() -> None:
    assert larger(0.4, 0.2) == 0.4
    assert larger(None, 0.2) == 0.2
    assert larger(None, None) is None


@pytest.mark.parametrize(
    ("key", "frames", "expected"), [(None, 5, []), (1, 5, [1, 2]), (3, 5, [2, 3, 4]), (5, 5, [4, 5]), (1, 1, [1])]
)
def test_the_key_frame_is_read_with_its_neighbours(key: int | None, frames: int, expected: list[int]) -> None:
    assert around(key, frames) == expected
