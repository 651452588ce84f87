"""The predictor against the bare forward passes of the same networks, in one run on one machine.

The clip is phantom stored as JPEG, as files and the site hold it: the pipeline decodes, resamples, runs both networks,
carries masks to the source grid, measures and encodes. The bare passes get the same pictures ready on the canvas, in
the same engine, type, batch and number of streams. What else people would run, MONAI's sliding-window inferer over the
segmenter one frame at a time, is timed beside it. All take turns, so that ratios bear a busy machine; processor times
count this process alone.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

import imagecodecs
import numpy as np
import torch
from numpy.typing import NDArray

from inference.phantom import random_spec, simulate_clip
from inference.pictures import JpegPicture, planes_of
from inference.predictor import Predictor
from inference.preprocess import Canvas
from inference.types import ClipResult, RegionBox

STAGES = ("decode", "resample", "forward", "measure", "clip", "second look", "encode")
QUALITY = 90
_PICTURES = 12
_INTERACTIVE = 15


@dataclass(frozen=True)
class BenchResult:
    """Frames a second, medians over the rounds, and processor milliseconds a frame.

    ``ratio`` is pipeline to bare passes. ``other_cpu_ms`` is the pipeline's processor time less the bare passes';
    ``stages_ms`` is counted where each stage runs, and ``beside_ms`` is their sum but for the forward pass: on a busy
    machine it is steadier than the difference. ``interactive_ms`` is what one frame takes beyond a bare pass of it, in
    processor time. ``sliding_window_fps`` is the segmenter alone by MONAI's inferer, without the classifier, decoding
    and measuring. ``gated_frames`` of the clip had an aorta that was measured: a frame without one costs less.
    ``load`` is the machine's load before and after.
    """

    frames: int
    rounds: int
    device: str
    engine: str
    outputs: tuple[str, ...]
    bare_fps: float
    pipeline_fps: float
    ratio: float
    bare_cpu_ms: float
    other_cpu_ms: float
    beside_ms: float
    interactive_ms: float
    sliding_window_fps: float
    sliding_window_cpu_ms: float
    gated_frames: int = 0
    stages_ms: dict[str, float] = field(default_factory=dict)
    load: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class StoredClip:
    """One clip as stored pictures and ready on the canvas."""

    stored: list[JpegPicture]
    images: NDArray[np.uint8]
    region: RegionBox


@dataclass
class _Turn:
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def time(self, act: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        act()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)


SEED = 10
"""A clip with an aorta and plaque in view on every frame: a frame without one costs less and would flatter."""


def stored_clip(frames: int, seed: int = SEED) -> StoredClip:
    """A seeded phantom clip of so many frames, as grey JPEG of quality 90."""
    clip = simulate_clip(random_spec(np.random.default_rng(seed), "thick"), min(frames, _PICTURES))
    coded = [JpegPicture(bytes(imagecodecs.jpeg8_encode(frame, level=QUALITY))) for frame in clip.frames]
    canvas = Canvas(clip.region)
    ready = np.stack([canvas.frame(planes_of(picture).shown) for picture in coded])
    places = np.arange(frames) % len(coded)
    return StoredClip([coded[place] for place in places], ready[places], clip.region)


def encoded(result: ClipResult) -> bytes:
    """Masks as they are stored: run lengths as JSON, packed."""
    masks = [{"plaque": f.plaque_rle, "lumen": f.lumen_rle, "wall": f.wall_rle} for f in result.per_frame]
    return bytes(imagecodecs.gzip_encode(json.dumps(masks, separators=(",", ":")).encode(), level=6))


def run_bench(predictor: Predictor, *, frames: int = 96, rounds: int = 5, seed: int = SEED) -> BenchResult:
    """Time all in turn, ``rounds`` times, and give medians. Raises ValueError when there is too little to time."""
    if frames < predictor.batch or rounds < 1:
        raise ValueError(f"A bench needs at least {predictor.batch} frames and one round.")
    before = _load()
    work = stored_clip(frames, seed)
    few = work.images[: max(frames // 6, 1)]
    bare, whole, window = _Turn(), _Turn(), _Turn()

    def pipeline() -> ClipResult:
        result = predictor.predict_clip(work.stored, [work.region])
        with predictor.stages("encode"):
            encoded(result)
        return result

    bare_passes(predictor, work.images)
    first = pipeline()
    predictor.stages.take()
    for _ in range(rounds):
        bare.time(lambda: bare_passes(predictor, work.images))
        whole.time(pipeline)
        window.time(lambda: _sliding_window(predictor, few))
    seconds = predictor.stages.take()
    ratios = [b / w for b, w in zip(bare.wall, whole.wall, strict=True)]
    other = [w - b for b, w in zip(bare.cpu, whole.cpu, strict=True)]
    per_frame = 1000.0 / frames
    stages = {name: seconds.get(name, 0.0) / rounds * per_frame for name in STAGES}
    return BenchResult(
        frames=frames,
        rounds=rounds,
        device=predictor.device.type,
        engine=predictor.setting.text(),
        outputs=first.outputs,
        bare_fps=frames / float(np.median(bare.wall)),
        pipeline_fps=frames / float(np.median(whole.wall)),
        ratio=float(np.median(ratios)),
        bare_cpu_ms=float(np.median(bare.cpu)) * per_frame,
        other_cpu_ms=float(np.median(other)) * per_frame,
        beside_ms=sum(spent for name, spent in stages.items() if name != "forward"),
        interactive_ms=_interactive(predictor, work),
        sliding_window_fps=len(few) / float(np.median(window.wall)),
        sliding_window_cpu_ms=float(np.median(window.cpu)) / len(few) * 1000.0,
        gated_frames=first.gated_frames,
        stages_ms=stages,
        load=(before, _load()),
    )


def _load() -> float:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0


def bare_passes(predictor: Predictor, images: NDArray[np.uint8]) -> None:
    """Both networks over pictures that are ready, in as many streams and batches as the predictor has."""
    setting = predictor.setting
    parts = [images[at : at + predictor.batch] for at in range(0, len(images), predictor.batch)]
    with ThreadPoolExecutor(setting.streams, initializer=lambda: torch.set_num_threads(setting.threads)) as pool:
        for _ in pool.map(predictor.engine.run, parts):
            pass


@torch.inference_mode()
def _sliding_window(predictor: Predictor, images: NDArray[np.uint8]) -> None:
    """The segmenter as it is, by MONAI's stock inferer, one frame at a time, with the label map of each."""
    from monai.inferers.utils import sliding_window_inference

    size = images.shape[1:]
    for image in images:
        x = torch.from_numpy(image)[None, None].to(predictor.device).float() / 255.0
        logits = sliding_window_inference(x, size, 1, predictor.segmenter)
        torch.argmax(torch.as_tensor(logits), dim=1).to(torch.uint8).cpu().numpy()


