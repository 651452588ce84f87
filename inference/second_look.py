"""What is asked of a clip besides class and masks: is it like the training pictures, and how sure are the numbers?

A few pictures of the clip are kept while it streams by (``FRAMES`` spread over it; all of them, on the canvas, only for
test-time augmentation), and judged when its result stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from torch import nn

from inference.checkpoints import Card
from inference.gates import TEXTS
from inference.measure import ClipMeasurer
from inference.ood import FRAMES, OodReference, clip_score, flag_text, frames_to_score
from inference.preprocess import Canvas
from inference.types import ClipResult, FrameResult, NoResult
from inference.uncertainty import (
    THICKNESS_SD,
    Floats,
    Forward,
    Spread,
    around,
    base_thickness_sd,
    larger,
    spread_over_draws,
)

SCORE, DRAWS = "out-of-distribution score", "uncertainty from {draws} draws"
Aggregate = Callable[[list[FrameResult]], ClipResult]
"""The clip's result from its frames' results."""


@dataclass
class Sample:
    """Pictures spread over a clip of unknown length, at most twice ``most`` held at a time."""

    most: int = FRAMES
    _kept: list[NDArray[np.uint8]] = field(default_factory=list)
    _stride: int = 1
    _seen: int = 0

    def see(self, images: NDArray[np.uint8]) -> None:
        """Take the next pictures (n, size, size) in order."""
        for image in images:
            if self._seen % self._stride == 0:
                self._kept.append(image.copy())
                if len(self._kept) > 2 * self.most:
                    self._kept, self._stride = self._kept[::2], self._stride * 2
            self._seen += 1

    def spread(self) -> NDArray[np.uint8] | None:
        """Up to ``most`` of them; None when none was seen."""
        if not self._kept:
            return None
        return np.stack([self._kept[n] for n in frames_to_score(len(self._kept), self.most)])


@dataclass
class SecondLook:
    """Judges one clip of pictures of ``size`` = (rows, columns). ``draws`` 0: no test-time augmentation."""

    canvas: Canvas
    size: tuple[int, int]
    reference: OodReference | None
    draws: int = 0
    _sample: Sample = field(default_factory=Sample)
    _all: list[NDArray[np.uint8]] = field(default_factory=list)

    def see(self, images: NDArray[np.uint8]) -> None:
        """Take the next pictures on the canvas, uint8 (n, size, size), in order."""
        if self.reference is not None:
            self._sample.see(images)
        if self.draws:
            self._all.extend(images.copy())

    def finish(
        self,
        result: ClipResult,
        aggregate: Aggregate,
        *,
        net: nn.Module,
        forward: Forward,
        segmenter: Card,
        temperature: float,
    ) -> ClipResult:
        """The result with score, flags and uncertainties; ``aggregate`` makes it again where the clip is refused."""
        score = self._score(net)
        outputs = result.outputs if score is None else (*result.outputs, SCORE)
        verdict = "" if self.reference is None else self.reference.verdict(score)
        if verdict == "hard" and result.no_result is None:
            again = aggregate(refused(result.per_frame))
            return replace(again, ood_score=score, outputs=outputs, seconds=result.seconds)
        flags = result.flags
        if verdict and score is not None and self.reference is not None:
            flags = (*flags, flag_text(score, self.reference))
        spread = self._spread(result, forward, temperature)
        if spread is not None:
            outputs = (*outputs, DRAWS.format(draws=spread.draws))
        base = base_thickness_sd(result.spacing_mm, segmenter.metrics.get(THICKNESS_SD))
        measured = result.no_result is None and result.max_thickness_mm is not None
        return replace(
            result,
            ood_score=score,
            flags=flags,
            outputs=outputs,
            thickness_sd_mm=larger(base, spread.thickness_mm if spread else None) if measured else None,
            area_sd_mm2=spread.area_mm2 if spread else None,
            probability_sd=spread.probability if spread else None,
        )

    def _score(self, net: nn.Module) -> float | None:
        pictures = self._sample.spread()
        if self.reference is None or pictures is None:
            return None
        score = clip_score(self.reference.scores(net, pictures).tolist())
        return score if score is not None and np.isfinite(score) else None

    def _spread(self, result: ClipResult, forward: Forward, temperature: float) -> Spread | None:
        frames = around(result.key_frame, result.frames)
        if not self.draws or not frames:
            return None

        def measure(probabilities: Floats, logits: Floats) -> Sequence[FrameResult]:
            clear = np.zeros(len(probabilities), dtype=np.bool_)
            return ClipMeasurer(self.canvas, self.size).measure(frames[0] - 1, probabilities, logits, clear)

        images = np.stack([self._all[number - 1] for number in frames])
        return spread_over_draws(images, forward, measure, draws=self.draws, temperature=temperature)


def refused(frames: Sequence[FrameResult]) -> list[FrameResult]:
    """Frames of a clip that is too unlike the training pictures for a result; another reason of their own goes."""
    reason = NoResult.OUT_OF_DISTRIBUTION
    return [replace(f, no_result=reason, no_thickness=reason, reason=TEXTS[reason]) for f in frames]
