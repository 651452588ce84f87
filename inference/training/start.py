"""Where training starts from: random weights or given ones, and which layers stay as they are."""

from __future__ import annotations

import re
from pathlib import Path

from torch import nn

from inference.checkpoints import WEIGHTS_DIR, Card, CheckpointError, load_model, read_pipeline
from inference.training.config import SHIPPED, ConfigError

_LEVEL = "1.submodule."


def weights_file(init: str, part: str) -> Path:
    """The file that ``init`` names; "shipped" is the library's own ``part`` ("segmenter" or "classifier")."""
    if init != SHIPPED:
        return Path(init)
    spec = read_pipeline()
    return WEIGHTS_DIR / (spec.segmenter if part == "segmenter" else spec.classifier)


def load_start(init: str, part: str, architecture: str) -> tuple[nn.Module, Card]:
    """The network of given weights, checked against their card.

    Raises ConfigError where the card is of another kind of network, CheckpointError for a missing or changed file.
    """
    model, card = load_model(weights_file(init, part))
    if not card.architecture.startswith(architecture):
        raise ConfigError(f"{part}.init: {card.name} is {card.architecture}, not {architecture}.")
    return model, card


def freeze(model: nn.Module, names: tuple[str, ...], where: str) -> int:
    """Take layers out of training; gives the number of parameters that stay as they are.

    ``names``: "down-1", "down-2", ..., "bottom", "up-1", ... of a U-Net, counted from the picture, or the beginning of
    parameter names ("tuned.0"). Raises ConfigError for a name that fits nothing, or where nothing is left to train.
    """
    groups = unet_groups(model)
    for name in names:
        matched = [
            parameter
            for key, parameter in model.named_parameters()
            if (groups.get(key) == name if name in groups.values() else key == name or key.startswith(f"{name}."))
        ]
        if not matched:
            known = sorted(set(groups.values())) or sorted({key.split(".")[0] for key, _ in model.named_parameters()})
            raise ConfigError(f"{where}.freeze: {name!r} is no layer; there are {', '.join(known)}.")
        for parameter in matched:
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(f"{where}.freeze: no layer is left to train.")
    return sum(parameter.numel() for parameter in model.parameters() if not parameter.requires_grad)


def unet_groups(model: nn.Module) -> dict[str, str]:
    """Layer word by parameter name for MONAI's nested U-Net; empty for another network."""
    found: dict[str, str] = {}
    for key, _ in model.named_parameters():
        match = re.match(rf"model\.((?:{re.escape(_LEVEL)})*)(0|1|2)\.", key)
        if match is None:
            return {}
        level = match.group(1).count(_LEVEL) + 1
        found[key] = {"0": f"down-{level}", "1": "bottom", "2": f"up-{level}"}[match.group(2)]
    deepest = max((int(word[5:]) for word in found.values() if word.startswith("down-")), default=0)
    return {key: "bottom" if word == f"down-{deepest + 1}" else word for key, word in found.items()}


def rest(model: nn.Module) -> None:
    """Put layers of which nothing is trained into prediction mode, so that their running means stay too."""
    for module in model.modules():
        own = list(module.parameters(recurse=False))
        if own and not any(parameter.requires_grad for parameter in own):
            module.eval()


__all__ = ["CheckpointError", "freeze", "load_start", "rest", "unet_groups", "weights_file"]
