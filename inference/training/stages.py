"""The three stages: mask, reconstruct, classify."""

from __future__ import annotations

import numpy as np
import torch
from monai.losses.dice import DiceCELoss
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from inference import metrics
from inference.models import AutoencoderClassifier
from inference.phantom.cohort import COMPLEX_BIT, TrainingSet
from inference.training.augment import Marks, change_grey, middles_of, move
from inference.training.config import StageConfig
from inference.training.loop import Resident, Stage, device_of_model, pictures_of, scaled
from inference.training.repaint import repaint
from inference.types import LUMEN, PLAQUE, WALL


@torch.inference_mode()
def in_batches(model: nn.Module, images: Tensor, batch: int = 32) -> Tensor:
    """Outputs of the network for uint8 pictures (n, 1, h, w)."""
    model.eval()
    device = device_of_model(model)
    return torch.cat([model(scaled(part.to(device))).float().cpu() for part in images.split(batch)])


@torch.inference_mode()
def labels_of(model: nn.Module, images: Tensor, batch: int = 32) -> NDArray[np.uint8]:
    """The most probable class of every pixel of uint8 pictures (n, 1, h, w)."""
    model.eval()
    device = device_of_model(model)
    parts = [model(scaled(part.to(device))).max(1).indices.to(torch.uint8).cpu() for part in images.split(batch)]
    return np.concatenate([part.numpy() for part in parts])


def mean_plaque_dice(predicted: Tensor, labels: Tensor) -> float:
    """Mean plaque Dice over the frames (n, h, w) where plaque is in the truth; 0 where it is in none."""
    drawn, there = (predicted == PLAQUE).flatten(1), (labels == PLAQUE).flatten(1)
    sizes, has = drawn.sum(1) + there.sum(1), there.any(1)
    values = 2.0 * (drawn & there).sum(1) / sizes.clamp(min=1)
    return float(values[has].double().mean()) if bool(has.any()) else 0.0


_WINDOW = 128
"""Side of the squares that the nets learn from at first, in pixels of the canvas: the aorta and what is around it."""
_PER_PICTURE = 0.5
"""Weight of the plaque Dice per picture beside the Dice over the batch and the cross-entropy."""
_REPAINTED = 0.25
"""Share of the segmenter's pictures that are painted anew from their labels."""
_MOST_MARKS = 2000
_WHOLE = 0.2
"""Share of the training, at the end, in which they see whole pictures, as they will in use."""


