"""Nothing that names a patient leaves the child: not in the report, not in the stored frames."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, keyword_dict
from pydicom.dataset import Dataset

from inference.dicom import syntax
from plaqueweb.ingest.deidentify import Pseudonyms, age_band, deidentify, device_text
from tests.inference.dicom.makers import moving_frames, with_elements, write_clip
from tests.plaqueweb.ingest.child_tools import KEY, take

MARK = "ZQXJ"
TEXT_VRS = ("LO", "SH", "PN", "ST", "LT", "UT", "UC", "AE")
READ_ON_PURPOSE = {"Manufacturer", "ManufacturerModelName"}
MARKED = sorted(
    keyword
    for keyword, tag in keyword_dict.items()
    if dictionary_VR(tag) in TEXT_VRS and tag >> 16 in (0x0008, 0x0010, 0x0012, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040)
)


def marked_file(path: Path) -> Path:
    """Every text element of the patient, study, visit and equipment modules carries the mark, and more besides."""
    ds = pydicom.dcmread(write_clip(path, transfer_syntax=syntax.JPEG_BASELINE))
    for keyword in MARKED:
        if keyword not in READ_ON_PURPOSE:
            setattr(ds, keyword, f"{MARK}{keyword[:8]}")
    ds.PatientBirthDate, ds.StudyDate, ds.PatientSex, ds.PatientAge = "19511224", "20240315", "F", "072Y"
    ds.ImageType = ["ORIGINAL", "PRIMARY", MARK]
    ds.add_new((0x0029, 0x0010), "LO", f"{MARK} PRIVATE")
    ds.add_new((0x0029, 0x1001), "OB", MARK.encode() * 10)
    ds.add_new((0x6000, 0x0022), "LO", f"{MARK} OVERLAY")
    icon = Dataset()
    icon.PatientName = f"{MARK}^ICON"
    ds.IconImageSequence = [icon]
    ds.save_as(path)
    return path


def test_no_marked_element_leaves_the_child(tmp_path: Path) -> None:
    assert len(MARKED) > 150
    path = marked_file(tmp_path / "clip.dcm")

    report = take(path)
    bundle = Path(report.bundle).read_bytes()

    assert report.ok
    text = json.dumps(report.to_dict() | {"bundle": ""})
    assert MARK not in text
    assert MARK.encode() not in bundle
    for secret in ("19511224", "20240315", "1951", "1.2.826.0.1.3680043.10"):
        assert secret not in text


@pytest.mark.parametrize("keyword", ["PhotometricInterpretation", "Modality", "SOPClassUID", "NumberOfFrames"])
def test_a_refusal_does_not_quote_the_element_it_complains_about(tmp_path: Path, keyword: str) -> None:
    path = write_clip(tmp_path / "clip.dcm")
    ds = pydicom.dcmread(path)
    ds[keyword].VR = "LO"
    ds[keyword].value = MARK
    ds.save_as(path)

    assert MARK not in take(path).to_json()


def test_uids_are_remapped_under_the_key(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm")
    first, again, other = take(path), take(path), take(path, key=b"another key, also 32 bytes long.")

    assert first.sop_uid == again.sop_uid
    assert first.sop_uid != other.sop_uid
    assert first.subject_pseudonym != other.subject_pseudonym
    assert first.sop_uid.startswith("2.25.")
    assert len(first.sop_uid) <= 64
    assert first.study_uid != first.sop_uid


def test_one_patient_has_one_pseudonym_and_one_shift(tmp_path: Path) -> None:
    early = take(write_clip(tmp_path / "a.dcm", study_date="20240101", sop_uid="1.2.3.1"))
    late = take(write_clip(tmp_path / "b.dcm", study_date="20240131", sop_uid="1.2.3.2", study_uid="1.2.4"))
    stranger = take(write_clip(tmp_path / "c.dcm", patient_id="HOSPITAL-4712", study_date="20240101"))

    assert early.subject_pseudonym == late.subject_pseudonym != stranger.subject_pseudonym
    assert early.subject_pseudonym.startswith("P-")
    assert (date.fromisoformat(late.study_date) - date.fromisoformat(early.study_date)).days == 30
    assert date.fromisoformat(early.study_date) < date(2024, 1, 1)


@given(st.text(min_size=1, max_size=64))
def test_the_pseudonym_never_contains_the_identifier(patient_id: str) -> None:
    names = Pseudonyms(KEY)

    assert len(names.subject(patient_id)) == 14
    assert 1 <= names.shift(patient_id).days <= 365
    if len(patient_id.strip()) > 4:
        assert patient_id.strip() not in names.subject(patient_id)


@pytest.mark.parametrize("missing", ["PatientID", "StudyInstanceUID"])
def test_a_file_without_patient_or_study_has_no_identity(tmp_path: Path, missing: str) -> None:
    path = with_elements(write_clip(tmp_path / "clip.dcm"), **{missing: ""})

    report = take(path)

    assert report.ok
    assert not report.has_identity
    assert take(write_clip(tmp_path / "whole.dcm")).has_identity


@pytest.mark.parametrize(
    ("age", "birth", "taken", "band"),
    [
        ("072Y", None, None, "70-74"),
        ("089Y", None, None, "85-89"),
        ("090Y", None, None, "90+"),
        ("101Y", None, None, "90+"),
        ("006M", None, None, "0-4"),
        ("", date(1950, 6, 1), date(2024, 5, 31), "70-74"),
        ("", date(1949, 6, 1), date(2024, 6, 1), "75-79"),
        ("", date(2030, 1, 1), date(2024, 1, 1), ""),
        ("abc", None, None, ""),
        ("999Y", None, None, ""),
    ],
)
def test_ages_are_bands_and_the_oldest_are_one(age: str, birth: date | None, taken: date | None, band: str) -> None:
    assert age_band(age, birth, taken) == band


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Philips Medical Systems", "Philips Medical Systems"),
        ("EPIQ 7C", "EPIQ 7C"),
        ("Vivid E95 <b>", "Vivid E95 b"),
        ("of Mustermann", ""),
        ("SN 20240315", ""),
    ],
)
def test_maker_and_model_pass_unless_they_hold_a_number_or_a_name(text: str, kept: str) -> None:
    assert device_text(text, {"mustermann"}) == kept


def test_sex_and_modality_pass_only_as_known_codes() -> None:
    ds = Dataset()
    ds.PatientSex, ds.Modality, ds.PatientID = "X", "QQ", "1"

    header = deidentify(ds, "1.2", "1.3", KEY)

    assert (header.sex, header.modality) == ("", "other")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Pseudonyms(b"short")


def test_the_picture_data_hold_no_header(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1), transfer_syntax=syntax.EXPLICIT_LE)

    assert b"Mustermann" not in Path(take(path).bundle).read_bytes()
