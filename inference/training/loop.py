"""The epoch loop of every stage: resumes after a kill, keeps curves, shows progress, in one process or several."""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from inference.checkpoints import load_tensors, read_metadata, save_tensors
from inference.phantom.cohort import TrainingSet
from inference.training.averaging import Average
from inference.training.config import StageConfig
from inference.training.curves import draw_curve
from inference.training.ranks import Ranks, autocast
from inference.training.start import rest

BatchLoss = Callable[[Tensor, torch.Generator, float], Tensor]
"""Loss of one batch, given the indices of its frames, a seeded generator and the share of the stage that is behind."""
Validate = Callable[[], dict[str, float]]
_LOOKED_AT = 10
"""Batches between two looks at the loss."""


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


@dataclass(frozen=True)
class Runner:
    """How stages run: among which processes, in which number format, with files in ``folder``."""

    folder: Path
    console: Console
    ranks: Ranks = field(default_factory=Ranks)
    precision: str = "fp32"

    def say(self, text: str) -> None:
        """Print a line, once for all processes."""
        if self.ranks.first:
            self.console.print(text, markup=False, highlight=False)


class _Step(nn.Module):
    """The loss of a batch as a network, so that gradients are averaged over the processes as for any network."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.model = stage.model
        self.loss = stage.loss

    def forward(self, chunk: Tensor, generator: torch.Generator, done: float) -> Tensor:
        return self.loss(chunk, generator, done)


def device_of_model(model: nn.Module) -> torch.device:
    """Where a network's weights are."""
    return next(model.parameters()).device


def pictures_of(data: TrainingSet) -> Tensor:
    """All pictures of a split as one uint8 tensor (n, 1, h, w)."""
    return torch.from_numpy(data.images)[:, None]


class Resident:
    """Planes of all frames of a split, kept beside the network: a GPU then waits for nothing that the processor does.

    What would take more than half of the GPU's free memory stays with the processor, and each batch goes over.
    """

    def __init__(self, *planes: Tensor) -> None:
        self._planes = planes
        self._asked: torch.device | None = None

    def of(self, chunk: Tensor, device: torch.device) -> list[Tensor]:
        """The planes of some frames, on ``device``."""
        if device != self._asked:
            self._asked = device
            size = sum(plane.numel() * plane.element_size() for plane in self._planes)
            if device.type == "cpu" or size < torch.cuda.mem_get_info(device)[0] // 2:
                self._planes = tuple(plane.to(device) for plane in self._planes)
        return [plane[chunk.to(plane.device)].to(device) for plane in self._planes]


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
    average: Average | None,
    state: dict[str, float],
) -> None:
    tensors = {f"model.{key}": value for key, value in stage.model.state_dict().items()}
    tensors |= {f"average.{key}": value for key, value in (average.kept if average else {}).items()}
    tensors |= {f"best.{key}": value for key, value in best.items()}
    for index, parameter in enumerate(stage.parameters):
        for key, value in optimiser.state.get(parameter, {}).items():
            tensors[f"optimiser.{index}.{key}"] = torch.as_tensor(value)
    save_tensors(path, tensors, {"state": json.dumps(state)})


@dataclass(frozen=True)
class _Restored:
    """What a checkpoint holds beside the network and the optimiser: its best epoch, averaged weights, and counters."""

    best: dict[str, Tensor]
    average: dict[str, Tensor]
    state: dict[str, float]


def _restore(path: Path, stage: Stage, optimiser: torch.optim.Optimizer) -> _Restored:
    tensors = load_tensors(path)
    stage.model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            _, index, name = key.split(".", 2)
            parameter = stage.parameters[int(index)]
            # The step counter stays on the processor, where the optimiser keeps it; the rest lies as the weights lie,
            # since all of them are stepped at once only where their layouts are the same.
            optimiser.state[parameter][name] = (
                value if name == "step" else torch.empty_like(parameter.detach()).copy_(value)
            )
    state: dict[str, float] = json.loads(read_metadata(path)["state"])

    def named(prefix: str) -> dict[str, Tensor]:
        return {key[len(prefix) :]: value.clone() for key, value in tensors.items() if key.startswith(prefix)}

    return _Restored(named("best."), named("average."), state)


def _append_curve(folder: Path, stage: str, row: dict[str, float]) -> None:
    path = folder / f"{stage}.curve.csv"
    new = not path.is_file()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow({key: round(value, 6) for key, value in row.items()})


def _trim_curve(runner: Runner, stage: Stage, epochs: int) -> None:
    """Drop lines after the checkpoint's epoch: a kill between writing the line and the checkpoint leaves one."""
    path = runner.folder / f"{stage.name}.curve.csv"
    if not runner.ranks.first or not path.is_file():
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    part = path.with_suffix(".part")
    part.write_text("\n".join(lines[: epochs + 1]) + "\n", encoding="utf-8")
    part.replace(path)


@contextmanager
def _bar(runner: Runner, stage: Stage, before: float) -> Iterator[Callable[[float, str], None]]:
    """A progress bar with the time left; the share behind us counts epochs or minutes, whichever end first."""
    if not (runner.ranks.first and runner.console.is_terminal):
        yield lambda done, text: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left"))
    with Progress(*columns, TimeRemainingColumn(), console=runner.console, transient=True) as bar:
        task = bar.add_task(stage.name, total=1.0)
        bar.update(task, completed=before)
        yield lambda done, text: bar.update(task, completed=done, description=text)


