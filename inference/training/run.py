"""A whole training run: data, three stages, calibration, weights with cards, pipeline."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from inference import __version__, preprocess
from inference.checkpoints import (
    WEIGHTS_DIR,
    Card,
    PipelineSpec,
    card_path,
    read_card,
    read_pipeline,
    save_model,
    write_json,
    write_pipeline,
)
from inference.models import AutoencoderClassifier
from inference.phantom.cohort import TrainingSet
from inference.training.calibrate import choose_threshold, fit_temperature, per_subject
from inference.training.config import SHIPPED, ConfigError, TrainConfig
from inference.training.judge import summarise
from inference.training.loop import Runner, pictures_of
from inference.training.networks import Trained, train_classifier, train_segmenter
from inference.training.partial import subset, with_class
from inference.training.ranks import precision_of, ranks
from inference.training.reference import classifier_reference, segmenter_card
from inference.training.sources import load_data
from inference.training.stages import in_batches

ONLY = ("segmenter", "classifier")
_CALIBRATES = 8
"""Subjects with a class that a threshold and a temperature need at least, of both classes."""


def train(
    config: TrainConfig,
    *,
    cache: Path,
    work: Path,
    out: Path,
    console: Console | None = None,
    only: str | None = None,
    device: str = "auto",
) -> PipelineSpec | None:
    """Train everything that ``config`` describes and write weights, cards and ``pipeline.json`` into ``out``.

    ``work`` holds checkpoints and learning curves; running the same command again after a kill goes on from there.
    ``only`` = "segmenter" or "classifier" trains that network alone and writes nothing else (gives None), so that two
    processes can share the work; a last run without it finds both finished and writes the pipeline. None too where the
    data or the configuration bring no classifier or no segmenter: then the weights of the other are written alone.
    Under ``torchrun`` all processes call this with the same arguments, and the first one writes.
    """
    torch.set_num_threads(config.threads)
    with ranks(device) as among:
        runner = Runner(work, console or Console(), among, precision_of(config.precision, among.device))
        data = load_data(config, cache, runner)
        segmenter = None if only == "classifier" else train_segmenter(config, data, runner)
        if only == "segmenter":
            return None
        classifier = train_classifier(config, data, runner)
        if only == "classifier":
            return None
        spec = _write(config, segmenter, classifier, data.sets, out, runner) if among.first else None
        among.wait()
        return spec


def train_folds(
    config: TrainConfig, *, fold: str | None, work: Path, out: Path | None, console: Console, **options: Any
) -> None:
    """``train`` for one fold, or for ``fold`` = "all" of them one after the other, each in a folder of its own.

    All folds together give one row per subject that none of its weights have seen; their figures go to
    ``work/folds.json``. Without ``out``, weights of the phantom go where the library looks for them, others into
    ``work/weights``. Raises ConfigError where the configuration has no such fold.
    """
    home = out or (WEIGHTS_DIR if config.data.source == "phantom" else work / "weights")
    numbers = _folds(config, fold)
    for number in numbers:
        part = replace(config, data=replace(config.data, fold=number))
        inside = f"fold-{number}" if len(numbers) > 1 else ""
        spec = train(part, work=work / inside, out=home / inside, console=console, **options)
        if spec is not None:
            console.print(f"pipeline {spec.name} {spec.hash[:12]} written", markup=False)
    if len(numbers) > 1 and os.environ.get("RANK", "0") == "0":
        rows = [
            row
            for number in numbers
            if (path := work / f"fold-{number}" / "test.json").is_file()
            for row in json.loads(path.read_text(encoding="utf-8"))["rows"]
        ]
        figures = _by_time(rows)
        write_json(work / "folds.json", {"figures": figures, "rows": rows})
        for when, of_classes in figures.items():
            for name, values in of_classes.items():
                console.print(
                    f"{when} {name}: Dice {values['dice']} {values['interval']}, {values['subjects']} subjects"
                )


def _folds(config: TrainConfig, fold: str | None) -> list[int]:
    if fold is None:
        return [config.data.fold]
    count = config.data.folds
    if fold == "all" and count:
        return list(range(count))
    if not fold.isdecimal() or int(fold) >= count:
        raise ConfigError(f"--fold {fold}: the configuration has {count} folds; name one from 0, or all.")
    return [int(fold)]


def _by_time(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Figures before and after fine-tuning."""
    return {when: summarise([row for row in rows if row["when"] == when]) for when in ("before", "after")}


