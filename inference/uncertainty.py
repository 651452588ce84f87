"""How sure thickness, area and probability are.

Two sources. Always: the standard uncertainty u of a thickness, u^2 = s^2 / 6 + u_seg^2, with s the side of a pixel
(each end of the chord is known to a pixel, s^2 / 12 each) and u_seg the segmenter's error as validation clips show it,
from its card: it grows with the thickness, with the spread between the frames of the clip, and where a mobile part
stands on the wall (see :class:`ThicknessError`). On demand: test-time augmentation. The key frame and its neighbours
are read again, flipped, shifted, resized and with other grey values; the outputs are moved back before anything is
measured, and the standard deviation over the draws is the uncertainty (Wang et al., Neurocomputing 338:34-45, 2019).
The larger of both counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from inference.types import FrameResult, Spacing

Floats = NDArray[np.float32]
Forward = Callable[[NDArray[np.uint8]], tuple[Tensor, Tensor]]
"""Margins (n) and mask logits (n, classes, size, size) of pictures on the canvas."""
Measure = Callable[[Floats, Floats], Sequence[FrameResult]]
"""Frame results from probabilities (n) and mask logits (n, classes, size, size)."""

THICKNESS_SD = "validation_thickness_sd_mm"
"""Name in the segmenter's card, among its metrics, of the plain spread of the error: u_seg where no more is known."""
THICKNESS_ERROR = "thickness_error"
"""Name in the segmenter's card, among its metrics, of the values of :class:`ThicknessError`."""
MOST_DRAWS = 64
_SHIFT, _SCALE, _GAMMA, _GAIN = 0.03, 0.04, 0.2, 0.12
_OUTSIDE = 30.0


@dataclass(frozen=True)
class Spread:
    """Standard deviations over ``draws`` readings of the same frames; None where fewer than two gave a value."""

    thickness_mm: float | None
    area_mm2: float | None
    probability: float | None
    draws: int


@dataclass(frozen=True)
class ThicknessError:
    """u_seg^2 = ``base_mm``^2 + (``per_mm`` x thickness)^2 + (``per_spread`` x spread)^2 (+ ``mobile_mm``^2).

    The thickness is the measured one, in mm; the spread between the frames is that of :func:`frame_spread`;
    ``mobile_mm`` counts where a mobile part was seen. Fitted by ``inference.evaluation.calibration``.
    """

    base_mm: float
    per_mm: float = 0.0
    per_spread: float = 0.0
    mobile_mm: float = 0.0

    def __post_init__(self) -> None:
        for name, value in self.__dict__.items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} of a thickness error is a number not below zero; got {value}.")

    def sd(self, thickness_mm: float, spread_mm: float = 0.0, mobile: bool = False) -> float:
        """u_seg in mm of one measured thickness."""
        parts = (
            self.base_mm,
            self.per_mm * thickness_mm,
            self.per_spread * spread_mm,
            self.mobile_mm if mobile else 0.0,
        )
        return math.hypot(*parts)

    @classmethod
    def from_metrics(cls, metrics: Mapping[str, Any]) -> ThicknessError | None:
        """What a segmenter's card says; the plain spread where it says no more, None where it says nothing.

        Raises ValueError for values that are no lengths.
        """
        fitted = metrics.get(THICKNESS_ERROR)
        if fitted is not None:
            return cls(**{name: float(fitted[name]) for name in cls.__dataclass_fields__})
        plain = metrics.get(THICKNESS_SD)
        return None if plain is None else cls(float(plain))


def frame_spread(values: Sequence[float | None]) -> float:
    """Robust spread (1.4826 x MAD) of a thickness over the frames that show plaque; 0 with fewer than three."""
    found = np.array([value for value in values if value], dtype=np.float64)
    return 1.4826 * float(np.median(np.abs(found - np.median(found)))) if found.size > 2 else 0.0


