"""Weights on disk: safetensors with a sha256 and a card beside them, and the description of a pipeline.

Nothing here unpickles: a file that is no safetensors file, or whose sha256 differs from its card, is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

WEIGHTS_DIR = Path(__file__).parent / "weights"
PIPELINE_FILE = WEIGHTS_DIR / "pipeline.json"
ARCHITECTURES = ("autoencoder-classifier-v2", "unet-v1")
_REFERENCE = "reference."
"""Name in a weights file of what goes with the network without being part of it, so that one sha256 covers both."""


class CheckpointError(ValueError):
    """Weights, a card or a pipeline description that must not be used; the text names the file and the rule."""


@dataclass(frozen=True)
class Card:
    """What is known about one set of weights."""

    name: str
    version: str
    architecture: str
    sha256: str
    parameters: int
    settings: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    intended_use: str = "Research use only. Trained on synthetic data only. Not for diagnosis."


def sha256_of(path: Path) -> str:
    """The sha256 of a file, as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def card_path(weights: Path) -> Path:
    """The card that belongs to a weights file."""
    return weights.with_suffix(".card.json")


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> str:
    """Write tensors as safetensors, whole or not at all; gives the file's sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, part, dict(metadata or {}))
    part.replace(path)
    return sha256_of(path)


def load_tensors(path: Path, *, sha256: str | None = None) -> dict[str, Tensor]:
    """Tensors of a safetensors file; refuses (CheckpointError) a missing or other file, or another sha256."""
    if not path.is_file():
        raise CheckpointError(f"{path.name}: there is no such weights file.")
    if path.suffix != ".safetensors":
        raise CheckpointError(f"{path.name}: weights must be a .safetensors file; nothing else is opened.")
    if sha256 is not None and sha256_of(path) != sha256:
        raise CheckpointError(f"{path.name}: the sha256 differs from the one that was recorded; the file was changed.")
    try:
        with safe_open(path, framework="pt") as stream:
            return {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(f"{path.name}: this is no safetensors file ({error}).") from error


def save_model(model: nn.Module, path: Path, card: Card, *, reference: Mapping[str, Tensor] | None = None) -> Card:
    """Write weights and their card; gives the card with the sha256 filled in.

    ``reference`` goes into the same file: tensors that describe the training pictures (see ``load_reference``).
    """
    tensors = {**model.state_dict(), **{_REFERENCE + key: value for key, value in (reference or {}).items()}}
    digest = save_tensors(path, tensors, {"architecture": card.architecture, "name": card.name})
    done = Card(**{**card.__dict__, "sha256": digest})
    write_json(card_path(path), done.__dict__)
    return done


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(path)


def read_card(weights: Path) -> Card:
    """The card beside a weights file. Raises CheckpointError when it is missing or not complete."""
    path = card_path(weights)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        card = Card(**data)
    except FileNotFoundError as error:
        raise CheckpointError(f"{weights.name}: the card {path.name} is missing.") from error
    except (json.JSONDecodeError, TypeError) as error:
        raise CheckpointError(f"{path.name}: this is no model card ({error}).") from error
    if card.architecture not in ARCHITECTURES:
        raise CheckpointError(f"{path.name}: the architecture {card.architecture!r} is not known here.")
    return card


def build_model(card: Card) -> nn.Module:
    """An untrained network of the card's architecture."""
    from inference.models import AutoencoderClassifier, build_unet

    if card.architecture == "autoencoder-classifier-v2":
        return AutoencoderClassifier(tuple(card.settings["widths"]))
    settings = card.settings
    return build_unet(tuple(settings["channels"]), int(settings.get("units", 1)), bool(settings.get("whole", False)))


def load_model(weights: Path) -> tuple[nn.Module, Card]:
    """A network with its weights, checked against its card, ready to predict."""
    card = read_card(weights)
    tensors = load_tensors(weights, sha256=card.sha256)
    model = build_model(card)
    try:
        model.load_state_dict({key: value for key, value in tensors.items() if not key.startswith(_REFERENCE)})
    except RuntimeError as error:
        raise CheckpointError(f"{weights.name}: the weights do not fit {card.architecture}: {error}") from error
    return model.eval(), card


def load_reference(weights: Path) -> dict[str, Tensor]:
    """What ``save_model`` was given as ``reference``, checked against the card; empty for weights without one."""
    tensors = load_tensors(weights, sha256=read_card(weights).sha256)
    return {key.removeprefix(_REFERENCE): value for key, value in tensors.items() if key.startswith(_REFERENCE)}


@dataclass(frozen=True)
class PipelineSpec:
    """A pipeline: classifier, segmenter, threshold, temperature, preprocessing and code version. ``hash`` names it."""

    name: str
    classifier: str
    classifier_sha256: str
    segmenter: str
    segmenter_sha256: str
    threshold: float
    temperature: float
    preprocessing: str
    code_version: str

    @property
    def hash(self) -> str:
        """sha256 of the canonical JSON of all fields."""
        text = json.dumps(self.__dict__, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def write_pipeline(spec: PipelineSpec, path: Path = PIPELINE_FILE) -> None:
    """Write a pipeline description with its hash."""
    write_json(path, {**spec.__dict__, "hash": spec.hash})


def read_pipeline(path: Path = PIPELINE_FILE) -> PipelineSpec:
    """A pipeline description. Raises CheckpointError when it is missing, incomplete, or its hash does not fit."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        stated = data.pop("hash")
        spec = PipelineSpec(**data)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path.name}: there is no pipeline description here.") from error
    except (json.JSONDecodeError, TypeError, KeyError) as error:
        raise CheckpointError(f"{path.name}: this is no pipeline description ({error}).") from error
    if stated != spec.hash:
        raise CheckpointError(f"{path.name}: the hash does not fit the content; a pipeline is never edited.")
    return spec


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata block of a safetensors file."""
    with safe_open(path, framework="pt") as stream:
        return dict(stream.metadata() or {})


def device_of(name: str = "auto") -> torch.device:
    """The device to run on: "auto" takes CUDA where it works, else the processor."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
