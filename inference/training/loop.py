"""The epoch loop that every stage shares: resumes after a kill, keeps curves, shows progress."""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor, nn

from inference.checkpoints import load_tensors, read_metadata, save_tensors
from inference.phantom.cohort import TrainingSet
from inference.training.config import StageConfig

BatchLoss = Callable[[Tensor, torch.Generator, float], Tensor]
"""Loss of one batch, given the indices of its frames, a seeded generator and the share of the stage that is behind."""
Validate = Callable[[], dict[str, float]]


@dataclass(frozen=True)
class Stage:
    """What one stage of training needs. ``better`` names the validation figure of which the best epoch is kept."""

    name: str
    model: nn.Module
    parameters: list[nn.Parameter]
    config: StageConfig
    seed: int
    loss: BatchLoss
    validate: Validate
    better: str


def pictures_of(data: TrainingSet) -> Tensor:
    """All pictures of a split as one uint8 tensor (n, 1, h, w)."""
    return torch.from_numpy(data.images)[:, None]


def scaled(images: Tensor) -> Tensor:
    """uint8 pictures as float32 in 0..1."""
    return images.float().mul_(1.0 / 255.0)


def _rate(config: StageConfig, done: float) -> float:
    """One warm-up and one cosine; ``done`` is the share of the stage that is behind us."""
    done = min(max(done, 0.0), 1.0)
    if done < 0.08:
        return config.rate * (0.1 + 0.9 * done / 0.08)
    return config.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (done - 0.08) / 0.92)))


def _save(
    path: Path,
    stage: Stage,
    optimiser: torch.optim.Optimizer,
    best: dict[str, Tensor],
    state: dict[str, float],
) -> None:
    tensors = {f"model.{key}": value for key, value in stage.model.state_dict().items()}
    tensors |= {f"best.{key}": value for key, value in best.items()}
    for index, parameter in enumerate(stage.parameters):
        for key, value in optimiser.state.get(parameter, {}).items():
            tensors[f"optimiser.{index}.{key}"] = torch.as_tensor(value)
    save_tensors(path, tensors, {"state": json.dumps(state)})


def _restore(path: Path, stage: Stage, optimiser: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, float]]:
    tensors = load_tensors(path)
    stage.model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            _, index, name = key.split(".", 2)
            optimiser.state[stage.parameters[int(index)]][name] = value
    state: dict[str, float] = json.loads(read_metadata(path)["state"])
    return {k[5:]: v.clone() for k, v in tensors.items() if k.startswith("best.")}, state


def _append_curve(folder: Path, stage: str, row: dict[str, float]) -> None:
    path = folder / f"{stage}.curve.csv"
    new = not path.is_file()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow({key: round(value, 6) for key, value in row.items()})


def run_stage(stage: Stage, frames: int, folder: Path, console: Console) -> dict[str, float]:
    """Train one stage on ``frames`` training frames; gives the best epoch's validation figures.

    The checkpoint in ``folder`` is written after every epoch: a killed run goes on from there, a finished stage is only
    loaded, and one whose epochs and minutes were raised since goes on. At the end the model holds its best epoch's
    weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stage.name}.checkpoint.safetensors"
    config = stage.config
    optimiser = torch.optim.AdamW(stage.parameters, lr=config.rate, weight_decay=config.weight_decay)
    best: dict[str, Tensor] = {}
    state: dict[str, float] = {"epoch": 0, "seconds": 0.0, "best": -math.inf}
    if path.is_file():
        best, state = _restore(path, stage, optimiser)
        console.print(f"{stage.name}: goes on after epoch {int(state['epoch'])}")
    while state["epoch"] < config.epochs and state["seconds"] < config.minutes * 60:
        epoch = int(state["epoch"])
        loss, seconds = _one_epoch(stage, optimiser, frames, epoch, state["seconds"], console)
        figures = stage.validate()
        state["epoch"], state["seconds"] = epoch + 1, state["seconds"] + seconds
        if figures[stage.better] > state["best"]:
            state |= {"best": figures[stage.better], **figures}
            best = {key: value.detach().clone() for key, value in stage.model.state_dict().items()}
        _append_curve(folder, stage.name, {"epoch": epoch + 1, "seconds": state["seconds"], "loss": loss, **figures})
        shown = "  ".join(f"{key} {value:.4f}" for key, value in figures.items())
        console.print(f"{stage.name} {epoch + 1}/{config.epochs}  loss {loss:.4f}  {shown}  {state['seconds']:.0f} s")
        _save(path, stage, optimiser, best, state)
    stage.model.load_state_dict(best)
    return state


def _one_epoch(
    stage: Stage, optimiser: torch.optim.Optimizer, frames: int, epoch: int, before: float, console: Console
) -> tuple[float, float]:
    """One pass over the frames; gives the mean loss and the seconds. A pass that outruns the minutes ends early."""
    config, started = stage.config, time.monotonic()
    generator = torch.Generator().manual_seed(stage.seed * 1000 + epoch)
    order = torch.randperm(frames, generator=generator)
    batches = [chunk for chunk in order.split(config.batch) if len(chunk) > 1]
    stage.model.train()
    total, counted = 0.0, 0
    for number, chunk in enumerate(batches):
        spent = before + time.monotonic() - started
        done = max((epoch + number / len(batches)) / config.epochs, spent / max(config.minutes * 60, 1e-9))
        for group in optimiser.param_groups:
            group["lr"] = _rate(config, done)
        optimiser.zero_grad(set_to_none=True)
        loss = stage.loss(chunk, generator, done)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(stage.parameters, 5.0)
        optimiser.step()
        total, counted = total + float(loss.detach()), counted + 1
        if spent > config.minutes * 60 and number > 0:
            break
        if console.is_terminal and number % 10 == 0:
            console.print(f"  {stage.name} {number}/{len(batches)} loss {total / counted:.4f}", end="\r")
    return total / max(counted, 1), time.monotonic() - started
