"""Grades of a read's plaques: derived by the protocol's scheme, overruled by the reader; both are kept."""

from __future__ import annotations

from django.utils.translation import gettext as _

from plaqueweb.core.errors import Invalid
from plaqueweb.reads.draft_input import REASON_KEYS, LesionInput
from plaqueweb.reads.models import Lesion
from plaqueweb.studies.grading import derived_grade
from plaqueweb.studies.models import Protocol


def check_given(protocol: Protocol, given: LesionInput) -> None:
    """Refuse a grade that the protocol's scheme does not have.

    Raises:
        Invalid: no grade is asked (``grade-not-asked``), or not this one (``grade-unknown``).
    """
    if given.grade_given is None:
        return
    where = {"n": given.number}
    if protocol.grading is None:
        raise Invalid(_("Lesion %(n)d: the protocol asks for no grade.") % where, rule="grade-not-asked")
    if given.grade_given not in {row["grade"] for row in protocol.grading["grades"]}:
        raise Invalid(_("Lesion %(n)d: the scheme has no such grade.") % where, rule="grade-unknown")


def derived(protocol: Protocol, lesion: Lesion) -> int | None:
    """Return the grade that follows from a lesion's thickness and reasons."""
    reasons = {key: getattr(lesion, key) for key in REASON_KEYS}
    return derived_grade(protocol.grading, thickness_mm=lesion.thickness_mm, reasons=reasons)


def in_force(lesion: Lesion) -> int | None:
    """Return the reader's grade where one was given, else the derived one."""
    return lesion.grade if lesion.grade_given is None else lesion.grade_given


def study_grade(protocol: Protocol, index: Lesion | None, *, plaque_present: bool | None) -> int | None:
    """Return a study's grade: its index lesion's, as the official thickness is; the lowest where there is no plaque."""
    if protocol.grading is None:
        return None
    if index is not None:
        return in_force(index)
    return min(row["grade"] for row in protocol.grading["grades"]) if plaque_present is False else None


def counted_reasons(protocol: Protocol) -> list[str]:
    """Return the reasons that are asked of the index lesion: those of the label rule, and those of the scheme."""
    graded = [key for row in (protocol.grading or {"grades": []})["grades"] for key in row["reasons"]]
    return [key for key in REASON_KEYS if key in {*protocol.label_rule.get("reasons", []), *graded}]
