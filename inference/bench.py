"""The predictor against the bare forward passes of the same networks, in one run on one machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from inference.phantom import random_spec, simulate_clip
from inference.predictor import Predictor
from inference.preprocess import Canvas


@dataclass(frozen=True)
class BenchResult:
    """Frames a second of both, their ratio, and the processor time a frame that the networks do not account for."""

    frames: int
    threads: int
    device: str
    bare_fps: float
    pipeline_fps: float
    ratio: float
    other_cpu_ms: float


def run_bench(predictor: Predictor, *, frames: int = 96, rounds: int = 5, seed: int = 3) -> BenchResult:
    """Time both in turn, ``rounds`` times, and give medians.

    Raises ValueError when there is too little to time.
    """
    if frames < predictor.batch or rounds < 1:
        raise ValueError(f"A bench needs at least {predictor.batch} frames and one round.")
    clip = simulate_clip(random_spec(np.random.default_rng(seed), "thick"), min(frames, 24))
    pictures = [clip.frames[n % len(clip.frames)] for n in range(frames)]
    canvas = Canvas(clip.region)
    images = np.stack([canvas.frame(picture) for picture in pictures])
    bare_times, whole_times, other = [], [], []
    _bare(predictor, images[: predictor.batch])
    predictor.predict_clip(pictures[: predictor.batch], [clip.region])
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        _bare(predictor, images)
        bare, bare_cpu = time.perf_counter() - wall, time.process_time() - cpu
        wall, cpu = time.perf_counter(), time.process_time()
        predictor.predict_clip(pictures, [clip.region])
        whole, whole_cpu = time.perf_counter() - wall, time.process_time() - cpu
        bare_times.append(bare)
        whole_times.append(whole)
        other.append((whole_cpu - bare_cpu) / frames * 1000)
    bare, whole = float(np.median(bare_times)), float(np.median(whole_times))
    ratios = [b / w for b, w in zip(bare_times, whole_times, strict=True)]
    return BenchResult(
        frames,
        torch.get_num_threads(),
        predictor.device.type,
        frames / bare,
        frames / whole,
        float(np.median(ratios)),
        float(np.median(other)),
    )


def _bare(predictor: Predictor, images: NDArray[np.uint8]) -> None:
    for start in range(0, len(images), predictor.batch):
        margins, logits = predictor.forward(images[start : start + predictor.batch])
    if predictor.device.type == "cuda":
        torch.cuda.synchronize()
    del margins, logits
