"""What a training run learns from: the phantom, a folder, or an export of the site."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inference.phantom.cohort import PHANTOM_VERSION, TrainingSet, cached_split, check_no_leak
from inference.training.config import DataConfig, TrainConfig
from inference.training.folder import FolderData, load_folder
from inference.training.loop import Runner

_OF_PHANTOM = ("source", "seed", "train", "validation", "test", "frames", "every")
_OF_FOLDER = ("source", "seed", "shares", "folds", "fold")


@dataclass(frozen=True)
class Data:
    """Training and validation pictures (and a test split, for folders), and what the card says about them."""

    sets: dict[str, TrainingSet]
    about: dict[str, Any]
    folder: FolderData | None = None

    @property
    def words(self) -> str:
        """The sentence of the card on what the weights may be used for."""
        what = {"phantom": "synthetic data only", "export": "labels exported from a reading project"}
        given = what.get(str(self.about["source"]), "a folder of labelled pictures")
        return f"Research use only. Trained on {given}. Not for diagnosis."


def load_data(config: TrainConfig, cache: Path, runner: Runner) -> Data:
    """Read or render what ``config`` asks for, split by subject and checked for leaks.

    Raises ValueError, naming file and rule, for data that cannot be used.
    """
    if config.data.source != "phantom":
        return _from_folder(config.data, runner)
    # One process renders, the others then read what it kept.
    if not runner.ranks.first:
        runner.ranks.wait()
    splits = load_splits(config, cache, runner)
    if runner.ranks.first:
        runner.ranks.wait()
    about = {key: value for key, value in asdict(config.data).items() if key in _OF_PHANTOM}
    return Data(splits, about | {"phantom": PHANTOM_VERSION})


def load_splits(config: TrainConfig, cache: Path, runner: Runner) -> dict[str, TrainingSet]:
    """Train and validation subjects of the phantom (rendered or from the cache), checked against each other."""
    splits: dict[str, TrainingSet] = {}
    terminal = runner.console.is_terminal
    for name, count in (("train", config.data.train), ("validation", config.data.validation)):
        started = time.monotonic()

        def progress(done: int, total: int, name: str = name) -> None:
            if terminal:
                runner.console.print(f"  phantom {name} {done}/{total}", end="\r")

        d = config.data
        splits[name] = cached_split(
            cache, name, count, seed=d.seed, frames=d.frames, every=d.every, workers=d.workers, progress=progress
        )
        spent = time.monotonic() - started
        runner.say(f"phantom {name}: {len(splits[name].images)} frames of {count} subjects, {spent:.0f} s")
    check_no_leak(splits)
    return splits


def _from_folder(data: DataConfig, runner: Runner) -> Data:
    folder = load_folder(data)
    for name, rows in folder.rows.items():
        runner.say(f"{data.source} {name}: {len(rows)} frames of {len({row.subject for row in rows})} subjects")
    about = {key: value for key, value in asdict(data).items() if key in _OF_FOLDER}
    return Data(folder.sets, about | {"folder": Path(data.folder).name, **folder.about}, folder)
