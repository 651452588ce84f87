"""What is asked of a clip as a whole: is it like the training pictures, and how sure are its numbers?

Both look again at a few pictures that were kept while the clip streamed by: the score at one to five spread over it,
the uncertainty (when it is on) at the key frame and its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import nn

from inference.gates import TEXTS
from inference.hosts import Kept
from inference.measure import ClipMeasurer
from inference.ood import OodReference, clip_score, flag_text, frames_to_score
from inference.types import ClipResult, FrameResult, NoResult
from inference.uncertainty import (
    Floats,
    Forward,
    Spread,
    ThicknessError,
    around,
    base_thickness_sd,
    frame_spread,
    larger,
    spread_over_draws,
)

SCORE, DRAWS = "out-of-distribution score", "uncertainty from {draws} draws"
Aggregate = Callable[[list[FrameResult]], ClipResult]
"""The clip's result from its frames' results."""


@dataclass(frozen=True)
class SecondLook:
    """``net`` is the classifier, ``error`` what the segmenter's card says of thickness, ``draws`` 0 or from 2."""

    net: nn.Module
    forward: Forward
    reference: OodReference | None
    temperature: float
    error: ThicknessError | None = None
    draws: int = 0

    def at(self, result: ClipResult, measurer: ClipMeasurer, kept: Kept, aggregate: Aggregate) -> ClipResult:
        """The result with score, flags and uncertainties; ``aggregate`` makes it again where the clip is refused.

        Beyond the hard limit there is no result; between the two limits a flag says so and the result stands.
        """
        score = self._score(kept)
        verdict = "" if self.reference is None else self.reference.verdict(score)
        outputs, flags = result.outputs, result.flags
        if score is not None:
            outputs = (*outputs, SCORE)
        if verdict == "hard" and result.no_result is None:
            return replace(
                aggregate(refused(result.per_frame)),
                ood_score=score,
                outputs=outputs,
                engine=result.engine,
                seconds=result.seconds,
            )
        if verdict and score is not None and self.reference is not None:
            flags = (*flags, flag_text(score, self.reference))
        spread = self._spread(result, measurer, kept)
        if spread is not None:
            outputs = (*outputs, DRAWS.format(draws=spread.draws))
        base = base_thickness_sd(result.spacing_mm, self._segmenter_sd(result))
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

    def _segmenter_sd(self, result: ClipResult) -> float | None:
        if self.error is None or result.max_thickness_mm is None:
            return None
        frames = [frame.max_thickness_mm for frame in result.per_frame if frame.no_result is None]
        return self.error.sd(result.max_thickness_mm, frame_spread(frames), has_mobile_part(result))

    def _score(self, kept: Kept) -> float | None:
        if self.reference is None or not kept.images:
            return None
        numbers = sorted(kept.images)
        pictures = np.stack([kept.images[numbers[n]] for n in frames_to_score(len(numbers))])
        score = clip_score(self.reference.scores(self.net, pictures).tolist())
        return score if score is not None and np.isfinite(score) else None

    def _spread(self, result: ClipResult, measurer: ClipMeasurer, kept: Kept) -> Spread | None:
        frames = sorted({kept.nearest(number) for number in around(result.key_frame, result.frames)})
        if not self.draws or not frames:
            return None

        def measure(probabilities: Floats, logits: Floats) -> Sequence[FrameResult]:
            clear: NDArray[np.bool_] = np.zeros(len(probabilities), dtype=np.bool_)
            return ClipMeasurer(measurer.canvas, measurer.size).measure(0, probabilities, logits, clear)

        images = np.stack([kept.images[number] for number in frames])
        return spread_over_draws(images, self.forward, measure, draws=self.draws, temperature=self.temperature)


def has_mobile_part(result: ClipResult) -> bool:
    """Whether something stood free in the lumen on any plaque of the clip, moving or not."""
    return any(lesion.mobility_frames for lesion in result.lesions)


def refused(frames: Sequence[FrameResult]) -> list[FrameResult]:
    """Frames of a clip that is too unlike the training pictures for a result; another reason of their own goes."""
    reason = NoResult.OUT_OF_DISTRIBUTION
    return [replace(f, no_result=reason, no_thickness=reason, reason=TEXTS[reason]) for f in frames]
