from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.checkpoints import read_pipeline
from inference.phantom.cohort import cached_split, check_no_leak, subject_spec_seed
from inference.predictor import Predictor
from inference.training.calibrate import choose_threshold, fit_temperature, per_subject
from inference.training.config import CONFIG_DIR, ConfigError, load_config

TINY = """
name = "tiny"
version = "0"
threads = 1
[data]
train = 6
validation = 4
test = 4
frames = 2
workers = 1
[segmenter]
epochs = 3
batch = 4
[reconstruction]
epochs = 1
[classifier]
epochs = 2
"""


def test_a_killed_run_goes_on_and_ends_with_a_pipeline_that_predicts(tmp_path, thick_clip) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    command = [
        sys.executable,
        "-m",
        "inference",
        "train",
        str(tmp_path / "tiny.toml"),
        "--cache",
        str(tmp_path / "c"),
        "--work",
        str(tmp_path / "w"),
        "--out",
        str(tmp_path / "o"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"}
    curve = tmp_path / "w" / "segmenter.curve.csv"
    checkpoint = tmp_path / "w" / "segmenter.checkpoint.safetensors"

    first = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    while not checkpoint.is_file() and first.poll() is None:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert first.returncode == -signal.SIGKILL
    assert "goes on after epoch" in done.stderr
    with curve.open() as stream:
        assert [row["epoch"] for row in csv.DictReader(stream)] == ["1", "2", "3"]
    predictor, spec = Predictor.from_pipeline(tmp_path / "o" / "pipeline.json")
    assert spec == read_pipeline(tmp_path / "o" / "pipeline.json")
    assert predictor.predict_clip(thick_clip.frames[:1], [thick_clip.region]).frames == 1


def test_the_phantom_is_rendered_once_and_then_read(tmp_path) -> None:
    seen: list[int] = []
    options = {"seed": 1, "frames": 1, "every": 1, "workers": 1}

    first = cached_split(tmp_path, "train", 3, **options, progress=lambda done, total: seen.append(done))
    second = cached_split(tmp_path, "train", 3, **options, progress=lambda done, total: seen.append(done))

    assert seen == [1, 2, 3]
    assert np.array_equal(first.images, second.images)
    assert first.images.shape == first.labels.shape == (3, 192, 192)


def test_a_subject_in_two_splits_is_a_leak(tmp_path) -> None:
    options = {"seed": 1, "frames": 1, "every": 1, "workers": 1}
    train = cached_split(tmp_path, "train", 2, **options)
    held = cached_split(tmp_path, "validation", 2, **options)

    check_no_leak({"train": train, "validation": held})
    with pytest.raises(ValueError, match="by subject"):
        check_no_leak({"train": train, "validation": replace(held, subjects=train.subjects)})
    with pytest.raises(ValueError, match="same picture"):
        check_no_leak({"train": train, "validation": replace(held, images=train.images)})


def test_no_two_subjects_share_a_seed() -> None:
    seeds = {subject_spec_seed(1, split, n) for split in ("train", "validation", "test") for n in range(50)}

    assert len(seeds) == 150


@pytest.mark.parametrize(
    "text, key",
    [
        ('name = "x"\nversion = "1"\nspeed = 3', "speed"),
        ('name = "x"', "version"),
        ('name = "x"\nversion = "1"\n[data]\ntrain = -1', "data.train"),
        ('name = "x"\nversion = "1"\n[data]\ntrain = 0', "data"),
        ('name = "x"\nversion = "1"\n[classifier]\nepochs = 1.5', "classifier.epochs"),
        ('name = "x"\nversion = "1"\nwidths = [1, 2]', "widths"),
        ("name = ", "TOML"),
    ],
)
def test_a_bad_configuration_is_refused_by_the_name_of_its_key(text, key, tmp_path) -> None:
    (tmp_path / "bad.toml").write_text(text)

    with pytest.raises(ConfigError, match=key):
        load_config(tmp_path / "bad.toml")


def test_every_committed_configuration_loads() -> None:
    assert [load_config(path).name for path in CONFIG_DIR.glob("*.toml")]


def test_temperature_softens_a_boastful_classifier_and_leaves_a_calibrated_one() -> None:
    rng = np.random.default_rng(0)
    true_margin = rng.normal(0, 2, 6000)
    classes = (rng.random(6000) < 1 / (1 + np.exp(-true_margin))).astype(float)

    assert fit_temperature(true_margin, classes) == pytest.approx(1.0, abs=0.1)
    assert fit_temperature(3 * true_margin, classes) == pytest.approx(3.0, abs=0.3)


def test_the_threshold_separates_and_prefers_the_middle() -> None:
    assert choose_threshold(np.array([0.1, 0.3, 0.32, 0.9]), np.array([0.0, 0, 1, 1])) == pytest.approx(0.32, abs=0.011)
    assert choose_threshold(np.array([0.1, 0.9]), np.array([0.0, 1.0])) == 0.5


def test_a_subject_counts_once_however_many_frames_it_has() -> None:
    margins, classes = per_subject([1.0, 3.0, -1.0], ["a", "a", "b"], [1, 1, 0])

    assert margins.tolist() == [2.0, -1.0]
    assert classes.tolist() == [1.0, 0.0]
