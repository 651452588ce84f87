"""A physics-based phantom of the descending aorta on transesophageal echo, with exact truth."""

from __future__ import annotations

from inference.phantom.simulate import PhantomClip, simulate_clip
from inference.phantom.spec import COMPLEX_KINDS, KINDS, Kind, PhantomSpec, PlaqueSpec, random_spec

__all__ = [
    "COMPLEX_KINDS",
    "KINDS",
    "Kind",
    "PhantomClip",
    "PhantomSpec",
    "PlaqueSpec",
    "random_spec",
    "simulate_clip",
]
