"""What the child does with one file: sniff, check, de-identify, decode every frame once, store canonical frames.

Runs inside a process with limits (see ``zygote``). Whatever goes wrong becomes a refusal with a rule; text from the
file never enters a message, because it may name a patient.
"""

from __future__ import annotations

import errno
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.dicom import syntax
from inference.dicom.errors import DicomError
from inference.dicom.pixels import decode_frame, frame_header, stored_as_ycbcr
from inference.dicom.read import Budget, DicomClip, read_clip
from inference.dicom.regions import UsRegion
from inference.types import RegionBox
from plaqueweb.ingest.bundle import BundleWriter, blanked_jpeg, is_plain_jpeg, png, untouched_jpeg
from plaqueweb.ingest.burnin import ClipStatistics, boxes_mask
from plaqueweb.ingest.calipers import shows_calipers
from plaqueweb.ingest.deidentify import Pseudonyms, deidentify, says_burned_in
from plaqueweb.ingest.images import read_picture
from plaqueweb.ingest.report import ChildLimits, IntakeReport, Refusal, rule_of_reader

BUNDLE_NAME = "cine"
_STORED_RANK = ("as_in_file_jpeg", "jpeg_blanked", "png_lossless")
Frame = NDArray[np.uint8]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Request:
    """One file to read: where it lies, where its bundle goes, the pseudonym key and the limits."""

    path: Path
    out_dir: Path
    key: bytes
    limits: ChildLimits


def sniff(head: bytes) -> str:
    """ "dicom", "png" or "jpeg" by the first bytes; Refusal for anything else. File names are not looked at."""
    if not head:
        raise Refusal("intake-02")
    if head[128:132] == b"DICM":
        return "dicom"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    raise Refusal("intake-01", "A zip archive must be unpacked first." if head.startswith(b"PK") else "")


def _hash_source(path: Path, limits: ChildLimits) -> tuple[str, int, bytes]:
    size = path.stat().st_size
    if size > limits.file_mb * 1_000_000:
        raise Refusal("intake-19", f"It has {size} bytes; {limits.file_mb} MB are read.")
    with path.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
        source.seek(0)
        return digest, size, source.read(132)


def kept_boxes(regions: list[UsRegion]) -> list[Box]:
    """What stays of the picture: valid two-dimensional regions, ECG strips and depth rulers.

    Empty where there is no valid region: then the whole picture is kept, for a person to look at.
    """
    if not any(region.valid for region in regions):
        return []
    return [(r.x0, r.y0, r.x1, r.y1) for r in regions if r.valid or r.is_strip]


class _FrameStore:
    """Turns one decoded frame into its stored form, and remembers the least faithful form that was needed."""

    def __init__(self, clip: DicomClip, kept: NDArray[np.bool_] | None) -> None:
        self._layout = clip.frames.layout
        self._kept = None if kept is None or bool(kept.all()) else kept
        self._rank = 0

    @property
    def stored_as(self) -> str:
        return _STORED_RANK[self._rank]

    def _is_plain(self, raw: bytes) -> bool:
        layout = self._layout
        if layout.transfer_syntax != syntax.JPEG_BASELINE or layout.photometric == "MONOCHROME1":
            return False
        if layout.photometric == "PALETTE COLOR" or layout.bits_stored != 8 or layout.signed:
            return False
        header = frame_header(raw, layout)
        familiar = header.components == 1 or (header.is_ycbcr and stored_as_ycbcr(header, layout.photometric))
        return familiar and is_plain_jpeg(header.marker, header.bits)

    def blank(self, frame: Frame) -> tuple[Frame, bool]:
        """The frame with everything outside the kept boxes black, and whether any pixel had to change."""
        if self._kept is None:
            return frame, False
        blanked = frame * (self._kept[..., None] if frame.ndim == 3 else self._kept)
        changed = not np.array_equal(blanked, frame)
        return (blanked, True) if changed else (frame, False)

    def store(self, raw: bytes, frame: Frame, changed: bool) -> bytes:
        if self._is_plain(raw):
            if not changed:
                return untouched_jpeg(raw)
            data = None if self._kept is None else blanked_jpeg(raw, frame, self._kept)
            if data is not None:
                self._rank = max(self._rank, 1)
                return data
        self._rank = 2
        return png(frame)


def _store_clip(clip: DicomClip, boxes: list[Box], out_dir: Path) -> tuple[BundleWriter, ClipStatistics, str]:
    kept = boxes_mask(boxes, clip.rows, clip.columns) if boxes else None
    statistics = ClipStatistics(clip.rows, clip.columns, kept)
    store = _FrameStore(clip, kept)
    with BundleWriter(out_dir / BUNDLE_NAME, clip.frame_count) as bundle:
        for index in range(clip.frame_count):
            raw = clip.frames.raw(index)
            try:
                frame, changed = store.blank(decode_frame(raw, clip.frames.layout))
            except DicomError as error:
                detail = f"Frame {index + 1}: {error.detail}"
                raise Refusal(rule_of_reader(error.rule), detail, error.tag) from error
            statistics.add(frame)
            bundle.add(store.store(raw, frame, changed))
    return bundle, statistics, store.stored_as


