"""What the intake child is allowed to use, and what it answers: plain data that travels as JSON.

Nothing here imports Django: the child process loads this module. Rule ids are stable; the words are translated where
they are shown.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

RULES: dict[str, str] = {
    "intake-01": "This is not a DICOM, PNG or JPEG file.",
    "intake-02": "The file is empty.",
    "intake-03": "The DICOM header cannot be read.",
    "intake-04": "The file does not hold an ultrasound image.",
    "intake-05": "The transfer syntax is not supported.",
    "intake-06": "Rows and Columns are missing or out of range.",
    "intake-07": "The number of frames is missing or out of range.",
    "intake-08": "The picture is larger than the limit for one file.",
    "intake-09": "The pixel format is not supported or contradicts itself.",
    "intake-10": "The pixel data are missing, cut off or do not fit the header.",
    "intake-11": "The compressed picture contradicts the DICOM header.",
    "intake-12": "A frame cannot be decoded.",
    "intake-13": "A UID is missing or malformed.",
    "intake-14": "The file nests sequences too deeply.",
    "intake-15": "The picture is animated, holds several pictures, or has colours that are not read (CMYK).",
    "intake-16": "The content is not what the file says it is.",
    "intake-17": "Reading the file took longer than the time limit.",
    "intake-18": "Reading the file needed more memory than the limit.",
    "intake-19": "The file, or what it unpacks to, has more bytes than the limit.",
    "intake-20": "The reading process ended unexpectedly.",
    "intake-21": "The zip archive cannot be read.",
    "intake-22": "The zip archive holds an unsafe path or a link.",
    "intake-23": "The zip archive is encrypted.",
    "intake-24": "The zip archive holds too many files.",
    "intake-25": "An archive inside an archive is not unpacked.",
    "intake-26": "The zip archive lies about the size of a file.",
    "intake-27": "The file cannot be opened.",
    "intake-28": "There is no room left to store the picture.",
    "intake-99": "The file could not be read for a reason that is not known.",
}

FINDINGS: dict[str, str] = {
    "no-valid-region": "No calibrated region: the whole picture was kept for a person to look at.",
    "burned-in-text": "There may be text in the picture that names a patient.",
    "odd-modality": "The file does not come straight from an ultrasound scanner.",
}

STORED_AS: dict[str, str] = {
    "as_in_file_jpeg": "The JPEG of the file, bytes of the picture untouched.",
    "jpeg_blanked": "Re-encoded with the file's own quantisation after pixels were blanked.",
    "png_lossless": "Stored without loss.",
}

_BY_READER_RULE: dict[str, str] = {
    "not-dicom": "intake-01",
    "header": "intake-03",
    "sop-class": "intake-04",
    "transfer-syntax": "intake-05",
    "rows-columns": "intake-06",
    "frames": "intake-07",
    "budget": "intake-08",
    "pixel-format": "intake-09",
    "pixel-data": "intake-10",
    "codestream": "intake-11",
    "decode": "intake-12",
    "uid": "intake-13",
    "nesting": "intake-14",
}


class Refusal(Exception):
    """A file that is refused: ``rule`` is a key of ``RULES``; ``detail`` holds numbers and registered names only."""

    def __init__(self, rule: str, detail: str = "", tag: str = "") -> None:
        self.rule = rule
        self.detail = detail
        self.tag = tag
        super().__init__(" ".join(part for part in (RULES[rule], detail, f"[{tag}]" if tag else "") if part))


def rule_of_reader(rule: str) -> str:
    """The intake rule for a rule of ``inference.dicom.errors``."""
    return _BY_READER_RULE.get(rule, "intake-99")


@dataclass(frozen=True)
class ChildLimits:
    """Limits of one file. Memory is counted on top of what the idle process holds; times in seconds."""

    memory_mb: int = 1024
    cpu_s: int = 60
    wall_s: float = 120.0
    file_mb: int = 2048
    out_mb: int = 2048
    max_side: int = 8192
    max_frame_pixels: int = 64_000_000
    max_frames: int = 3000
    max_samples: int = 2_000_000_000

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ChildLimits:
        return cls(**{key: values[key] for key in (f.name for f in fields(cls)) if key in values})


@dataclass
class IntakeReport:
    """What came of one file. Identifiers in it are remapped; the real ones never left the child.

    ``ok`` False: refused, with ``rule``, ``tag`` and ``detail``, and nothing was stored. ``ok`` True with ``findings``:
    a person must look (quarantine). ``bundle`` is the path of the stored frames (see ``plaqueweb.ingest.bundle``).
    ``colour_share`` is the share of coloured pixels in what was kept, 0 to 1. ``kept`` lists the boxes of pixels that
    were kept as [x0, y0, x1, y1]; empty means the whole picture. ``study_date`` is shifted, ISO 8601 or empty.
    ``heart`` is ``inference.dicom.heart.Heart`` as plain data, None where the file tells nothing of the beat.
    """

    ok: bool
    rule: str = ""
    tag: str = ""
    detail: str = ""
    kind: str = ""
    findings: list[str] = field(default_factory=list)
    sop_uid: str = ""
    study_uid: str = ""
    subject_pseudonym: str = ""
    has_identity: bool = False
    sex: str = ""
    age_band: str = ""
    study_date: str = ""
    manufacturer: str = ""
    scanner_model: str = ""
    modality: str = ""
    transfer_syntax: str = ""
    frames: int = 0
    rows: int = 0
    columns: int = 0
    frame_times_ms: list[float] = field(default_factory=list)
    frame_times_source: str = ""
    heart: dict[str, Any] | None = None
    regions: list[dict[str, Any]] = field(default_factory=list)
    kept: list[list[int]] = field(default_factory=list)
    stored_as: str = ""
    synthetic: bool = False
    colour_share: float = 0.0
    calipers: bool = False
    source_sha256: str = ""
    source_bytes: int = 0
    bundle: str = ""
    bundle_sha256: str = ""
    bundle_bytes: int = 0
    limits_active: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def quarantined(self) -> bool:
        """True where the clip was stored but a person must look before anyone else may see it."""
        return self.ok and bool(self.findings)

    @property
    def message(self) -> str:
        """The broken rule in words, with detail and tag; empty where nothing was refused."""
        if self.ok:
            return ""
        words = (RULES.get(self.rule, RULES["intake-99"]), self.detail, f"[{self.tag}]" if self.tag else "")
        return " ".join(part for part in words if part)

    @classmethod
    def refused(cls, rule: str, detail: str = "", tag: str = "", **known: Any) -> IntakeReport:
        return cls(ok=False, rule=rule, detail=detail, tag=tag, **known)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> IntakeReport:
        return cls(**{key: values[key] for key in (f.name for f in fields(cls)) if key in values})
