"""One unseen case with its truth, and a stream of many that are made in several processes."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.types import LUMEN, PLAQUE, WALL, RegionBox

STRUCTURES: tuple[str, ...] = ("plaque", "lumen", "aorta")
_AROUND_PX = 12
_LOOKED_AT = 3


@dataclass(frozen=True)
class Truth:
    """What is known about a clip; None (or an empty text) where it is not.

    ``label`` is the class (1 complex, 0 not). ``thickness_mm`` is the greatest wall-normal thickness, 0.0 without
    plaque. ``beyond`` names a value of the picture that lies outside of its trained range. ``reasons`` says of
    ulceration and mobile whether they are there. ``echogenicity`` and ``quality`` are worked out from the picture under
    the true masks, see :func:`look_at`.
    """

    label: int | None = None
    thickness_mm: float | None = None
    kind: str = ""
    family: str = ""
    beyond: str = ""
    reasons: dict[str, bool] = field(default_factory=dict)
    ulcer_depth_mm: float | None = None
    echogenicity: float | None = None
    quality: float | None = None


@dataclass(frozen=True)
class Case:
    """A clip to be judged. ``frames`` is uint8 (n, rows, columns[, 3]); ``labels`` uint8 (n, rows, columns) or None.

    ``known`` names the structures that ``labels`` decides on: a data set with lumens alone says nothing about plaque.
    """

    name: str
    subject: str
    frames: NDArray[np.uint8] = field(repr=False)
    regions: tuple[RegionBox, ...]
    labels: NDArray[np.uint8] | None = field(repr=False)
    known: tuple[str, ...]
    truth: Truth


class Job(Protocol):
    """How to make one case; small enough to be sent to another process."""

    def load(self) -> Case:
        """Make the case. Raises ValueError naming the rule, or OSError, when it cannot be made."""


class Source(Protocol):
    """Where cases come from."""

    def jobs(self) -> Sequence[Job]:
        """All cases, in a fixed order."""

    def describe(self) -> dict[str, Any]:
        """What the figures are about, for report and card: JSON values, no path of a machine."""


def mask_of(labels: NDArray[np.uint8], structure: str) -> NDArray[np.bool_]:
    """The mask of one of ``STRUCTURES`` in a label map; the aorta is lumen, wall and plaque together."""
    if structure == "plaque":
        return np.asarray(labels == PLAQUE)
    if structure == "lumen":
        return np.asarray(labels == LUMEN)
    return np.asarray((labels == LUMEN) | (labels == WALL) | (labels == PLAQUE))


def look_at(frames: NDArray[np.uint8], labels: NDArray[np.uint8]) -> tuple[float | None, float | None]:
    """Echogenicity of the plaque and quality of the picture, under the true masks, over up to three frames.

    Echogenicity is (plaque - lumen) / (surroundings - lumen) in mean grey values: 1 is as bright as the tissue around
    the aorta, 0 as dark as blood. Quality is the contrast-to-noise ratio of the lumen's edge, |wall - lumen| /
    sqrt(var(wall) + var(lumen)), where wall means wall and plaque. None where a part is missing.
    """
    every = np.unique(np.linspace(0, len(frames) - 1, _LOOKED_AT).astype(int))
    echoes: list[float] = []
    contrasts: list[float] = []
    for n in every:
        grey = frames[n].astype(np.float32)
        grey = grey.mean(axis=2) if grey.ndim == 3 else grey
        aorta = mask_of(labels[n], "aorta")
        lumen = labels[n] == LUMEN
        edge = aorta & ~lumen
        if not lumen.any() or not edge.any():
            continue
        spread = float(np.sqrt(grey[edge].var() + grey[lumen].var()))
        contrasts.append(abs(float(grey[edge].mean() - grey[lumen].mean())) / max(spread, 1e-6))
        plaque = labels[n] == PLAQUE
        ring = _ring(aorta)
        if plaque.any() and ring.any():
            room = float(grey[ring].mean() - grey[lumen].mean())
            if room > 1.0:
                echoes.append(float(grey[plaque].mean() - grey[lumen].mean()) / room)
    return (
        float(np.mean(echoes)) if echoes else None,
        float(np.mean(contrasts)) if contrasts else None,
    )


def _ring(aorta: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What lies within 12 pixels outside of the aorta."""
    rows, columns = np.flatnonzero(aorta.any(axis=1)), np.flatnonzero(aorta.any(axis=0))
    box = np.s_[
        max(rows[0] - _AROUND_PX, 0) : rows[-1] + _AROUND_PX + 1,
        max(columns[0] - _AROUND_PX, 0) : columns[-1] + _AROUND_PX + 1,
    ]
    ring = np.zeros(aorta.shape, dtype=np.bool_)
    away = ndimage.distance_transform_edt(~aorta[box])
    ring[box] = (away > 1) & (away <= _AROUND_PX)
    return ring