def _findings(clip: DicomClip, boxes: list[Box], statistics: ClipStatistics) -> list[str]:
    found = []
    if not boxes:
        found.append("no-valid-region")
    if says_burned_in(clip.dataset) or statistics.looks_like_text:
        found.append("burned-in-text")
    if clip.odd_modality:
        found.append("odd-modality")
    return found


def _budget(limits: ChildLimits) -> Budget:
    return Budget(
        max_side=limits.max_side,
        max_frame_pixels=limits.max_frame_pixels,
        max_frames=limits.max_frames,
        max_samples=limits.max_samples,
        max_file_bytes=limits.file_mb * 1_000_000,
    )


def _take_dicom(request: Request) -> dict[str, Any]:
    try:
        clip = read_clip(request.path, _budget(request.limits))
    except DicomError as error:
        raise Refusal(rule_of_reader(error.rule), error.detail, error.tag) from error
    header = deidentify(clip.dataset, clip.sop_uid, clip.study_uid, request.key)
    boxes = kept_boxes(clip.regions)
    bundle, statistics, stored_as = _store_clip(clip, boxes, request.out_dir)
    return {
        "kind": "dicom",
        "findings": _findings(clip, boxes, statistics),
        **header.__dict__,
        "transfer_syntax": clip.transfer_syntax,
        "frames": clip.frame_count,
        "rows": clip.rows,
        "columns": clip.columns,
        "frame_times_ms": clip.frame_times_ms,
        "frame_times_source": clip.frame_times_source,
        "heart": clip.heart and clip.heart.as_dict(),
        "regions": [region.as_dict() for region in clip.regions],
        "kept": [list(box) for box in boxes],
        "stored_as": stored_as,
        "synthetic": clip.synthetic,
        "colour_share": statistics.colour_share,
        "calipers": shows_calipers(*statistics.extremes),
        **_bundle_facts(bundle),
    }


def _bundle_facts(bundle: BundleWriter) -> dict[str, Any]:
    return {"bundle": str(bundle.path), "bundle_sha256": bundle.sha256, "bundle_bytes": bundle.bytes}


def _take_picture(request: Request, kind: str, source_sha256: str) -> dict[str, Any]:
    """A plain picture has no header to trust: no identity, no scale, and always the release queue."""
    picture = read_picture(request.path, request.limits)
    rows, columns = picture.frame.shape[:2]
    statistics = ClipStatistics(rows, columns, None)
    statistics.add(picture.frame)
    with BundleWriter(request.out_dir / BUNDLE_NAME, 1) as bundle:
        bundle.add(picture.stored)
    whole = RegionBox(1, 0, 0, columns - 1, rows - 1, valid=False, reason="A plain picture carries no calibration.")
    return {
        "kind": kind,
        "findings": ["no-valid-region"],
        "sop_uid": Pseudonyms(request.key).uid(f"file:{source_sha256}"),
        "frames": 1,
        "rows": rows,
        "columns": columns,
        "frame_times_ms": [0.0],
        "frame_times_source": "still",
        "regions": [UsRegion(**whole.__dict__).as_dict()],
        "stored_as": picture.stored_as,
        "colour_share": statistics.colour_share,
        "calipers": shows_calipers(*statistics.extremes),
        **_bundle_facts(bundle),
    }


def _take(request: Request, known: dict[str, Any]) -> IntakeReport:
    digest, size, head = _hash_source(request.path, request.limits)
    known.update(source_sha256=digest, source_bytes=size)
    kind = sniff(head)
    known["kind"] = kind
    facts = _take_dicom(request) if kind == "dicom" else _take_picture(request, kind, digest)
    return IntakeReport(ok=True, **{**known, **facts})


def _system_refusal(error: OSError, known: dict[str, Any]) -> IntakeReport:
    """The rule for what the operating system refused; its message is left out, because it quotes the path."""
    if error.errno == errno.EFBIG:
        return IntakeReport.refused("intake-19", "The frames need more than the limit of output.", **known)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return IntakeReport.refused("intake-28", **known)
    if error.errno in (errno.ENOENT, errno.EACCES, errno.EISDIR, errno.EPERM):
        return IntakeReport.refused("intake-27", type(error).__name__ + ".", **known)
    return IntakeReport.refused("intake-99", f"{type(error).__name__} was raised.", **known)


def take_file(request: Request) -> IntakeReport:
    """Read one file into ``out_dir``; never raises. A refusal leaves no bundle behind."""
    started = time.monotonic()
    known: dict[str, Any] = {}
    try:
        report = _take(request, known)
    except Refusal as refusal:
        report = IntakeReport.refused(refusal.rule, refusal.detail, refusal.tag, **known)
    except MemoryError:
        report = IntakeReport.refused("intake-18", f"More than {request.limits.memory_mb} MB were needed.", **known)
    except RecursionError:
        report = IntakeReport.refused("intake-14", **known)
    except OSError as error:
        report = _system_refusal(error, known)
    except Exception as error:  # noqa: BLE001 - the last net: a hostile file must end as a refusal, never as a crash
        report = IntakeReport.refused("intake-99", f"{type(error).__name__} was raised.", **known)
    report.seconds = round(time.monotonic() - started, 4)
    return report
