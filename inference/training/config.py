"""The training configuration: TOML, checked, nothing hidden."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

CONFIG_DIR = Path(__file__).parent.parent / "configs"
SOURCES = ("phantom", "folder", "export")
PRECISIONS = ("auto", "fp32", "bf16")
SHIPPED = "shipped"
"""Value of ``init``: the weights that come with the library."""


class ConfigError(ValueError):
    """A training configuration that cannot be used; the text names the key."""


@dataclass(frozen=True)
class DataConfig:
    """Where the pictures come from.

    ``source`` = "phantom": ``seed``, the numbers of subjects, ``frames`` a clip and ``every``, the moments between two
    frames. "folder" and "export": ``folder`` (relative to the configuration; ``--data`` goes before it), split by
    subject with ``shares`` (train, validation, test) or into ``folds``, of which ``fold`` is the test split; ``seed``
    draws. Only "folder": ``table`` (CSV or JSON; without one, the pictures below ``images`` and the pattern
    ``subject``), ``masks`` (a folder of label maps, or class -> folder of binary masks), ``labels`` (pixel value ->
    class, classes or "unknown") and ``groups`` (name -> subjects that count as one: the recordings of a person).
    """

    source: str = "phantom"
    seed: int = 1
    train: int = 100
    validation: int = 20
    test: int = 20
    frames: int = 3
    every: int = 7
    workers: int = 2
    folder: str = ""
    table: str = ""
    images: str = "images"
    subject: str = r"([^/]+)/[^/]+$"
    shares: tuple[float, float, float] = (0.7, 0.15, 0.15)
    folds: int = 0
    fold: int = 0
    masks: str | Mapping[str, str] = "masks"
    labels: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class StageConfig:
    """One stage of training. It ends after ``epochs`` or ``minutes``, whichever is first; the rate falls with both.

    ``init`` starts from weights (.safetensors with their card, or "shipped") instead of random ones; ``freeze`` names
    layers that stay as they are: "down-1", "bottom" or "up-1" and so on of the U-Net, or the beginning of parameter
    names. ``batch`` counts the frames of all processes together. ``average`` is how much of the weights' moving average
    stays at every step (0.999: about the last thousand steps), which is then what is validated and kept; 0 makes none.
    ``passes`` over the frames make an epoch, after which it is validated and kept. No epochs: the stage is left out.
    """

    epochs: int = 10
    minutes: float = 10.0
    batch: int = 16
    rate: float = 1e-3
    weight_decay: float = 1e-4
    average: float = 0.0
    passes: int = 1
    init: str = ""
    freeze: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training run. ``precision``: "fp32", "bf16" (autocast), or "auto", which takes bf16
    where the device has it."""

    name: str
    version: str
    title: str = ""  # the pipeline's name for people; the files are called after ``name``
    seed: int = 1
    threads: int = 2
    precision: str = "auto"
    data: DataConfig = field(default_factory=DataConfig)
    segmenter: StageConfig = field(default_factory=StageConfig)
    reconstruction: StageConfig = field(default_factory=StageConfig)
    classifier: StageConfig = field(default_factory=StageConfig)
    widths: tuple[int, ...] = (32, 64, 96, 160)
    channels: tuple[int, ...] = (24, 48, 64, 96, 128)
    units: int = 1  # convolutions a level of the U-Net
    whole: bool = False  # its first level on the full grid


def _number(value: Any, default: Any, where: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"{where} must be a number.")
    if value < 0 or (type(default) is int and not isinstance(value, int)):
        raise ConfigError(f"{where} must be a {'whole ' if type(default) is int else ''}number, not below zero.")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{where} must be text.")
    return value


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
        raise ConfigError(f"{where} must be a list of texts.")
    return tuple(value)


def _shares(value: Any, where: str) -> tuple[float, float, float]:
    if not isinstance(value, list) or len(value) != 3:
        raise ConfigError(f"{where} must list three shares: train, validation, test.")
    train, validation, test = (float(_number(item, 0.0, where)) for item in value)
    if abs(train + validation + test - 1) > 1e-6 or train <= 0 or validation <= 0:
        raise ConfigError(f"{where} must add up to 1, with train and validation above 0.")
    return train, validation, test


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where} must be a table.")
    return value


def _setting(key: str, value: Any, default: Any, where: str) -> Any:
    """One setting of a section, checked by its kind."""
    if key == "shares":
        return _shares(value, where)
    if key == "freeze":
        return _texts(value, where)
    if key == "labels":
        return _table(value, where)
    if key == "groups":
        return {name: _texts(listed, f"{where}.{name}") for name, listed in _table(value, where).items()}
    if key == "masks" and isinstance(value, dict):
        return {name: _text(folder, f"{where}.{name}") for name, folder in value.items()}
    return _text(value, where) if isinstance(default, str) else _number(value, default, where)


def _section(kind: type[Any], given: Any, where: str) -> Any:
    plain = kind()
    known = {item.name for item in fields(kind)}
    out: dict[str, Any] = {}
    for key, value in _table(given, f"[{where}]").items():
        if key not in known:
            raise ConfigError(f"{where}.{key} is not a known setting.")
        out[key] = _setting(key, value, getattr(plain, key), f"{where}.{key}")
    return kind(**out)


def _check_data(data: DataConfig) -> None:
    if data.source not in SOURCES:
        raise ConfigError(f"data.source is one of {', '.join(SOURCES)}.")
    if data.source == "phantom":
        if min(data.train, data.validation, data.test, data.frames, data.every) < 1:
            raise ConfigError("data: every split needs at least one subject, and every clip one frame.")
        return
    if data.folds and data.fold >= data.folds:
        raise ConfigError(f"data.fold must be below data.folds = {data.folds}.")
    if data.source == "export" and (data.labels or data.groups or data.table or data.masks != "masks"):
        raise ConfigError("data: an export brings its own table, masks, labels and subjects; leave them out here.")
    if data.labels and not isinstance(data.masks, str):
        raise ConfigError("data.labels belongs to a folder of label maps; binary masks are named in [data.masks].")
    members = [subject for listed in data.groups.values() for subject in listed]
    if len(members) != len(set(members)):
        raise ConfigError("data.groups: a subject belongs to one group only.")


def _beside(folder: Path, data: dict[str, Any]) -> dict[str, Any]:
    """The same settings with paths counted from the configuration's folder."""
    source: DataConfig | None = data.get("data")
    if source is not None and source.folder:
        data["data"] = replace(source, folder=str(folder / source.folder))
    for key in ("segmenter", "reconstruction", "classifier"):
        stage: StageConfig | None = data.get(key)
        if stage is not None and stage.init and stage.init != SHIPPED:
            data[key] = replace(stage, init=str(folder / stage.init))
    return data


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
    units = data.get("units", 1)
    if type(units) is not int or not 1 <= units <= 3 or not isinstance(data.get("whole", False), bool):
        raise ConfigError("units is 1, 2 or 3, and whole is true or false.")
    config = TrainConfig(**_beside(path.parent, data))
    if config.precision not in PRECISIONS:
        raise ConfigError(f"precision is one of {', '.join(PRECISIONS)}.")
    for key in ("segmenter", "reconstruction", "classifier"):
        if not getattr(config, key).average < 1.0:
            raise ConfigError(f"{key}.average must be below 1.")
        if getattr(config, key).passes < 1:
            raise ConfigError(f"{key}.passes must be at least 1.")
    if config.reconstruction.init:
        raise ConfigError("reconstruction.init: the autoencoder is one network; name its weights in [classifier].")
    _check_data(config.data)
    return config
