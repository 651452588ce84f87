"""Grading schemes: how a plaque's grade follows from its thickness and its other reasons. A scheme is plain data.

A protocol version holds a full copy of its scheme, so that what was graded under it stays what it was.

Source: the project's clinical reference, section 2.1 (Montgomery, JACC 1996;27:95; Heart 1998;79:111; epiaortic,
doi 10.1016/s0003-4975(00)01256-x; ASE, JASE 2015;28:119, whose table was not read).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inference.postprocess import displayed_mm
from plaqueweb.core import limits
from plaqueweb.core.errors import Invalid

REASONS = ("ulceration", "mobile", "thrombus")
NONE, OWN = "none", "own"
MOST_MM = 100.0


def _grade(grade: int, words: Any, from_mm: float | None = None, reasons: Sequence[str] = ()) -> dict[str, Any]:
    return {"grade": grade, "words": words, "from_mm": from_mm, "reasons": list(reasons)}


_G = gettext_lazy
SCHEMES: dict[str, dict[str, Any]] = {
    "montgomery1996": {
        "name": _G("Montgomery 1996, five grades"),
        "grades": [
            _grade(1, _G("normal or mild intimal thickening")), _grade(2, _G("extensive intimal thickening")),
            _grade(3, _G("atheroma below 5 mm"), 0.0), _grade(4, _G("atheroma of 5 mm or more"), 5.0),
            _grade(5, _G("mobile"), None, ["mobile"]),
        ],
    },
    "common_5mm": {
        "name": _G("Five grades at 5 mm (Katz family)"),
        "grades": [
            _grade(1, _G("no or minor thickening")), _grade(2, _G("extensive thickening")),
            _grade(3, _G("protruding below 5 mm"), 0.0), _grade(4, _G("protruding 5 mm or more"), 5.0),
            _grade(5, _G("mobile"), None, ["mobile"]),
        ],
    },
    "epiaortic_4mm": {
        "name": _G("Epiaortic, five grades at 4 mm"),
        "grades": [
            _grade(1, _G("normal")), _grade(2, _G("thickening above 2 mm that does not protrude")),
            _grade(3, _G("atheroma below 4 mm"), 0.0), _grade(4, _G("atheroma of 4 mm or more"), 4.0),
            _grade(5, _G("mobile or ulcerated, any size"), None, ["ulceration", "mobile"]),
        ],
    },
    "ase2015": {
        "name": _G("ASE 2015, five grades"),
        "grades": [
            _grade(1, _G("below 2 mm"), 0.0), _grade(2, _G("mild, 2 to 3 mm"), 2.0),
            _grade(3, _G("moderate, above 3 to 5 mm"), 3.1), _grade(4, _G("severe, above 5 mm"), 5.1),
            _grade(5, _G("2 mm or more and mobile or ulcerated"), 2.0, ["ulceration", "mobile"]),
        ],
    },
}  # fmt: skip
"""Limits are those of a thickness as displayed, to 0.1 mm: “above 3” is from 3.1. Grade 1 is that of no plaque. A grade
without limit and reasons (extensive thickening) follows from no measurement: a reader gives it by overruling."""


def scheme_of(key: str, own: Any = None) -> dict[str, Any] | None:
    """Return a scheme as a protocol stores it: id, version, grades in words; None for no grading.

    Args:
        key: ``none``, one of ``SCHEMES``, or ``own``.
        own: the grades of an own scheme, see ``parse_grades``.

    Raises:
        Invalid: no such scheme (rule ``grading-scheme``), or as in ``parse_grades``.
    """
    if key == NONE:
        return None
    if key == OWN:
        return {"id": OWN, "version": 1, "grades": parse_grades(own)}
    if key not in SCHEMES:
        raise Invalid(_("Choose one of the grading schemes."), rule="grading-scheme")
    grades = [{**row, "words": str(row["words"])} for row in SCHEMES[key]["grades"]]
    return {"id": key, "version": 1, "grades": grades}


def parse_grades(given: Any) -> list[dict[str, Any]]:
    """Return the grades of an own scheme as they are stored, numbered from 1 upwards.

    Args:
        given: 2 to 9 objects in rising order: ``words``; ``from_mm``, thickness as displayed from which it holds, or
            null; ``reasons``, any of which brings it, from ``from_mm`` on where there is one.

    Raises:
        Invalid: rules ``grading-shape``, ``grading-words``, ``grading-limit``, ``grading-order``, ``grading-reasons``.
    """
    if not isinstance(given, list) or not 2 <= len(given) <= limits.GRADES:
        raise Invalid(_("An own scheme has 2 to %(n)d grades.") % {"n": limits.GRADES}, rule="grading-shape")
    found: list[dict[str, Any]] = []
    last = -1.0
    for number, item in enumerate(given, 1):
        if not isinstance(item, Mapping) or not set(item) <= {"words", "from_mm", "reasons"}:
            raise _wrong(number, _("it has words, a limit and reasons only"), "grading-shape")
        text = item.get("words")
        words = text.strip() if isinstance(text, str) else ""
        if not words or len(words) > limits.CHOICE_CHARACTERS or not words.isprintable():
            raise _wrong(number, _("write 1 to %(n)d characters in one line") % {"n": limits.CHOICE_CHARACTERS},
                         "grading-words")  # fmt: skip
        reasons = item.get("reasons", [])
        if not isinstance(reasons, list) or [key for key in reasons if key not in REASONS]:
            raise _wrong(number, _("reasons are among: %(all)s") % {"all": ", ".join(REASONS)}, "grading-reasons")
        limit = _limit(item.get("from_mm"), number)
        if limit is not None and not reasons:
            if limit <= last:
                raise _wrong(number, _("its limit must lie above that of the grade before"), "grading-order")
            last = limit
        kept = [key for key in REASONS if key in reasons]
        found.append(_grade(number, words, limit, kept))
    if all(row["from_mm"] is None and not row["reasons"] for row in found):
        raise Invalid(_("No grade has a limit or a reason: nothing could be derived."), rule="grading-limit")
    return found


def _limit(value: Any, number: int) -> float | None:
    if value is None:
        return None
    bad = isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MOST_MM
    if bad or round(value, 1) != value:
        raise _wrong(number, _("its limit is 0 to 99.9 mm, to 0.1 mm, or nothing"), "grading-limit")
    return float(value)


def _wrong(number: int, words: str, rule: str) -> Invalid:
    return Invalid(_("Grade %(n)d: %(words)s.") % {"n": number, "words": words}, rule=rule, extra={"grade": number})


def derived_grade(
    scheme: Mapping[str, Any] | None, *, thickness_mm: float | None, reasons: Mapping[str, str]
) -> int | None:
    """Return the grade of a plaque: the highest that holds; None where none can be told.

    As with the label rule an unknown is no "no": while a reason that would bring a higher grade is open, or the
    thickness has no scale, the grade is open, unless a known reason brings the highest one.

    Args:
        thickness_mm: official thickness; None without a scale.
        reasons: yes, no, unclear or "" (not answered), by name.
    """
    if scheme is None:
        return None
    shown = None if thickness_mm is None else displayed_mm(thickness_mm)
    for row in sorted(scheme["grades"], key=lambda row: -int(row["grade"])):
        told = _holds(row, shown, reasons)
        if told is None:
            return None
        if told:
            return int(row["grade"])
    return None


def _holds(row: Mapping[str, Any], shown: float | None, reasons: Mapping[str, str]) -> bool | None:
    """Whether a grade holds, by thickness as displayed and answers; None where it cannot be told."""
    limit = row["from_mm"]
    if limit is None and not row["reasons"]:
        return False
    thick = True if limit is None else None if shown is None else shown >= limit - 1e-6
    if not row["reasons"]:
        return thick
    answers = [reasons.get(key, "") for key in row["reasons"]]
    named = True if "yes" in answers else False if all(answer == "no" for answer in answers) else None
    if thick is False or named is False:
        return False
    return None if thick is None or named is None else True


def own_grades(scheme: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the grades of an own scheme as the editor sends them; none of a shipped one."""
    if scheme is None or scheme["id"] != OWN:
        return []
    return [{name: row[name] for name in ("words", "from_mm", "reasons")} for row in scheme["grades"]]


def choices() -> list[dict[str, Any]]:
    """Return the shipped schemes for the editor, in words."""
    shipped = [scheme_of(key) for key in SCHEMES]
    return [{**scheme, "name": scheme_name(scheme)} for scheme in shipped if scheme is not None]


def grade_words(scheme: Mapping[str, Any] | None, grade: int | None) -> str:
    """Return “4, atheroma of 5 mm or more”; "" where there is none."""
    if scheme is None or grade is None:
        return ""
    words = next((row["words"] for row in scheme["grades"] if row["grade"] == grade), "")
    return f"{grade}, {words}" if words else str(grade)


def scheme_name(scheme: Mapping[str, Any] | None) -> str:
    """Return the name of a stored scheme for people."""
    if scheme is None:
        return _("no grading")
    known = SCHEMES.get(scheme["id"])
    return str(known["name"]) if known else _("own scheme, %(n)d grades") % {"n": len(scheme["grades"])}
