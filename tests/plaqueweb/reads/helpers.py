"""Short ways to a case in hand."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np

from inference.types import rle_encode
from plaqueweb.reads import services
from plaqueweb.reads.bundle import Bundle, own_read
from plaqueweb.reads.models import Assignment, Read
from plaqueweb.studies.models import Clip
from tests.factories import AssignmentFactory, ClipFactory

ROWS, COLUMNS = 48, 64
SEGMENTS = ("ascending", "arch", "descending")
CLEAR = {segment: {"visibility": "well", "plaque": "none"} for segment in SEGMENTS}
COMPLETE: dict[str, Any] = {
    "reader_class": 0, "quality": "good", "confidence": "sure", "findings": CLEAR,
    "conflict_reason": "impression",  # kept only where class and rule differ
}  # fmt: skip


def case(**clip: Any) -> tuple[Assignment, Clip]:
    """Return an assignment and the one clip of its study."""
    assignment = AssignmentFactory()
    return assignment, ClipFactory(study=assignment.study, **clip)


def opened(assignment: Assignment) -> Read:
    """Open a case and return its read as an answer would load it."""
    read = services.open_assignment(assignment=assignment, by=assignment.reader)
    return own_read(user=assignment.reader, pk=read.pk)


def save(read: Read, **body: Any) -> Bundle:
    """Save on the current draft number."""
    fresh = own_read(user=read.assignment.reader, pk=read.pk)
    body = {"save_id": str(uuid4()), **body}
    bundle, _keys = services.save_draft(read=fresh, by=fresh.assignment.reader, draft_no=fresh.draft_no, body=body)
    return bundle


def complete(read: Read) -> Read:
    """Complete the current draft."""
    fresh = own_read(user=read.assignment.reader, pk=read.pk)
    return services.complete_read(read=fresh, by=fresh.assignment.reader, draft_no=fresh.draft_no).read


def sign(*reads: Read) -> list[Read]:
    """Sign completed reads of one reader."""
    reader = reads[0].assignment.reader
    fresh = [own_read(user=reader, pk=read.pk) for read in reads]
    return services.sign_reads(reads=fresh, by=reader, meaning="authored")


def signed_case(assignment: Assignment, **answers: Any) -> Read:
    """Open, answer, complete and sign."""
    read = opened(assignment)
    save(read, answers={**COMPLETE, **answers})
    complete(read)
    return sign(read)[0]


def lesion(number: int = 1, **more: Any) -> dict[str, Any]:
    """Return a lesion as a client sends it."""
    return {
        "number": number, "segment": "descending", "is_index": number == 1, "key_clip": None, "key_frame": None,
        "key_region": None, "ulceration": "no", "mobile": "no", "thrombus": "no", **more,
    }  # fmt: skip


def caliper(x0: float, y0: float, x1: float, y1: float, **more: Any) -> dict[str, Any]:
    """Return a thickness caliper of lesion 1."""
    return {"id": str(uuid4()), "kind": "thickness", "lesion": 1, "points": [[x0, y0], [x1, y1]], **more}


def box_mask(y0: int, y1: int, x0: int, x1: int, rows: int = ROWS, columns: int = COLUMNS) -> dict[str, Any]:
    """Return a filled box, ends exclusive, as a client sends a mask."""
    mask = np.zeros((rows, columns), dtype=bool)
    mask[y0:y1, x0:x1] = True
    return {"size": [rows, columns], "rle": rle_encode(mask)}


def frame(clip: Clip, number: int = 1, **more: Any) -> dict[str, Any]:
    """Return a frame's marks as a client sends them."""
    return {
        "clip": str(clip.pk), "frame": number, "region": 1, "extent": None, "outline": None, "calipers": [],
        "masks": {}, "source": "drawn", **more,
    }  # fmt: skip
