"""How unlike the training pictures a picture is: reconstruction error and distance of its features.

Three measures, all from the classifier's own layers:

- error: e = log((mean (x - y)^2 + c) / (mean (x - m)^2 + c)) over the pixels of the sector, y the reconstruction and m
  the mean of x in the pixel's square on a grid of squares of ``WINDOW`` pixels. It is the share of the picture's local
  variance that the autoencoder does not explain; dividing by that variance keeps plain contrast from deciding.
- texture and bottleneck: d = log of the Mahalanobis distance of pooled features from those of training pictures (Lee et
  al., NeurIPS 2018), with a covariance of low rank and one variance for all directions besides. The texture is mean and
  log spread of the first two layers within the sector: what a machine's speckle and edges look like. The bottleneck was
  trained not to mind the look of a picture and hardly tells a phantom from a real one, but it knows noise.

Each becomes z by its mean and standard deviation over validation pictures; score = sqrt(a^2 + b^2 + c^2) with a =
|z_e|, by half where the error is lower than usual (a blank or smooth picture is easy to reconstruct), and b, c =
max(z_d, 0). ``warn`` is the 99.5 % quantile on validation pictures; ``hard`` lies beyond what strongly changed pictures
reach (``inference.training.reference.fit_ood``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Floats = NDArray[np.float64]
Verdict = Literal["", "warn", "hard"]

WINDOW = 16
FRAMES, _EACH = 5, 32
"""Pictures of a clip that are scored, spread over it: one for every 32 frames, at least one, at most five."""
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.995, 0.999)
WARN_AT = 0.995
LAYERS = 2
"""Layers of the classifier, from the picture, whose features are the texture."""
RANKS = {"texture": 96, "bottleneck": 48}
"""Sets of features, and how many directions of each covariance have a variance of their own."""
_BLACK = 3.0 / 255.0
_FLOOR = 1e-4
_LEAST_SECTOR = 0.02


def sector(x: Tensor) -> Tensor:
    """Pixels that are picture, float 0/1, for (n, 1, h, w) in 0..1: within the first and last lit pixel of its row and
    of its column. Dark blood inside counts; the black around the sector does not.
    """
    lit = (x > _BLACK).to(torch.uint8)

    def between(axis: int) -> Tensor:
        before = lit.cummax(axis).values
        after = lit.flip(axis).cummax(axis).values.flip(axis)
        return before * after

    return (between(2) * between(3)).to(x.dtype)


def local_variance(x: Tensor, inside: Tensor) -> Tensor:
    """Squared distance of every pixel from the mean of the sector's pixels in its square, 0 outside, (n, 1, h, w)."""
    height, width = x.shape[-2:]
    sums = functional.avg_pool2d(x * inside, WINDOW, ceil_mode=True)
    shares = functional.avg_pool2d(inside, WINDOW, ceil_mode=True)
    mean = functional.interpolate(sums / shares.clamp(min=1e-3), scale_factor=WINDOW, mode="nearest")
    return (x - mean[..., :height, :width]) ** 2 * inside


def unexplained(x: Tensor, again: Tensor, inside: Tensor) -> Tensor:
    """Share of the local variance that the reconstruction ``again`` misses, (n); 1 is no better than a local mean."""
    count = inside.sum((1, 2, 3)).clamp(min=1)
    error = ((again - x) ** 2 * inside).sum((1, 2, 3)) / count
    spread = local_variance(x, inside).sum((1, 2, 3)) / count
    return (error + _FLOOR) / (spread + _FLOOR)


@torch.inference_mode()
def error_map(net: nn.Module, x: Tensor) -> Tensor:
    """|x - reconstruction| within the sector, (n, 1, h, w), for pictures (n, 1, h, w) in 0..1."""
    again = net.reconstruct(x).clamp(0, 1)  # type: ignore[operator]
    return (again - x).abs() * sector(x)