def run_stage(stage: Stage, frames: int, runner: Runner) -> dict[str, float]:
    """Train one stage on ``frames`` training frames; gives the best epoch's validation figures.

    The checkpoint in the runner's folder is written after every epoch: a killed run goes on from there, a finished
    stage is only loaded, and one whose epochs and minutes were raised since goes on. At the end the model holds its
    best epoch's weights, in every process.
    """
    config, ranks = stage.config, runner.ranks
    runner.folder.mkdir(parents=True, exist_ok=True)
    path = runner.folder / f"{stage.name}.checkpoint.safetensors"
    stage.model.to(ranks.device)
    optimiser = torch.optim.AdamW(stage.parameters, lr=config.rate, weight_decay=config.weight_decay)
    best: dict[str, Tensor] = {}
    state: dict[str, float] = {"epoch": 0, "seconds": 0.0, "best": -math.inf}
    averaged: dict[str, Tensor] = {}
    if path.is_file():
        restored = _restore(path, stage, optimiser)
        best, averaged, state = restored.best, restored.average, restored.state
        _trim_curve(runner, stage, int(state["epoch"]))
        runner.say(f"{stage.name}: goes on after epoch {int(state['epoch'])}")
    average = None
    if config.average:
        average = Average(stage.model, config.average, int(state.get("steps", 0)), averaged or None)
    ranks.wait()
    step: nn.Module = _Step(stage)
    if ranks.world > 1:
        trained = {id(parameter) for parameter in stage.parameters}
        idle = any(p.requires_grad and id(p) not in trained for p in stage.model.parameters())
        step = DistributedDataParallel(step, find_unused_parameters=idle)
    with _bar(runner, stage, _behind(config, state["epoch"], state["seconds"])) as show:
        while state["epoch"] < config.epochs and state["seconds"] < config.minutes * 60:
            epoch = int(state["epoch"])
            loss, seconds = _one_epoch(stage, step, optimiser, frames, epoch, state["seconds"], runner, show, average)
            state["epoch"], state["seconds"] = epoch + 1, state["seconds"] + seconds
            if ranks.first:
                with average.shown() if average else nullcontext():
                    figures = stage.validate()
                    if figures[stage.better] > state["best"]:
                        state |= {"best": figures[stage.better], **figures}
                        best = {key: value.detach().clone() for key, value in stage.model.state_dict().items()}
                state |= {"steps": average.steps} if average else {}
                row = {"epoch": epoch + 1, "seconds": state["seconds"], "loss": loss, **figures}
                _append_curve(runner.folder, stage.name, row)
                shown = "  ".join(f"{key} {value:.4f}" for key, value in figures.items())
                where, spent = f"{stage.name} {epoch + 1}/{config.epochs}", state["seconds"]
                runner.say(f"{where}  loss {loss:.4f}  {shown}  {spent:.0f} s")
                _save(path, stage, optimiser, best, average, state)
                draw_curve(runner.folder / f"{stage.name}.curve.csv")
            ranks.wait()
    if ranks.first:
        stage.model.load_state_dict(best)
    ranks.same(dict(stage.model.state_dict()))
    return ranks.told(state)


def _behind(config: StageConfig, epochs: float, seconds: float) -> float:
    """The share of a stage that is behind us."""
    return min(1.0, max(epochs / max(config.epochs, 1), seconds / max(config.minutes * 60, 1e-9)))


def _one_epoch(
    stage: Stage,
    step: nn.Module,
    optimiser: torch.optim.Optimizer,
    frames: int,
    epoch: int,
    before: float,
    runner: Runner,
    show: Callable[[float, str], None],
    average: Average | None = None,
) -> tuple[float, float]:
    """One epoch; gives the mean loss and the seconds. An epoch that outruns the minutes ends early."""
    config, ranks, started = stage.config, runner.ranks, time.monotonic()
    # All processes draw the same order and take their parts of each batch; each changes its pictures in its own way.
    generator = torch.Generator().manual_seed(stage.seed * 1000 + epoch)
    order = torch.cat([torch.randperm(frames, generator=generator) for _ in range(config.passes)])
    batches = [chunk for chunk in order.split(config.batch) if len(chunk) >= 2 * ranks.world]
    if not batches:
        raise ValueError(f"{stage.name}: {frames} frames are too few for {ranks.world} process(es).")
    if not ranks.first:
        generator.manual_seed((stage.seed * 1000 + epoch) * 1000 + ranks.rank)
    stage.model.train()
    rest(stage.model)
    total, counted, spent = torch.zeros((), device=ranks.device), 0, before
    for number, chunk in enumerate(batches):
        (spent,) = ranks.agreed([before + time.monotonic() - started])
        done = _behind(config, epoch + number / len(batches), spent)
        for group in optimiser.param_groups:
            group["lr"] = _rate(config, done)
        optimiser.zero_grad(set_to_none=True)
        with autocast(runner.precision, ranks.device):
            loss = step(ranks.share(chunk), generator, done)
        loss.backward()
        nn.utils.clip_grad_norm_(stage.parameters, 5.0)
        optimiser.step()
        if average is not None:
            average.step()
        total, counted = total + loss.detach(), counted + 1
        if counted % _LOOKED_AT == 0:
            # Only now and then: to look at a number of the GPU's is to wait for all that it still has to do.
            mean = _mean_loss(stage, total, counted)
            show(done, f"{stage.name} {epoch + 1}/{config.epochs}  loss {mean:.4f}")
        if spent > config.minutes * 60 and number > 0:
            break
    (seconds,) = ranks.agreed([time.monotonic() - started])
    return ranks.mean(_mean_loss(stage, total, counted)), seconds


def _mean_loss(stage: Stage, total: Tensor, counted: int) -> float:
    """The mean of the losses so far. Raises ValueError where it is no number, before anything of it is kept."""
    mean = float(total) / counted
    if not math.isfinite(mean):
        raise ValueError(f"{stage.name}: the loss is no number any more; try a lower rate.")
    return mean
