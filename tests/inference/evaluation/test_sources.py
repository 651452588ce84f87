from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from inference.evaluation.cases import Truth, look_at, make_case, mask_of, stream, truth_from
from inference.evaluation.folders import DicomSource, PictureSource, open_source
from inference.evaluation.sources import BEYOND, KINDS_IN_TURN, PhantomSource, beyond, trained_ranges
from inference.phantom import random_spec
from inference.phantom.cohort import render_subject
from inference.phantom.dicom import demo_cohort
from inference.phantom.families import HELD_OUT, TRAINED


def small_jobs(**options):
    return PhantomSource(subjects=2, frames=1, **options).jobs()


def test_a_subject_is_the_same_in_another_process() -> None:
    here, there = list(stream(small_jobs(), 1)), list(stream(small_jobs(), 2))

    assert [case.name for case in here] == [case.name for case in there]
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(here, there, strict=True))
    assert [a.truth for a in here] == [b.truth for b in there]


def test_no_test_subject_shares_its_seed_with_training() -> None:
    tested = {job.load().frames.tobytes() for job in small_jobs(seed=5)}

    trained = render_subject((5, "train", 0, 1, 1))

    assert trained["images"].tobytes() not in tested
    assert {case.subject for case in stream(small_jobs(seed=5), 1)}.isdisjoint(trained["subjects"].tolist())


@pytest.mark.parametrize("name, families", [("trained", TRAINED), ("held-out", HELD_OUT), ("flat", ("flat",))])
def test_a_family_or_set_of_families_is_what_is_rendered(name, families) -> None:
    jobs = PhantomSource(subjects=6 * len(families), frames=1, family=name).jobs()

    seen = {(job.family, job.kind) for job in jobs}
    assert seen == {(family, kind) for family in families for kind in KINDS_IN_TURN}
    assert jobs[0].load().truth.family == families[0]


def test_a_value_beyond_its_range_was_in_no_training_clip() -> None:
    rng = np.random.default_rng(3)
    ranges = trained_ranges()

    moved = [beyond(random_spec(rng), rng) for _ in range(60)]

    for spec, name in moved:
        low, high = ranges[name]
        assert not low < getattr(spec, name) < high
        assert BEYOND[name][0] <= getattr(spec, name) <= BEYOND[name][1]
    assert len({name for _, name in moved}) > 5


def test_a_folder_as_the_phantom_writes_it_is_read_with_its_truth(tmp_path) -> None:
    list(demo_cohort(tmp_path, 3, 1, 4, kinds=["ulcerated"]))

    cases = list(stream(open_source(tmp_path).jobs(), 1))

    truth = json.loads((tmp_path / "truth" / "PHANTOM-001.json").read_text())
    assert [case.name for case in cases] == [clip["file"] for clip in truth["clips"]]
    assert {case.subject for case in cases} == {"PHANTOM-001"}
    worst = max(cases, key=lambda case: case.truth.thickness_mm)
    assert worst.truth.reasons["ulceration"] is True
    assert worst.truth.quality is not None
    assert worst.frames.shape[:3] == worst.labels.shape
    assert worst.regions[0].spacing is not None


def test_fewer_frames_are_spread_over_the_clip_with_their_masks(tmp_path) -> None:
    list(demo_cohort(tmp_path, 3, 1, 5, kinds=["none"]))
    whole, part = (next(iter(stream(DicomSource(tmp_path, n).jobs(), 1))) for n in (None, 2))

    assert np.array_equal(part.labels, whole.labels[[0, 4]])
    assert np.array_equal(part.frames, whole.frames[[0, 4]])


def test_a_clip_that_cannot_be_read_says_why_and_the_others_come(tmp_path) -> None:
    list(demo_cohort(tmp_path, 3, 1, 1, kinds=["none"]))
    first = sorted((tmp_path / "dicom" / "PHANTOM-001").glob("*.dcm"))[0]
    first.write_bytes(b"\0" * 200)

    found = list(stream(DicomSource(tmp_path).jobs(), 1))

    assert isinstance(found[0], ValueError)
    assert all(not isinstance(case, ValueError) for case in found[1:])
    assert len(found) > 1


