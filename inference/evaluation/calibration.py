"""What is fixed on validation clips and frozen with a pipeline: temperature, threshold, and how sure a thickness is.

Whole clips go through the whole pipeline, as they will in use: the probability of a clip is the mean over its frames,
its thickness a median over them, and neither is as unsure as that of a single frame. Test subjects are never used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from inference.checkpoints import PipelineSpec, card_path, read_card, write_json, write_pipeline
from inference.evaluation.cases import Source, stream
from inference.second_look import has_mobile_part
from inference.training.calibrate import choose_threshold, fit_temperature
from inference.uncertainty import THICKNESS_ERROR, ThicknessError, frame_spread

if TYPE_CHECKING:
    from inference.predictor import Predictor

Floats = NDArray[np.float64]
LEAST_CLIPS = 40
"""Clips with a class, and clips with plaque measured in mm, that are needed at least."""
_FREEDOM = 4.0
"""Degrees of freedom of Student's t for the errors: a few wild ones do not widen all the rest."""


@dataclass(frozen=True)
class Clip:
    """One validation clip: ``margin`` is its logit before the temperature (None: no result), ``label`` its class.

    ``thickness_mm`` and ``true_mm`` are lengths in mm (None: not measured, or no plaque), ``spread_mm`` the spread of
    the thickness between frames, ``mobile`` whether a mobile part was seen.
    """

    margin: float | None
    label: int
    thickness_mm: float | None
    true_mm: float | None
    spread_mm: float
    mobile: bool


@dataclass(frozen=True)
class Calibration:
    """Temperature, threshold and thickness error, with what was looked at and how it covers on folds left out."""

    temperature: float
    threshold: float
    error: ThicknessError
    clips: int
    measured: int
    within: dict[str, float]
    data: dict[str, Any]


def look(
    predictor: Predictor, source: Source, *, processes: int = 1, progress: Callable[[int, int], None] | None = None
) -> list[Clip]:
    """Run the clips of ``source`` through the pipeline. Raises ValueError for a case that cannot be read."""
    clips: list[Clip] = []
    jobs = source.jobs()
    for number, case in enumerate(stream(jobs, processes), start=1):
        if isinstance(case, ValueError):
            raise case
        if case.truth.label is None:
            raise ValueError(f"{case.name}: a calibration needs the true class.")
        result = predictor.predict_clip(case.frames, case.regions)
        p = result.probability_complex
        there = bool(case.truth.thickness_mm) and result.no_result is None
        frames = [frame.max_thickness_mm for frame in result.per_frame if frame.no_result is None]
        clips.append(
            Clip(
                margin=None if p is None else float(np.log(p / (1 - p))) * predictor.temperature,
                label=case.truth.label,
                thickness_mm=result.max_thickness_mm if there else None,
                true_mm=case.truth.thickness_mm if there else None,
                spread_mm=frame_spread(frames),
                mobile=has_mobile_part(result),
            )
        )
        if progress is not None:
            progress(number, len(jobs))
    return clips


def calibrate(clips: Sequence[Clip], data: dict[str, Any]) -> Calibration:
    """Fix everything on these clips. Raises ValueError for fewer than ``LEAST_CLIPS`` of either sort."""
    answered = [clip for clip in clips if clip.margin is not None]
    # A plaque that was missed altogether is a miss, counted elsewhere; its error says nothing about a measured one.
    measured = [clip for clip in clips if clip.thickness_mm and clip.true_mm]
    if min(len(answered), len(measured)) < LEAST_CLIPS:
        raise ValueError(
            f"A calibration needs {LEAST_CLIPS} clips with a class and {LEAST_CLIPS} with plaque in mm; there are "
            f"{len(answered)} and {len(measured)}."
        )
    margins = np.array([clip.margin for clip in answered], dtype=np.float64)
    classes = np.array([clip.label for clip in answered], dtype=np.float64)
    temperature = fit_temperature(margins, classes)
    threshold = choose_threshold(1 / (1 + np.exp(-margins / temperature)), classes)
    error = fit_error(measured)
    return Calibration(round(temperature, 4), threshold, error, len(answered), len(measured), coverage(measured), data)


def _columns(clips: Sequence[Clip]) -> tuple[Floats, Floats]:
    """Errors (n) in mm, and the squares (n, 4) that the four values of a ThicknessError are multiplied with."""
    wrong = np.array([(clip.thickness_mm or 0.0) - (clip.true_mm or 0.0) for clip in clips])
    rows = [(1.0, clip.thickness_mm or 0.0, clip.spread_mm, float(clip.mobile)) for clip in clips]
    return wrong, np.square(np.array(rows))


def fit_error(clips: Sequence[Clip]) -> ThicknessError:
    """The thickness error by maximum likelihood of Student's t with four degrees of freedom.

    Its scale is then stretched until 90 % of the errors lie within 1.645 u, as they would for a normal error.
    """
    wrong, squares = _columns(clips)

    def loss(values: Floats) -> float:
        variance = squares @ np.square(values) + 1e-4
        terms = 0.5 * np.log(variance) + 0.5 * (_FREEDOM + 1) * np.log1p(wrong**2 / (_FREEDOM * variance))
        return float(terms.mean())

    found = minimize(loss, np.array([0.3, 0.1, 0.3, 0.3]), bounds=[(0.05, 5.0), *[(0.0, 5.0)] * 3], method="L-BFGS-B")
    sd = np.sqrt(squares @ np.square(found.x))
    stretch = float(np.quantile(np.abs(wrong) / sd, 0.9)) / 1.645
    return ThicknessError(*(round(float(value) * stretch, 4) for value in found.x))


def coverage(clips: Sequence[Clip], folds: int = 5) -> dict[str, float]:
    """Shares of errors within 1, 1.645 and 1.96 u where u was fitted without them, and the median u in mm."""
    fold = np.arange(len(clips)) % folds
    scores, sds = np.zeros(len(clips)), np.zeros(len(clips))
    for left_out in range(folds):
        error = fit_error([clip for clip, n in zip(clips, fold, strict=True) if n != left_out])
        for at in np.flatnonzero(fold == left_out).tolist():
            clip = clips[at]
            sds[at] = error.sd(clip.thickness_mm or 0.0, clip.spread_mm, clip.mobile)
            scores[at] = abs((clip.thickness_mm or 0.0) - (clip.true_mm or 0.0)) / sds[at]
    shares = {f"within_{limit}_u": round(float((scores <= limit).mean()), 3) for limit in (1.0, 1.645, 1.96)}
    return {**shares, "median_u_mm": round(float(np.median(sds)), 3)}


def write(calibration: Calibration, spec: PipelineSpec, path: Path) -> PipelineSpec:
    """Write the pipeline with its new temperature and threshold, and the thickness error into the segmenter's card."""
    weights = path.parent / spec.segmenter
    card = read_card(weights)
    about = {
        **asdict(calibration.error),
        "clips": calibration.measured,
        **calibration.within,
        "data": calibration.data,
    }
    card = replace(card, metrics={**card.metrics, THICKNESS_ERROR: about})
    write_json(card_path(weights), card.__dict__)
    done = replace(spec, temperature=calibration.temperature, threshold=calibration.threshold)
    write_pipeline(done, path)
    return done
