"""Trainings of seconds from folders of pictures and masks, by the functions that the command line calls."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from inference.checkpoints import load_model, load_tensors
from inference.models import build_unet
from inference.predictor import Predictor
from inference.training.config import ConfigError, TrainConfig, load_config
from inference.training.folder import load_folder
from inference.training.labels import LabelError, code_of
from inference.training.run import train, train_folds
from inference.training.split import SplitError
from inference.training.start import freeze, rest, unet_groups
from inference.training.table import TableError
from tests.conftest import REPO
from tests.inference.training.folders import ring, save, write_rings, write_table

TINY = """
name = "tiny"
version = "0"
threads = 1
channels = [4, 4, 8, 8, 8]
widths = [4, 4, 8, 8]
[data]
source = "folder"
folder = "data"
shares = [0.5, 0.25, 0.25]
{data}
[segmenter]
epochs = {epochs}
batch = 4
{segmenter}
[reconstruction]
epochs = {auto}
batch = 4
[classifier]
epochs = {auto}
batch = 4
"""


def config_of(folder: Path, *, data: str = "", segmenter: str = "", epochs: int = 1, auto: int = 1) -> TrainConfig:
    (folder / "tiny.toml").write_text(TINY.format(data=data, segmenter=segmenter, epochs=epochs, auto=auto))
    return load_config(folder / "tiny.toml")


def run(config: TrainConfig, folder: Path, **options):
    """Train; gives the pipeline and what was said."""
    said = io.StringIO()
    console = Console(file=said, width=200)
    spec = train(config, cache=folder / "c", work=folder / "w", out=folder / "o", console=console, **options)
    return spec, said.getvalue()


def test_a_folder_with_masks_and_classes_gives_a_pipeline_that_predicts_and_cards_that_say_how(tmp_path) -> None:
    write_rings(tmp_path / "data", [f"s{n}" for n in range(8)], row_mm=0.3, col_mm=0.3)

    spec, _ = run(config_of(tmp_path), tmp_path)

    assert spec is not None
    predictor, _ = Predictor.from_pipeline(tmp_path / "o" / "pipeline.json")
    assert predictor.predict_clip([ring(5)[0]], []).frames == 1
    card = json.loads((tmp_path / "o" / "tiny-segmenter.card.json").read_text())
    assert "synthetic" not in card["intended_use"]
    assert set(card["metrics"]["test"]) >= {"lumen", "wall"}
    training = card["training"]
    assert [training["data"]["splits"][name]["subjects"] for name in ("train", "validation", "test")] == [4, 2, 2]
    assert len(training["data"]["sha256"]) == 64
    assert training["seed"] == 1
    assert training["versions"]["torch"] == torch.__version__
    assert str(tmp_path) not in json.dumps(card)
    with (tmp_path / "w" / "segmenter.curve.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == 1
    assert Image.open(tmp_path / "w" / "segmenter.curve.png").size[0] > 400


def test_lumen_alone_trains_the_segmenter_and_leaves_the_classifier_out(tmp_path) -> None:
    for subject in "abcd":
        picture, labels = ring(ord(subject))
        save(tmp_path / "data" / "images" / f"{subject}-1.png", picture)
        save(tmp_path / "data" / "lumen" / f"{subject}-1.png", np.where(labels == 1, 255, 0).astype(np.uint8))
        save(tmp_path / "data" / "images" / f"{subject}-2.png", ring(ord(subject) + 40)[0])
    data = "subject = '(\\w)-\\d'\n[data.masks]\nlumen = \"lumen\""

    spec, said = run(config_of(tmp_path, data=data), tmp_path)

    assert spec is None
    assert "classifier: left out" in said
    card = json.loads((tmp_path / "o" / "tiny-segmenter.card.json").read_text())
    assert set(card["metrics"]["test"]) == {"lumen"}
    assert not (tmp_path / "o" / "pipeline.json").exists()
    loaded = load_folder(config_of(tmp_path, data=data).data)
    codes = set(np.unique(loaded.sets["train"].labels).tolist())
    assert codes == {1, code_of({0, 2, 3}), code_of(range(4))}


def test_classes_without_masks_train_the_classifier_and_leave_the_segmenter_out(tmp_path) -> None:
    rows = []
    for number in range(8):
        save(tmp_path / "data" / "images" / f"{number}.png", ring(number, plaque=number % 2 == 1)[0])
        rows.append({"file": f"images/{number}.png", "subject": number, "class": number % 2 if number < 7 else ""})
    write_table(tmp_path / "data" / "subjects.csv", rows)

    spec, said = run(config_of(tmp_path), tmp_path)

    assert spec is None
    assert "segmenter: left out, there are no masks" in said
    assert (tmp_path / "o" / "tiny-classifier.safetensors").is_file()


def test_training_goes_on_from_given_weights_and_frozen_layers_stay_as_they_are(tmp_path) -> None:
    write_rings(tmp_path / "data", [f"s{n}" for n in range(4)])
    run(config_of(tmp_path, auto=0), tmp_path)
    first = tmp_path / "o" / "tiny-segmenter.safetensors"
    first.rename(tmp_path / "first.safetensors")
    (tmp_path / "o" / "tiny-segmenter.card.json").rename(tmp_path / "first.card.json")
    (tmp_path / "w" / "segmenter.checkpoint.safetensors").unlink()
    (tmp_path / "w" / "segmenter.curve.csv").unlink()
    more = 'init = "first.safetensors"\nfreeze = ["down-1", "bottom"]'

    run(config_of(tmp_path, segmenter=more, auto=0), tmp_path)

    before, after = load_tensors(tmp_path / "first.safetensors"), load_tensors(first)
    groups = unet_groups(build_unet((4, 4, 8, 8, 8)))
    moved = {word for key, word in groups.items() if not torch.equal(before[key], after[key])}
    assert set(groups.values()) - moved == {"down-1", "bottom"}
    statistics = "model.0.conv.unit0.adn.N.running_mean"
    assert torch.equal(before[statistics], after[statistics])
    card = json.loads((tmp_path / "o" / "tiny-segmenter.card.json").read_text())
    assert card["training"]["init"]["name"] == "tiny-segmenter"
    assert set(card["metrics"]) >= {"test_before", "test"}
    assert load_model(first)[1].settings["channels"] == [4, 4, 8, 8, 8]


def test_a_frozen_layer_must_exist_and_something_must_be_left_to_train() -> None:
    with pytest.raises(ConfigError, match=r"'down-9' is no layer; there are bottom, down-1"):
        freeze(build_unet((4, 4, 8)), ("down-9",), "segmenter")
    with pytest.raises(ConfigError, match="no layer is left"):
        freeze(build_unet((4, 4, 8)), ("model",), "segmenter")
    net = build_unet((4, 4, 8))
    freeze(net, ("model.0",), "segmenter")
    rest(net.train())
    assert not net.model[0].conv.unit0.adn.N.training
    assert net.model[2][0].adn.N.training


def test_every_fold_is_tested_by_weights_that_never_saw_its_subjects(tmp_path) -> None:
    write_rings(tmp_path / "data", ["a", "b", "c"], frames=2)
    config = config_of(tmp_path, data="folds = 3", auto=0)

    quiet = Console(file=io.StringIO())
    train_folds(config, fold="all", cache=tmp_path / "c", work=tmp_path / "w", out=None, console=quiet)

    folds = json.loads((tmp_path / "w" / "folds.json").read_text())
    tested = [{row["subject"] for row in json.loads(path.read_text())["rows"]} for path in
              sorted((tmp_path / "w").glob("fold-*/test.json"))]  # fmt: skip
    assert sorted(map(sorted, tested)) == [["a"], ["b"], ["c"]]
    assert folds["figures"]["after"]["lumen"]["subjects"] == 3
    assert len(folds["figures"]["after"]["lumen"]["interval"]) == 2
    with pytest.raises(ConfigError, match="has 3 folds"):
        train_folds(config, fold="3", cache=tmp_path, work=tmp_path, out=None, console=quiet)


def test_recordings_of_one_person_count_as_one_subject(tmp_path) -> None:
    write_rings(tmp_path / "data", ["r1", "r2", "r3", "r4"])
    config = config_of(tmp_path, data='[data.groups]\nperson = ["r1", "r2"]')

    loaded = load_folder(config.data)

    homes = {name for name, part in loaded.rows.items() for row in part if row.subject == "person"}
    assert len(homes) == 1
    assert sum(row.subject == "person" for part in loaded.rows.values() for row in part) == 4
    with pytest.raises(TableError, match="there is no subject r9"):
        load_folder(replace(config.data, groups={"person": ("r1", "r9")}))


def refusals():
    def copied(folder: Path) -> None:
        picture = np.asarray(Image.open(folder / "images" / "s0-0.png"))
        for number in range(1, 4):
            brighter = np.clip(picture * (1 + 0.05 * number), 0, 255).astype(np.uint8)
            save(folder / "images" / f"s{number}-0.png", brighter)

    def misshapen(folder: Path) -> None:
        save(folder / "masks" / "s1-0.png", np.zeros((9, 9), np.uint8))

    def strange(folder: Path) -> None:
        save(folder / "masks" / "s1-0.png", np.full((96, 96), 200, np.uint8))

    def gone(folder: Path) -> None:
        (folder / "images" / "s2-0.png").unlink()

    def broken(folder: Path) -> None:
        (folder / "images" / "s2-0.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")

    yield "a near copy in another split", copied, SplitError, "nearly the same picture"
    yield "a mask of another size", misshapen, LabelError, "the mask is"
    yield "a value without a label", strange, LabelError, "200 has no label"
    yield "a missing picture", gone, TableError, "s2-0.png: there is no such file"
    yield "a broken picture", broken, TableError, "s2-0.png: The picture cannot be decoded"


@pytest.mark.parametrize("spoil, kind, why", [row[1:] for row in refusals()], ids=[row[0] for row in refusals()])
def test_a_folder_is_refused_by_file_and_rule(spoil, kind, why, tmp_path) -> None:
    write_rings(tmp_path / "data", [f"s{n}" for n in range(4)], frames=1)
    config = config_of(tmp_path)
    load_folder(config.data)
    spoil(tmp_path / "data")

    with pytest.raises(kind, match=why):
        load_folder(config.data)


COMMAND = [sys.executable, "-m", "inference", "train"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def test_a_killed_training_from_a_folder_goes_on_after_its_last_whole_epoch(tmp_path) -> None:
    write_rings(tmp_path / "data", [f"s{n}" for n in range(4)])
    config_of(tmp_path, epochs=60, auto=0)
    command = [*COMMAND, str(tmp_path / "tiny.toml"), "--work", str(tmp_path / "w")]
    curve = tmp_path / "w" / "segmenter.curve.csv"

    first = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
    while first.poll() is None and (not curve.is_file() or len(curve.read_text().splitlines()) < 4):
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    reached = len(curve.read_text().splitlines()) - 1
    config_of(tmp_path, epochs=reached + 2, auto=0)
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)

    assert first.returncode == -signal.SIGKILL
    assert done.returncode == 0, done.stderr
    assert "goes on after epoch" in done.stderr
    with curve.open() as stream:
        assert [int(row["epoch"]) for row in csv.DictReader(stream)] == list(range(1, reached + 3))
    assert (tmp_path / "w" / "weights" / "tiny-segmenter.safetensors").is_file()


@pytest.mark.slow
def test_two_processes_train_together_and_one_of_them_writes(tmp_path) -> None:
    write_rings(tmp_path / "data", [f"s{n}" for n in range(8)])
    config_of(tmp_path, epochs=2)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]

    done = subprocess.run(
        [*launcher, "-m", "inference", "train", str(tmp_path / "tiny.toml"), "--work", str(tmp_path / "w"),
         "--device", "cpu"],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("segmenter 2/2") == 1
    with (tmp_path / "w" / "segmenter.curve.csv").open() as stream:
        assert [row["epoch"] for row in csv.DictReader(stream)] == ["1", "2"]
    card = json.loads((tmp_path / "w" / "weights" / "tiny-classifier.card.json").read_text())
    assert card["training"]["processes"] == 2
    assert Predictor.from_pipeline(tmp_path / "w" / "weights" / "pipeline.json")


GRADIENTS = """
import sys, torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from inference.training.config import StageConfig
from inference.training.loop import Stage, _Step
from inference.training.ranks import ranks

