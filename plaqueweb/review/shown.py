"""A signed read as the comparison shows it: the API's Read document from rows that are already loaded."""

from __future__ import annotations

from typing import Any

from plaqueweb.reads.models import FrameAnnotation, Read
from plaqueweb.reads.selectors import lesion_payload
from plaqueweb.review.masks import MarkedFrame, Place
from plaqueweb.review.sides import ReadSide


def read_payload(side: ReadSide) -> dict[str, Any]:
    """Return a read with all its masks."""
    read = side.read
    return {
        "id": str(read.pk),
        "reader": read.assignment.reader.name,
        "state": read.state,
        "draft_no": read.draft_no,
        "revision": read.revision,
        "answers": {
            "reader_class": read.reader_class,
            "quality": read.quality or None,
            "confidence": read.confidence or None,
            "note": read.note,
            "own": read.own or {},
            "findings": {
                row.segment: {"visibility": row.visibility or None, "plaque": row.plaque or None}
                for row in read.findings.all()
            },
        },
        "lesions": [lesion_payload(row) for row in side.lesions],
        "frames": [frame_payload(row, side.frames) for row in side.annotations],
        "thickness_mm": read.thickness_mm,
        "thickness_px": read.thickness_px,
        "thickness_source": read.thickness_source or None,
        "rule_class": read.rule_class,
        "rule_reason": read.rule_reason,
        "rule_agrees": _agrees(read),
        "plaque_present": read.plaque_present,
        "missing": [],
        "saved_at": read.saved_at.isoformat() if read.saved_at else None,
        "signed_at": read.signed_at.isoformat() if read.signed_at else None,
    }


def _agrees(read: Read) -> bool | None:
    if read.rule_class is None or read.reader_class is None:
        return None
    return read.rule_class == read.reader_class


def frame_payload(row: FrameAnnotation, frames: dict[Place, MarkedFrame]) -> dict[str, Any]:
    """Return one annotated frame with its masks as JSON."""
    mask = getattr(row, "mask", None)
    marked = frames.get((row.clip_id, row.frame, row.region))
    masks: dict[str, Any] = {}
    if marked is not None:
        masks = {str(number): {"size": list(marked.size), "rle": runs} for number, runs in marked.runs.items()}
    return {
        "clip": str(row.clip_id),
        "frame": row.frame,
        "region": row.region,
        "extent": row.extent or None,
        "outline": row.outline,
        "calipers": row.calipers,
        "masks": masks,
        "areas": mask.areas if mask is not None else {},
        "source": mask.source if mask is not None else "drawn",
    }
