"""One sentence that says whether reader and model agree, and by how much, with its ground beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from inference.postprocess import displayed_mm
from plaqueweb.core.work import WorkState
from plaqueweb.reads.choices import PlaqueClass
from plaqueweb.review import words
from plaqueweb.review.masks import Place
from plaqueweb.review.rules import thickness_difference
from plaqueweb.review.selectors import Comparison

SAME_PLAQUE = 0.1
"""Two areas on one frame are the same plaque when they share more than this part of the smaller one."""
NEAR_MM = 0.5


@dataclass(frozen=True)
class Verdict:
    """``text`` is the sentence, ``ground`` what it stands on; either may be shown alone."""

    text: str
    ground: str


def verdict(comparison: Comparison) -> Verdict:
    """Return the sentence for a comparison; every branch has one."""
    read, prediction = comparison.read, comparison.prediction
    if read is None:
        return Verdict(_("No signed read yet."), "")
    if comparison.model_hidden:
        return _readers_only(comparison)
    if prediction is None:
        return _no_prediction(comparison)
    mine, theirs = read.reader_class, prediction.predicted_class
    pair = {"model": words.class_words(theirs), "physician": words.class_words(mine)}
    if mine == PlaqueClass.CANNOT_ASSESS or theirs is None or mine != theirs:
        text = _("Model: %(model)s · Physician: %(physician)s.") % pair
        return Verdict(text, _ground(comparison))
    return Verdict(_same_class(comparison), _ground(comparison))


def _readers_only(comparison: Comparison) -> Verdict:
    others = [row for row in comparison.reads if row.assignment.repeat_no == 0]
    if len(others) < 2:
        return Verdict(_("Physician: %(words)s.") % {"words": _class_of(comparison)}, _("Model hidden."))
    if len({row.reader_class for row in others}) == 1:
        text = _("%(n)d readers: all %(words)s.") % {"n": len(others), "words": _class_of(comparison)}
        return Verdict(text, _("Model hidden."))
    named = [f"{row.assignment.reader.name}: {words.class_words(row.reader_class)}" for row in others]
    return Verdict(" · ".join(named) + ".", _("Model hidden."))


def _class_of(comparison: Comparison) -> str:
    return words.class_words(comparison.read.reader_class if comparison.read else None)


def _no_prediction(comparison: Comparison) -> Verdict:
    text = _("Physician: %(physician)s. No model result yet.") % {"physician": _class_of(comparison)}
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
    read, prediction = comparison.read, comparison.prediction
    if read is None or prediction is None:
        raise ValueError("a verdict on two answers needs both")
    if _both_empty(comparison):
        return _("Same class; both see no plaque.")
    head = {True: _("Same plaque, same class"), False: _("Different plaque, same class"), None: _("Same class")}
    tail = _thickness_tail(read.thickness_mm, prediction.thickness_mm, read.thickness_px, prediction.thickness_px)
    return _("%(head)s; %(tail)s.") % {"head": head[same_plaque(comparison)[0]], "tail": tail}


def _both_empty(comparison: Comparison) -> bool:
    read, prediction = comparison.read, comparison.prediction
    return read is not None and prediction is not None and read.plaque_present is False and not prediction.area_px


def _thickness_tail(mine: float | None, theirs: float | None, mine_px: float | None, theirs_px: float | None) -> str:
    gap = thickness_difference(mine, theirs)
    if gap is not None:
        if gap == 0:
            return _("same thickness")
        value = {"mm": f"{abs(gap):.1f}"}
        return _("model %(mm)s mm thinner") % value if gap < 0 else _("model %(mm)s mm thicker") % value
    if mine is None and theirs is None and mine_px is not None and theirs_px is not None:
        pixels = round(theirs_px) - round(mine_px)
        if pixels == 0:
            return _("same thickness in pixels")
        value = {"px": str(abs(pixels))}
        return _("model %(px)s px thinner") % value if pixels < 0 else _("model %(px)s px thicker") % value
    return _("no thickness to compare")


def same_plaque(comparison: Comparison) -> tuple[bool | None, Place | None]:
    """Tell whether reader and model mark the same plaque, and on which frame it was matched.

    The reader's index lesion is laid over the model's plaque on the reader's key frame first, then on every other
    marked frame. None: one of them marked nothing that could be matched.
    """
    lesion = comparison.index
    number = lesion.number if lesion is not None else None
    marked = [one for one in comparison.frames.values() if one.runs]
    key = comparison.key
    marked.sort(key=lambda one: (one.place != key, str(one.place[0]), one.place[1]))
    compared = False
    for one in marked:
        theirs = comparison.masks.plaque(one.place[0], one.place[1])
        mine = one.lesions.get(number) if number is not None else one.plaque
        if theirs is None or mine is None or theirs.shape != mine.shape or not mine.any():
            continue
        compared = compared or bool(theirs.any())
        if _touches(mine, theirs):
            return True, one.place
    return (False if compared else None), None


def _touches(mine: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> bool:
    """Overlap of the reader's lesion with the model's plaque, which may reach on into other lesions."""
    both = int(np.count_nonzero(mine & theirs))
    smaller = min(int(np.count_nonzero(mine)), int(np.count_nonzero(theirs)))
    return smaller > 0 and both / smaller > SAME_PLAQUE


def _ground(comparison: Comparison) -> str:
    parts = [_no_result(comparison), _side_of_cutoff(comparison), _where(comparison), _earlier(comparison)]
    return " ".join(part for part in parts if part)


def _no_result(comparison: Comparison) -> str:
    row = comparison.prediction
    if row is None or row.predicted_class is not None:
        return ""
    reason = str(row.get_no_result_reason_display()) or _("no reason given")
    return _("The model gives no result: %(reason)s.") % {"reason": reason}


def _side_of_cutoff(comparison: Comparison) -> str:
    read, prediction, cut = comparison.read, comparison.prediction, comparison.cutoff_mm
    if read is None or prediction is None:
        return ""
    mine, theirs = read.thickness_mm, prediction.thickness_mm
    limit = {"mm": f"{cut:.1f}"}
    if mine is None or theirs is None:
        pixels_only = mine is None and theirs is None and (read.thickness_px or prediction.thickness_px)
        return _("No scale in the file.") if pixels_only else ""
    sides = [displayed_mm(value) >= cut - 1e-6 for value in (mine, theirs)]
    if all(sides):
        text = _("Both are %(mm)s mm or more.") % limit
    elif not any(sides):
        text = _("Both are below %(mm)s mm.") % limit
    else:
        text = _("On two sides of %(mm)s mm.") % limit
        if min(abs(mine - cut), abs(theirs - cut)) <= NEAR_MM:
            text += " " + _("Near %(mm)s mm.") % limit
    return text


def _where(comparison: Comparison) -> str:
    lesion = comparison.index
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
    read, prediction = comparison.read, comparison.prediction
    if read is None or prediction is None or read.content_no == prediction.content_no:
        return ""
    return _("Read and model saw different contents of this study.")


__all__ = ["Verdict", "same_plaque", "verdict"]