def picture_folder(folder, mask):
    for name in ("images", "masks"):
        (folder / name).mkdir()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, mask.shape, dtype=np.uint8)).save(folder / "images" / "one.png")
    Image.fromarray(mask).save(folder / "masks" / "one.png")
    return folder


def test_a_two_valued_mask_tells_of_its_structure_alone(tmp_path) -> None:
    mask = np.zeros((40, 50), dtype=np.uint8)
    mask[10:20, 10:30] = 255
    folder = picture_folder(tmp_path, mask)
    (folder / "subjects.csv").write_text("file,subject,row_mm,col_mm\nimages/one.png,anna,0.2,0.3\n")

    (case,) = stream(PictureSource(folder, "lumen").jobs(), 1)

    assert (case.subject, case.known, case.regions[0].spacing) == ("anna", ("lumen",), (0.2, 0.3))
    assert np.array_equal(mask_of(case.labels[0], "lumen"), mask > 0)
    assert case.truth.label is None


def test_a_two_valued_mask_without_a_meaning_is_refused(tmp_path) -> None:
    folder = picture_folder(tmp_path, np.full((20, 20), 255, dtype=np.uint8))

    (found,) = stream(open_source(folder).jobs(), 1)

    assert "two-valued" in str(found)


def test_of_a_table_with_splits_only_the_test_rows_are_taken(tmp_path) -> None:
    folder = picture_folder(tmp_path, np.zeros((20, 20), dtype=np.uint8))
    for name in ("images", "masks"):
        (folder / name / "two.png").write_bytes((folder / name / "one.png").read_bytes())
    (folder / "subjects.csv").write_text("file,subject,split\nimages/one.png,a,train\nimages/two.png,b,test\n")

    assert [case.subject for case in stream(open_source(folder).jobs(), 1)] == ["b"]


@pytest.mark.parametrize("name", ["../secret.dcm", "/etc/hosts"])
def test_a_truth_file_names_nothing_outside_its_folder(name, tmp_path) -> None:
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "a.json").write_text(json.dumps({"clips": [{"file": name}]}))

    with pytest.raises(ValueError, match="relative to the folder"):
        DicomSource(tmp_path).jobs()


def test_a_picture_without_a_mask_is_refused(tmp_path) -> None:
    folder = picture_folder(tmp_path, np.zeros((20, 20), dtype=np.uint8))
    (folder / "masks" / "one.png").unlink()

    with pytest.raises(ValueError, match=r"no masks/one\.png"):
        open_source(folder).jobs()


@pytest.mark.parametrize("text", ["[]", "{", '{"clips": [{}]}', '{"clips": []}'])
def test_a_truth_file_of_another_form_is_refused(text, tmp_path) -> None:
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "a.json").write_text(text)

    with pytest.raises(ValueError, match="truth"):
        DicomSource(tmp_path).jobs()


@pytest.mark.parametrize("values, rule", [({"class": 2}, "0 or 1"), ({"thickness_mm": "nan"}, "not below zero")])
def test_absurd_truth_is_refused(values, rule) -> None:
    with pytest.raises(ValueError, match=rule):
        truth_from(values)


def test_masks_that_do_not_fit_the_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        make_case("a", "a", np.zeros((1, 9, 9), np.uint8), (), np.zeros((1, 9, 8), np.uint8), (), Truth())


def test_echogenicity_is_one_as_bright_as_the_surroundings_and_zero_as_dark_as_blood() -> None:
    y, x = np.mgrid[:80, :80] - 40.0
    away = np.hypot(x, y)
    labels = np.where(away < 12, 1, np.where(away < 20, 2, 0)).astype(np.uint8)
    labels[(away >= 12) & (away < 20) & (x > 0)] = 3
    grey = np.where(labels == 1, 20, 120).astype(np.uint8)
    dark = np.where(labels == 3, 20, grey).astype(np.uint8)

    assert look_at(grey[None], labels[None])[0] == pytest.approx(1.0)
    assert look_at(dark[None], labels[None])[0] == pytest.approx(0.0)
    assert look_at(grey[None], labels[None])[1] > look_at(dark[None], labels[None])[1]
    assert look_at(grey[None], np.zeros_like(labels)[None]) == (None, None)
