"""One sentence that says whether two answers agree, and by how much, with its ground beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from inference.postprocess import displayed_mm
from plaqueweb.core.work import WorkState
from plaqueweb.reads.choices import PlaqueClass
from plaqueweb.review import words
from plaqueweb.review.comparison import Comparison
from plaqueweb.review.lesion_matching import SideBySide
from plaqueweb.review.masks import Place
from plaqueweb.review.rules import NEAR_MM, thickness_difference
from plaqueweb.review.sides import NONE, ModelSide, ReadSide, Side, marks_of

SAME_PLAQUE = 0.1
"""Two areas on one frame are the same plaque when they share more than this part of the smaller one."""


@dataclass(frozen=True)
class Verdict:
    """``text`` is the sentence, ``ground`` what it stands on; either may be shown alone."""

    text: str
    ground: str


def verdict(comparison: Comparison) -> Verdict:
    """Return the sentence for a comparison; every branch has one."""
    left, right = comparison.pair
    if left.kind == NONE:
        return Verdict(_("No signed read yet."), "")
    if comparison.model_hidden:
        return _readers_only(comparison)
    if right.kind == NONE:
        return _no_prediction(comparison)
    mine, theirs = left.plaque_class, right.plaque_class
    if mine is None or theirs is None or PlaqueClass.CANNOT_ASSESS in (mine, theirs) or mine != theirs:
        said = {"right": words.class_words(theirs), "left": words.class_words(mine)}
        names = {"a": noun(comparison, right, start=True), "b": noun(comparison, left, start=True)}
        return Verdict(_("%(a)s: %(right)s · %(b)s: %(left)s.") % (said | names), _ground(comparison))
    return Verdict(_same_class(comparison), _ground(comparison))


def noun(comparison: Comparison, side: Side, *, start: bool = False) -> str:
    """Return what a side is called in a sentence: "model" beside a physician, else by its name."""
    if comparison.left.role == comparison.right.role:
        return side.name
    plain = {
        "physician": _("Physician") if start else _("physician"),
        "model": _("Model") if start else _("model"),
        "reference": _("Reference") if start else _("reference"),
    }
    return plain.get(side.role, "")


def _readers_only(comparison: Comparison) -> Verdict:
    others = [row for row in comparison.reads if row.assignment.repeat_no == 0]
    shown = words.class_words(comparison.left.plaque_class)
    if len(others) < 2:
        return Verdict(_("Physician: %(words)s.") % {"words": shown}, _("Model hidden."))
    if len({row.reader_class for row in others}) == 1:
        text = _("%(n)d readers: all %(words)s.") % {
            "n": len(others),
            "words": words.class_words(others[0].reader_class),
        }
        return Verdict(text, _("Model hidden."))
    named = [f"{row.assignment.reader.name}: {words.class_words(row.reader_class)}" for row in others]
    return Verdict(" · ".join(named) + ".", _("Model hidden."))


def _no_prediction(comparison: Comparison) -> Verdict:
    pair = {
        "name": noun(comparison, comparison.left, start=True),
        "words": words.class_words(comparison.left.plaque_class),
    }
    if isinstance(comparison.left, ModelSide):
        return Verdict(_("%(name)s: %(words)s. No signed read yet.") % pair, "")
    text = _("%(name)s: %(words)s. No model result yet.") % pair
    job = comparison.job
    if job is None:
        return Verdict(text, _("No model has run on this study."))
    ground = {
        WorkState.CREATED: _("Model: waits."),
        WorkState.QUEUED: _("Model: queued."),
        WorkState.RUNNING: _("Model: running, %(done)d / %(total)d frames.")
        % {"done": job.progress_done, "total": job.progress_total},
        WorkState.FAILED: _("Model: failed, %(code)s.") % {"code": job.error_code or _("no code")},
        WorkState.DEAD: _("Model: failed for good, %(code)s.") % {"code": job.error_code or _("no code")},
    }
    return Verdict(text, ground.get(WorkState(job.work_state), ""))


def _same_class(comparison: Comparison) -> str:
    left, right = comparison.pair
    if sees_none(left) and sees_none(right):
        return _("Same class; both see no plaque.")
    head = {True: _("Same plaque, same class"), False: _("Different plaque, same class"), None: _("Same class")}
    tail = _thickness_tail(comparison)
    return _("%(head)s; %(tail)s.") % {"head": head[same_plaque(comparison)[0]], "tail": tail}


def sees_none(side: Side) -> bool:
    """Tell whether a side says that there is no plaque at all."""
    if isinstance(side, ReadSide):
        return side.read.plaque_present is False
    return isinstance(side, ModelSide) and not side.prediction.area_px


def _thickness_tail(comparison: Comparison) -> str:
    left, right = comparison.pair
    gap = thickness_difference(left.thickness_mm, right.thickness_mm)
    name = {"name": noun(comparison, right)}
    if gap is not None:
        if gap == 0:
            return _("same thickness")
        value = name | {"mm": f"{abs(gap):.1f}"}
        return _("%(name)s %(mm)s mm thinner") % value if gap < 0 else _("%(name)s %(mm)s mm thicker") % value
    unscaled = left.thickness_mm is None and right.thickness_mm is None
    if unscaled and left.thickness_px is not None and right.thickness_px is not None:
        pixels = round(right.thickness_px) - round(left.thickness_px)
        if pixels == 0:
            return _("same thickness in pixels")
        value = name | {"px": str(abs(pixels))}
        return _("%(name)s %(px)s px thinner") % value if pixels < 0 else _("%(name)s %(px)s px thicker") % value
    return _("no thickness to compare")


def same_plaque(comparison: Comparison) -> tuple[bool | None, Place | None]:
    """Tell whether both sides mark the same plaque, and on which frame it was matched.

    A reader's index lesion has a partner on the other side (``matching``). Where the other side lists no lesions it is
    laid over its plaque on the reader's key frame first, then on every other marked frame; two models are compared on
    the left one's key frame. None: nothing that could be matched.
    """
    left, right = comparison.pair
    first, other = (left, right) if marks_of(left) else (right, left)
    marks = marks_of(first)
    pairs = comparison.lesion_pairs
    if pairs is not None and marks is not None and marks.index is not None:
        return _paired(pairs, marks, left_first=first is left)
    if marks is None:
        place = left.key_place
        pair = (left.plaque(place), right.plaque(place)) if place is not None else (None, None)
        return _matched(place, *pair)
    number = marks.index.number if marks.index is not None else None
    places = sorted(marks.places, key=lambda place: place != marks.key_place)
    answer: bool | None = None
    for place in places:
        marked = marks.frames[place]
        mine = marked.lesions.get(number) if number is not None else marked.plaque
        found, where = _matched(place, mine if marked.runs else None, other.plaque(place))
        if found:
            return True, where
        answer = answer if found is None else found
    return answer, None


def _paired(pairs: SideBySide, marks: ReadSide, *, left_first: bool) -> tuple[bool | None, Place | None]:
    """What the matching says of a reader's index lesion; None where it or the other side has no lesion to show."""
    number = marks.index.number if marks.index is not None else 0
    for one in pairs.matching.matches:
        if (one.a if left_first else one.b) == str(number):
            return True, one.ground.place if one.ground else None
    shown = any(number in frame.runs for frame in marks.frames.values())
    return (False if shown and pairs.rows[1 if left_first else 0] else None), None


