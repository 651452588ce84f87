"""The two networks: an autoencoder that classifies, and a U-Net that marks plaque."""

from __future__ import annotations

from inference.models.autoencoder import AutoencoderClassifier
from inference.models.unet import build_unet

__all__ = ["AutoencoderClassifier", "build_unet", "count_parameters"]


def count_parameters(model: object) -> int:
    """Number of trained values of a network."""
    return sum(p.numel() for p in model.parameters())  # type: ignore[attr-defined]
