"""The three stages: mask, reconstruct, classify."""

from __future__ import annotations

import torch
from monai.losses import DiceCELoss
from torch import Tensor, nn
from torch.nn import functional

from inference import metrics
from inference.models import AutoencoderClassifier
from inference.phantom.cohort import TrainingSet
from inference.training.augment import change_grey, move
from inference.training.config import StageConfig
from inference.training.loop import Stage, pictures_of, scaled
from inference.types import PLAQUE


@torch.inference_mode()
def in_batches(model: nn.Module, images: Tensor, batch: int = 32) -> Tensor:
    """Outputs of the network for uint8 pictures (n, 1, h, w)."""
    model.eval()
    return torch.cat([model(scaled(part)) for part in images.split(batch)])


def mean_plaque_dice(predicted: Tensor, labels: Tensor) -> float:
    """Mean plaque Dice over the frames where plaque is in the truth."""
    values = [
        metrics.dice(p.numpy() == PLAQUE, t.numpy() == PLAQUE) for p, t in zip(predicted, labels, strict=True)
        if bool((t == PLAQUE).any())
    ]
    return sum(value or 0.0 for value in values) / max(len(values), 1)


def segmenter_stage(model: nn.Module, train: TrainingSet, validation: TrainingSet, config: StageConfig,
                    seed: int) -> Stage:
    """The U-Net on background, lumen, wall and plaque, with Dice and cross-entropy."""
    images, labels = pictures_of(train), torch.from_numpy(train.labels)
    held, truth = pictures_of(validation), torch.from_numpy(validation.labels)
    criterion = DiceCELoss(to_onehot_y=True, softmax=True, include_background=False, batch=True, lambda_ce=1.0)

    def loss(chunk: Tensor, generator: torch.Generator) -> Tensor:
        moved, target = move(scaled(images[chunk]), labels[chunk], generator, scale=0.3, turn=0.3)
        assert target is not None
        result: Tensor = criterion(model(change_grey(moved, generator)), target[:, None])
        return result

    def validate() -> dict[str, float]:
        model.eval()
        with torch.inference_mode():
            predicted = torch.cat([model(scaled(part)).max(1).indices.to(torch.uint8) for part in held.split(32)])
        return {"plaque_dice": mean_plaque_dice(predicted, truth)}

    return Stage("segmenter", model, list(model.parameters()), config, seed, loss, validate, "plaque_dice")


def reconstruction_stage(model: AutoencoderClassifier, train: TrainingSet, validation: TrainingSet,
                         config: StageConfig, seed: int) -> Stage:
    """Stage 1: the seven layers learn to give the picture back."""
    images, held = pictures_of(train), pictures_of(validation)

    def loss(chunk: Tensor, generator: torch.Generator) -> Tensor:
        moved, _ = move(scaled(images[chunk]), None, generator)
        target = change_grey(moved, generator)
        return functional.mse_loss(model.reconstruct(target), target)

    def validate() -> dict[str, float]:
        model.eval()
        with torch.inference_mode():
            errors = [
                float(functional.mse_loss(model.reconstruct(scaled(part)), scaled(part))) for part in held.split(32)
            ]
        mean = sum(errors) / len(errors)
        return {"mse": mean, "minus_mse": -mean}

    parameters = [*model.encoder.parameters(), *model.decoder.parameters()]
    return Stage("reconstruction", model, parameters, config, seed, loss, validate, "minus_mse")


def classifier_stage(model: AutoencoderClassifier, train: TrainingSet, validation: TrainingSet, config: StageConfig,
                     seed: int) -> Stage:
    """Stage 2: bottleneck, fully connected layer, softmax over {0, 1}; layers 1 to 4 are tuned with it."""
    images, classes = pictures_of(train), torch.from_numpy(train.classes).long()
    held = pictures_of(validation)
    weights = len(classes) / (2.0 * torch.bincount(classes, minlength=2).clamp(min=1).float())

    def loss(chunk: Tensor, generator: torch.Generator) -> Tensor:
        moved, _ = move(scaled(images[chunk]), None, generator, scale=0.02)
        logits = model(change_grey(moved, generator))
        return functional.cross_entropy(logits, classes[chunk], weight=weights, label_smoothing=0.03)

    def validate() -> dict[str, float]:
        logits = in_batches(model, held)
        margin = logits[:, 1] - logits[:, 0]
        truth = validation.classes
        accuracy = float(((margin.numpy() > 0) == truth).mean())
        nll = float(functional.cross_entropy(logits, torch.from_numpy(truth).long()))
        area = metrics.auc(truth.tolist(), margin.tolist()) or 0.0
        return {"accuracy": accuracy, "auc": area, "nll": nll}

    parameters = [*model.encoder.parameters(), *model.head.parameters()]
    return Stage("classifier", model, parameters, config, seed, loss, validate, "auc")