def features_of(net: nn.Module, x: Tensor, inside: Tensor) -> dict[str, Tensor]:
    """Pooled features (n, f) by the names of ``RANKS``, for pictures (n, 1, h, w) and their sectors."""
    texture, features, seen = [], x, inside
    for number, layer in enumerate(net.tuned):  # type: ignore[arg-type]
        features = layer(features)
        if number < LAYERS:
            seen = functional.adaptive_max_pool2d(seen, features.shape[-2:])
            share = seen / seen.sum((2, 3), keepdim=True).clamp(min=1)
            mean = (features * share).sum((2, 3))
            spread = ((features - mean[..., None, None]) ** 2 * share).sum((2, 3))
            texture += [mean, 0.5 * spread.clamp(min=1e-8).log()]
    return {"texture": torch.cat(texture, dim=1), "bottleneck": net.pool(features)}  # type: ignore[operator]


@dataclass(frozen=True)
class Described:
    """Pictures as they are measured: log of the unexplained share ``error`` (n), and pooled ``features`` (n, f) by the
    names of ``RANKS``."""

    error: Floats
    features: Mapping[str, Floats]


@torch.inference_mode()
def describe(net: nn.Module, images: NDArray[np.uint8], batch: int = 16) -> Described:
    """Error and features of canvas pictures uint8 (n, h, w)."""
    net.eval()
    device = next(net.parameters()).device
    errors: list[Tensor] = []
    features: dict[str, list[Tensor]] = {name: [] for name in RANKS}
    for part in torch.from_numpy(np.ascontiguousarray(images))[:, None].split(batch):
        x = part.to(device).float().mul_(1.0 / 255.0)
        inside = sector(x)
        again = net.reconstruct(x)  # type: ignore[operator]
        errors.append(unexplained(x, again.float(), inside).log().cpu())
        for name, values in features_of(net, x, inside).items():
            features[name].append(values.float().cpu())
    pooled = {name: torch.cat(parts).double().numpy() for name, parts in features.items()}
    return Described(torch.cat(errors).double().numpy(), pooled)


