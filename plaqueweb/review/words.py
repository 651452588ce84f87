"""Numbers as people read them: unit beside the number, a true minus, the displayed 0.1 mm."""

from __future__ import annotations

import math
from collections.abc import Sequence

from django.utils.translation import gettext as _

from inference.postprocess import displayed_mm
from plaqueweb.reads.choices import PlaqueClass
from plaqueweb.studies.choices import Segment

MINUS = "−"
DASH = "–"


def signed(value: float, decimals: int) -> str:
    """Return ``+0.4``, ``−0.4`` or ``0.0``: zero has no sign."""
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0.0:
        return text
    return f"{MINUS if value < 0 else '+'}{text}"


def length(mm: float | None, px: float | None, *, sd: float | None = None, manual: bool | None = None) -> str:
    """Return ``6.9 mm``, ``4.6 ± 0.4 mm`` with a standard uncertainty, ``214 px`` without a scale, or a dash.

    With ``manual`` the mm come from a scale that the physician set by hand: ``6.9 mm, manual``.
    """
    if mm is not None and sd is not None:
        return _("%(value)s ± %(sd)s mm") % {"value": f"{displayed_mm(mm):.1f}", "sd": uncertainty(sd)}
    if mm is not None and manual:
        return _("%(value)s mm, manual") % {"value": f"{displayed_mm(mm):.1f}"}
    if mm is not None:
        return _("%(value)s mm") % {"value": f"{displayed_mm(mm):.1f}"}
    if px is not None:
        return _("%(value)s px") % {"value": f"{px:.0f}"}
    return DASH


def uncertainty(sd: float) -> str:
    """Return a standard uncertainty as displayed: to 0.1 and rounded up, so that it never looks better than it is."""
    return f"{math.ceil(sd * 10 - 1e-6) / 10:.1f}"


def area(px: int | None, mm2: float | None, *, sd: float | None = None) -> str:
    """Return ``104.3 mm²``, ``104.3 ± 6.1 mm²``, or ``1234 px`` without a scale, or a dash; halves are rounded up."""
    if mm2 is not None and math.isfinite(mm2) and sd is not None:
        return _("%(value)s ± %(sd)s mm²") % {"value": f"{displayed_mm(mm2):.1f}", "sd": uncertainty(sd)}
    if mm2 is not None and math.isfinite(mm2):
        return _("%(value)s mm²") % {"value": f"{displayed_mm(mm2):.1f}"}
    if px is not None:
        return _("%(value)s px") % {"value": str(px)}
    return DASH


def duration(seconds: float | None) -> str:
    """Return ``1.3 s``, ``74 s`` → ``1 min 14 s``, or a dash for no time."""
    if not seconds:
        return DASH
    if seconds < 10:
        return _("%(value)s s") % {"value": f"{seconds:.1f}"}
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return _("%(value)s s") % {"value": str(rest)}
    return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}


def class_words(value: int | None) -> str:
    """Return ``complex (1)``, ``not complex (0)``, ``can’t assess`` or ``no result``, as used within a sentence."""
    words = {
        PlaqueClass.COMPLEX: _("complex (1)"),
        PlaqueClass.NOT_COMPLEX: _("not complex (0)"),
        PlaqueClass.CANNOT_ASSESS: _("can’t assess"),
    }
    return _("no result") if value is None else words[PlaqueClass(value)]


def class_short(value: int | None) -> str:
    """Return ``1 complex``, ``0 not complex``, ``can’t assess`` or a dash, as used in a table."""
    words = {
        PlaqueClass.COMPLEX: _("1 complex"),
        PlaqueClass.NOT_COMPLEX: _("0 not complex"),
        PlaqueClass.CANNOT_ASSESS: _("can’t assess"),
    }
    return DASH if value is None else words[PlaqueClass(value)]


def segment_words(segment: str) -> str:
    """Return ``Descending aorta``, ``Aortic arch``, ``Ascending aorta``, or nothing."""
    words = {
        Segment.DESCENDING.value: _("Descending aorta"),
        Segment.ARCH.value: _("Aortic arch"),
        Segment.ASCENDING.value: _("Ascending aorta"),
    }
    return words.get(segment, "")


def share(value: float) -> str:
    """Return a share of 1 as ``12 %``."""
    return _("%(value)d %%") % {"value": round(100 * value)}


def reason_label(key: str) -> str:
    """Return what a question of the label rule is called."""
    known = {"thickness": _("4 mm or more"), "ulceration": _("Ulceration"), "mobile": _("Mobile part")}
    return known.get(key, key)


def answer_words(answer: str | None) -> str:
    """Return ``yes``, ``no`` or ``cannot tell``; a dash where nobody answered."""
    return {"yes": _("yes"), "no": _("no"), "cannot tell": _("cannot tell")}.get(answer or "", DASH)


def frame_runs(runs: Sequence[Sequence[int]]) -> str:
    """Return runs of frames as ``frame 7`` or ``frames 3 to 9, 12 to 15``; "" without any."""
    if not runs:
        return ""
    first, last = runs[0][0], runs[-1][1]
    if first == last:
        return _("frame %(frame)d") % {"frame": first}
    spans = [str(a) if a == b else _("%(first)d to %(last)d") % {"first": a, "last": b} for a, b in runs]
    return _("frames %(spans)s") % {"spans": ", ".join(spans)}


def csv_cell(text: str) -> str:
    """Keep a spreadsheet from taking a cell for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