x = torch.arange(24.0).view(8, 3)
torch.manual_seed(0)
net = nn.Linear(3, 1)
with ranks("cpu") as among:
    loss = lambda chunk, generator, done: (net(x[chunk]) ** 2).mean()
    stage = Stage("s", net, list(net.parameters()), StageConfig(), 0, loss, dict, "")
    step = _Step(stage) if among.world == 1 else DistributedDataParallel(_Step(stage), find_unused_parameters=True)
    step(among.share(torch.arange(8)), torch.Generator(), 0.0).backward()
    if among.rank == among.world - 1:
        torch.save(net.weight.grad, sys.argv[1])
"""


@pytest.mark.slow
def test_two_processes_take_the_same_step_as_one(tmp_path) -> None:
    (tmp_path / "gradients.py").write_text(GRADIENTS)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    script = str(tmp_path / "gradients.py")

    one = subprocess.run([sys.executable, script, str(tmp_path / "one.pt")], env=environment(), check=False)
    two = subprocess.run([*launcher, script, str(tmp_path / "two.pt")], env=environment(), check=False)

    assert (one.returncode, two.returncode) == (0, 0)
    alone, together = (torch.load(tmp_path / name, weights_only=True) for name in ("one.pt", "two.pt"))
    assert torch.allclose(alone, together, rtol=1e-5)
