"""What a frame is measured to be does not depend on the batch that it came in."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.measure import ClipMeasurer
from inference.phantom import PhantomClip, random_spec, simulate_clip
from inference.phantom.spec import Kind
from inference.preprocess import Canvas


def _logits(clip: PhantomClip, canvas: Canvas) -> NDArray[np.float32]:
    """Sure outputs for the true labels, with one frame scaled and one shifted, so that boxes differ in a batch."""
    labels = np.stack([canvas.labels(frame) for frame in clip.labels])
    labels[1] = np.roll(labels[1], 5, axis=0)
    out = np.where(np.arange(4)[None, :, None, None] == labels[:, None], 6.0, -6.0).astype(np.float32)
    out[2, :, ::2] *= 0.3
    return out


@pytest.mark.parametrize("kind", ["none", "thin", "thick", "ulcerated", "mobile"])
def test_a_batch_measured_at_once_equals_its_frames_measured_one_by_one(kind: Kind) -> None:
    clip = simulate_clip(random_spec(np.random.default_rng(12), kind), 4)
    canvas = Canvas(clip.region)
    images = np.stack([canvas.frame(frame) for frame in clip.frames])
    logits, sure = _logits(clip, canvas), np.full(4, 0.5, dtype=np.float32)
    coloured = np.array([False, False, False, True])
    together, alone = (ClipMeasurer(canvas, clip.frames[0].shape[:2]) for _ in range(2))

    at_once = together.measure(0, sure, logits, coloured, images)
    singly = [
        alone.measure(n, sure[n : n + 1], logits[n : n + 1], coloured[n : n + 1], images[n : n + 1])[0]
        for n in range(4)
    ]

    assert sum(frame.no_result is None for frame in at_once) >= 2
    for first, second in zip(at_once, singly, strict=True):
        assert (first.plaque_rle, first.lumen_rle, first.wall_rle) == (
            second.plaque_rle,
            second.lumen_rle,
            second.wall_rle,
        )
        assert (first.no_result, first.plaque_area_px) == (second.no_result, second.plaque_area_px)
        assert first.max_thickness_mm == pytest.approx(second.max_thickness_mm, abs=1e-4)
        assert first.quality == pytest.approx(second.quality, abs=1e-6)
    assert together.profiles.keys() == alone.profiles.keys()
    for number, profile in together.profiles.items():
        other = alone.profiles[number]
        for name in ("radius", "arc", "length", "solid", "piece"):
            assert getattr(profile, name) == pytest.approx(getattr(other, name), abs=1e-3), name
        for name, grey in profile.grey.items():
            assert grey == pytest.approx(other.grey[name], abs=1e-3, nan_ok=True), name
