"""Families of appearance: ways in which a scanner, or somebody else's simulator, could draw the same anatomy.

A model that saw one look only learns that look. The families differ in what forms the speckle, in the contrast between
blood, wall, plaque and tissue, and in the grey curve; within a family every value is drawn anew for every clip (domain
randomisation: Tobin et al., IROS 2017; random contrasts: Billot et al., SynthSeg, Med Image Anal 2023;86:102789).
``HELD_OUT`` families are never trained on: what a model does on them is the nearest thing to a strange simulator.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

Family = Literal["coherent", "incoherent", "compound", "flat", "coarse", "painted", "rim", "scatter"]
FAMILIES: tuple[Family, ...] = get_args(Family)
HELD_OUT: tuple[Family, ...] = ("rim", "scatter")
TRAINED: tuple[Family, ...] = tuple(name for name in FAMILIES if name not in HELD_OUT)

# (lowest, highest) of every drawn value; levels in dB, lengths in mm.
_COMMON: dict[str, tuple[float, float]] = {
    "frequency_mhz": (3.2, 7.5),
    "focus_mm": (12.0, 50.0),
    "aperture_mm": (6.0, 12.0),
    "gain_db": (-9.0, 6.0),
    "dynamic_range_db": (42.0, 75.0),
    "gamma": (0.75, 1.4),
    "attenuation_db_cm": (0.2, 1.7),
    "tgc_error_db": (-5.0, 5.0),
    "clutter_db": (-42.0, -13.0),
    "noise_db": (-64.0, -38.0),
    "blood_db": (-52.0, -26.0),
    "tissue_db": (-16.0, -3.0),
    "wall_db": (-2.0, 8.0),
    "grazing_db": (0.0, 15.0),
    "persistence": (0.0, 0.5),
    "reverberation_db": (-42.0, -17.0),
    "bare_db": (-6.0, 1.0),
    "rim_db": (-1.0, 4.0),
    "rim_mm": (0.35, 0.8),
    "intima_db": (0.0, 5.0),
    "plaque_db": (3.0, 9.0),
    "texture": (0.4, 1.2),
    "curve": (0.0, 1.0),
}
_SPECIAL: dict[Family, dict[str, tuple[float, float]]] = {
    "coherent": {},
    # Rayleigh intensity without phase: grain is as wide as the beam, but never cancels.
    "incoherent": {"texture": (0.1, 0.9), "dynamic_range_db": (36.0, 65.0)},
    # Several looks averaged, as spatial compounding and harmonic imaging do: smooth grey, clean blood.
    "compound": {"noise_db": (-66.0, -48.0), "clutter_db": (-44.0, -24.0), "blur_mm": (0.0, 0.5), "curve": (0.3, 1.0)},
    # Tissue and wall nearly one grey: only the blood and the plaque's own echo tell.
    "flat": {
        "texture": (0.0, 0.25), "rim_db": (-4.0, 0.0), "intima_db": (0.0, 1.5), "grazing_db": (0.0, 3.0),
        "wall_db": (-6.0, 2.0), "bare_db": (-2.0, 2.0), "plaque_db": (-2.0, 8.0), "reverberation_db": (-60.0, -30.0),
    },
    "coarse": {"frequency_mhz": (2.2, 3.6), "aperture_mm": (4.5, 8.0), "noise_db": (-52.0, -34.0)},
    # No beam at all: a grey for every tissue, uneven light, noise and blur.
    "painted": {"texture": (0.0, 0.6), "blur_mm": (0.15, 0.9), "plaque_db": (0.0, 9.0), "rim_db": (-3.0, 4.0)},
    # A bright ring in dark surroundings.
    "rim": {
        "tissue_db": (-34.0, -20.0), "wall_db": (0.0, 8.0), "rim_db": (1.0, 6.0), "plaque_db": (12.0, 24.0),
        "blood_db": (-60.0, -44.0), "texture": (0.2, 0.8),
    },
    # Few strong point scatterers in place of fully developed speckle.
    "scatter": {"density": (0.04, 0.25), "texture": (0.0, 0.8)},
}  # fmt: skip


def draw_look(family: Family, rng: np.random.Generator) -> dict[str, Any]:
    """The values of a PhantomSpec that decide its look. Raises ValueError for an unknown family."""
    if family not in FAMILIES:
        raise ValueError(f"A family of appearance is one of {', '.join(FAMILIES)}; got {family!r}.")
    ranges = _COMMON | _SPECIAL[family]
    look: dict[str, Any] = {name: float(rng.uniform(low, high)) for name, (low, high) in ranges.items()}
    if family == "compound":
        look["looks"] = int(rng.integers(2, 6))
    # Blood is darker than plaque, if at times by little: a plaque as dark as blood cannot be seen by anybody.
    look["blood_db"] = min(look["blood_db"], look["tissue_db"] + look["plaque_db"] - 17.0)
    return look
