from __future__ import annotations

import json

import numpy as np
import pytest

from inference.dicom.read import read_clip
from inference.phantom import COMPLEX_KINDS
from inference.phantom.dicom import EXPLICIT_LITTLE_ENDIAN, demo_cohort


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    out = tmp_path_factory.mktemp("cohort")
    return out, list(demo_cohort(out, 5, 2, 2, kinds=["thick", "thin"], transfer_syntax=EXPLICIT_LITTLE_ENDIAN))


def test_a_subject_is_real_calibrated_multiframe_dicom_marked_synthetic(cohort) -> None:
    _, subjects = cohort

    clip = read_clip(subjects[0].files[0])

    assert clip.frame_count == 2
    assert clip.synthetic
    assert clip.regions[0].valid
    assert clip.regions[0].spacing is not None
    assert not clip.odd_modality
    assert clip.dataset.PatientID == "PHANTOM-001"


def test_truth_lies_apart_and_fits_the_files(cohort) -> None:
    out, subjects = cohort

    truth = json.loads(subjects[0].truth.read_text())

    assert subjects[0].truth.is_relative_to(out / "truth")
    assert all(file.is_relative_to(out / "dicom") for file in subjects[0].files)
    assert truth["class"] == subjects[0].study_class == 1
    for row, file in zip(truth["clips"], subjects[0].files, strict=True):
        clip = read_clip(file)
        labels = np.load(out / "truth" / row["masks"])["labels"]
        assert clip.sop_uid == row["sop_uid"]
        assert labels.shape == (clip.frame_count, clip.rows, clip.columns)
        assert clip.regions[0].spacing == pytest.approx(tuple(row["spacing_mm"]), rel=1e-5)


def test_the_clips_of_a_study_share_its_uid_and_subjects_do_not(cohort) -> None:
    _, subjects = cohort

    uids = [{read_clip(file).study_uid for file in subject.files} for subject in subjects]

    assert [len(found) for found in uids] == [1, 1]
    assert uids[0] != uids[1]


def test_the_same_seed_writes_the_same_subjects(cohort, tmp_path) -> None:
    _, subjects = cohort

    again = next(demo_cohort(tmp_path, 5, 2, 2, kinds=["thick", "thin"], transfer_syntax=EXPLICIT_LITTLE_ENDIAN))

    assert again.study_uid == subjects[0].study_uid
    assert [f.read_bytes() for f in again.files] == [f.read_bytes() for f in subjects[0].files]


def test_subjects_come_one_by_one_with_progress_and_half_are_complex(tmp_path) -> None:
    seen: list[tuple[int, int]] = []

    stream = demo_cohort(tmp_path, 1, 12, 1, progress=lambda done, total: seen.append((done, total)))
    first = next(stream)

    assert seen == [(1, 12)]
    assert first.files[0].is_file()
    from inference.phantom.dicom import _SPREAD

    assert sum(kind in COMPLEX_KINDS for kind in _SPREAD) == len(_SPREAD) // 2


def test_bad_counts_and_kinds_are_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="kind"):
        next(demo_cohort(tmp_path, 1, 1, 1, kinds=["huge"]))  # type: ignore[list-item]
    with pytest.raises(ValueError, match="at least one"):
        next(demo_cohort(tmp_path, 1, 0, 1))