@dataclass(frozen=True)
class Draw:
    """One way to change a picture: ``theta`` (2, 3) moves it, ``gamma`` and ``gain`` change its grey values."""

    theta: Tensor
    gamma: float = 1.0
    gain: float = 1.0

    def change(self, x: Tensor) -> Tensor:
        """Pictures (n, 1, h, w) in 0..1, moved and with other grey values; black stays black."""
        return (self._sample(x, self.theta) ** self.gamma * self.gain).clamp(0, 1)

    def undo(self, logits: Tensor) -> Tensor:
        """Mask logits (n, classes, h, w) moved back; background where the moved picture did not reach."""
        square = torch.cat((self.theta, torch.tensor([[0.0, 0.0, 1.0]])))
        back = torch.linalg.inv(square)[:2]
        out = self._sample(logits, back)
        missing = 1.0 - self._sample(torch.ones_like(logits[:, :1]), back)
        out[:, :1] += _OUTSIDE * missing
        return out

    @staticmethod
    def _sample(values: Tensor, theta: Tensor) -> Tensor:
        many = theta.to(values.device, values.dtype).expand(len(values), 2, 3)
        grid = functional.affine_grid(many, list(values.shape), align_corners=False)
        return functional.grid_sample(values, grid, mode="bilinear", align_corners=False)


def draws_of(count: int, seed: int = 0) -> list[Draw]:
    """``count`` changes, the first of which changes nothing; every second one is flipped. Seeded: equal every time.

    Raises ValueError for fewer than two or more than ``MOST_DRAWS``.
    """
    if not 2 <= count <= MOST_DRAWS:
        raise ValueError(f"Test-time augmentation takes 2 to {MOST_DRAWS} draws; got {count}.")
    rng = np.random.default_rng(seed)
    draws = [Draw(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))]
    for number in range(1, count):
        size = math.exp(rng.uniform(-_SCALE, _SCALE))
        across, down = rng.uniform(-2 * _SHIFT, 2 * _SHIFT, 2)
        flip = -1.0 if number % 2 else 1.0
        theta = torch.tensor([[flip * size, 0.0, across], [0.0, size, down]], dtype=torch.float32)
        draws.append(Draw(theta, math.exp(rng.uniform(-_GAMMA, _GAMMA)), 1.0 + rng.uniform(-_GAIN, _GAIN)))
    return draws


@torch.inference_mode()
def spread_over_draws(
    images: NDArray[np.uint8],
    forward: Forward,
    measure: Measure,
    *,
    draws: int,
    temperature: float = 1.0,
    seed: int = 0,
) -> Spread:
    """Read the key frame and its neighbours (uint8 (n, size, size) on the canvas) once per draw.

    Each draw gives the median over the frames of thickness and area and the mean of the logits, as a clip does. A draw
    in which no aorta is found has no thickness and no area.
    """
    x = torch.from_numpy(images)[:, None].float().mul_(1.0 / 255.0)
    thickness, areas, probabilities = [], [], []
    for draw in draws_of(draws, seed):
        changed = draw.change(x).mul(255.0).round().byte()[:, 0].numpy()
        margins, logits = forward(np.ascontiguousarray(changed))
        back = draw.undo(logits.float().cpu())
        p = torch.sigmoid(margins.float().cpu() / temperature)
        results = measure(p.numpy(), back.contiguous().numpy())
        seen = [f for f in results if f.lumen_area_px > 0]
        probabilities.append(float(torch.sigmoid(margins.float().mean() / temperature)))
        mm = [f.max_thickness_mm for f in seen if f.max_thickness_mm is not None]
        mm2 = [f.plaque_area_mm2 for f in seen if f.plaque_area_mm2 is not None]
        if mm:
            thickness.append(float(np.median(mm)))
        if mm2:
            areas.append(float(np.median(mm2)))
    return Spread(_sd(thickness), _sd(areas), _sd(probabilities), draws)


def _sd(values: list[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def base_thickness_sd(spacing: Spacing | None, segmenter_sd_mm: float | None) -> float | None:
    """sqrt(s^2 / 6 + u_seg^2) in mm, s the geometric mean of the pixel's sides; None without scale or u_seg.

    Raises ValueError for a u_seg that is negative or no number.
    """
    if spacing is None or segmenter_sd_mm is None:
        return None
    if not (math.isfinite(segmenter_sd_mm) and segmenter_sd_mm >= 0):
        raise ValueError(f"The spread of the segmenter's error is a length in mm; got {segmenter_sd_mm}.")
    return math.sqrt(spacing[0] * spacing[1] / 6.0 + segmenter_sd_mm**2)


def larger(base: float | None, drawn: float | None) -> float | None:
    """The larger of two uncertainties, either of which may be unknown."""
    known = [value for value in (base, drawn) if value is not None]
    return max(known) if known else None


def around(key_frame: int | None, frames: int) -> list[int]:
    """The key frame and its neighbours (numbers from 1) in a clip of so many frames; empty without a key frame."""
    if key_frame is None:
        return []
    return list(range(max(key_frame - 1, 1), min(key_frame + 1, frames) + 1))
