"""Segmentation where the model meets masks made of several readers': what these are, and their raters."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from plaqueweb.agreement import present
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.review.models import FusionMethod

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report


def fused_results(evidence: Evidence, method: str) -> dict[str, Any] | None:
    """What the fused masks are made of, JSON-ready; None where each reader's own masks are compared.

    ``digest`` is the SHA-256 over the sorted input hashes of all masks. A rater's figures are medians over frames.
    """
    if method not in FusionMethod.values:
        return None
    masks = evidence.fused
    counts = [len(mask.raters) for mask in masks]
    hashes = sorted(mask.input_hash for mask in masks)
    found: dict[Any, list[tuple[float | None, float | None]]] = defaultdict(list)
    for mask in masks:
        for reader, sensitivity, specificity in mask.raters:
            found[reader].append((sensitivity, specificity))
    return {
        "method": method,
        "masks": len(masks),
        "readers": [min(counts), max(counts)] if counts else None,
        "versions": sorted({mask.version for mask in masks}),
        "digest": hashlib.sha256("".join(hashes).encode()).hexdigest() if hashes else "",
        "raters": [
            {"reader": str(reader), "frames": len(rows), **_medians(rows)} for reader, rows in sorted(found.items())
        ],
    }


def _medians(rows: list[tuple[float | None, float | None]]) -> dict[str, float | None]:
    columns = {"sensitivity": [row[0] for row in rows], "specificity": [row[1] for row in rows]}
    given = {name: [value for value in values if value is not None] for name, values in columns.items()}
    return {name: median(values) if values else None for name, values in given.items()} | {
        "estimated": float(len(given["sensitivity"]))
    }


def other_words(report: Report) -> str:
    """Whose masks the model's are compared with, as every title says: "reader", "STAPLE of 3 readers", …"""
    fused = report.results.get("fused")
    if fused is None:
        return _("reader")
    if fused["readers"] is None:
        return str(FusionMethod(fused["method"]).label)
    low, high = fused["readers"]
    count = {"n": str(low) if low == high else _("%(low)s to %(high)s") % {"low": low, "high": high}}
    if fused["method"] == FusionMethod.STAPLE:
        return _("STAPLE of %(n)s readers") % count
    return _("pixel majority of %(n)s readers") % count


def rater_lines(report: Report) -> list[dict[str, str]]:
    """Each reader's estimated sensitivity and specificity by STAPLE, for readers whose names the user may see."""
    fused = report.results.get("fused")
    if fused is None or fused["method"] != FusionMethod.STAPLE:
        return []
    names = {str(reader.id): reader.name for reader in report.choices.readers}
    return [
        {
            "name": names[row["reader"]],
            "frames": str(row["frames"]),
            "estimated": str(int(row["estimated"])),
            "sensitivity": present.number(row["sensitivity"], 2) if row["sensitivity"] is not None else "–",
            "specificity": present.number(row["specificity"], 2) if row["specificity"] is not None else "–",
        }
        for row in fused["raters"]
        if row["reader"] in names
    ]


def made_of(report: Report) -> str:
    """One line on how the fused masks came about; "" for readers' own masks."""
    fused = report.results.get("fused")
    if fused is None:
        return ""
    if not fused["masks"]:
        return _(
            "No frame yet that at least three readers declared. Frames count that were given to all: fixed ones, or "
            "those of a second stage."
        )
    values = {"n": fused["masks"], "version": ", ".join(fused["versions"]), "digest": fused["digest"][:12]}
    text = _("%(n)s frames that all readers were given; blind reads alone; %(version)s, inputs %(digest)s.") % values
    if fused["method"] == FusionMethod.STAPLE:
        text += " " + _("STAPLE tends to draw larger than the majority.")
    return text
