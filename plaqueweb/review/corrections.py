"""What a comparison says of a corrected answer: which revision it is, why, and what it said before or says now."""

from __future__ import annotations

from django.utils.translation import gettext as _

from plaqueweb.reads.choices import Arm
from plaqueweb.reads.models import Read
from plaqueweb.review import words


def revision_words(read: Read) -> str:
    """Return "corrected, revision 2", "replaced, revision 1", or nothing of an answer that was never corrected."""
    if read.is_replaced:
        return _("replaced, revision %(n)d") % {"n": read.revision}
    return _("corrected, revision %(n)d") % {"n": read.revision} if read.is_correction else ""


def correction_words(read: Read) -> str:
    """Return kind and reason of a correction, what was signed before, and which of both figures use."""
    if read.is_replaced:
        now = read.superseded_by
        return _("corrected to %(answer)s: %(kind)s") % {"answer": _said(now), "kind": _kind(now)}
    before = read.supersedes
    if before is None:
        return ""
    found = _("%(kind)s: %(reason)s Before: %(answer)s.") % {
        "kind": _kind(read).capitalize(), "reason": _sentence(read.revision_reason or ""), "answer": _said(before),
    }  # fmt: skip
    if read.arm != Arm.INFORMED:
        return found
    return _("%(words)s Figures use the answer before.") % {"words": found}


def _kind(read: Read) -> str:
    return str(read.get_revision_kind_display()).lower()


def _said(read: Read) -> str:
    length = words.length(read.thickness_mm, read.thickness_px, manual=read.manual_scale)
    return ", ".join(part for part in (words.class_short(read.reader_class), length) if part != words.DASH)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
