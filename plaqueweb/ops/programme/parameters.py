"""What a simulated programme is drawn from. Everything that a statistic should find again is stated here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

SLUG = "simulated"
VERSION = 1
"""Raise it when the same parameters would draw another programme."""
RULE_MM = 4.0
FRAMES = 8
PROFILE = (1.0, 0.94, 0.80, 0.56, 0.30, 0.0, 0.0, 0.0)
"""Thickness of a plaque on frames 0, 1, 2, … away from its thickest frame, as a share of the thickest."""
SEGMENTS = ("ascending", "arch", "descending")
SEGMENT_SHARE = (0.15, 0.35, 0.50)
QUALITIES = ("good", "limited", "unusable")
QUALITY_SHARE = (0.62, 0.32, 0.06)
QUALITY_NOISE = (1.0, 1.4, 2.0)
"""Factor on every error of thickness, by image quality."""
SCANNERS = ("Simulated scanner 1", "Simulated scanner 2", "Simulated scanner 3")
SCANNER_SHARE = (0.5, 0.3, 0.2)
SITES = ("Site A", "Site B", "Site C")
SITE_SHARE = (0.5, 0.3, 0.2)
"""Sites of the subjects; no error depends on the site, so that a difference between two is chance."""
REASONS = ("ulceration", "mobile", "thrombus")
REASON_SHARE = (0.06, 0.04, 0.02)
"""How often a plaque has each reason of the label rule, whatever its thickness."""


@dataclass(frozen=True)
class ReaderTraits:
    """One simulated reader. Lengths in mm, shares 0..1.

    ``bias_mm``: constant error of thickness. ``sd_mm``: its noise on a picture of good quality, of which the share
    ``common`` (of the variance) is the case's, shared by all readers. ``frames``: chance of the thickest frame,
    of one beside it, of one two away. ``lapse``: chance of a class against what was measured. ``cannot_assess``: chance
    by image quality. ``learning_mm``: further bias at the first case, fading in a straight line to the last.
    """

    name: str
    bias_mm: float
    sd_mm: float
    common: float = 0.4
    frames: tuple[float, float, float] = (0.60, 0.30, 0.10)
    overlook: float = 0.10
    lapse: float = 0.02
    cannot_assess: tuple[float, float, float] = (0.01, 0.05, 0.35)
    learning_mm: float = 0.0
    seconds: float = 80.0
    extent_sd: float = 0.08


@dataclass(frozen=True)
class PipelineTraits:
    """One simulated pipeline. Like a reader, and from week ``drift_from`` on its bias moves by ``drift_mm`` a week.

    ``slope``: proportional error, as a share of the thickness. ``scanner_noise``: factor on its noise by scanner.
    ``missed``: chance that a plaque below 3 mm is not found. ``steepness``: logits per mm beyond the rule's thickness.
    """

    name: str
    version: str
    bias_mm: float
    sd_mm: float
    common: float = 0.2
    slope: float = 0.0
    frames: tuple[float, float, float] = (0.75, 0.20, 0.05)
    missed: float = 0.05
    reason_seen: float = 0.6
    no_result: tuple[float, float, float] = (0.005, 0.03, 0.25)
    scanner_noise: tuple[float, float, float] = (1.0, 1.0, 1.5)
    steepness: float = 2.2
    threshold: float = 0.5
    drift_mm: float = 0.0
    drift_from: int = 0
    extent_sd: float = 0.06


READERS = (
    ReaderTraits("Simulated reader A", bias_mm=0.10, sd_mm=0.50),
    ReaderTraits("Simulated reader B", bias_mm=-0.20, sd_mm=0.55, frames=(0.50, 0.35, 0.15), seconds=95.0),
    ReaderTraits("Simulated reader C", bias_mm=0.0, sd_mm=0.75, common=0.3, learning_mm=0.4, seconds=120.0),
)
PIPELINES = (
    PipelineTraits("Simulated pipeline A", "1.0", bias_mm=-0.15, sd_mm=0.45),
    PipelineTraits("Simulated pipeline B", "1.1", bias_mm=-0.05, sd_mm=0.45, drift_mm=-0.14, drift_from=12),
)


@dataclass(frozen=True)
class Parameters:
    """A programme: ``studies`` arrive evenly over ``weeks``; ``repeats`` of them (a share) are read twice, hidden."""

    studies: int = 200
    weeks: int = 20
    seed: int = 20261
    repeats: float = 0.10
    follow_ups: float = 0.08
    plaque: float = 0.75
    no_scale: float = 0.02
    readers: tuple[ReaderTraits, ...] = field(default=READERS)
    pipelines: tuple[PipelineTraits, ...] = field(default=PIPELINES)

    def __post_init__(self) -> None:
        if not 2 <= self.studies <= 1_000_000 or not 1 <= self.weeks <= self.studies:
            raise ValueError("A programme has 2 or more studies, and at most one week for each.")
        if not self.readers or not 0 <= self.repeats <= 1 or not 0 <= self.follow_ups <= 0.4:
            raise ValueError("A programme has a reader; repeats lie in 0 to 1, follow-ups in 0 to 0.4.")

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: all that is needed to draw the same programme again."""
        return json.loads(json.dumps({"version": VERSION, **asdict(self)}))  # type: ignore[no-any-return]

    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":")).encode()).hexdigest()