def _marks_for(train: TrainingSet, seed: int) -> Marks:
    return Marks(seed, min(max(len(train.images) // 8, 16), _MOST_MARKS), train.images.shape[-1])


def plaque_overlap_loss(logits: Tensor, target: Tensor) -> Tensor:
    """1 less the mean soft plaque Dice over the pictures that hold plaque, each counted alike; 0 without one.

    ``logits`` (n, classes, h, w), ``target`` (n, 1, h, w). In a Dice over the whole batch a thick plaque outweighs ten
    thin ones; what is judged is the mean over pictures.
    """
    there = (target[:, 0] == PLAQUE).float()
    drawn = logits.softmax(1)[:, PLAQUE]
    both, sizes = (there * drawn).sum((1, 2)), (there + drawn).sum((1, 2))
    has = (there.sum((1, 2)) > 0).float()
    overlap = 2.0 * both / sizes.clamp(min=1.0)
    return ((1.0 - overlap) * has).sum() / has.sum().clamp(min=1.0)


def segmenter_stage(
    model: nn.Module, train: TrainingSet, validation: TrainingSet, config: StageConfig, seed: int
) -> Stage:
    """The U-Net on background, lumen, wall and plaque, with Dice and cross-entropy, and the plaque Dice per picture."""
    images, labels = pictures_of(train), torch.from_numpy(train.labels)
    held, truth = pictures_of(validation), torch.from_numpy(validation.labels)
    middles = torch.cat([middles_of(part) for part in labels.split(256)])
    frames, marks = Resident(images, labels), _marks_for(train, seed)
    criterion = DiceCELoss(to_onehot_y=True, softmax=True, include_background=False, batch=True, lambda_ce=1.0)

    def loss(chunk: Tensor, generator: torch.Generator, done: float) -> Tensor:
        picked, drawn = frames.of(chunk, device_of_model(model))
        pictures, planes = marks.over(scaled(picked), generator), drawn[:, None]
        if done > 1 - _WHOLE:
            moved, target = move(pictures, planes, generator, scale=0.25, turn=0.35)
        else:
            # One window in five lies anywhere, so that the net also learns what is no aorta.
            anywhere = torch.rand(len(chunk), generator=generator) < 0.2
            where = torch.where(
                anywhere[:, None], 1.2 * torch.rand(len(chunk), 2, generator=generator) - 0.6, middles[chunk]
            )
            moved, target = move(pictures, planes, generator, scale=0.25, turn=0.6, window=_WINDOW, middles=where)
        assert target is not None
        moved = repaint(moved, target, generator, _REPAINTED)
        ready = change_grey(moved, generator).contiguous(memory_format=torch.channels_last)
        said = model(ready).float()
        result: Tensor = criterion(said, target) + _PER_PICTURE * plaque_overlap_loss(said, target)
        return result

    def validate() -> dict[str, float]:
        return {"plaque_dice": mean_plaque_dice(torch.from_numpy(labels_of(model, held)), truth)}

    return Stage("segmenter", model, list(model.parameters()), config, seed, loss, validate, "plaque_dice")


def reconstruction_stage(
    model: AutoencoderClassifier, train: TrainingSet, validation: TrainingSet, config: StageConfig, seed: int
) -> Stage:
    """Stage 1: the seven layers learn to give the picture back."""
    frames, held, marks = Resident(pictures_of(train)), pictures_of(validation), _marks_for(train, seed)

    def loss(chunk: Tensor, generator: torch.Generator, done: float) -> Tensor:
        (picked,) = frames.of(chunk, device_of_model(model))
        moved, _ = move(marks.over(scaled(picked), generator), None, generator)
        target = change_grey(moved, generator).contiguous(memory_format=torch.channels_last)
        return functional.mse_loss(model.reconstruct(target).float(), target)

    def validate() -> dict[str, float]:
        model.eval()
        device = device_of_model(model)
        with torch.inference_mode():
            pictures = (scaled(part.to(device)) for part in held.split(32))
            errors = [float(functional.mse_loss(model.reconstruct(part), part)) for part in pictures]
        mean = sum(errors) / len(errors)
        return {"mse": mean, "minus_mse": -mean}

    parameters = [*model.encoder.parameters(), *model.decoder.parameters()]
    return Stage("reconstruction", model, parameters, config, seed, loss, validate, "minus_mse")


class GuidedClassifier(nn.Module):
    """The classifier in training, with two helpers that are thrown away afterwards.

    From the same bottleneck, ``where`` says for every cell how much lumen, wall and plaque lies in it, how thick the
    plaque is there and whether it is a complex one; ``why`` gives the frame's thickness and whether there is ulceration
    or a mobile part. They tell the layers what a class is about, which a single bit per picture teaches only slowly.
    """

    def __init__(self, net: AutoencoderClassifier) -> None:
        super().__init__()
        fourth = net.head.in_features // 3
        self.net = net
        self.where = nn.Conv2d(fourth, 5, 1)
        self.why = nn.Linear(3 * fourth, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.net.encode(x)
        pooled = self.net.dropout(self.net.pool(features))
        return self.net.head(pooled), self.where(features), self.why(pooled)


def cell_truth(labels: Tensor, lesions: Tensor, cells: int) -> tuple[Tensor, Tensor, Tensor]:
    """What ``where`` should say for labels and lesion planes (n, h, w) on ``cells`` x ``cells`` cells.

    Shares of lumen, wall and plaque (n, 3, cells, cells); thickness of the plaque in units of 4 mm, 0 without plaque,
    and 1 where a complex plaque lies, both (n, cells, cells).
    """
    step = labels.shape[-1] // cells
    planes = torch.stack([(labels == value).float() for value in (LUMEN, WALL, PLAQUE)], dim=1)
    thick = functional.max_pool2d((lesions % COMPLEX_BIT)[:, None].float(), step)[:, 0] / 40.0
    bad = functional.avg_pool2d((lesions >= COMPLEX_BIT)[:, None].float(), step)[:, 0] > 0.04
    return functional.avg_pool2d(planes, step), thick, bad.float()


def classifier_stage(
    net: AutoencoderClassifier, train: TrainingSet, validation: TrainingSet, config: StageConfig, seed: int
) -> Stage:
    """Stage 2: bottleneck, fully connected layer, softmax over {0, 1}; layers 1 to 4 are tuned with it.

    The helpers of ``GuidedClassifier`` are trained along and not kept.
    """
    model = GuidedClassifier(net)
    classes = torch.from_numpy(train.classes).long()
    planes = torch.from_numpy(np.stack((train.labels, train.lesions), axis=1))
    middles = torch.cat([middles_of(part) for part in planes[:, 0].split(256)])
    held = pictures_of(validation)
    thickness = torch.from_numpy(train.thickness_mm) / 4.0
    flags = torch.stack([torch.from_numpy(train.kinds == kind).float() for kind in ("ulcerated", "mobile")], dim=1)
    weights = len(classes) / (2.0 * torch.bincount(classes, minlength=2).clamp(min=1).float())
    frames, marks = Resident(pictures_of(train), planes), _marks_for(train, seed)

    def loss(chunk: Tensor, generator: torch.Generator, done: float) -> Tensor:
        device = device_of_model(model)
        picked, known = frames.of(chunk, device)
        pictures = marks.over(scaled(picked), generator)
        if done > 1 - _WHOLE:
            moved, target = move(pictures, known, generator, scale=0.03, turn=0.5)
        else:
            moved, target = move(
                pictures, known, generator, scale=0.03, turn=0.6, window=_WINDOW, middles=middles[chunk]
            )
        assert target is not None
        ready = change_grey(moved, generator).contiguous(memory_format=torch.channels_last)
        logits, where, why = (part.float() for part in model(ready))
        shares, thick, bad = cell_truth(target[:, 0], target[:, 1], where.shape[-1])
        truth, weight = classes[chunk].to(device), weights.to(device)
        main = functional.cross_entropy(logits, truth, weight=weight, label_smoothing=0.03)
        place = functional.binary_cross_entropy_with_logits(where[:, :3], shares)
        here = (thick > 0).float()
        size = (functional.smooth_l1_loss(where[:, 3], thick, beta=0.2, reduction="none") * here).sum()
        size = size / here.sum().clamp(min=1)
        # Where plaque lies, each cell counts much: that is where the classes differ.
        grave = functional.binary_cross_entropy_with_logits(where[:, 4], bad, reduction="none")
        grave = (grave * (0.1 + here)).sum() / (0.1 + here).sum()
        whole = functional.smooth_l1_loss(why[:, 0], thickness[chunk].to(device), beta=0.3)
        reason = functional.binary_cross_entropy_with_logits(why[:, 1:], flags[chunk].to(device))
        return main + 3.0 * place + size + grave + whole + 0.5 * reason

    def validate() -> dict[str, float]:
        logits = in_batches(net, held)
        margin = logits[:, 1] - logits[:, 0]
        truth = validation.classes
        accuracy = float(((margin.numpy() > 0) == truth).mean())
        nll = float(functional.cross_entropy(logits, torch.from_numpy(truth).long()))
        area = metrics.auc(truth.tolist(), margin.tolist()) or 0.0
        return {"accuracy": accuracy, "auc": area, "nll": nll}

    parameters = [*net.tuned.parameters(), *net.head.parameters(), *model.where.parameters(), *model.why.parameters()]
    return Stage("classifier", model, parameters, config, seed, loss, validate, "auc")
