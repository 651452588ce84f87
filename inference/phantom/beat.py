"""The phantom's heart beat: when its R waves are, and the ECG that goes with them.

The same beat moves the aorta, so that a file's R waves and what its frames show belong together.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from inference.phantom.spec import PhantomSpec

R_AT = 0.30
"""Where in ``wave`` the R wave is."""


@lru_cache(maxsize=8)
def wave(samples: int = 200) -> NDArray[np.float64]:
    """One heart beat of an ECG, about -0.25 to 1: P, Q, R, S and T as Gaussians.

    Source of the shape: McSharry et al., IEEE Trans Biomed Eng 2003;50:289-294 (order, width and height of the waves).
    """
    t = np.linspace(0.0, 1.0, samples, endpoint=False)
    waves = ((0.18, 0.025, 0.13), (0.27, 0.010, -0.12), (R_AT, 0.011, 1.0), (0.33, 0.010, -0.25), (0.55, 0.045, 0.28))
    return np.asarray(sum(height * np.exp(-(((t - at) / width) ** 2)) for at, width, height in waves))


def trace(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ECG at phases of ``wave`` (any real numbers; 1 is a whole beat)."""
    return np.interp(phase % 1.0, np.linspace(0.0, 1.0, wave().size, endpoint=False), wave(), period=1.0)


def beat_at(spec: PhantomSpec, seconds: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
    """Beats since an R wave, from the first frame on; whole numbers are R waves. The seed alone gives the start."""
    start = float(np.random.default_rng((spec.seed, 4)).uniform(0, 1))
    return start + seconds * spec.heart_rate / 60.0


def r_waves_ms(spec: PhantomSpec, end_ms: float) -> list[float]:
    """R waves in ms from the first frame: the last one before it, and all until ``end_ms``."""
    start, beat_ms = float(beat_at(spec, 0.0)), 60_000.0 / spec.heart_rate
    count = math.ceil(end_ms / beat_ms) + 2
    found = [round((n - start) * beat_ms, 2) for n in range(count)]
    return [at for at in found if at < end_ms]
