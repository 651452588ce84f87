"""A clip that is unlike the training pictures, and uncertainties of one that is not, through the whole pipeline."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from inference.checkpoints import PIPELINE_FILE
from inference.phantom import PhantomClip
from inference.predictor import Predictor
from inference.preprocess import Canvas
from inference.second_look import SCORE
from inference.training.reference import fit_ood
from inference.types import NoResult
from inference.uncertainty import THICKNESS_ERROR, ThicknessError


@pytest.fixture(scope="module")
def predictor(thick_clip: PhantomClip) -> Predictor:
    """The shipped networks with a reference made of the clip itself, slightly changed, so that it is well known."""
    made, _ = Predictor.from_pipeline(PIPELINE_FILE, device="cpu", threads=1)
    canvas, rng = Canvas(thick_clip.region), np.random.default_rng(0)
    pictures = np.stack([canvas.frame(frame) for frame in thick_clip.frames] * 8)
    noise = rng.normal(0, 4, pictures.shape) * (pictures > 0)
    known = np.clip(pictures + noise, 0, 255).astype(np.uint8)
    made.reference = fit_ood(made.classifier, known[::2], known[1::2])
    card = made.cards[1]
    error = asdict(ThicknessError(base_mm=0.5))
    made.cards = (made.cards[0], replace(card, metrics={**card.metrics, THICKNESS_ERROR: error}))
    return made


def test_a_known_clip_has_a_score_no_flag_and_its_class(predictor: Predictor, thick_clip: PhantomClip) -> None:
    result = predictor.predict_clip(list(thick_clip.frames), [thick_clip.region])

    assert result.ood_score is not None
    assert result.no_result is None
    assert result.predicted_class is not None
    assert not any("unlike" in flag for flag in result.flags)
    assert SCORE in result.outputs


def test_between_the_limits_the_class_stays_and_a_flag_says_so(predictor: Predictor, thick_clip: PhantomClip) -> None:
    usual, known = predictor.predict_clip(list(thick_clip.frames), [thick_clip.region]), predictor.reference
    assert known is not None
    assert usual.ood_score is not None
    predictor.reference = replace(known, warn=usual.ood_score - 0.1, hard=usual.ood_score + 1)
    try:
        result = predictor.predict_clip(list(thick_clip.frames), [thick_clip.region])
    finally:
        predictor.reference = known

    assert result.predicted_class == usual.predicted_class
    assert any("unlike the training pictures" in flag for flag in result.flags)


def test_beyond_the_hard_limit_there_is_no_number_at_all(predictor: Predictor, thick_clip: PhantomClip) -> None:
    known = predictor.reference
    assert known is not None
    predictor.reference = replace(known, warn=-2.0, hard=-1.0)
    try:
        result = predictor.predict_clip(list(thick_clip.frames), [thick_clip.region])
    finally:
        predictor.reference = known

    assert result.no_result is NoResult.OUT_OF_DISTRIBUTION
    assert result.no_thickness is NoResult.OUT_OF_DISTRIBUTION
    assert result.ood_score is not None
    assert [result.probability_complex, result.predicted_class, result.max_thickness_mm, result.key_frame] == [None] * 4
    assert all(frame.no_result is NoResult.OUT_OF_DISTRIBUTION for frame in result.per_frame)
    assert result.lesions == ()


def test_without_draws_the_uncertainty_is_that_of_pixel_and_card(predictor: Predictor, thick_clip: PhantomClip) -> None:
    result = predictor.predict_clip(list(thick_clip.frames), [thick_clip.region])

    assert result.spacing_mm is not None
    pixel = result.spacing_mm[0] * result.spacing_mm[1]
    assert result.thickness_sd_mm == pytest.approx((pixel / 6 + 0.25) ** 0.5)
    assert (result.area_sd_mm2, result.probability_sd) == (None, None)


def test_draws_give_spreads_never_below_the_base_and_equal_every_time(
    predictor: Predictor, thick_clip: PhantomClip
) -> None:
    base = predictor.predict_clip(list(thick_clip.frames), [thick_clip.region])
    predictor.draws = 4
    try:
        first, second = (predictor.predict_clip(list(thick_clip.frames), [thick_clip.region]) for _ in range(2))
    finally:
        predictor.draws = 0

    assert first.thickness_sd_mm is not None
    assert base.thickness_sd_mm is not None
    assert first.thickness_sd_mm >= base.thickness_sd_mm
    assert first.area_sd_mm2 is not None
    assert first.probability_sd is not None
    assert (first.thickness_sd_mm, first.area_sd_mm2) == pytest.approx((second.thickness_sd_mm, second.area_sd_mm2))
    assert first.probability_complex == pytest.approx(base.probability_complex)


def test_a_still_without_scale_has_neither_thickness_nor_its_uncertainty(
    predictor: Predictor, thick_clip: PhantomClip
) -> None:
    result = predictor.predict_clip([thick_clip.frames[0]], [replace(thick_clip.region, row_mm=None, col_mm=None)])

    assert result.thickness_sd_mm is None


def test_real_pictures_of_other_organs_score_higher_than_the_phantom(
    shared_data: Path, thick_clip: PhantomClip
) -> None:
    shipped, _ = Predictor.from_pipeline(PIPELINE_FILE, device="cpu", threads=1)
    if shipped.reference is None:
        pytest.skip("these weights came without a reference")
    from inference.files import open_clip

    own = shipped.predict_clip([thick_clip.frames[0]], [thick_clip.region])
    scores = []
    for name in ("OBXXXX1A.dcm", "YBR_422.dcm", "gdcm-US-ALOKA-16.dcm"):
        clip = open_clip(shared_data / "dicom_us" / name)
        scores.append(shipped.predict_clip([clip.frames[0]], clip.regions).ood_score)

    assert own.ood_score is not None
    assert all(score is not None and score > own.ood_score for score in scores)
