"""Unseen cases of the phantom: its test split, by family of appearance, and beyond the trained range of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, get_args

import numpy as np

from inference.evaluation.cases import STRUCTURES, Case, Job, make_case, truth_from
from inference.phantom import Kind, PhantomSpec, random_spec, simulate_clip
from inference.phantom.cohort import PHANTOM_VERSION, SPLITS, subject_spec_seed
from inference.phantom.families import FAMILIES, HELD_OUT, TRAINED, Family

KINDS_IN_TURN: tuple[Kind, ...] = ("thin", "thick", "none", "ulcerated", "thin", "mobile")
"""Half of the subjects are complex."""
FAMILY_SETS: dict[str, tuple[Family, ...]] = {"trained": TRAINED, "held-out": HELD_OUT, "all": FAMILIES}
BEYOND: dict[str, tuple[float, float]] = {
    "frequency_mhz": (1.6, 12.0),
    "gain_db": (-20.0, 15.0),
    "dynamic_range_db": (30.0, 95.0),
    "gamma": (0.5, 2.0),
    "attenuation_db_cm": (0.0, 2.4),
    "tgc_error_db": (-9.0, 9.0),
    "clutter_db": (-60.0, -8.0),
    "noise_db": (-80.0, -28.0),
    "grazing_db": (0.0, 24.0),
    "persistence": (0.0, 0.7),
}
"""What is taken beyond its trained range with ``beyond``, and the limits of what can be."""
_BEYOND_SHARE = 0.15
OUT_OF_RANGE = "values beyond their trained range"


@lru_cache(maxsize=1)
def trained_ranges() -> dict[str, tuple[float, float]]:
    """Lowest and highest value of every field of ``BEYOND`` in 600 random clips of the trained families."""
    rng = np.random.default_rng(2024)
    specs = [random_spec(rng) for _ in range(600)]
    columns = {name: [float(getattr(spec, name)) for spec in specs] for name in BEYOND}
    return {name: (min(values), max(values)) for name, values in columns.items()}


def beyond(spec: PhantomSpec, rng: np.random.Generator) -> tuple[PhantomSpec, str]:
    """The clip with one value moved out of its trained range by up to 15 % of the range; and the value's name."""
    name = sorted(BEYOND)[int(rng.integers(len(BEYOND)))]
    low, high = trained_ranges()[name]
    least, most = BEYOND[name]
    reach = _BEYOND_SHARE * (high - low)
    below, above = (max(low - reach, least), low), (high, min(high + reach, most))
    sides = [side for side in (below, above) if side[1] > side[0]]
    side = sides[int(rng.integers(len(sides)))]
    moved: dict[str, Any] = {name: float(rng.uniform(*side))}
    return replace(spec, **moved), name


@dataclass(frozen=True)
class PhantomJob:
    """One subject of a split of the phantom: the seed holds the split's index, so that no training has seen the test's.

    Neither has it seen these validation subjects: a last number in their seed sets them apart from the training's.
    """

    seed: int
    number: int
    kind: Kind
    frames: int
    every: int
    family: Family | None
    families: str
    out_of_range: bool
    split: str = SPLITS[2]

    def load(self) -> Case:
        """Render the subject's clip."""
        rng = np.random.default_rng((*subject_spec_seed(self.seed, self.split, self.number), 9))
        spec = random_spec(rng, self.kind, family=self.family, families=self.families, marks=1.0)
        varied = ""
        if self.out_of_range:
            spec, varied = beyond(spec, rng)
        clip = simulate_clip(spec, self.frames, every=self.every)
        truth = truth_from(dict(clip.truth), family=spec.family, beyond=varied)
        name = f"{self.split}-{self.number:05d}"
        return make_case(name, name, clip.frames, (clip.region,), clip.labels, STRUCTURES, truth)


@dataclass(frozen=True)
class PhantomSource:
    """Unseen subjects of the phantom, one clip each; ``split`` is "test", or "validation" to fix a threshold on.

    ``family`` is a family's name, or "trained", "held-out" or "all". With ``out_of_range`` one value of every clip lies
    beyond what any training clip had. Raises ValueError for an unknown family, or fewer than two subjects.
    """

    subjects: int = 120
    frames: int = 6
    seed: int = 11
    family: str = "trained"
    out_of_range: bool = False
    every: int = 4
    kinds: tuple[Kind, ...] = KINDS_IN_TURN
    split: str = SPLITS[2]

    def __post_init__(self) -> None:
        if self.subjects < 2:
            raise ValueError("An evaluation needs at least two subjects.")
        if self.frames < 1 or self.every < 1:
            raise ValueError("An evaluation needs at least one frame a subject, and every n-th moment with n from 1.")
        if self.split not in SPLITS[1:]:
            raise ValueError(f"Unseen subjects are of the split {' or '.join(SPLITS[1:])}; got {self.split!r}.")
        if self.family not in (*FAMILY_SETS, *get_args(Family)):
            known = ", ".join((*FAMILY_SETS, *get_args(Family)))
            raise ValueError(f"A family of appearance is one of {known}; got {self.family!r}.")

    def jobs(self) -> Sequence[Job]:
        """One job a subject; kinds, and families of a set, are taken in turn."""
        several = FAMILY_SETS.get(self.family)
        named = {str(name): name for name in FAMILIES}
        jobs: list[Job] = []
        for number in range(self.subjects):
            kind = self.kinds[number % len(self.kinds)]
            # A round of kinds shares one family, the next round has the next, so that each family has every kind.
            family = several[number // len(self.kinds) % len(several)] if several else named[self.family]
            jobs.append(
                PhantomJob(
                    self.seed, number, kind, self.frames, self.every, family, "all", self.out_of_range, self.split
                )
            )
        return jobs

    def describe(self) -> dict[str, Any]:
        """What was rendered; the same values render the same cases."""
        return {
            "source": "phantom",
            "phantom": PHANTOM_VERSION,
            "split": self.split,
            "subjects": self.subjects,
            "frames": self.frames,
            "every": self.every,
            "seed": self.seed,
            "family": self.family,
            OUT_OF_RANGE: self.out_of_range,
        }
