"""Small untrained networks on disk, for tests of everything around them."""

from __future__ import annotations

from pathlib import Path


def write_test_pipeline(folder: Path) -> Path:
    """Write a classifier and a segmenter with cards and a pipeline description; what they say means nothing."""
    import torch

    from inference.checkpoints import Card, PipelineSpec, save_model, write_pipeline
    from inference.models import AutoencoderClassifier, build_unet
    from inference.preprocess import VERSION

    torch.manual_seed(1)
    widths, channels = (4, 4, 8, 8), (4, 4, 8, 8, 8)
    about = {"training": {"data": "nothing"}, "metrics": {"none": 0.0}, "intended_use": "Tests. Synthetic data only."}
    first, second = folder / "classifier.safetensors", folder / "segmenter.safetensors"
    a = save_model(
        AutoencoderClassifier(widths), first,
        Card("test classifier", "0", "autoencoder-classifier-v2", "", 1, settings={"widths": list(widths)}, **about),
    )  # fmt: skip
    b = save_model(
        build_unet(channels), second,
        Card("test segmenter", "0", "unet-v1", "", 1, settings={"channels": list(channels)}, **about),
    )  # fmt: skip
    spec = PipelineSpec("Test pipeline", first.name, a.sha256, second.name, b.sha256, 0.5, 1.0, VERSION, "test")
    write_pipeline(spec, folder / "pipeline.json")
    return folder
