"""De-identification of the header: only what is named here passes, and identifiers become keyed pseudonyms.

Source: DICOM PS3.15 Annex E (Basic Profile with Clean Pixel Data, Retain Longitudinal Temporal Information with
Modified Dates, Retain Patient Characteristics and Device Identity in part). It is an allow-list: an element that is
not read below cannot leave, whether standard, private or unknown. The key comes with each request and is not stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pydicom.dataset import Dataset

from inference.dicom.errors import DicomError
from inference.dicom.read import read_text

MIN_KEY_BYTES = 16
PSEUDONYM_CHARS = 12
MAX_SHIFT_DAYS = 365
OLDEST_BAND = 90
MODALITIES = {"US", "IVUS", "ES", "OT", "XA", "CT", "MR", "SC"}
_DEVICE_TEXT = re.compile(r"[^A-Za-z0-9 .,&()/+_-]")
_LONG_NUMBER = re.compile(r"\d{6,}")
_NAME_PARTS = re.compile(r"[^\W_]{3,}")
_IDENTIFYING = ("PatientName", "PatientID", "OtherPatientIDs", "AccessionNumber", "ReferringPhysicianName")


@dataclass(frozen=True)
class SafeHeader:
    """Everything of a header that may leave the child."""

    subject_pseudonym: str
    study_uid: str
    sop_uid: str
    has_identity: bool
    sex: str
    age_band: str
    study_date: str
    manufacturer: str
    scanner_model: str
    modality: str


class Pseudonyms:
    """Keyed one-way names: HMAC-SHA256, so that equal input gives equal output under one key and tells nothing else."""

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise ValueError(f"The pseudonym key must have at least {MIN_KEY_BYTES} bytes.")
        self._key = key

    def _digest(self, purpose: str, value: str) -> bytes:
        return hmac.new(self._key, f"{purpose}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()

    def subject(self, patient_id: str, issuer: str = "") -> str:
        """A short name such as "P-7K3QX2MN4ABC": 60 bits in base32."""
        digest = self._digest("subject", f"{issuer.strip()}\0{patient_id.strip()}")
        return "P-" + base64.b32encode(digest).decode("ascii")[:PSEUDONYM_CHARS]

    def uid(self, uid: str) -> str:
        """A UID under the root 2.25 (PS3.5 B.2) made from 128 bits."""
        return f"2.25.{int.from_bytes(self._digest('uid', uid)[:16], 'big')}"

    def shift(self, person: str) -> timedelta:
        """How far all dates of one person move back: 1 to 365 days, so that intervals stay."""
        return timedelta(days=1 + int.from_bytes(self._digest("date", person)[:8], "big") % MAX_SHIFT_DAYS)


def _date(text: str) -> date | None:
    try:
        parsed = datetime.strptime(text[:8], "%Y%m%d").date() if len(text) >= 8 else None
    except ValueError:
        return None
    return parsed if parsed is not None and parsed.year >= 1900 else None


def age_band(age_text: str, birth: date | None, taken: date | None) -> str:
    """ "45-49" in steps of five years, "90+" from 90 on, empty where neither age nor both dates are given."""
    years: int | None = None
    match = re.fullmatch(r"(\d{1,3})([DWMY])", age_text.strip().upper())
    if match:
        years = int(match[1]) if match[2] == "Y" else int(match[1]) // {"D": 365, "W": 52, "M": 12}[match[2]]
    elif birth and taken and birth <= taken:
        years = taken.year - birth.year - ((taken.month, taken.day) < (birth.month, birth.day))
    if years is None or years > 130:
        return ""
    if years >= OLDEST_BAND:
        return f"{OLDEST_BAND}+"
    low = years // 5 * 5
    return f"{low}-{low + 4}"


def device_text(text: str, identifying: set[str]) -> str:
    """Maker or model of the scanner, or nothing where it holds a long number or a part of an identifier."""
    clean = _DEVICE_TEXT.sub("", text)[:64].strip()
    words = {word.casefold() for word in _NAME_PARTS.findall(clean)}
    return "" if _LONG_NUMBER.search(clean) or words & identifying else clean


def _study_date(ds: Dataset) -> date | None:
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        found = _date(read_text(ds, keyword))
        if found:
            return found
    return None


def _shifted(taken: date | None, shift: timedelta) -> str:
    return (taken - shift).isoformat() if taken else ""


def deidentify(ds: Dataset, sop_uid: str, study_uid: str, key: bytes) -> SafeHeader:
    """The allowed part of a header, remapped under ``key`` (at least 16 bytes).

    ``has_identity`` is False without PatientID or StudyInstanceUID: such files are grouped by whoever uploads them.
    """
    names = Pseudonyms(key)
    patient_id, issuer = read_text(ds, "PatientID"), read_text(ds, "IssuerOfPatientID")
    taken = _study_date(ds)
    identifying = {word.casefold() for keyword in _IDENTIFYING for word in _NAME_PARTS.findall(read_text(ds, keyword))}
    sex, modality = read_text(ds, "PatientSex").upper(), read_text(ds, "Modality").upper()
    person = f"{issuer}\0{patient_id}" if patient_id else study_uid or sop_uid
    return SafeHeader(
        subject_pseudonym=names.subject(patient_id, issuer) if patient_id else "",
        study_uid=names.uid(study_uid) if study_uid else "",
        sop_uid=names.uid(sop_uid),
        has_identity=bool(patient_id and study_uid),
        sex=sex if sex in ("M", "F", "O") else "",
        age_band=age_band(read_text(ds, "PatientAge"), _date(read_text(ds, "PatientBirthDate")), taken),
        study_date=_shifted(taken, names.shift(person)),
        manufacturer=device_text(read_text(ds, "Manufacturer"), identifying),
        scanner_model=device_text(read_text(ds, "ManufacturerModelName"), identifying),
        modality=modality if modality in MODALITIES else "other",
    )


def says_burned_in(ds: Dataset) -> bool:
    """True where Burned In Annotation (0028,0301) is YES. Its absence, or NO, proves nothing."""
    try:
        return read_text(ds, "BurnedInAnnotation").upper() == "YES"
    except DicomError:
        return False
