"""A pipeline with untrained weights (for plumbing) and phantom clips, made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inference import preprocess
from inference.checkpoints import Card, PipelineSpec, save_model, write_pipeline
from inference.models import AutoencoderClassifier, build_unet, count_parameters
from inference.models.autoencoder import WIDTHS
from inference.models.unet import CHANNELS
from inference.phantom import PhantomClip, random_spec, simulate_clip


@pytest.fixture(scope="session")
def raw_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``pipeline.json`` beside untrained weights."""
    folder = tmp_path_factory.mktemp("pipeline")
    torch.manual_seed(0)
    nets = {
        "classifier": (AutoencoderClassifier(), "autoencoder-classifier-v2", {"widths": list(WIDTHS)}),
        "segmenter": (build_unet(), "unet-v1", {"channels": list(CHANNELS)}),
    }
    cards = {
        key: save_model(
            net, folder / f"{key}.safetensors", Card(key, "0", kind, "", count_parameters(net), settings=settings)
        )
        for key, (net, kind, settings) in nets.items()
    }
    path = folder / "pipeline.json"
    write_pipeline(
        PipelineSpec(
            name="raw",
            classifier="classifier.safetensors",
            classifier_sha256=cards["classifier"].sha256,
            segmenter="segmenter.safetensors",
            segmenter_sha256=cards["segmenter"].sha256,
            threshold=0.5,
            temperature=1.0,
            preprocessing=preprocess.VERSION,
            code_version="0",
        ),
        path,
    )
    return path


@pytest.fixture(scope="session")
def thick_clip() -> PhantomClip:
    return simulate_clip(random_spec(np.random.default_rng(41), "thick"), 5)
