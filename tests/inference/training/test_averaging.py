"""The moving average of the weights, the plaque Dice per picture, and pictures painted anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import nn

from inference.checkpoints import load_tensors
from inference.training.averaging import Average
from inference.training.config import ConfigError, StageConfig, load_config
from inference.training.loop import Runner, Stage, run_stage
from inference.training.repaint import repaint
from inference.training.stages import plaque_overlap_loss
from inference.types import LUMEN, PLAQUE, WALL


def stepped(model: nn.Module, average: Average, values: list[float]) -> None:
    for value in values:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(value)
        average.step()


def test_the_average_follows_and_forgets_where_it_began() -> None:
    model = nn.Linear(1, 1)
    average = Average(model, 0.9)
    stepped(model, average, [1.0] * 200)
    assert float(average.kept["weight"]) == pytest.approx(1.0, abs=1e-4)
    stepped(model, average, [2.0])
    assert float(average.kept["weight"]) == pytest.approx(1.1, abs=1e-3)


def test_the_network_has_its_own_weights_again_after_it_was_shown_averaged() -> None:
    model = nn.BatchNorm1d(2)
    average = Average(model, 0.5)
    stepped(model, average, [3.0])
    with average.shown():
        assert float(model.weight[0].detach()) == pytest.approx(float(average.kept["weight"][0]))
    assert float(model.weight[0].detach()) == 3.0
    assert average.kept["num_batches_tracked"].dtype == torch.long


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_outside_its_range_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="from 0 to below 1"):
        Average(nn.Linear(1, 1), decay)


def weight_of(model: nn.Module) -> torch.Tensor:
    weight: torch.Tensor = model.state_dict()["weight"]
    return weight


def toy_stage(epochs: int) -> tuple[Stage, list[float]]:
    model, seen = nn.Linear(1, 1), list[float]()
    torch.nn.init.zeros_(model.weight)

    def loss(chunk: torch.Tensor, generator: torch.Generator, done: float) -> torch.Tensor:
        result: torch.Tensor = (model(torch.ones(len(chunk), 1)) - 5.0).square().mean()
        return result

    def validate() -> dict[str, float]:
        seen.append(float(model.weight.detach()))
        return {"right": seen[-1]}

    config = StageConfig(epochs=epochs, minutes=5.0, batch=2, rate=0.05, average=0.9)
    return Stage("toy", model, list(model.parameters()), config, 1, loss, validate, "right"), seen


def test_a_killed_run_goes_on_with_the_same_average(tmp_path: Path) -> None:
    whole, _ = toy_stage(4)
    run_stage(whole, 8, Runner(tmp_path / "whole", Console(quiet=True)))
    first, _ = toy_stage(2)
    first = replace(first, config=replace(first.config, epochs=4, minutes=5.0))
    part, _ = toy_stage(4)

    class Killed(Exception):
        pass

    seen = 0

    def dies() -> dict[str, float]:
        nonlocal seen
        seen += 1
        if seen == 3:
            raise Killed
        return {"right": float(weight_of(first.model))}

    with pytest.raises(Killed):
        run_stage(replace(first, validate=dies), 8, Runner(tmp_path / "cut", Console(quiet=True)))
    run_stage(part, 8, Runner(tmp_path / "cut", Console(quiet=True)))
    assert torch.allclose(weight_of(part.model), weight_of(whole.model), atol=1e-6)


def test_what_is_validated_and_kept_is_the_average(tmp_path: Path) -> None:
    stage, seen = toy_stage(3)
    run_stage(stage, 8, Runner(tmp_path, Console(quiet=True)))
    assert float(weight_of(stage.model)) == pytest.approx(max(seen))
    # The weights move towards their goal all the time; their average lags behind them.
    kept = load_tensors(tmp_path / "toy.checkpoint.safetensors")
    assert float(kept["average.weight"]) < float(kept["model.weight"])


def test_a_configuration_with_a_whole_average_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('name = "a"\nversion = "1"\n[segmenter]\naverage = 1.0\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"segmenter\.average"):
        load_config(path)


def test_a_thin_plaque_counts_like_a_thick_one() -> None:
    target = torch.zeros(3, 1, 16, 16, dtype=torch.long)
    target[0, 0, :8], target[1, 0, :1] = PLAQUE, PLAQUE
    right, nothing = torch.full((3, 4, 16, 16), -20.0), torch.full((3, 4, 16, 16), -20.0)
    right.scatter_(1, target, 20.0)
    nothing[:, 0] = 20.0
    assert float(plaque_overlap_loss(right, target)) == pytest.approx(0.0, abs=1e-3)
    assert float(plaque_overlap_loss(nothing, target)) == pytest.approx(1.0, abs=1e-3)
    thick_only = torch.cat((right[:1], nothing[1:]))
    thin_only = torch.cat((nothing[:1], right[1:]))
    assert float(plaque_overlap_loss(thick_only, target)) == pytest.approx(0.5, abs=1e-3)
    assert float(plaque_overlap_loss(thin_only, target)) == pytest.approx(0.5, abs=1e-3)
    assert float(plaque_overlap_loss(nothing, torch.zeros_like(target))) == 0.0


def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.zeros(4, 1, 96, 96, dtype=torch.long)
    labels[:, :, 36:72, 46:82], labels[:, :, 36:72, 46:52], labels[:, :, 40:68, 52:78] = WALL, PLAQUE, LUMEN
    images = torch.full((4, 1, 96, 96), 0.3)
    images[:, :, :, :30] = 0.0  # outside the sector
    images[:, :, 40:68, 52:78] = 0.0  # black blood is inside it
    return images, labels


def test_painted_pictures_keep_the_sector_and_have_darker_blood() -> None:
    images, labels = drawn()
    out = repaint(images, labels, torch.Generator().manual_seed(3), 1.0)
    assert out.shape == images.shape
    assert float(out.min()) >= 0.0
    assert float(out.max()) <= 1.0
    assert float(out[:, :, :, :26].max()) == 0.0
    for picture, label in zip(out, labels, strict=True):
        blood = float(picture[label == LUMEN].mean())
        assert blood < float(picture[label == WALL].mean())
        assert blood < float(picture[label == PLAQUE].mean())
        assert blood < float(picture[:, :, 34:][label[:, :, 34:] == 0].mean())


def test_no_share_changes_nothing_and_a_seed_gives_the_same_again() -> None:
    images, labels = drawn()
    assert torch.equal(repaint(images, labels, torch.Generator().manual_seed(1), 0.0), images)
    twice = [repaint(images, labels, torch.Generator().manual_seed(2), 0.5) for _ in range(2)]
    assert torch.equal(*twice)