def truth_from(data: dict[str, Any], *, family: str = "", beyond: str = "") -> Truth:
    """Truth of a clip from the keys that ``inference phantom`` writes; what is missing stays unknown.

    Raises ValueError for a class other than 0 and 1, or a thickness that is not finite or below zero.
    """
    label = data.get("class")
    if label is not None and label not in (0, 1):
        raise ValueError(f"A true class is 0 or 1; got {label!r}.")
    reasons = data.get("reasons") or {}
    return Truth(
        label=None if label is None else int(label),
        thickness_mm=length_of(data.get("thickness_mm"), "thickness_mm"),
        kind=str(data.get("kind") or ""),
        family=str(data.get("family") or family),
        beyond=beyond,
        reasons={key: bool(reasons[key]) for key in ("ulceration", "mobile") if key in reasons},
        ulcer_depth_mm=length_of(data.get("ulcer_depth_mm"), "ulcer_depth_mm"),
    )


def length_of(value: Any, name: str) -> float | None:
    """A true length in mm; None where nothing is given. Raises ValueError when it is not finite or below zero."""
    if value is None or value == "":
        return None
    length = float(value)
    if not (np.isfinite(length) and length >= 0):
        raise ValueError(f"True {name} is finite and not below zero; got {value!r}.")
    return length


def make_case(
    name: str,
    subject: str,
    frames: NDArray[np.uint8],
    regions: tuple[RegionBox, ...],
    labels: NDArray[np.uint8] | None,
    known: tuple[str, ...],
    truth: Truth,
) -> Case:
    """A case whose masks fit its frames, with echogenicity and quality filled in. Raises ValueError on shapes."""
    if labels is not None and labels.shape != frames.shape[:3]:
        raise ValueError(f"{name}: true masks {labels.shape} and frames {frames.shape[:3]} must have one shape.")
    if labels is not None and set(known) == set(STRUCTURES):
        echogenicity, quality = look_at(frames, labels)
        truth = replace(truth, echogenicity=echogenicity, quality=quality)
    return Case(name, subject, frames, regions, labels, known, truth)


def stream(jobs: Sequence[Job], processes: int) -> Iterator[Case | ValueError]:
    """The cases in order, made by so many processes, a few ahead of where they are needed: memory stays bounded.

    A case that cannot be made comes as the ValueError that says why. Raises ValueError for less than one process.
    """
    if processes < 1:
        raise ValueError("Cases are made by at least one process.")
    if processes == 1:
        yield from map(_load, jobs)
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        ahead: deque[Future[Case | ValueError]] = deque()
        waiting = iter(jobs)
        for job in waiting:
            ahead.append(pool.submit(_load, job))
            if len(ahead) > 2 * processes:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _load(job: Job) -> Case | ValueError:
    try:
        return job.load()
    except (ValueError, OSError) as error:
        return ValueError(str(error) or type(error).__name__)