@dataclass(frozen=True)
class Spread:
    """One set of features over training pictures.

    ``mean``, ``scale`` (f). ``basis`` (f, k), ``variances`` (k), ``rest``: covariance of the scaled features as k
    directions with their variances and one variance for all others. ``usual``: mean and standard deviation of the log
    distance over validation pictures.
    """

    mean: Floats
    scale: Floats
    basis: Floats
    variances: Floats
    rest: float
    usual: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def over(cls, features: Floats, rank: int) -> Spread:
        """The spread of features (n, f) with ``rank`` directions of their own, fewer where there are few pictures."""
        mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
        values, vectors = np.linalg.eigh(np.cov(((features - mean) / scale).T))
        rank = min(rank, len(features) // 4, len(values) - 1)
        return cls(
            mean=mean,
            scale=scale,
            basis=np.ascontiguousarray(vectors[:, ::-1][:, :rank]),
            variances=np.maximum(values[::-1][:rank], 1e-6),
            rest=float(max(values[::-1][rank:].mean(), 1e-6)),
        )

    def log_distance(self, features: Floats) -> Floats:
        """Log of the Mahalanobis distance a feature, (n), for features (n, f)."""
        scaled = (features - self.mean) / self.scale
        along = scaled @ self.basis
        beside = np.maximum((scaled**2).sum(axis=1) - (along**2).sum(axis=1), 0.0)
        squared = (along**2 / self.variances).sum(axis=1) + beside / self.rest
        return np.asarray(0.5 * np.log(np.maximum(squared, 1e-12) / features.shape[1]))

    def tensors(self) -> dict[str, Any]:
        return {**{key: getattr(self, key) for key in _ARRAYS}, "rest": [self.rest], "usual": self.usual}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> Spread:
        mean, sd = arrays["usual"].tolist()
        return cls(**{key: arrays[key] for key in _ARRAYS}, rest=float(arrays["rest"][0]), usual=(mean, sd))


@dataclass(frozen=True)
class OodReference:
    """What the training pictures look like to the classifier.

    ``spreads``: each set of features. ``error``: mean and standard deviation of the error over validation pictures.
    ``warn``, ``hard``: limits. ``quantiles``: the score's distribution over validation pictures at ``QUANTILES``.
    """

    spreads: Mapping[str, Spread]
    error: tuple[float, float]
    warn: float
    hard: float
    quantiles: tuple[float, ...] = ()
    error_quantiles: tuple[float, ...] = ()

    def scores_of(self, pictures: Described) -> Floats:
        """Scores (n) of described pictures."""
        z_error = (pictures.error - self.error[0]) / self.error[1]
        squares = np.where(z_error > 0, z_error, 0.5 * z_error) ** 2
        for name, spread in self.spreads.items():
            z = (spread.log_distance(pictures.features[name]) - spread.usual[0]) / spread.usual[1]
            squares = squares + np.maximum(z, 0.0) ** 2
        return np.asarray(np.sqrt(squares))

    def scores(self, net: nn.Module, images: NDArray[np.uint8]) -> Floats:
        """Scores (n) of canvas pictures uint8 (n, h, w)."""
        return self.scores_of(describe(net, images))

    def verdict(self, score: float | None) -> Verdict:
        """Whether a score stays (""), is warned of, or is too far off for a result."""
        if score is None or score <= self.warn:
            return ""
        return "hard" if score > self.hard else "warn"

    def tensors(self) -> dict[str, Tensor]:
        """Everything as float32 tensors, for the weights file."""
        arrays: dict[str, Any] = {
            "error": self.error,
            "limits": [self.warn, self.hard],
            "quantiles": self.quantiles,
            "error_quantiles": self.error_quantiles,
        }
        for name, spread in self.spreads.items():
            arrays |= {f"{name}.{key}": value for key, value in spread.tensors().items()}
        return {key: torch.tensor(np.asarray(value), dtype=torch.float32) for key, value in arrays.items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> OodReference | None:
        """The reference of a weights file; None where it holds none, or one of before the texture was looked at.

        Raises ValueError where it is not whole.
        """
        if not tensors or "distance" in tensors:
            return None
        try:
            a = {key: tensors[key].double().numpy() for key in _NUMBERS}
            parts = {
                name: {key: tensors[f"{name}.{key}"].double().numpy() for key in (*_ARRAYS, "rest", "usual")}
                for name in RANKS
            }
        except KeyError as error:
            raise ValueError(f"The reference of the weights lacks {error}.") from error
        return cls(
            spreads={name: Spread.from_arrays(arrays) for name, arrays in parts.items()},
            error=(float(a["error"][0]), float(a["error"][1])),
            warn=float(a["limits"][0]),
            hard=float(a["limits"][1]),
            quantiles=tuple(a["quantiles"].tolist()),
            error_quantiles=tuple(a["error_quantiles"].tolist()),
        )

    def for_card(self) -> dict[str, Any]:
        """The distribution in plain numbers, for the card's ``settings["reconstruction"]``."""
        return {
            "log_unexplained_mean": round(self.error[0], 4),
            "log_unexplained_sd": round(self.error[1], 4),
            "log_unexplained_quantiles": _by_quantile(self.error_quantiles),
            "score_quantiles": _by_quantile(self.quantiles),
            "warn": round(self.warn, 3),
            "hard": round(self.hard, 3),
        }


_ARRAYS = ("mean", "scale", "basis", "variances")
_NUMBERS = ("error", "limits", "quantiles", "error_quantiles")


def _by_quantile(values: Sequence[float]) -> dict[str, float]:
    return {f"{100 * q:g} %": round(value, 4) for q, value in zip(QUANTILES, values, strict=True)} if values else {}


def frames_to_score(frames: int) -> list[int]:
    """Indices (from 0) of the frames of a clip that are scored: the middle of each of so many equal parts."""
    count = min(FRAMES, max(1, frames // _EACH))
    return [int((n + 0.5) * frames / count) for n in range(count)]


def clip_score(scores: Sequence[float]) -> float | None:
    """The score of a clip: the median over its scored frames; None without any."""
    return float(np.median(scores)) if scores else None


def flag_text(score: float, reference: OodReference) -> str:
    """The warning for a clip between the two limits."""
    return f"unlike the training pictures: score {score:.1f}, usual up to {reference.warn:.1f}"
