"""One network of a run: built or loaded, frozen in part, trained, with its card."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from monai.networks.nets.unet import UNet
from torch import nn

from inference import __version__
from inference.checkpoints import ARCHITECTURES, Card
from inference.models import AutoencoderClassifier, build_unet, count_parameters
from inference.training.config import StageConfig, TrainConfig
from inference.training.judge import judge_split, summarise
from inference.training.loop import Runner, run_stage
from inference.training.partial import (
    partial_classifier_stage,
    partial_segmenter_stage,
    subset,
    with_class,
    with_masks,
)
from inference.training.sources import Data
from inference.training.stages import classifier_stage, reconstruction_stage, segmenter_stage
from inference.training.start import freeze, load_start

SEGMENTER = next(name for name in ARCHITECTURES if name.startswith("unet"))
CLASSIFIER = next(name for name in reversed(ARCHITECTURES) if name.startswith("autoencoder-classifier"))
_VERSIONED = ("torch", "monai", "numpy", "scipy", "safetensors")


@dataclass(frozen=True)
class Trained:
    """A network at its best epoch, and what its card says: settings, stages and figures."""

    model: nn.Module
    card: Card
    test: list[dict[str, Any]] = field(default_factory=list)


def provenance(config: TrainConfig, data: Data, runner: Runner) -> dict[str, Any]:
    """What is needed to train the same weights again."""
    versions = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "unknown"
    return {
        "data": {**data.about, "configuration": config.name, "code": __version__},
        "seed": config.seed,
        "precision": runner.precision,
        "processes": runner.ranks.world,
        "device": runner.ranks.device.type,
        "versions": versions,
    }


def _stage_words(stage: StageConfig) -> dict[str, Any]:
    """A stage's settings for the card, without a path of this machine."""
    out = asdict(replace(stage, init=stage.init.replace("\\", "/").rsplit("/", 1)[-1]))
    return {key: value for key, value in out.items() if value not in ("", ())}


def _start(stage: StageConfig, part: str, runner: Runner) -> tuple[nn.Module, dict[str, str]] | None:
    """The network that a stage starts from and what the card says of it; None for random weights."""
    if not stage.init:
        return None
    model, card = load_start(stage.init, part, "unet" if part == "segmenter" else "autoencoder-classifier")
    runner.say(f"{part}: starts from {card.name} {card.version} ({card.sha256[:12]})")
    return model, {"name": card.name, "version": card.version, "sha256": card.sha256}


def _frozen(model: nn.Module, stage: StageConfig, part: str, runner: Runner) -> None:
    if stage.freeze:
        still = freeze(model, stage.freeze, part)
        runner.say(f"{part}: {still} of {count_parameters(model)} parameters stay as they are")


def train_segmenter(config: TrainConfig, data: Data, runner: Runner) -> Trained | None:
    """The U-Net; None where it has no epochs, or no picture has a mask."""
    train, held, stage = data.sets["train"], data.sets["validation"], config.segmenter
    if data.folder is not None:
        train, held = subset(train, with_masks(train)), subset(held, with_masks(held))
    if stage.epochs == 0 or len(train.images) < 2 or not len(held.images):
        runner.say("segmenter: left out, " + ("it has no epochs" if stage.epochs == 0 else "there are no masks"))
        return None
    torch.manual_seed(config.seed)
    begun = _start(stage, "segmenter", runner)
    unet = begun[0] if begun else build_unet(config.channels, config.units, config.whole)
    unet = unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    _frozen(unet, stage, "segmenter", runner)
    before = _judged(unet, data, runner) if begun else []
    make = segmenter_stage if data.folder is None else partial_segmenter_stage
    done = run_stage(make(unet, train, held, stage, config.seed), len(train.images), runner)
    after = _judged(unet, data, runner)
    training = {"stage": _stage_words(stage), "seconds": round(done["seconds"])}
    training |= {"init": begun[1]} if begun else {}
    metrics: dict[str, Any] = {
        f"validation_{key}": round(value, 4) for key, value in done.items() if key == "dice" or key.endswith("_dice")
    }
    for key, rows in (("test_before", before), ("test", after)):
        metrics |= {key: summarise(rows)} if rows else {}
    card = _card(config, data, runner, "segmenter", SEGMENTER, unet, training, metrics)
    card = replace(card, settings=_shape(unet))
    rows = [{**row, "when": when} for when, part in (("before", before), ("after", after)) for row in part]
    return Trained(unet, card, rows)


