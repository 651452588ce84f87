"""What goes with trained weights: the training pictures' distribution, and how far off the thickness is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from inference.checkpoints import Card
from inference.measure import ClipMeasurer
from inference.models import AutoencoderClassifier
from inference.ood import QUANTILES, RANKS, WARN_AT, OodReference, Spread, describe
from inference.phantom.cohort import TrainingSet
from inference.preprocess import CANVAS_MM, Canvas
from inference.training.augment import change_grey
from inference.types import RegionBox
from inference.uncertainty import THICKNESS_SD

Pictures = NDArray[np.uint8]
_MOST_TRAINING, _MOST_VALIDATION = 1200, 600
_LEAST = 16
_BEYOND = 2.5
"""How many times ``warn`` a score must reach to refuse: looks that were never trained on stay below, noise does not."""
_REACH = 1.25
_STRESS = 0.99
_MEASURED, _LEAST_MEASURED = 400, 20


def reconstruction_mse(net: AutoencoderClassifier, pictures: Pictures, batch: int = 16) -> float:
    """Mean squared error of the reconstruction of canvas pictures uint8 (n, h, w), in grey values of 0..1."""
    net.eval()
    device, total = next(net.parameters()).device, 0.0
    with torch.inference_mode():
        for part in torch.from_numpy(np.ascontiguousarray(pictures))[:, None].split(batch):
            x = part.to(device).float() / 255.0
            total += float(functional.mse_loss(net.reconstruct(x), x)) * len(part)
    return total / max(len(pictures), 1)


def _some(pictures: Pictures, most: int) -> Pictures:
    """At most so many pictures, spread evenly over all."""
    return pictures[np.unique(np.linspace(0, len(pictures) - 1, min(most, len(pictures))).astype(np.intp))]


def _changed(pictures: Pictures, seed: int) -> Pictures:
    generator = torch.Generator().manual_seed(seed)
    parts = [
        change_grey(part[:, None].float() / 255.0, generator)[:, 0].mul(255.0).round().byte()
        for part in torch.from_numpy(np.ascontiguousarray(pictures)).split(16)
    ]
    return torch.cat(parts).numpy()


def stressed(pictures: Pictures, seed: int) -> Pictures:
    """Pictures as another machine might show them, further off than training goes: grey curve, blur or coarse grain."""
    rng = np.random.default_rng(seed)
    out = np.empty_like(pictures)
    for n, picture in enumerate(pictures):
        x = torch.from_numpy(picture.astype(np.float32) / 255.0)[None, None]
        kind = n % 4
        if kind == 0:
            y = x ** float(rng.uniform(0.35, 0.6))
        elif kind == 1:
            y = x ** float(rng.uniform(1.8, 2.8))
        elif kind == 2:
            y = _blurred(x, float(rng.uniform(1.2, 2.0)))
        else:
            grain = torch.from_numpy(rng.gamma(3.0, 1 / 3.0, (1, 1, *picture.shape)).astype(np.float32))
            y = x * _blurred(grain, 0.7)
        out[n] = y.clamp(0, 1)[0, 0].mul(255.0).round().byte().numpy()
    return out


def _blurred(x: Tensor, sigma: float) -> Tensor:
    line = torch.exp(-(torch.arange(-6, 7).float() ** 2) / (2 * sigma * sigma))
    line = line / line.sum()
    soft = functional.conv2d(functional.pad(x, (0, 0, 6, 6), mode="reflect"), line.view(1, 1, 13, 1))
    return functional.conv2d(functional.pad(soft, (6, 6, 0, 0), mode="reflect"), line.view(1, 1, 1, 13))


def fit_ood(net: nn.Module, training: Pictures, validation: Pictures, *, seed: int = 0) -> OodReference:
    """The reference of a trained classifier from canvas pictures uint8 (n, h, w).

    Features come from training pictures as they are and with other grey values; mean and spread of both measures from
    validation pictures treated alike. ``hard`` is the larger of ``_BEYOND`` times ``warn``, and ``_REACH`` times the
    99 % quantile over validation pictures changed more strongly than training ever does: to refuse a readable picture
    costs more than to read a strange one with a warning. Raises ValueError for too few pictures.
    """
    if min(len(training), len(validation)) < _LEAST:
        raise ValueError(f"A reference needs at least {_LEAST} training and {_LEAST} validation pictures.")
    some, held = _some(training, _MOST_TRAINING), _some(validation, _MOST_VALIDATION)
    seen = describe(net, np.concatenate((some[::2], _changed(some[1::2], seed + 1))))
    usual = describe(net, np.concatenate((held[::2], _changed(held[1::2], seed + 2))))
    spreads = {}
    for name, rank in RANKS.items():
        spread = Spread.over(seen.features[name], rank)
        distances = spread.log_distance(usual.features[name])
        spreads[name] = replace(spread, usual=(float(distances.mean()), float(distances.std() + 1e-6)))
    error = (float(usual.error.mean()), float(usual.error.std() + 1e-6))
    scaled = OodReference(spreads, error, warn=0.0, hard=0.0)
    scores = scaled.scores_of(usual)
    warn = float(np.quantile(scores, WARN_AT))
    beyond = float(np.quantile(scaled.scores(net, stressed(held[::2], seed + 3)), _STRESS))
    return replace(
        scaled,
        warn=warn,
        hard=max(_BEYOND * warn, _REACH * beyond),
        quantiles=tuple(np.quantile(scores, QUANTILES).tolist()),
        error_quantiles=tuple(np.quantile(usual.error, QUANTILES).tolist()),
    )


def classifier_reference(
    net: AutoencoderClassifier, card: Card, training: Pictures, validation: Pictures, say: Callable[[str], None]
) -> tuple[Card, dict[str, Tensor]]:
    """Card and reference tensors of a trained classifier.

    Too few pictures leave the card as it is. What decides goes into the weights file, under its sha256; the card says
    the same in numbers (``settings["reconstruction"]``).
    """
    if min(len(training), len(validation)) < _LEAST:
        say("classifier: too few pictures to tell what is unlike them")
        return card, {}
    error = reconstruction_mse(net, _some(validation, _MOST_VALIDATION))
    reference = fit_ood(net, training, validation)
    say(f"classifier: unlike the training pictures from {reference.warn:.2f}, no result from {reference.hard:.2f}")
    about = {**reference.for_card(), "validation_mse": round(error, 5)}
    return replace(card, settings={**card.settings, "reconstruction": about}), reference.tensors()


@torch.inference_mode()
def thickness_sd(model: nn.Module, validation: TrainingSet) -> float | None:
    """Standard deviation in mm of the measured less the true thickness over validation frames with plaque.

    Frames in which no plaque is found are misses, counted elsewhere. None where fewer than 20 frames can be measured.
    """
    side = validation.images.shape[-1]
    canvas = Canvas(RegionBox(1, 0, 0, side - 1, side - 1, CANVAS_MM, CANVAS_MM, "us_region"), side)
    there = np.flatnonzero(np.nan_to_num(validation.thickness_mm) > 0)
    chosen = there[np.unique(np.linspace(0, len(there) - 1, min(_MEASURED, len(there))).astype(np.intp))]
    device, errors = next(model.parameters()).device, []
    model.eval()
    for part in np.array_split(chosen, max(len(chosen) // 16, 1)):
        if not len(part):
            continue
        x = torch.from_numpy(validation.images[part])[:, None].to(device).float() / 255.0
        logits = model(x).float().cpu().contiguous().numpy()
        clear, flat = np.zeros(len(part), dtype=np.bool_), np.full(len(part), 0.5, dtype=np.float32)
        found = ClipMeasurer(canvas, (side, side)).measure(0, flat, logits, clear)
        errors += [
            f.max_thickness_mm - float(validation.thickness_mm[n])
            for f, n in zip(found, part, strict=True)
            if f.max_thickness_mm
        ]
    return float(np.std(errors, ddof=1)) if len(errors) >= _LEAST_MEASURED else None


def segmenter_card(model: nn.Module, card: Card, validation: TrainingSet) -> Card:
    """The card with the spread of the thickness on validation pictures, where it can be told."""
    spread = thickness_sd(model, validation)
    return card if spread is None else replace(card, metrics={**card.metrics, THICKNESS_SD: round(spread, 3)})
