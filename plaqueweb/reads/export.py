"""Signed reads of a round as CSV: one row a read, with the answers to the protocol's own questions."""

from __future__ import annotations

import csv
import io
from typing import Any

from plaqueweb.accounts.models import User
from plaqueweb.reads.models import Read, Round

COLUMNS = (
    "study", "subject", "reader", "simulated", "arm", "stage", "repeat", "revision", "class", "rule_class",
    "rule_reason", "grade", "plaque_present", "thickness_mm", "thickness_px", "thickness_source", "quality",
    "quality_reasons", "confidence", "conflict_reason",
    "protocol", "signed_at", "payload_sha256",
)  # fmt: skip
NOTICE = "Research use only. Not for diagnosis."
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(*, round_: Round, viewer: User) -> str:
    """Return the signed reads of a round that the viewer may see, RFC 4180, in order of signature.

    Empty where nothing was answered; classes 1, 0, 9 (cannot assess). Own questions are columns ``own.KEY`` in the
    protocol's order; the answer to a choice is its value.
    """
    rows = Read.objects.visible_to(viewer).signed().filter(assignment__round=round_)
    rows = rows.select_related("assignment__reader", "assignment__study__subject").defer("note")
    keys = [question["key"] for question in round_.protocol.own_questions]
    handle = io.StringIO()
    writer = csv.writer(handle, lineterminator="\r\n")
    writer.writerow([*COLUMNS, *(f"own.{key}" for key in keys), "notice"])
    for read in rows.order_by("signed_at", "id"):
        own = read.own or {}
        writer.writerow([*_row(read, round_), *(_text(own.get(key)) for key in keys), NOTICE])
    return handle.getvalue()


def _row(read: Read, round_: Round) -> list[str]:
    assignment = read.assignment
    study, reader = assignment.study, assignment.reader
    values: list[Any] = [
        study.label, study.subject.pseudonym, reader.name, reader.is_simulated, read.arm, assignment.stage_no,
        assignment.repeat_no, read.revision, read.reader_class, read.rule_class, read.rule_reason, read.grade,
        read.plaque_present, read.thickness_mm, read.thickness_px, read.thickness_source, read.quality,
        " ".join(read.quality_reasons or []),
        read.confidence, read.conflict_reason, f"v{round_.protocol.version}",
        read.signed_at and read.signed_at.isoformat(),
        read.payload_sha256,
    ]  # fmt: skip
    return [_text(value) for value in values]


def _text(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula (CWE-1236); numbers keep their minus."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, int) else repr(round(value, 4))
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