def _shape(unet: nn.Module) -> dict[str, Any]:
    """What ``build_unet`` needs to build the same network again."""
    assert isinstance(unet, UNet)
    return {"channels": list(unet.channels), "units": unet.num_res_units, "whole": unet.strides[0] == 1}


def _judged(unet: nn.Module, data: Data, runner: Runner) -> list[dict[str, Any]]:
    """Rows of the test split; all processes wait for the first, which looks."""
    if data.folder is None or "test" not in data.folder.rows:
        return []
    rows = judge_split(unet.to(runner.ranks.device), data.folder, "test") if runner.ranks.first else []
    runner.ranks.wait()
    for name, figures in summarise(rows).items():
        seen = f"{figures['frames']} frames, {figures['subjects']} subjects"
        runner.say(f"test {name}: Dice {figures['dice']:.4f}, {seen}")
    return rows


def train_classifier(config: TrainConfig, data: Data, runner: Runner) -> Trained | None:
    """The autoencoder classifier: reconstruction, then classes. None where it has no epochs, or classes are missing."""
    train, held, stage = data.sets["train"], data.sets["validation"], config.classifier
    known, judged = subset(train, with_class(train)), subset(held, with_class(held))
    if stage.epochs == 0 or len(np.unique(known.classes)) < 2 or not len(judged.classes):
        why = "it has no epochs" if stage.epochs == 0 else "both classes are needed, and a class in validation"
        runner.say(f"classifier: left out, {why}")
        return None
    torch.manual_seed(config.seed + 1)
    begun = _start(stage, "classifier", runner)
    widths = (config.widths[0], config.widths[1], config.widths[2], config.widths[3])
    net = begun[0] if begun else AutoencoderClassifier(widths)
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert isinstance(net, AutoencoderClassifier)
    rec: dict[str, float] = {"seconds": 0.0}
    if config.reconstruction.epochs:
        first = reconstruction_stage(net, train, held, config.reconstruction, config.seed)
        rec = run_stage(first, len(train.images), runner)
        net.start_step_two()
    _frozen(net, stage, "classifier", runner)
    make = classifier_stage if data.folder is None else partial_classifier_stage
    cls = run_stage(make(net, known, judged, stage, config.seed), len(known.images), runner)
    training = {
        "stage_1": _stage_words(config.reconstruction),
        "stage_2": _stage_words(stage),
        "seconds": round(rec["seconds"] + cls["seconds"]),
    }
    training |= {"init": begun[1]} if begun else {}
    metrics = {
        "validation_frame_accuracy": round(cls["accuracy"], 4),
        "validation_frame_auc": round(cls["auc"], 4),
    }
    metrics |= {"validation_mse": round(rec["mse"], 5)} if "mse" in rec else {}
    card = _card(config, data, runner, "classifier", CLASSIFIER, net, training, metrics)
    return Trained(net, replace(card, settings={"widths": _widths(net)}))


def _widths(net: AutoencoderClassifier) -> list[int]:
    """Features after each layer of the encoder."""
    found = [module.out_channels for module in net.encoder.modules() if isinstance(module, nn.Conv2d)]
    return found[:4]


def _card(
    config: TrainConfig,
    data: Data,
    runner: Runner,
    part: str,
    architecture: str,
    model: nn.Module,
    training: dict[str, Any],
    metrics: dict[str, Any],
) -> Card:
    return Card(
        f"{config.name}-{part}",
        config.version,
        architecture,
        "",
        count_parameters(model),
        training={**provenance(config, data, runner), **training},
        metrics=metrics,
        intended_use=data.words,
    )