def _write(
    config: TrainConfig,
    segmenter: Trained | None,
    classifier: Trained | None,
    sets: Mapping[str, TrainingSet],
    out: Path,
    runner: Runner,
) -> PipelineSpec | None:
    """Write what was trained; a pipeline where both networks are there, trained or taken over from the shipped one."""
    cards: dict[str, Card] = {}
    if segmenter is not None:
        card = segmenter_card(segmenter.model, segmenter.card, sets["validation"])
        cards["segmenter"] = save_model(segmenter.model, out / f"{config.name}-segmenter.safetensors", card)
    if classifier is not None:
        assert isinstance(classifier.model, AutoencoderClassifier)
        pictures = sets["train"].images, sets["validation"].images
        card, reference = classifier_reference(classifier.model, classifier.card, *pictures, runner.say)
        path = out / f"{config.name}-classifier.safetensors"
        cards["classifier"] = save_model(classifier.model, path, card, reference=reference)
    if segmenter is not None and segmenter.test:
        write_json(runner.folder / "test.json", {"figures": _by_time(segmenter.test), "rows": segmenter.test})
    calibrated: tuple[float, float] | None = None
    if classifier is not None:
        assert isinstance(classifier.model, AutoencoderClassifier)
        held = sets["validation"]
        calibrated = calibrate(classifier.model.cpu(), subset(held, with_class(held)))
        runner.say(f"temperature {calibrated[0]:.3f}, threshold {calibrated[1]:.2f} (validation subjects)")
    shipped = {"segmenter": config.segmenter.init == SHIPPED, "classifier": config.classifier.init == SHIPPED}
    if any(part not in cards and not shipped[part] for part in ONLY):
        missing = " and ".join(part for part in ONLY if part not in cards)
        runner.say(f"no pipeline: there is no {missing}")
        return None
    if len(cards) == 0:
        runner.say("no pipeline: nothing was trained")
        return None
    return _pipeline(config, cards, calibrated, out)


def _pipeline(
    config: TrainConfig, cards: dict[str, Card], calibrated: tuple[float, float] | None, out: Path
) -> PipelineSpec:
    if len(cards) < len(ONLY) or calibrated is None:
        base = read_pipeline()
        for part in ONLY:
            if part not in cards:
                cards[part] = _take_over(base.segmenter if part == "segmenter" else base.classifier, out)
        calibrated = calibrated or (base.temperature, base.threshold)
    temperature, threshold = calibrated
    spec = PipelineSpec(
        name=config.title or config.name,
        classifier=f"{cards['classifier'].name}.safetensors",
        classifier_sha256=cards["classifier"].sha256,
        segmenter=f"{cards['segmenter'].name}.safetensors",
        segmenter_sha256=cards["segmenter"].sha256,
        threshold=threshold,
        temperature=round(temperature, 4),
        preprocessing=preprocess.VERSION,
        code_version=__version__,
    )
    write_pipeline(spec, out / "pipeline.json")
    return spec


def _take_over(name: str, out: Path) -> Card:
    """Copy shipped weights with their card beside the new ones; gives the card."""
    source = WEIGHTS_DIR / name
    for path in (source, card_path(source)):
        if path.resolve() != (out / path.name).resolve():
            shutil.copyfile(path, out / path.name)
    return replace(read_card(source), name=source.stem)


def calibrate(net: AutoencoderClassifier, validation: TrainingSet) -> tuple[float, float]:
    """Temperature and threshold from validation subjects (mean logit over a subject's frames).

    1 and 0.5 where there are fewer than eight subjects, or one class alone: so few say nothing about a cut-off.
    """
    logits = in_batches(net, pictures_of(validation)).numpy().astype(np.float64)
    margins, classes = per_subject(logits[:, 1] - logits[:, 0], validation.subjects, validation.classes)
    if len(classes) < _CALIBRATES or len(np.unique(classes)) < 2:
        return 1.0, 0.5
    temperature = fit_temperature(margins, classes)
    return temperature, choose_threshold(1 / (1 + np.exp(-margins / temperature)), classes)
