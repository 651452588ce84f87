"""Temperature, threshold and thickness error from validation clips."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.checkpoints import PIPELINE_FILE, read_card, read_pipeline
from inference.cli import main
from inference.evaluation.calibration import Clip, calibrate, coverage, fit_error, write
from inference.evaluation.sources import PhantomSource
from inference.uncertainty import THICKNESS_ERROR, THICKNESS_SD, ThicknessError, frame_spread


def clips(count: int = 400, seed: int = 1, wild: float = 0.0) -> list[Clip]:
    """Clips whose error is known: 0.2 mm, 0.1 of the thickness, the spread, and 0.6 mm where something is mobile."""
    rng = np.random.default_rng(seed)
    made = []
    for n in range(count):
        true, mobile = float(rng.uniform(1.5, 9.0)), n % 5 == 0
        spread = float(rng.gamma(2.0, 0.15))
        sd = ThicknessError(0.2, 0.1, 1.0, 0.6).sd(true, spread, mobile)
        error = rng.normal(0, sd) + (6.0 if rng.random() < wild else 0.0)
        margin = float(rng.normal(1.5 if n % 2 else -1.5, 1.0))
        made.append(Clip(margin, n % 2, max(true + error, 0.1), true, spread, mobile))
    return made


def test_the_fitted_error_covers_what_it_says_it_covers() -> None:
    fitted = fit_error(clips())
    fresh = clips(seed=2)
    scores = [
        abs((c.thickness_mm or 0) - (c.true_mm or 0)) / fitted.sd(c.thickness_mm or 0, c.spread_mm, c.mobile)
        for c in fresh
    ]
    assert np.mean(np.array(scores) <= 1.645) == pytest.approx(0.90, abs=0.04)
    assert np.mean(np.array(scores) <= 1.0) == pytest.approx(0.683, abs=0.06)
    assert fitted.sd(3.0, 0.2, mobile=True) > 1.2 * fitted.sd(3.0, 0.2)
    assert fitted.sd(8.0, 0.2) > 1.5 * fitted.sd(2.0, 0.2)
    assert fitted.sd(3.0, 1.0) > 1.5 * fitted.sd(3.0, 0.1)


def test_a_few_wild_errors_do_not_widen_all_the_rest() -> None:
    calm, wild = fit_error(clips(wild=0.0)), fit_error(clips(wild=0.03))
    assert wild.sd(3.0, 0.2) < 1.35 * calm.sd(3.0, 0.2)


def test_coverage_is_told_of_folds_that_were_left_out() -> None:
    told = coverage(clips())
    assert told["within_1.645_u"] == pytest.approx(0.90, abs=0.04)
    assert 0.3 < told["median_u_mm"] < 1.0


def test_misses_and_clips_without_result_are_left_out_and_few_are_refused() -> None:
    some = clips(100)
    missed = [replace(clip, thickness_mm=0.0) for clip in some]
    silent = [replace(clip, margin=None, thickness_mm=None, true_mm=None) for clip in some]
    found = calibrate([*some, *missed[:30], *silent[:20]], {})
    assert (found.clips, found.measured) == (130, 100)
    assert found.error == fit_error(some)
    with pytest.raises(ValueError, match="40 clips with a class and 40 with plaque"):
        calibrate(missed, {})


def test_probabilities_are_calibrated_on_the_logits_before_the_old_temperature() -> None:
    """A margin of twice the right size asks for the temperature 2."""
    rng = np.random.default_rng(3)
    logit = rng.normal(0, 2, 4000)
    label = (rng.random(4000) < 1 / (1 + np.exp(-logit))).astype(int)
    base = clips(60)
    made = [
        replace(base[n % 60], margin=float(2 * m), label=int(c))
        for n, (m, c) in enumerate(zip(logit, label, strict=True))
    ]
    found = calibrate(made, {})
    assert found.temperature == pytest.approx(2.0, rel=0.08)
    assert 0.4 < found.threshold < 0.6


def test_what_is_fixed_goes_into_pipeline_and_card(tmp_path: Path) -> None:
    spec = read_pipeline(PIPELINE_FILE)
    for path in PIPELINE_FILE.parent.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    found = calibrate(clips(), {"source": "phantom", "split": "validation"})
    done = write(found, spec, tmp_path / "pipeline.json")
    assert read_pipeline(tmp_path / "pipeline.json") == done
    assert (done.temperature, done.threshold) == (found.temperature, found.threshold)
    assert done.hash != spec.hash
    card = read_card(tmp_path / spec.segmenter)
    assert ThicknessError.from_metrics(card.metrics) == found.error
    assert card.metrics[THICKNESS_ERROR]["data"]["split"] == "validation"
    assert json.loads((tmp_path / "pipeline.json").read_text())["hash"] == done.hash


def test_validation_subjects_are_neither_test_nor_training_subjects() -> None:
    test, validation = PhantomSource(12, 2), PhantomSource(12, 2, split="validation")
    assert test.jobs() != validation.jobs()
    assert validation.describe()["split"] == "validation"
    with pytest.raises(ValueError, match="validation or test"):
        PhantomSource(12, 2, split="train")


def test_too_few_subjects_on_the_command_line_are_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "--subjects", "2", "--frames", "1", "--threads", "1"]) == 2
    assert "40 clips" in capsys.readouterr().err


def test_an_error_is_told_from_a_card_or_not_at_all() -> None:
    assert ThicknessError.from_metrics({}) is None
    plain = ThicknessError.from_metrics({THICKNESS_SD: 0.7})
    assert plain is not None
    assert plain.sd(9.0, 3.0, mobile=True) == pytest.approx(0.7)
    with pytest.raises(ValueError, match="not below zero"):
        ThicknessError(float("nan"))


def test_the_spread_between_frames_is_robust_and_needs_three() -> None:
    assert frame_spread([3.0, 3.2]) == 0.0
    assert frame_spread([3.0, None, 3.0, 0.0, 3.0, 9.0]) == 0.0
    assert frame_spread([3.0, 3.4, 3.8]) == pytest.approx(1.4826 * 0.4)
