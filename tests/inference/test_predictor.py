from __future__ import annotations

import numpy as np
import pytest

from inference import metrics
from inference.checkpoints import PIPELINE_FILE
from inference.measure import COLOUR, NO_AORTA
from inference.phantom import random_spec, simulate_clip
from inference.predictor import Predictor
from inference.types import PLAQUE, RegionBox, rle_decode


@pytest.fixture(scope="module")
def raw(raw_pipeline):
    return Predictor.from_pipeline(raw_pipeline, device="cpu")[0]


@pytest.fixture(scope="module")
def shipped():
    return Predictor.from_pipeline(PIPELINE_FILE, device="cpu")[0]


def test_a_clip_gets_one_result_per_frame_on_the_source_grid(shipped, thick_clip) -> None:
    result = shipped.predict_clip(thick_clip.frames, [thick_clip.region])

    size = thick_clip.frames.shape[1:]
    assert (result.frames, result.rows, result.columns) == thick_clip.frames.shape
    assert [frame.frame for frame in result.per_frame] == [1, 2, 3, 4, 5]
    assert result.spacing_mm == thick_clip.spacing
    for frame in result.per_frame:
        mask = rle_decode(frame.plaque_rle, size)
        assert mask.sum() == frame.plaque_area_px
        assert frame.plaque_area_mm2 == pytest.approx(mask.sum() * np.prod(thick_clip.spacing))


def test_lumen_wall_and_plaque_together_are_the_aorta(shipped, thick_clip) -> None:
    result = shipped.predict_clip(thick_clip.frames, [thick_clip.region])

    size = thick_clip.frames.shape[1:]
    for frame, truth in zip(result.per_frame, thick_clip.labels, strict=True):
        plaque, lumen, wall = (rle_decode(r, size) for r in (frame.plaque_rle, frame.lumen_rle, frame.wall_rle))
        assert wall.any()
        assert not (wall & (plaque | lumen)).any()
        assert metrics.dice(plaque | lumen | wall, truth > 0) > 0.9
        assert metrics.dice(plaque | lumen, truth > 0) < metrics.dice(plaque | lumen | wall, truth > 0)


def test_run_lengths_are_left_out_of_a_result_unless_asked_for(raw, thick_clip) -> None:
    result = raw.predict_clip(thick_clip.frames, [thick_clip.region])

    names = {"plaque_rle", "lumen_rle", "wall_rle"}
    assert names <= result.as_dict(masks=True)["per_frame"][0].keys()
    assert not names & result.as_dict()["per_frame"][0].keys()


def test_the_shipped_weights_find_thick_plaque_and_measure_it(shipped) -> None:
    overlap, errors, called = [], [], []
    # Sizes begin just above 4 mm, where a miss is no surprise: few clips would judge the draw, not the weights.
    for seed in range(24):
        clip = simulate_clip(random_spec(np.random.default_rng((900, seed)), "thick", family="coherent"), 2)
        result = shipped.predict_clip(clip.frames, [clip.region])
        size = clip.frames.shape[1:]
        overlap += [
            metrics.dice(rle_decode(f.plaque_rle, size), labels == PLAQUE)
            for f, labels in zip(result.per_frame, clip.labels, strict=True)
        ]
        errors.append(abs(result.max_thickness_mm - clip.truth["thickness_mm"]))
        called.append(result.predicted_class)

    assert np.mean(overlap) > 0.7
    assert np.mean(errors) < 1.0
    assert np.mean(called) >= 5 / 6


def test_the_official_thickness_is_the_key_frames(shipped, thick_clip) -> None:
    result = shipped.predict_clip(thick_clip.frames, [thick_clip.region])

    key = result.per_frame[result.key_frame - 1]
    assert (key.max_thickness_mm, key.chord) == (result.max_thickness_mm, result.key_chord)


