"""One exception for everything that makes a file unfit: it names the rule and, where there is one, the tag."""

from __future__ import annotations

RULES: dict[str, str] = {
    "not-dicom": "The file is not a DICOM file.",
    "header": "The DICOM header cannot be read.",
    "sop-class": "The file does not hold an ultrasound image.",
    "transfer-syntax": "The transfer syntax is not supported.",
    "rows-columns": "Rows and Columns are missing or out of range.",
    "frames": "Number of Frames is out of range.",
    "budget": "The picture is larger than the limit for one file.",
    "pixel-format": "The pixel format is not supported or contradicts itself.",
    "pixel-data": "Pixel Data is missing, cut off or does not fit the header.",
    "codestream": "The compressed picture contradicts the DICOM header.",
    "decode": "A frame cannot be decoded.",
    "uid": "A UID is missing or malformed.",
    "nesting": "The file nests sequences too deeply.",
    "write": "The picture cannot be written as ultrasound DICOM.",
}


class DicomError(ValueError):
    """A file that breaks a rule.

    ``rule`` is a key of ``RULES``; ``tag`` reads like "(0028,0010) Rows" or is empty; ``detail`` says what was found,
    built from numbers and registered UIDs only, never from text of the file, which may name a patient.
    """

    def __init__(self, rule: str, detail: str = "", tag: str = "") -> None:
        self.rule = rule
        self.tag = tag
        self.detail = detail
        super().__init__(" ".join(part for part in (RULES[rule], detail, f"[{tag}]" if tag else "") if part))
