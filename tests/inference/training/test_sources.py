from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from inference.dicom.write import write_us_multiframe
from inference.training.config import ConfigError, DataConfig, load_config
from inference.training.curves import draw_curve, ticks
from inference.training.folder import NO_CLASS, load_folder
from inference.training.judge import on_source, summarise
from inference.training.ranks import Ranks, autocast, precision_of, ranks
from inference.training.table import TableError
from inference.types import RegionBox
from tests.inference.training.folders import ring, save, write_table

HEAD = 'name = "x"\nversion = "1"\n'


def names(number: int) -> dict[str, str]:
    """Identifiers of a made-up file."""
    uids = {f"{kind}_uid": f"1.2.3.{number}.{n}" for n, kind in enumerate(("study", "series", "sop"), start=1)}
    return {"patient_id": f"P{number}", "patient_name": "", "study_date": "20260101", **uids}


def test_frames_of_a_cine_come_with_its_own_scale_and_the_table_goes_before_it(tmp_path: Path) -> None:
    rows = []
    for number in range(4):
        pictures = np.stack([ring(10 * number + n)[0] for n in range(3)])
        region = RegionBox(1, 8, 8, 87, 87, 0.25, 0.5, "us_region")
        name = f"{number}.dcm"
        write_us_multiframe(tmp_path / name, pictures, regions=[region], frame_time_ms=33.0, **names(number))
        save(tmp_path / "masks" / f"{number}.png", ring(10 * number + 1)[1])
        rows.append({"file": name, "subject": number, "frame": 2, "class": "", "row_mm": "", "col_mm": ""})
    rows[3] |= {"row_mm": "0.1", "col_mm": "0.2"}
    write_table(tmp_path / "subjects.csv", rows)
    data = DataConfig(source="folder", folder=str(tmp_path), images="", shares=(0.5, 0.25, 0.25))

    loaded = load_folder(data)

    samples = {s.row.subject: s for part in loaded.rows.values() for s in loaded.reader.samples(part)}
    assert np.array_equal(samples["0"].frame, ring(1)[0])
    assert samples["0"].canvas.region.spacing == (0.25, 0.5)
    assert samples["3"].canvas.region.spacing == (0.1, 0.2)
    assert set(loaded.sets["train"].classes.tolist()) == {NO_CLASS}
    write_table(tmp_path / "subjects.csv", [{**rows[0], "frame": 4}, *rows[1:]])
    with pytest.raises(TableError, match="frame 4 is asked for; the file holds 3"):
        load_folder(data)


def test_masks_go_back_to_the_stored_picture(tmp_path: Path) -> None:
    for subject in "abc":
        picture, labels = ring(ord(subject))
        save(tmp_path / "images" / f"{subject}-1.png", picture)
        save(tmp_path / "masks" / f"{subject}-1.png", labels)
    loaded = load_folder(DataConfig(source="folder", folder=str(tmp_path), subject=r"(\w)-1", shares=(0.4, 0.3, 0.3)))
    sample = next(loaded.reader.samples(loaded.rows["test"]))
    sure = np.eye(4, dtype=np.float32)[sample.canvas.labels(sample.codes)].transpose(2, 0, 1)

    found = on_source(sample.canvas, np.ascontiguousarray(sure), (96, 96))

    assert (found == sample.codes).mean() > 0.98


def test_the_interval_is_over_subjects_and_not_told_for_two() -> None:
    rows = [{"subject": s, "class": "lumen", "dice": v} for s, v in (("a", 0.9), ("a", 0.7), ("b", 0.5), ("c", 0.6))]

    three, two = summarise(rows)["lumen"], summarise(rows[:3])["lumen"]

    assert three["dice"] == pytest.approx(0.675)
    assert three["by_subject"] == {"a": 0.8, "b": 0.5, "c": 0.6}
    assert three["interval"][0] == 0.5
    assert three["interval"][1] == 0.8
    assert two["interval"] is None


@pytest.mark.parametrize(
    "text, key",
    [
        ('[data]\nsource = "web"', "data.source"),
        ("[data]\nshares = [0.5, 0.5]", "data.shares"),
        ("[data]\nshares = [0.5, 0.4, 0.4]", "add up to 1"),
        ('[data]\nsource = "folder"\nfolds = 3\nfold = 3', "below data.folds"),
        ('[data]\nsource = "export"\n[data.labels]\n0 = "lumen"', "an export brings its own"),
        ('[data]\nsource = "folder"\n[data.labels]\n0 = "lumen"\n[data.masks]\nlumen = "m"', "binary masks"),
        ('[data]\nsource = "folder"\n[data.groups]\na = ["1"]\nb = ["1"]', "one group only"),
        ('precision = "fp16"', "precision"),
        ("[segmenter]\ninit = 3", "segmenter.init"),
        ('[segmenter]\nfreeze = "down-1"', "segmenter.freeze"),
        ('[reconstruction]\ninit = "a.safetensors"', "one network"),
    ],
)
def test_a_bad_setting_is_refused_by_the_name_of_its_key(text: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(HEAD + text)

    with pytest.raises(ConfigError, match=key):
        load_config(tmp_path / "bad.toml")


def test_paths_count_from_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(
        HEAD + '[data]\nsource = "folder"\nfolder = "d"\n[segmenter]\ninit = "w.safetensors"'
    )

    config = load_config(tmp_path / "x.toml")

    assert config.data.folder == str(tmp_path / "d")
    assert config.segmenter.init == str(tmp_path / "w.safetensors")


def test_the_processes_share_a_batch_without_gap_or_overlap() -> None:
    batch = torch.arange(9)

    parts = [Ranks(rank, 3).share(batch) for rank in range(3)]

    assert torch.cat(parts).tolist() == list(range(9))
    assert [len(Ranks(rank, 2).share(batch)) for rank in range(2)] == [4, 4]


def test_alone_a_process_needs_no_others() -> None:
    with ranks("cpu") as among:
        assert (among.rank, among.world, among.device.type, among.first) == (0, 1, "cpu", True)
        assert among.mean(3.0) == 3.0
        assert among.agreed([1.0, 2.0]) == [1.0, 2.0]


def test_bf16_computes_in_bf16_and_leaves_weights_as_they_are() -> None:
    net, device = torch.nn.Linear(4, 4), torch.device("cpu")

    with autocast("bf16", device):
        half = net(torch.ones(1, 4))
    with autocast("fp32", device):
        full = net(torch.ones(1, 4))

    assert (half.dtype, full.dtype, net.weight.dtype) == (torch.bfloat16, torch.float32, torch.float32)
    assert precision_of("fp32", device) == "fp32"
    assert precision_of("auto", device) in ("fp32", "bf16")


def test_ticks_are_round_and_lie_within() -> None:
    assert ticks(0.0, 1.0) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(1, 1) == [1]
    assert all(3.1 <= tick <= 47 for tick in ticks(3.1, 47))


def test_a_curve_is_drawn_from_its_table(tmp_path: Path) -> None:
    path = tmp_path / "segmenter.curve.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["epoch", "seconds", "loss", "dice"])
        writer.writerows([[1, 2.0, 0.9, 0.1], [2, 4.0, "nan", 0.5], [3, 6.0, 0.4, 0.7]])

    drawn = draw_curve(path)

    assert drawn == tmp_path / "segmenter.curve.png"
    pixels = np.asarray(Image.open(drawn).convert("RGB")).reshape(-1, 3)
    assert {(0, 114, 178)} <= set(map(tuple, np.unique(pixels, axis=0).tolist()))
