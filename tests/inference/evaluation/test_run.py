from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from inference.checkpoints import WEIGHTS_DIR, read_card, read_pipeline
from inference.evaluation.cards import section_name, write_into_cards
from inference.evaluation.folders import PictureSource
from inference.evaluation.gallery import Gallery, panel
from inference.evaluation.report import write_report
from inference.evaluation.run import Outcome, evaluate
from inference.evaluation.sources import PhantomSource
from inference.predictor import Predictor
from inference.types import LUMEN, PLAQUE, WALL, rle_encode
from tests.inference.evaluation.rows import row

SOURCE = PhantomSource(subjects=6, frames=2, seed=4)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.from_pipeline(device="cpu", threads=1)[0]


@pytest.fixture(scope="module")
def outcome(predictor) -> Outcome:
    return evaluate(predictor, SOURCE)


def test_the_same_seed_gives_the_same_figures_whatever_the_number_of_processes(predictor, outcome) -> None:
    again = evaluate(predictor, SOURCE, processes=2)

    assert again.evaluation == outcome.evaluation
    assert again.rows == outcome.rows


def test_another_seed_gives_other_cases(predictor, outcome) -> None:
    other = evaluate(predictor, PhantomSource(subjects=2, frames=1, seed=5))

    assert [r["true_mm"] for r in other.rows] != [r["true_mm"] for r in outcome.rows[:2]]


def test_every_case_has_a_row_and_every_frame_with_plaque_an_overlap(outcome) -> None:
    assert len(outcome.rows) == 6
    for one in outcome.rows:
        part = one["structures"]["plaque"]
        assert len(part["dice"]) + part["absent"] == 2
        assert len(one["structures"]["lumen"]["dice"]) == 2
        assert all(value is None or 0 <= value <= 1 for value in part["dice"])


class Fixed:
    """Cases that are there already."""

    def __init__(self, cases):
        self.cases = cases

    def jobs(self):
        return [SimpleNamespace(load=lambda case=case: case) for case in self.cases]

    def describe(self):
        return {}


class TruthTeller:
    """Answers with the truth: what is left is the error of the way from masks to figures."""

    threshold = 0.5

    def __init__(self, predictor, cases):
        self.predictor, self.cases = predictor, iter(cases)

    def predict_clip(self, frames, regions):
        case = next(self.cases)
        result = self.predictor.predict_clip(frames, regions)
        names = {"plaque_rle": PLAQUE, "lumen_rle": LUMEN, "wall_rle": WALL}
        return replace(
            result,
            per_frame=[
                replace(frame, **{name: rle_encode(labels == value) for name, value in names.items()})
                for frame, labels in zip(result.per_frame, case.labels, strict=True)
            ],
            no_result=None,
            probability_complex=float(case.truth.label),
            predicted_class=case.truth.label,
            max_thickness_mm=case.truth.thickness_mm,
        )


def test_drawing_the_truth_itself_gives_perfect_figures(predictor) -> None:
    cases = [job.load() for job in PhantomSource(subjects=2, frames=1, seed=9).jobs()]

    figures = evaluate(TruthTeller(predictor, cases), Fixed(cases)).evaluation.figures

    assert figures["plaque_dice"].value == figures["plaque_iou"].value == figures["aorta_nsd_1mm"].value == 1.0
    assert figures["plaque_hd95_mm"].value == figures["thickness_mae_mm"].value == 0.0
    assert figures["accuracy_all"].value == 1.0


def test_the_report_holds_every_figure_with_its_n_and_needs_no_other_file(outcome, tmp_path) -> None:
    write_report(outcome, tmp_path, {"pipeline": "p", "hash": "h"})

    data = json.loads((tmp_path / "report.json").read_text())
    page = (tmp_path / "report.html").read_text()
    assert data["figures"].keys() == outcome.evaluation.figures.keys()
    assert all({"subjects", "units", "low", "high"} <= figure.keys() for figure in data["figures"].values())
    assert data["data"]["seed"] == 4
    assert len(data["rows"]) == 6
    assert page.count("<svg") >= 4
    assert not re.search(r"(?:src|href)=[\"'](?!data:)", page)
    assert "http" not in re.sub(r"data:[^\"]*", "", page)
    assert len(list((tmp_path / "gallery").glob("*.png"))) == len(outcome.pictures)


def test_the_worst_of_each_fault_are_kept_the_worst_first(predictor) -> None:
    case = SOURCE.jobs()[0].load()
    gallery = Gallery(0.5, each=2)
    for error in (0.6, 2.0, 0.2, 1.0):
        gallery.look(case, None, row("a", 1, 0.9, true_mm=5.0, predicted_mm=5.0 + error))

    assert [picture.badness for picture in gallery.pictures()] == pytest.approx([2.0, 1.0])
    assert {picture.fault for picture in gallery.pictures()} == {"thickness"}


def test_a_panel_shows_input_truth_and_prediction_side_by_side(predictor) -> None:
    case = PhantomSource(subjects=2, frames=1).jobs()[1].load()
    result = predictor.predict_clip(case.frames, case.regions)

    picture = panel(case, result, 0)

    third = picture.shape[1] // 3
    coloured = [
        (np.ptp(part.astype(int), axis=2) > 60).sum() for part in (picture[:, :290], picture[:, third : 2 * third])
    ]
    assert coloured[0] == 0
    assert coloured[1] > 100


def test_a_clip_that_the_predictor_refuses_counts_as_failed(predictor, tmp_path) -> None:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    Image.fromarray(np.zeros((64, 64), dtype=np.uint8)).save(tmp_path / "images" / "a.png")
    Image.fromarray(np.full((64, 64), 1, dtype=np.uint8)).save(tmp_path / "masks" / "a.png")

    class Refusing:
        threshold = 0.5

        def predict_clip(self, frames, regions):
            raise ValueError("too dark")

    found = evaluate(Refusing(), PictureSource(tmp_path))

    assert found.rows[0]["no_result"] == "failed"
    assert found.evaluation.figures["lumen_dice_all"].value == 0.0
    assert found.evaluation.figures["lumen_dice"].value is None
    assert [picture.fault for picture in found.pictures] == ["no result"]


def test_cards_get_figures_intervals_and_the_data_they_come_from(outcome, tmp_path) -> None:
    for path in WEIGHTS_DIR.iterdir():
        shutil.copy(path, tmp_path)
    spec = read_pipeline(tmp_path / "pipeline.json")

    write_into_cards(outcome, tmp_path, spec)

    for weights in (spec.classifier, spec.segmenter):
        figures = read_card(tmp_path / weights).metrics["unseen_phantom"]
        assert figures["accuracy_all"] == outcome.evaluation.figures["accuracy_all"].value
        assert figures["n"]["accuracy_all"] == [6, 6, "studies"]
        low, high = figures["intervals"]["accuracy_all"]
        assert 0 <= low <= figures["accuracy_all"] <= high <= 1
        assert figures["data"] == SOURCE.describe()
    text = (tmp_path / "plaque.card.md").read_text()
    assert "95 % interval" in text
    assert "Synthetic data only" in text


def test_every_kind_of_data_has_its_own_place_in_a_card() -> None:
    sources = [
        PhantomSource(family=family, out_of_range=out) for family in ("trained", "held-out", "rim") for out in (0, 1)
    ]

    assert len({section_name(source.describe()) for source in sources}) == 6
    assert section_name({"source": "folder of DICOM with truth", "name": "Their Set"}) == "folder_their_set"
