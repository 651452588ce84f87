"""The training configuration: TOML, checked, nothing hidden."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

CONFIG_DIR = Path(__file__).parent.parent / "configs"


class ConfigError(ValueError):
    """A training configuration that cannot be used; the text names the key."""


@dataclass(frozen=True)
class DataConfig:
    """How much phantom, and from which seed. ``every``: moments between two frames of a clip."""

    seed: int = 1
    train: int = 100
    validation: int = 20
    test: int = 20
    frames: int = 3
    every: int = 7
    workers: int = 2


@dataclass(frozen=True)
class StageConfig:
    """One stage of training. It ends after ``epochs`` or ``minutes``, whichever is first; the rate falls with both."""

    epochs: int = 10
    minutes: float = 10.0
    batch: int = 16
    rate: float = 1e-3
    weight_decay: float = 1e-4


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training run."""

    name: str
    version: str
    title: str = ""  # the pipeline's name for people; the files are called after ``name``
    seed: int = 1
    threads: int = 2
    data: DataConfig = field(default_factory=DataConfig)
    segmenter: StageConfig = field(default_factory=StageConfig)
    reconstruction: StageConfig = field(default_factory=StageConfig)
    classifier: StageConfig = field(default_factory=StageConfig)
    widths: tuple[int, ...] = (16, 32, 64, 96)
    channels: tuple[int, ...] = (16, 32, 48, 64, 96)


def _section(kind: type[Any], given: Any, where: str) -> Any:
    if not isinstance(given, dict):
        raise ConfigError(f"[{where}] must be a table.")
    types = {item.name: type(item.default) for item in fields(kind)}
    for key, value in given.items():
        if key not in types:
            raise ConfigError(f"{where}.{key} is not a known setting.")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ConfigError(f"{where}.{key} must be a number.")
        if value < 0 or (types[key] is int and not isinstance(value, int)):
            raise ConfigError(f"{where}.{key} must be a {'whole ' if types[key] is int else ''}number, not below zero.")
    return kind(**given)


def load_config(path: Path) -> TrainConfig:
    """Read a configuration file. Raises ConfigError, naming the key, for anything unknown or out of range."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such configuration.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path.name}: this is not TOML ({error}).") from error
    sections = {"data": DataConfig, "segmenter": StageConfig, "reconstruction": StageConfig, "classifier": StageConfig}
    known = {item.name for item in fields(TrainConfig)}
    for key in data:
        if key not in known:
            raise ConfigError(f"{key} is not a known setting.")
    for key in ("name", "version"):
        if not isinstance(data.get(key), str) or not data[key]:
            raise ConfigError(f"{key} must be given as text.")
    for key, kind in sections.items():
        if key in data:
            data[key] = _section(kind, data[key], key)
    for key, length in (("widths", 4), ("channels", None)):
        if key in data:
            if length is not None and len(data[key]) != length:
                raise ConfigError(f"{key} must list {length} whole numbers.")
            data[key] = tuple(int(value) for value in data[key])
    config = TrainConfig(**data)
    if min(config.data.train, config.data.validation, config.data.test, config.data.frames, config.data.every) < 1:
        raise ConfigError("data: every split needs at least one subject, and every clip one frame.")
    return config
