"""What goes with trained weights."""

from __future__ import annotations

import numpy as np
import torch

from inference.checkpoints import Card
from inference.models import AutoencoderClassifier, build_unet
from inference.ood import OodReference
from inference.phantom.cohort import TrainingSet
from inference.training.reference import classifier_reference, segmenter_card, thickness_sd
from tests.inference.test_ood import WIDTHS, rings


def _card() -> Card:
    return Card("c", "0", "autoencoder-classifier-v2", "", 1, settings={"widths": list(WIDTHS)})


def test_a_trained_classifier_gets_its_reference_and_the_card_says_the_limits() -> None:
    torch.manual_seed(2)
    said: list[str] = []

    card, tensors = classifier_reference(
        AutoencoderClassifier(WIDTHS), _card(), rings(18, 1), rings(16, 2), said.append
    )

    reference = OodReference.from_tensors(tensors)
    assert reference is not None
    about = card.settings["reconstruction"]
    assert (about["warn"], about["hard"]) == (round(reference.warn, 3), round(reference.hard, 3))
    assert card.settings["widths"] == list(WIDTHS)
    assert any("no result from" in line for line in said)


def test_too_few_pictures_leave_card_and_weights_as_they_are() -> None:
    said: list[str] = []

    card, tensors = classifier_reference(AutoencoderClassifier(WIDTHS), _card(), rings(3, 1), rings(3, 2), said.append)

    assert (card, tensors) == (_card(), {})
    assert "too few" in said[0]


def test_without_measured_plaque_the_card_claims_no_spread() -> None:
    images = rings(4, 3)
    empty = np.zeros(4, dtype=np.uint8)
    data = TrainingSet(
        images=images, labels=images * 0, lesions=images * 0, classes=empty,
        thickness_mm=np.full(4, np.nan, np.float32),
        subjects=np.array(list("abcd")), kinds=np.array(["none"] * 4), families=np.array(["coherent"] * 4),
        seeds=np.arange(4),
    )  # fmt: skip
    model = build_unet((4, 6, 8, 8, 8))

    assert thickness_sd(model, data) is None
    assert segmenter_card(model, _card(), data) == _card()
