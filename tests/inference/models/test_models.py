from __future__ import annotations

import pytest
import torch
from torch import nn

from inference.models import AutoencoderClassifier, build_unet, count_parameters

PICTURE = torch.rand(2, 1, 192, 192)


def test_the_autoencoder_has_seven_convolution_layers_and_the_fourth_is_the_bottleneck() -> None:
    model = AutoencoderClassifier()

    layers = [m for part in (model.encoder, model.decoder) for m in part.modules() if isinstance(m, nn.Conv2d)]

    assert len(layers) == 7
    assert layers[3] is [m for m in model.encoder.modules() if isinstance(m, nn.Conv2d)][-1]
    assert model.encoder(PICTURE)[0].numel() < PICTURE[0].numel()


def test_step_two_begins_with_the_layers_of_step_one_and_leaves_the_reconstruction_alone() -> None:
    model = AutoencoderClassifier().eval()
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            parameter.mul_(0.9)
    assert not torch.equal(model.encode(PICTURE), model.encoder(PICTURE))

    model.start_step_two()
    begun, before = model.encode(PICTURE), model.reconstruct(PICTURE)
    with torch.no_grad():
        for parameter in model.tuned.parameters():
            parameter.mul_(0.9)

    assert torch.equal(begun, model.encoder(PICTURE))
    assert torch.equal(model.reconstruct(PICTURE), before)


def test_stage_one_gives_the_picture_back_and_stage_two_two_classes() -> None:
    model = AutoencoderClassifier().eval()

    assert model.reconstruct(PICTURE).shape == PICTURE.shape
    assert model(PICTURE).shape == (2, 2)
    assert isinstance(model.head, nn.Linear)


def test_the_class_comes_from_the_bottleneck_and_not_from_the_decoder() -> None:
    model = AutoencoderClassifier().eval()
    before = model(PICTURE)

    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.add_(1.0)

    assert torch.equal(model(PICTURE), before)


def test_the_unet_marks_four_classes_on_the_canvas() -> None:
    assert build_unet().eval()(PICTURE).shape == (2, 4, 192, 192)


@pytest.mark.parametrize("model", [AutoencoderClassifier(), build_unet()])
def test_both_networks_fit_into_twenty_megabytes_of_weights(model) -> None:
    assert 4 * count_parameters(model) <= 10_000_000
