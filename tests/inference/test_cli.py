from __future__ import annotations

import json

import numpy as np
import pydicom.examples
import pytest
from PIL import Image

from inference.cli import main
from inference.files import find_sources
from inference.phantom.dicom import demo_cohort

KEYS = {
    "file",
    "frames",
    "rows",
    "columns",
    "spacing_mm",
    "probability_complex",
    "predicted_class",
    "max_thickness_mm",
    "key_frame",
    "max_plaque_area_mm2",
    "per_frame",
    "models",
    "device",
    "seconds",
}
FRAME_KEYS = {"frame", "probability_complex", "plaque_area_px", "plaque_area_mm2", "max_thickness_mm"}


def lines_of(out):
    return [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]


def test_predict_reads_a_real_cine_a_phantom_clip_and_a_picture(tmp_path) -> None:
    subject = next(demo_cohort(tmp_path / "ph", 3, 1, 3, kinds=["thick"]))
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 160), dtype=np.uint8)).save(tmp_path / "still.png")
    cine = pydicom.examples.get_path("ybr_color")

    status = main(
        [
            "predict",
            str(tmp_path / "ph" / "dicom"),
            str(cine),
            str(tmp_path / "still.png"),
            "--out",
            str(tmp_path / "out"),
            "--device",
            "cpu",
        ]
    )

    assert status == 0
    lines = {line["file"]: line for line in lines_of(tmp_path / "out")}
    phantom, real = lines[f"{subject.name}/clip-1.dcm"], lines[cine.name]
    assert phantom.keys() >= KEYS
    assert phantom["per_frame"][0].keys() >= FRAME_KEYS
    assert phantom["synthetic"]
    assert phantom["max_thickness_mm"] is not None
    assert (real["frames"], real["spacing_mm"], real["max_thickness_mm"]) == (30, None, None)
    assert real["reason"]
    masks = np.load(tmp_path / "out" / f"{subject.name}/clip-1.dcm.masks.npz")
    assert masks["plaque"].shape == masks["lumen"].shape == (3, phantom["rows"], phantom["columns"])
    assert masks["plaque"].dtype == np.uint8
    assert [int(m.sum()) for m in masks["plaque"]] == [f["plaque_area_px"] for f in phantom["per_frame"]]
    assert len(phantom["models"]["classifier"]["sha256"]) == 64


def test_a_file_that_cannot_be_read_is_named_and_the_others_still_run(tmp_path, raw_pipeline, capsys) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "broken.dcm").write_bytes(b"\0" * 300)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    (folder / "notes.txt").write_text("not a picture")
    Image.fromarray(np.zeros((64, 64, 3), dtype=np.uint8)).save(folder / "good.jpg")

    status = main(["predict", str(folder), "--out", str(tmp_path / "out"), "--pipeline", str(raw_pipeline)])

    lines = {line["file"]: line for line in lines_of(tmp_path / "out")}
    assert status == 1
    assert lines.keys() == {"broken.dcm", "broken.png", "good.jpg"}
    assert "not a DICOM file" in lines["broken.dcm"]["error"]
    assert "decoded" in lines["broken.png"]["error"]
    assert lines["good.jpg"]["frames"] == 1


def test_equal_names_in_different_folders_do_not_collide(tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.dcm").write_bytes(b"x")

    one = [source.name for source in find_sources([tmp_path])]
    two = [source.name for source in find_sources([tmp_path / "a", tmp_path / "b"])]
    same = [source.name for source in find_sources([tmp_path / "a" / "x.dcm", tmp_path / "a" / "x.dcm"])]

    assert one == ["a/x.dcm", "b/x.dcm"]
    assert two == ["a/x.dcm", "b/x.dcm"]
    assert len(set(same)) == 2


def test_phantom_writes_dicom_and_truth_apart(tmp_path) -> None:
    status = main(["phantom", "--out", str(tmp_path), "--subjects", "1", "--frames", "1", "--kinds", "none"])

    assert status == 0
    assert list((tmp_path / "dicom" / "PHANTOM-001").glob("*.dcm"))
    assert (tmp_path / "truth" / "PHANTOM-001.json").is_file()


def test_evaluate_prints_figures_and_writes_a_report(tmp_path, capsys) -> None:
    status = main(["evaluate", "--subjects", "4", "--frames", "1", "--out", str(tmp_path)])

    report = json.loads((tmp_path / "report.json").read_text())
    assert status == 0
    assert "specificity, all" in capsys.readouterr().out
    assert report["figures"]["accuracy_all"]["subjects"] == 4
    assert 0 <= report["figures"]["accuracy_all"]["value"] <= 1
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_bench_gives_a_ratio(raw_pipeline, capsys) -> None:
    status = main(["bench", "--frames", "8", "--rounds", "1", "--json", "--pipeline", str(raw_pipeline)])

    assert status == 0
    assert json.loads(capsys.readouterr().out)["ratio"] > 0


@pytest.mark.parametrize(
    "arguments, rule",
    [
        (["predict", "nowhere.dcm", "--out", "out"], "nothing at"),
        (["phantom", "--out", "out", "--kinds", "huge"], "phantom kind"),
        (["train", "nowhere.toml"], "no such configuration"),
        (["evaluate", "--family", "unheard-of"], "family of appearance"),
        (["evaluate", "--subjects", "1"], "at least two subjects"),
        (["evaluate", "--source", "."], "folder of cases"),
    ],
)
def test_bad_arguments_end_with_status_two_and_a_clear_line(arguments, rule, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 2
    assert rule in capsys.readouterr().err