def test_the_shipped_weights_tell_a_clear_wall_from_thick_plaque(shipped, thick_clip) -> None:
    clear = simulate_clip(random_spec(np.random.default_rng(8), "none"), 3)

    healthy = shipped.predict_clip(clear.frames, [clear.region])
    diseased = shipped.predict_clip(thick_clip.frames, [thick_clip.region])

    assert healthy.predicted_class == 0
    assert healthy.probability_complex < diseased.probability_complex


def test_without_a_valid_region_there_are_pixels_and_a_reason(shipped, thick_clip) -> None:
    bad = RegionBox(1, 0, 0, 9999, 10, row_mm=0.1, col_mm=0.1, reason="Region outside the picture.")

    result = shipped.predict_clip(thick_clip.frames, [bad])

    assert result.spacing_mm is None
    assert result.max_thickness_mm is None
    assert result.max_plaque_area_mm2 is None
    assert result.rule_verdict is None
    assert "outside the picture" in result.reason


def test_a_black_clip_has_no_aorta_and_no_thickness(shipped) -> None:
    region = RegionBox(1, 10, 10, 189, 189, row_mm=0.3, col_mm=0.3)

    result = shipped.predict_clip(np.zeros((2, 200, 200), dtype=np.uint8), [region])

    assert result.reason == NO_AORTA
    assert result.max_thickness_mm is None
    assert result.key_frame is None
    assert result.per_frame[0].plaque_rle == result.per_frame[0].wall_rle == [40000]


def test_frames_under_a_colour_overlay_are_not_segmented(shipped, thick_clip) -> None:
    frames = np.repeat(thick_clip.frames[..., None], 3, axis=3)
    r = thick_clip.region
    frames[:, r.y0 : r.y0 + r.rows // 2, r.x0 : r.x1, 0] = 255

    result = shipped.predict_clip(frames, [r])

    assert result.reason == COLOUR
    assert all(frame.plaque_area_px == 0 and frame.reason == COLOUR for frame in result.per_frame)


def test_grey_stored_as_colour_gives_the_same_result(raw, thick_clip) -> None:
    grey = raw.predict_clip(thick_clip.frames, [thick_clip.region])
    colour = raw.predict_clip(np.repeat(thick_clip.frames[..., None], 3, axis=3), [thick_clip.region])

    assert colour.per_frame == grey.per_frame


def test_frames_may_be_a_generator_and_the_batch_size_changes_nothing(raw, thick_clip) -> None:
    whole = raw.predict_clip(thick_clip.frames, [thick_clip.region])
    raw.batch = 2
    try:
        streamed = raw.predict_clip(lambda: (frame for frame in thick_clip.frames), [thick_clip.region])
    finally:
        raw.batch = 8

    assert streamed.probability_complex == pytest.approx(whole.probability_complex, abs=1e-5)
    assert [f.plaque_area_px for f in streamed.per_frame] == pytest.approx(
        [f.plaque_area_px for f in whole.per_frame], rel=0.01
    )


def test_progress_counts_up_and_may_abort(raw, thick_clip) -> None:
    seen: list[tuple[int, int]] = []
    raw.batch = 2

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done >= 4:
            raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            raw.predict_clip(thick_clip.frames, [thick_clip.region], progress=stop)
    finally:
        raw.batch = 8

    assert seen == [(2, 5), (4, 5)]


def test_an_empty_clip_and_frames_of_two_sizes_are_refused(raw) -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        raw.predict_clip([], [])
    with pytest.raises(ValueError, match="one size"):
        raw.predict_clip([np.zeros((50, 50), np.uint8), np.zeros((50, 60), np.uint8)], [])


def test_weights_in_the_wrong_place_and_odd_settings_are_refused(raw_pipeline) -> None:
    classifier, segmenter = (raw_pipeline.parent / f"{name}.safetensors" for name in ("classifier", "segmenter"))

    with pytest.raises(ValueError, match="first weights"):
        Predictor.load(segmenter, classifier, threshold=0.5)
    with pytest.raises(ValueError, match="threshold"):
        Predictor.load(classifier, segmenter, threshold=1.5)
    with pytest.raises(ValueError, match="temperature"):
        Predictor.load(classifier, segmenter, threshold=0.5, temperature=0.0)
