"""Long clips, stored pictures and single frames through the predictor."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import torch

from inference import metrics
from inference.engines import Setting
from inference.hosts import Kept, Stages
from inference.measure import ClipMeasurer
from inference.pictures import JpegPicture
from inference.predictor import Predictor
from inference.preprocess import Canvas
from inference.types import RegionBox, rle_decode
from tests.weights import write_test_pipeline


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """Small untrained networks."""
    path = write_test_pipeline(tmp_path_factory.mktemp("tiny")) / "pipeline.json"
    return Predictor.from_pipeline(path, device="cpu", threads=1)[0]


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return Predictor.from_pipeline(device="cpu", threads=1)[0]


def as_jpeg(frames: np.ndarray) -> list[JpegPicture]:
    """Frames as colour JPEG, as scanners store grey."""
    colours = [np.ascontiguousarray(np.repeat(frame[..., None], 3, axis=2)) for frame in frames]
    return [JpegPicture(imagecodecs.jpeg8_encode(frame, level=92, subsampling="422")) for frame in colours]


def test_the_quick_path_gives_the_masks_and_the_thickness_of_the_plain_one(shipped, thick_clip) -> None:
    stored = as_jpeg(thick_clip.frames)
    canvas = Canvas(thick_clip.region)
    size = thick_clip.frames.shape[1:]
    frames = [imagecodecs.jpeg8_decode(picture.data) for picture in stored]
    with torch.inference_mode():
        images = np.stack([canvas.frame(frame) for frame in frames])
        x = torch.from_numpy(images)[:, None].float() / 255.0
        out = shipped.classifier(x)
        logits = shipped.segmenter(x).numpy()
    p = torch.sigmoid((out[:, 1] - out[:, 0]) / shipped.temperature).numpy()
    plain = ClipMeasurer(canvas, size).measure(0, p, logits, np.zeros(len(p), bool), images)

    quick = shipped.predict_clip(stored, [thick_clip.region]).per_frame

    for a, b in zip(quick, plain, strict=True):
        assert a.probability_complex == pytest.approx(b.probability_complex, abs=1e-3)
        assert a.no_result == b.no_result
        for name in ("plaque_rle", "lumen_rle", "wall_rle"):
            ours, theirs = (rle_decode(getattr(result, name), size) for result in (a, b))
            assert (metrics.dice(ours, theirs) or 1.0) >= 0.995
        assert (a.max_thickness_mm or 0.0) == pytest.approx(b.max_thickness_mm or 0.0, abs=0.1)


def test_a_result_says_what_it_ran_on_and_what_was_on(tiny, thick_clip) -> None:
    result = tiny.predict_clip(thick_clip.frames, [thick_clip.region])

    assert result.engine == tiny.setting.text() == "torch fp32 channels_last, 1 x 1 threads, batch 8"
    assert result.outputs == ("masks", "measurements")


def test_several_streams_keep_the_order_of_the_frames(tiny, thick_clip) -> None:
    order = np.concatenate([thick_clip.frames] * 3)
    one = tiny.predict_clip(order, [thick_clip.region])
    tiny.use(Setting(streams=3, batch=2))
    try:
        three = tiny.predict_clip(iter(order), [thick_clip.region])
    finally:
        tiny.use(Setting())

    assert [f.frame for f in three.per_frame] == list(range(1, 16))
    assert [f.probability_complex for f in three.per_frame] == pytest.approx(
        [f.probability_complex for f in one.per_frame], abs=1e-5
    )


def test_the_memory_of_a_long_clip_does_not_grow_with_its_pictures(tiny) -> None:
    region = RegionBox(1, 20, 20, 419, 319, row_mm=0.3, col_mm=0.3)
    picture = np.zeros((360, 480), dtype=np.uint8)
    picture[60:250, 120:330] = np.random.default_rng(0).integers(0, 255, (190, 210), dtype=np.uint8)
    frames = 1000

    tracemalloc.start()
    try:
        result = tiny.predict_clip((picture.copy() for _ in range(frames)), [region])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert result.frames == frames
    assert peak < 0.2 * frames * picture.nbytes


def test_pictures_are_taken_only_a_few_batches_ahead(tiny, thick_clip) -> None:
    taken, ahead = [0], []

    def frames():
        for _ in range(40):
            taken[0] += 1
            yield thick_clip.frames[0]

    tiny.batch = 4
    try:
        tiny.predict_clip(frames, [thick_clip.region], progress=lambda done, _total: ahead.append(taken[0] - done))
    finally:
        tiny.batch = tiny.setting.batch

    assert max(ahead) <= 4 * (tiny.setting.streams + 1)


def test_one_frame_alone_gives_what_it_gives_in_a_clip(tiny, thick_clip) -> None:
    whole = tiny.predict_clip(thick_clip.frames, [thick_clip.region])

    alone = tiny.predict_frame(thick_clip.frames[2], [thick_clip.region])

    assert alone.frame == 1
    assert alone.plaque_rle == whole.per_frame[2].plaque_rle
    assert alone.probability_complex == pytest.approx(whole.per_frame[2].probability_complex, abs=1e-5)


def test_a_picture_that_cannot_be_decoded_ends_the_clip_and_the_next_one_runs(tiny, thick_clip) -> None:
    stored = as_jpeg(thick_clip.frames)
    broken = [*stored[:3], JpegPicture(b"no picture"), *stored[3:]]

    with pytest.raises(ValueError, match="JPEG"):
        tiny.predict_clip(broken, [thick_clip.region])

    assert tiny.predict_clip(stored, [thick_clip.region]).frames == 5


def test_absurd_spacing_is_refused() -> None:
    for side in (float("nan"), float("inf"), 0.0, -0.2, 80.0, 1e-6):
        with pytest.raises(ValueError, match="mm"):
            Canvas(RegionBox(1, 0, 0, 99, 99, row_mm=side, col_mm=0.2))


def test_stages_sum_up_over_threads_and_start_again() -> None:
    stages = Stages()

    def work() -> None:
        with stages("decode"):
            sum(range(200_000))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert stages.take()["decode"] > 0
    assert stages.take() == {}


def test_pictures_kept_of_a_long_clip_are_spread_over_it() -> None:
    kept = Kept(most=8)
    for start in range(0, 100, 7):
        kept.add(np.arange(start, min(start + 7, 100), dtype=np.uint8)[:, None, None])

    numbers = sorted(kept.images)
    assert len(numbers) <= 8
    assert set(np.diff(numbers)) == {kept.each}
    assert all(kept.images[n][0, 0] == n - 1 for n in numbers)
    assert abs(kept.nearest(50) - 50) <= kept.each
    with pytest.raises(ValueError, match="two"):
        Kept(most=1)


def test_the_bench_counts_every_stage(tiny) -> None:
    from inference.bench import STAGES, as_json, lines_of, run_bench

    result = run_bench(tiny, frames=8, rounds=1)

    assert set(result.stages_ms) == set(STAGES)
    assert result.stages_ms["forward"] > 0
    assert result.stages_ms["decode"] > 0
    assert result.ratio > 0
    assert result.sliding_window_fps > 0
    assert any("ratio" in key or "pipeline / bare" in key for key, _ in lines_of(result))
    assert '"ratio"' in as_json(result)
    with pytest.raises(ValueError, match="at least"):
        run_bench(tiny, frames=2, rounds=1)


def test_a_setting_can_be_given_at_once(tmp_path: Path) -> None:
    predictor, spec = Predictor.from_pipeline(
        write_test_pipeline(tmp_path) / "pipeline.json", device="cpu", setting=Setting(batch=3)
    )

    assert predictor.batch == 3
    assert predictor.cards[0].sha256 == spec.classifier_sha256
