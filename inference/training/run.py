"""A whole training run: phantom, three stages, calibration, weights with cards, pipeline."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from inference import __version__, preprocess
from inference.checkpoints import Card, PipelineSpec, save_model, write_pipeline
from inference.models import AutoencoderClassifier, build_unet, count_parameters
from inference.phantom.cohort import PHANTOM_VERSION, TrainingSet, cached_split, check_no_leak
from inference.training.calibrate import choose_threshold, fit_temperature, per_subject
from inference.training.config import TrainConfig
from inference.training.loop import pictures_of, run_stage
from inference.training.stages import classifier_stage, in_batches, reconstruction_stage, segmenter_stage


def load_splits(config: TrainConfig, cache: Path, console: Console) -> dict[str, TrainingSet]:
    """Train and validation subjects (rendered or from the cache), checked against each other for leaks."""
    splits: dict[str, TrainingSet] = {}
    for name, count in (("train", config.data.train), ("validation", config.data.validation)):
        started = time.monotonic()

        def progress(done: int, total: int, name: str = name) -> None:
            if console.is_terminal:
                console.print(f"  phantom {name} {done}/{total}", end="\r")

        d = config.data
        splits[name] = cached_split(
            cache, name, count, seed=d.seed, frames=d.frames, every=d.every, workers=d.workers, progress=progress
        )
        console.print(
            f"phantom {name}: {len(splits[name].images)} frames of {count} subjects, {time.monotonic() - started:.0f} s"
        )
    check_no_leak(splits)
    return splits


ONLY = ("segmenter", "classifier")


def train(
    config: TrainConfig, *, cache: Path, work: Path, out: Path, console: Console | None = None, only: str | None = None
) -> PipelineSpec | None:
    """Train everything that ``config`` describes and write weights, cards and ``pipeline.json`` into ``out``.

    ``work`` holds checkpoints and learning curves; running the same command again after a kill goes on from there.
    ``only`` = "segmenter" or "classifier" trains that network alone and writes nothing else (gives None), so that two
    processes can share the work; a last run without it finds both finished and writes the pipeline.
    """
    console = console or Console()
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    splits = load_splits(config, cache, console)
    training, validation = splits["train"], splits["validation"]
    frames, seed = len(training.images), config.seed

    unet = build_unet(config.channels).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if only != "classifier":
        seg = run_stage(segmenter_stage(unet, training, validation, config.segmenter, seed), frames, work, console)
    if only == "segmenter":
        return None

    torch.manual_seed(config.seed + 1)
    widths = (config.widths[0], config.widths[1], config.widths[2], config.widths[3])
    net = AutoencoderClassifier(widths).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    rec = run_stage(reconstruction_stage(net, training, validation, config.reconstruction, seed), frames, work, console)
    cls = run_stage(classifier_stage(net, training, validation, config.classifier, seed), frames, work, console)

    if only == "classifier":
        return None
    temperature, threshold = calibrate(net, validation)
    console.print(f"temperature {temperature:.3f}, threshold {threshold:.2f} (validation subjects)")
    data = {**asdict(config.data), "phantom": PHANTOM_VERSION, "configuration": config.name, "code": __version__}
    segmenter = save_model(
        unet,
        out / f"{config.name}-segmenter.safetensors",
        Card(
            f"{config.name}-segmenter",
            config.version,
            "unet-v1",
            "",
            count_parameters(unet),
            settings={"channels": list(config.channels)},
            training={"data": data, "stage": asdict(config.segmenter), "seconds": round(seg["seconds"])},
            metrics={"validation_plaque_dice": round(seg["plaque_dice"], 4)},
        ),
    )
    classifier = save_model(
        net,
        out / f"{config.name}-classifier.safetensors",
        Card(
            f"{config.name}-classifier",
            config.version,
            "autoencoder-classifier-v1",
            "",
            count_parameters(net),
            settings={"widths": list(config.widths)},
            training={
                "data": data,
                "stage_1": asdict(config.reconstruction),
                "stage_2": asdict(config.classifier),
                "seconds": round(rec["seconds"] + cls["seconds"]),
            },
            metrics={
                "validation_mse": round(rec["mse"], 5),
                "validation_frame_accuracy": round(cls["accuracy"], 4),
                "validation_frame_auc": round(cls["auc"], 4),
            },
        ),
    )
    spec = PipelineSpec(
        name=config.title or config.name,
        classifier=f"{classifier.name}.safetensors",
        classifier_sha256=classifier.sha256,
        segmenter=f"{segmenter.name}.safetensors",
        segmenter_sha256=segmenter.sha256,
        threshold=threshold,
        temperature=round(temperature, 4),
        preprocessing=preprocess.VERSION,
        code_version=__version__,
    )
    write_pipeline(spec, out / "pipeline.json")
    return spec


def calibrate(net: AutoencoderClassifier, validation: TrainingSet) -> tuple[float, float]:
    """Temperature and threshold from validation subjects (mean logit over a subject's frames)."""
    logits = in_batches(net, pictures_of(validation)).numpy().astype(np.float64)
    margins, classes = per_subject(logits[:, 1] - logits[:, 0], validation.subjects, validation.classes)
    temperature = fit_temperature(margins, classes)
    return temperature, choose_threshold(1 / (1 + np.exp(-margins / temperature)), classes)
