from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from inference.training.labels import UNKNOWN, code_of
from inference.training.partial import SetValuedLoss, partial_dice
from inference.types import BACKGROUND, LUMEN, PLAQUE, WALL

NOT_LUMEN = code_of({BACKGROUND, WALL, PLAQUE})


def sure(classes: torch.Tensor) -> torch.Tensor:
    """Logits of a network that is certain of these classes (n, h, w)."""
    return 20.0 * functional.one_hot(classes, 4).movedim(-1, 1).float()


def test_with_whole_labels_the_loss_is_cross_entropy_and_batch_dice() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 4, 8, 8), torch.randint(0, 4, (2, 8, 8))
    p, truth = logits.softmax(1), functional.one_hot(labels, 4).movedim(-1, 1)
    axes = (0, 2, 3)
    dice = 1 - (2 * (p * truth).sum(axes) + 1) / (p.sum(axes) + truth.sum(axes) + 1)

    expected = functional.cross_entropy(logits, labels) + dice[1:].mean()

    assert float(SetValuedLoss()(logits, labels)) == pytest.approx(float(expected), abs=1e-5)


def test_what_is_not_lumen_may_be_any_other_class_at_no_cost() -> None:
    codes = torch.full((1, 6, 6), NOT_LUMEN)
    codes[:, :3] = LUMEN
    loss = SetValuedLoss()
    truth = torch.full((1, 6, 6), LUMEN)

    costs = []
    for other in (BACKGROUND, WALL, PLAQUE, LUMEN):
        truth[:, 3:] = other
        costs.append(float(loss(sure(truth), codes)))

    assert costs[0] == pytest.approx(costs[1], abs=1e-6)
    assert costs[0] == pytest.approx(costs[2], abs=1e-6)
    assert costs[0] < 0.01
    assert costs[3] > 5


def test_unknown_pixels_teach_nothing() -> None:
    logits = torch.randn(1, 4, 6, 6, requires_grad=True)
    codes = torch.full((1, 6, 6), UNKNOWN)
    codes[0, 0, 0] = PLAQUE

    SetValuedLoss()(logits, codes).backward()
    moved = logits.grad.abs().sum(1)[0]

    assert float(moved[0, 0]) > 0
    assert float(moved.sum() - moved[0, 0]) == 0


def test_a_batch_of_nothing_known_costs_nothing_and_stays_finite() -> None:
    logits = torch.randn(2, 4, 6, 6, requires_grad=True)

    loss = SetValuedLoss()(logits, torch.full((2, 6, 6), UNKNOWN))
    loss.backward()

    assert float(loss.detach()) == 0
    assert bool(torch.isfinite(logits.grad).all())


def test_dice_counts_only_where_it_is_certain() -> None:
    codes = np.array([[LUMEN, LUMEN, NOT_LUMEN, UNKNOWN]], dtype=np.uint8)
    predicted = np.array([[LUMEN, WALL, PLAQUE, LUMEN]], dtype=np.uint8)

    assert partial_dice(predicted, codes, LUMEN) == pytest.approx(2 / 3)
    assert partial_dice(predicted, np.full_like(codes, UNKNOWN), LUMEN) is None
