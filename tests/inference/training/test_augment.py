"""Marks laid over pictures, changes drawn on the pictures' device, and frames kept beside the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

from inference.checkpoints import Card, load_model, save_model
from inference.models import build_unet, count_parameters
from inference.phantom.canvas_marks import draw_on_canvas
from inference.training.augment import Marks, change_grey
from inference.training.config import ConfigError, StageConfig, load_config
from inference.training.loop import Resident, Runner, Stage, run_stage
from inference.training.networks import _shape

SIZE = 96


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_mark_that_is_laid_over_a_picture_looks_like_one_drawn_on_it() -> None:
    rng = np.random.default_rng(5)
    marks = Marks(3, 24, SIZE)
    planes = marks._drawn(torch.device("cpu")).numpy().astype(np.float32)
    for number, (level, opacity) in enumerate(planes):
        picture = rng.integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
        drawn = picture.copy()
        draw_on_canvas(drawn, np.random.default_rng((3, number)))
        laid = picture * (1 - opacity / 255) + level * opacity / 255
        assert np.abs(laid - drawn).max() <= 2.0
    assert (planes[:, 1] > 0).any(axis=(1, 2)).mean() > 0.9  # some lie outside the picture


def test_marks_touch_the_share_that_was_asked_for_and_come_again_with_the_seed() -> None:
    marks, pictures = Marks(1, 32, SIZE), torch.full((200, 1, SIZE, SIZE), 0.5)
    assert torch.equal(marks.over(pictures, seeded(1), share=0.0), pictures)
    once, twice = (marks.over(pictures, seeded(2), share=0.5) for _ in range(2))
    assert torch.equal(once, twice)
    touched = (once != pictures).flatten(1).any(1).float().mean()
    assert 0.3 < float(touched) < 0.65
    assert float(once.min()) >= 0.0
    assert float(once.max()) <= 1.0


def test_grey_changes_leave_the_ground_black_in_a_batch_of_any_size() -> None:
    pictures = torch.rand((300, 1, 32, 32), generator=seeded(1)) * 0.9 + 0.05
    pictures[:, :, :, :8] = 0.0
    changed = change_grey(pictures, seeded(2))
    assert changed.shape == pictures.shape
    assert float(changed[..., :8].max()) == 0.0
    assert not torch.allclose(changed, pictures)


def test_frames_are_taken_by_their_number() -> None:
    planes = torch.arange(10), torch.arange(20).reshape(10, 2)
    first, second = Resident(*planes).of(torch.tensor([7, 2]), torch.device("cpu"))
    assert first.tolist() == [7, 2]
    assert second.tolist() == [[14, 15], [4, 5]]


def test_an_epoch_may_be_several_passes(tmp_path: Path) -> None:
    model, seen = nn.Linear(1, 1), list[int]()

    def loss(chunk: torch.Tensor, generator: torch.Generator, done: float) -> torch.Tensor:
        seen.extend(chunk.tolist())
        result: torch.Tensor = model(torch.ones(len(chunk), 1)).square().mean()
        return result

    config = StageConfig(epochs=1, batch=4, passes=3)
    stage = Stage("toy", model, list(model.parameters()), config, 1, loss, lambda: {"right": 1.0}, "right")
    run_stage(stage, 8, Runner(tmp_path, Console(quiet=True)))
    assert sorted(seen) == sorted([*range(8)] * 3)


@pytest.mark.parametrize("minutes", [10.0, 1e-9])
def test_a_loss_that_is_no_number_ends_the_training_and_writes_nothing(tmp_path: Path, minutes: float) -> None:
    """Also where the minutes end the epoch before its loss was looked at."""
    model = nn.Linear(1, 1)

    def loss(chunk: torch.Tensor, generator: torch.Generator, done: float) -> torch.Tensor:
        result: torch.Tensor = model(torch.full((len(chunk), 1), torch.nan)).mean()
        return result

    config, parameters = StageConfig(batch=4, minutes=minutes), list(model.parameters())
    stage = Stage("toy", model, parameters, config, 1, loss, lambda: {"right": 0.0}, "right")
    with pytest.raises(ValueError, match="no number any more"):
        run_stage(stage, 16, Runner(tmp_path, Console(quiet=True)))
    assert not list(tmp_path.glob("*.checkpoint.*"))


@pytest.mark.parametrize(("units", "whole"), [(1, False), (2, True)])
def test_a_network_is_built_again_from_its_card(tmp_path: Path, units: int, whole: bool) -> None:
    net = build_unet((4, 8, 12), units, whole).eval()
    card = Card("n", "1", "unet-v1", "", count_parameters(net), settings=_shape(net))
    save_model(net, tmp_path / "n.safetensors", card)
    again, _ = load_model(tmp_path / "n.safetensors")
    x = torch.rand(1, 1, 64, 64, generator=seeded(1))
    with torch.inference_mode():
        assert net(x).shape == (1, 4, 64, 64)
        assert torch.equal(net(x), again.eval()(x))


def test_a_card_from_before_there_was_a_choice_means_one_convolution_on_half_the_grid() -> None:
    from inference.checkpoints import build_model

    old = build_model(Card("n", "1", "unet-v1", "", 0, settings={"channels": [4, 8, 12]}))
    assert _shape(old) == {"channels": [4, 8, 12], "units": 1, "whole": False}


@pytest.mark.parametrize("line", ["units = 4", "units = true", 'whole = "yes"', "[segmenter]\npasses = 0"])
def test_a_shape_or_epoch_that_cannot_be_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(f'name = "a"\nversion = "1"\n{line}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"units|whole|passes"):
        load_config(path)
