"""Training where the labels are not whole: some classes unlabelled, some pictures without a mask or without a class.

The phantom knows everything about its pictures and has stages of its own (``stages``); these are for people's labels.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from inference import metrics
from inference.models import AutoencoderClassifier
from inference.phantom.cohort import TrainingSet
from inference.training.augment import change_grey, middles_of, move
from inference.training.config import StageConfig
from inference.training.labels import CLASS_NAMES, CLASSES, UNKNOWN, allowed_table, known_classes
from inference.training.loop import Resident, Stage, device_of_model, pictures_of, scaled
from inference.training.stages import in_batches, labels_of
from inference.types import BACKGROUND

_SMOOTH = 1.0
_WINDOW = 128
"""Side of the squares, around what is labelled, that most of the training sees: they cost less than whole pictures."""
_WHOLE = 0.3
"""Share of the training, at the end, on whole pictures."""
Rows = NDArray[np.intp]


class SetValuedLoss(nn.Module):
    """Cross-entropy and Dice for pixels that may be known only as one of several classes.

    Cross-entropy is that of the summed probability of the allowed classes (Shi et al., Medical Image Analysis 2021,
    "marginal loss"); a pixel that may be anything counts nothing. Dice of a class is taken over the pixels where it is
    certain whether the class is there, for the classes that certainly are somewhere in the batch. With whole labels it
    is the usual sum of cross-entropy and batch Dice without background.
    """

    def __init__(self) -> None:
        super().__init__()
        self.allowed: Tensor
        self.register_buffer("allowed", torch.from_numpy(allowed_table()))

    def forward(self, logits: Tensor, codes: Tensor) -> Tensor:
        """Loss of logits (n, 4, h, w) for label codes (n, h, w)."""
        may_be = self.allowed.to(codes.device)[codes].movedim(-1, 1)
        log_p = functional.log_softmax(logits.float(), dim=1)
        informs = ~may_be.all(dim=1)
        surprise = -torch.logsumexp(log_p.masked_fill(~may_be, -torch.inf), dim=1)
        entropy = (surprise * informs).sum() / informs.sum().clamp(min=1)
        alone = may_be.sum(dim=1, keepdim=True) == 1
        there, known = may_be & alone, (may_be & alone) | ~may_be
        p = log_p.exp() * known
        axes = (0, 2, 3)
        size = there.sum(axes)
        overlap = 2 * (p * there).sum(axes) + _SMOOTH
        lost = 1 - overlap / (p.sum(axes) + size + _SMOOTH)
        counts = (size > 0) & (torch.arange(CLASSES, device=codes.device) != BACKGROUND)
        return entropy + (lost * counts).sum() / counts.sum().clamp(min=1)


def partial_dice(predicted: NDArray[np.uint8], codes: NDArray[np.uint8], number: int) -> float | None:
    """Dice of one class over the pixels (rows, columns) where it is certain whether the class is there.

    None where both are empty, or where nothing is certain.
    """
    allowed = allowed_table()
    certain = (codes == number) | ~allowed[codes][..., number]
    if not certain.any():
        return None
    return metrics.dice((predicted == number) & certain, codes == number)


def with_masks(data: TrainingSet) -> Rows:
    """The frames that teach the segmenter something."""
    return np.flatnonzero((data.labels != UNKNOWN).any(axis=(1, 2)))


def with_class(data: TrainingSet) -> Rows:
    """The frames that teach the classifier something."""
    return np.flatnonzero(data.classes < 2)


def subset(data: TrainingSet, rows: Rows) -> TrainingSet:
    """Some frames of a split."""
    return TrainingSet(**{name: values[rows] for name, values in data.__dict__.items()})


def partial_segmenter_stage(
    model: nn.Module, train: TrainingSet, validation: TrainingSet, config: StageConfig, seed: int
) -> Stage:
    """The U-Net on whatever classes are labelled. The best epoch has the greatest mean Dice over these classes."""
    images, labels = pictures_of(train), torch.from_numpy(train.labels)
    held, truth = pictures_of(validation), validation.labels
    classes, criterion = known_classes(train.labels), SetValuedLoss()
    drawn = torch.where((labels > BACKGROUND) & (labels < CLASSES), labels, 0)
    middles = torch.cat([middles_of(part) for part in drawn.split(256)])
    frames = Resident(images, labels)

    def loss(chunk: Tensor, generator: torch.Generator, done: float) -> Tensor:
        picked, known = frames.of(chunk, device_of_model(model))
        pictures, planes = scaled(picked), known[:, None]
        if done > 1 - _WHOLE:
            moved, target = move(pictures, planes, generator, scale=0.2, turn=0.2)
        else:
            # One window in three lies anywhere, so that the net also learns where nothing is.
            anywhere = torch.rand(len(chunk), generator=generator) < 1 / 3
            away = 1.2 * torch.rand(len(chunk), 2, generator=generator) - 0.6
            where = torch.where(anywhere[:, None], away, middles[chunk])
            moved, target = move(pictures, planes, generator, scale=0.2, turn=0.3, window=_WINDOW, middles=where)
        assert target is not None
        ready = change_grey(moved, generator).contiguous(memory_format=torch.channels_last)
        result: Tensor = criterion(model(ready), target[:, 0])
        return result

    def validate() -> dict[str, float]:
        predicted = labels_of(model, held)
        figures = {}
        for number in classes:
            values = [
                partial_dice(p, t, number) or 0.0 for p, t in zip(predicted, truth, strict=True) if (t == number).any()
            ]
            figures[f"{CLASS_NAMES[number]}_dice"] = float(np.mean(values)) if values else 0.0
        return {"dice": float(np.mean(list(figures.values()))), **figures}

    return Stage("segmenter", model, list(model.parameters()), config, seed, loss, validate, "dice")


def partial_classifier_stage(
    net: AutoencoderClassifier, train: TrainingSet, validation: TrainingSet, config: StageConfig, seed: int
) -> Stage:
    """Stage 2 from classes alone: bottleneck, fully connected layer, softmax; layers 1 to 4 are tuned with it."""
    frames, classes = Resident(pictures_of(train)), torch.from_numpy(train.classes).long()
    held, truth = pictures_of(validation), torch.from_numpy(validation.classes).long()
    weights = len(classes) / (2.0 * torch.bincount(classes, minlength=2).clamp(min=1).float())

    def loss(chunk: Tensor, generator: torch.Generator, done: float) -> Tensor:
        device = device_of_model(net)
        (picked,) = frames.of(chunk, device)
        moved, _ = move(scaled(picked), None, generator, scale=0.03, turn=0.3)
        ready = change_grey(moved, generator).contiguous(memory_format=torch.channels_last)
        logits = net(ready).float()
        return functional.cross_entropy(
            logits, classes[chunk].to(device), weight=weights.to(device), label_smoothing=0.03
        )

    def validate() -> dict[str, float]:
        logits = in_batches(net, held)
        margin = logits[:, 1] - logits[:, 0]
        accuracy = float(((margin > 0).long() == truth).float().mean())
        nll = float(functional.cross_entropy(logits, truth))
        area = metrics.auc(truth.tolist(), margin.tolist())
        # One class alone in the validation split has no AUC; then the likelihood says which epoch is best.
        return {"accuracy": accuracy, "auc": 0.0 if area is None else area, "nll": nll, "minus_nll": -nll}

    better = "auc" if 0 < int(truth.sum()) < len(truth) else "minus_nll"
    parameters = [*net.tuned.parameters(), *net.head.parameters()]
    return Stage("classifier", net, parameters, config, seed, loss, validate, better)
