"""The phantom's beat: what a file tells of it fits what its frames show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.dicom.read import read_clip
from inference.phantom.beat import beat_at, r_waves_ms
from inference.phantom.dicom import write_study
from inference.phantom.marks import EcgStrip
from inference.phantom.overlay import OverlaySpec
from inference.phantom.simulate import simulate_clip
from inference.phantom.spec import random_spec

SPEC = replace(random_spec(np.random.default_rng(8), "none"), pulsation=0.1, heart_rate=75.0, frame_time_ms=40.0)
IDS = {"patient_id": "P", "patient_name": "P", "study_uid": "2.25.1", "study_date": "20260101"}


def test_r_waves_begin_before_the_first_frame_and_follow_the_heart_rate() -> None:
    waves = r_waves_ms(SPEC, 2000.0)

    assert waves[0] <= 0 < waves[1]
    assert waves[-1] < 2000.0 <= waves[-1] + 800.0
    assert np.diff(waves) == pytest.approx(800.0, abs=0.02)
    whole = np.asarray(beat_at(SPEC, np.asarray(waves) / 1000.0))
    assert whole == pytest.approx(np.round(whole), abs=1e-4)


def test_a_file_tells_r_waves_at_which_the_aorta_is_narrowest_and_the_ecg_highest(tmp_path) -> None:
    clip = simulate_clip(SPEC, 24)
    (path,) = write_study(tmp_path, [clip], **IDS)

    heart = read_clip(path).heart

    assert heart is not None
    assert heart.r_from == "RWaveTimeVector"
    within = [at for at in heart.r_ms if 80 <= at <= 23 * 40 - 80]
    assert within
    area = (clip.labels > 0).sum((1, 2))
    assert heart.ecg is not None
    times = heart.ecg.start_ms + heart.ecg.step_ms * np.arange(len(heart.ecg.values))
    for at in within:
        frame = round(at / 40.0)
        assert area[frame] <= np.percentile(area, 25)
        near = np.abs(times - at) < 200
        assert times[near][np.argmax(np.asarray(heart.ecg.values)[near])] == pytest.approx(at, abs=6.0)


def test_where_an_ecg_is_drawn_into_the_picture_the_file_tells_none(tmp_path) -> None:
    spec = replace(SPEC, overlay=OverlaySpec((EcgStrip(phase=0.4),)))

    (path,) = write_study(tmp_path, [simulate_clip(spec, 2)], **IDS)

    assert read_clip(path).heart is None
