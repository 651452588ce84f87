"""Many phantom clips, rendered in several processes. Imports no torch, so that children start quickly."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.phantom.geometry import STEPS, Anatomy, build_anatomy
from inference.phantom.simulate import PhantomClip, simulate_clip
from inference.phantom.spec import KINDS, Kind, random_spec
from inference.preprocess import CANVAS, VERSION, Canvas
from inference.types import PLAQUE

SPLITS = ("train", "validation", "test")
PHANTOM_VERSION = "phantom-v2"
COMPLEX_BIT = 128
_SHARD = 20


@dataclass(frozen=True)
class TrainingSet:
    """One split on the canvas of the networks.

    ``images``, ``labels``: uint8 (n, 192, 192). ``lesions``, of the same shape, holds for every plaque pixel the wall's
    thickness there in tenths of a mm (at most 127), and ``COMPLEX_BIT`` where the plaque is complex. ``classes``: 0/1
    of the clip a frame belongs to; ``thickness_mm``: true thickness seen in the frame; ``subjects``: the subject's name
    per frame.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    lesions: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    thickness_mm: NDArray[np.float32]
    subjects: NDArray[np.str_]
    kinds: NDArray[np.str_]
    families: NDArray[np.str_]
    seeds: NDArray[np.int64]


def subject_spec_seed(seed: int, split: str, number: int) -> tuple[int, int, int]:
    """The seed of one subject; no two subjects of any split share it."""
    return (seed, SPLITS.index(split), number)


def render_subject(job: tuple[int, str, int, int, int]) -> dict[str, Any]:
    """Frames and labels of one subject on the canvas, with truth; ``job`` is (seed, split, number, frames, every)."""
    seed, split, number, frames, every = job
    rng = np.random.default_rng(subject_spec_seed(seed, split, number))
    kind: Kind = KINDS[int(rng.choice(len(KINDS), p=(0.14, 0.34, 0.24, 0.14, 0.14)))]
    clip = simulate_clip(random_spec(rng, kind), frames, every=every)
    canvas, anatomy = Canvas(clip.region), build_anatomy(clip.spec)
    labels = np.stack([canvas.labels(labels) for labels in clip.labels])
    return {
        "images": np.stack([canvas.frame(frame) for frame in clip.frames]),
        "labels": labels,
        "lesions": np.stack(
            [lesion_plane(clip, anatomy, canvas, n, part) for n, part in enumerate(labels)],
        ),
        "classes": np.full(frames, clip.truth["class"], dtype=np.uint8),
        "thickness_mm": np.asarray(clip.truth["per_frame_thickness_mm"], dtype=np.float32),
        "subjects": np.full(frames, f"{split}-{number:05d}"),
        "kinds": np.full(frames, kind),
        "families": np.full(frames, clip.spec.family),
        "seeds": np.full(frames, clip.spec.seed, dtype=np.int64),
    }


def lesion_plane(
    clip: PhantomClip, anatomy: Anatomy, canvas: Canvas, number: int, labels: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """What ``TrainingSet.lesions`` holds for frame ``number`` (from 0), on the canvas, from the exact anatomy."""
    row, column = np.nonzero(labels == PLAQUE)
    centre, spec = clip.centres[number], clip.spec
    y = (row + 0.5 - canvas.top) * canvas.step_rows * clip.spacing[0] - centre[1]
    across = (column + 0.5 - canvas.left) * canvas.step_columns - spec.box_columns / 2
    x = across * clip.spacing[1] - centre[0]
    index = np.rint((np.arctan2(y, x) + np.pi) / (2 * np.pi) * STEPS).astype(np.intp) % STEPS
    # What floats in the lumen away from any plaque's base is a mobile part.
    afloat = np.hypot(x, y) < spec.radius - anatomy.thickness[index] - 1.0
    tenths = np.minimum(np.rint(anatomy.thickness[index] * 10), COMPLEX_BIT - 1).astype(np.uint8)
    plane = np.zeros_like(labels)
    plane[row, column] = tenths | np.where(anatomy.complex[index] | afloat & ~anatomy.plaque[index], COMPLEX_BIT, 0)
    return plane


def cache_key(seed: int, frames: int, every: int) -> str:
    """A name for what was rendered: it changes with the seed, the phantom and the preprocessing."""
    text = json.dumps([seed, frames, every, PHANTOM_VERSION, VERSION, CANVAS])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def cached_split(
    cache: Path,
    split: str,
    subjects: int,
    *,
    seed: int,
    frames: int,
    every: int,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> TrainingSet:
    """One split from disk, rendering what is missing. Kept in shards, so that a killed run goes on where it was."""
    folder = cache / cache_key(seed, frames, every) / split
    folder.mkdir(parents=True, exist_ok=True)
    shards = [(n, min(n + _SHARD, subjects)) for n in range(0, subjects, _SHARD)]
    missing = [shard for shard in shards if not _shard_file(folder, shard).is_file()]
    done = subjects - sum(stop - start for start, stop in missing)
    if missing:
        jobs = [(seed, split, n, frames, every) for start, stop in missing for n in range(start, stop)]
        results = _render(jobs, workers)
        for start, stop in missing:
            part: list[dict[str, Any]] = []
            for _ in range(start, stop):
                part.append(next(results))
                done += 1
                if progress is not None:
                    progress(done, subjects)
            _write_shard(_shard_file(folder, (start, stop)), part)
    return _read_shards([_shard_file(folder, shard) for shard in shards])


def _render(jobs: list[tuple[int, str, int, int, int]], workers: int) -> Iterator[dict[str, Any]]:
    if workers <= 1:
        yield from map(render_subject, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(render_subject, jobs, chunksize=4)


def _shard_file(folder: Path, shard: tuple[int, int]) -> Path:
    return folder / f"{shard[0]:05d}-{shard[1]:05d}.npz"


def _write_shard(path: Path, part: list[dict[str, Any]]) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as stream:
        columns: dict[str, Any] = {key: np.concatenate([row[key] for row in part]) for key in part[0]}
        np.savez(stream, **columns)
    temporary.replace(path)


def _read_shards(paths: list[Path]) -> TrainingSet:
    columns: dict[str, list[NDArray[Any]]] = {}
    for path in paths:
        with np.load(path, allow_pickle=False) as shard:
            for key in shard.files:
                columns.setdefault(key, []).append(shard[key])
    return TrainingSet(**{key: np.concatenate(values) for key, values in columns.items()})


def check_no_leak(splits: dict[str, TrainingSet]) -> None:
    """Raise ValueError when a subject, a phantom seed or a picture is in more than one split."""
    names = list(splits)
    for n, first in enumerate(names):
        for second in names[n + 1 :]:
            a, b = splits[first], splits[second]
            if set(a.subjects.tolist()) & set(b.subjects.tolist()) or set(a.seeds.tolist()) & set(b.seeds.tolist()):
                raise ValueError(f"A subject is in {first} and in {second}: splits must be by subject.")
            pictures = [{hashlib.blake2b(image.tobytes()).digest() for image in s.images} for s in (a, b)]
            if pictures[0] & pictures[1]:
                raise ValueError(f"The same picture is in {first} and in {second}: splits must not share data.")