def _matched(place: Place | None, a: Any, b: Any) -> tuple[bool | None, Place | None]:
    """Overlap of one plaque with another side's, which may reach on into other lesions."""
    if a is None or b is None or a.shape != b.shape or not a.any() or not b.any():
        return None, None
    both = int(np.count_nonzero(a & b))
    smaller = min(int(np.count_nonzero(a)), int(np.count_nonzero(b)))
    return (True, place) if both / smaller > SAME_PLAQUE else (False, None)


def _ground(comparison: Comparison) -> str:
    parts = [_no_result(comparison), _side_of_cutoff(comparison), _where(comparison), _earlier(comparison)]
    return " ".join(part for part in parts if part)


def _no_result(comparison: Comparison) -> str:
    out: list[str] = []
    for side in comparison.models:
        row = side.prediction
        if row.predicted_class is None:
            reason = str(row.get_no_result_reason_display()) or _("no reason given")
            name = _("The model") if len(comparison.models) == 1 else side.name
            out.append(_("%(name)s gives no result: %(reason)s.") % {"name": name, "reason": reason})
    return " ".join(out)


def _side_of_cutoff(comparison: Comparison) -> str:
    left, right = comparison.pair
    cut = comparison.cutoff_mm
    mine, theirs = left.thickness_mm, right.thickness_mm
    limit = {"mm": f"{cut:.1f}"}
    if mine is None or theirs is None:
        pixels_only = mine is None and theirs is None and (left.thickness_px or right.thickness_px)
        return _("No scale in the file.") if pixels_only else ""
    above = [displayed_mm(value) >= cut - 1e-6 for value in (mine, theirs)]
    if all(above):
        text = _("Both are %(mm)s mm or more.") % limit
    elif not any(above):
        text = _("Both are below %(mm)s mm.") % limit
    else:
        text = _("On two sides of %(mm)s mm.") % limit
        if min(abs(mine - cut), abs(theirs - cut)) <= NEAR_MM:
            text += " " + _("Near %(mm)s mm.") % limit
    return text


def _where(comparison: Comparison) -> str:
    lesion = next((side.index for side in comparison.pair if side.index is not None), None)
    if lesion is None:
        return ""
    segment = words.segment_words(lesion.segment)
    name = _("lesion %(number)d") % {"number": lesion.number}
    place = same_plaque(comparison)[1]
    parts = [segment, name] if segment else [name[:1].upper() + name[1:]]
    if place is not None:
        parts.append(_("matched on frame %(frame)d") % {"frame": place[1]})
    return ", ".join(parts) + "."


def _earlier(comparison: Comparison) -> str:
    left, right = comparison.pair
    if left.content_no is None or right.content_no is None or left.content_no == right.content_no:
        return ""
    if left.role != right.role:
        return _("Read and model saw different contents of this study.")
    return _("The two saw different contents of this study.")


__all__ = ["Verdict", "noun", "same_plaque", "sees_none", "verdict"]