def _interactive(predictor: Predictor, work: StoredClip) -> float:
    """Median processor milliseconds of one frame, from its JPEG to its result, beyond a bare pass of that picture.

    Of the whole process, both of them: one picture alone is shared out among all threads.
    """
    taken = []
    for number, picture in enumerate(work.stored[:_INTERACTIVE]):
        started = time.process_time()
        predictor.engine.run(work.images[number : number + 1])
        passed = time.process_time()
        predictor.predict_frame(picture, [work.region])
        taken.append((time.process_time() - passed - (passed - started)) * 1000.0)
    predictor.stages.take()
    return float(np.median(taken))


def lines_of(result: BenchResult) -> list[tuple[str, str]]:
    """The result as (what, figure) for a table."""
    rows = [
        ("engine", f"{result.device}: {result.engine}"),
        ("outputs", ", ".join(result.outputs)),
        ("bare forward passes", f"{result.bare_fps:.1f} frames/s, {result.bare_cpu_ms:.2f} ms CPU a frame"),
        ("pipeline", f"{result.pipeline_fps:.1f} frames/s"),
        ("pipeline / bare", f"{result.ratio:.3f}"),
        ("other CPU a frame", f"{result.other_cpu_ms:.2f} ms"),
    ]
    rows.append(("sum of the stages but forward", f"{result.beside_ms:.2f} ms"))
    rows += [(f"  {name}", f"{value:.3f} ms") for name, value in result.stages_ms.items()]
    rows += [
        ("frames with a measured aorta", f"{result.gated_frames} of {result.frames}"),
        ("one frame beyond its forward pass", f"{result.interactive_ms:.2f} ms CPU"),
        (
            "MONAI sliding window, segmenter alone",
            f"{result.sliding_window_fps:.1f} frames/s, {result.sliding_window_cpu_ms:.2f} ms CPU a frame",
        ),
        ("load before, after", f"{result.load[0]:.1f}, {result.load[1]:.1f}"),
    ]
    return rows


def as_json(result: BenchResult) -> str:
    """The result on one line."""
    return json.dumps(asdict(result))
