"""The table beside the pictures: physician, model, difference, and how each number came about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from django.utils.translation import gettext as _

from inference.postprocess import displayed_mm
from plaqueweb.predictions.models import Prediction
from plaqueweb.reads.choices import Extent, PlaqueClass, Reason, ThicknessSource
from plaqueweb.reads.models import Lesion, Read
from plaqueweb.review import words
from plaqueweb.review.masks import MarkedFrame, Mask, area, polygon_mask, within
from plaqueweb.review.model_words import ground
from plaqueweb.review.rules import thickness_difference
from plaqueweb.review.selectors import Comparison

PUBLISHED_MINUTES = 30


@dataclass(frozen=True)
class Row:
    """One line, in words ready to show; ``difference`` is model − physician."""

    key: str
    label: str
    physician: str = words.DASH
    model: str = words.DASH
    difference: str = ""
    how: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the row for JSON."""
        return asdict(self)


def numbers(comparison: Comparison) -> list[Row]:
    """Return the rows that the comparison has a ground for."""
    rows = [_class(comparison), _reason(comparison), *_answers(comparison), _thickness(comparison)]
    rows += [*_area(comparison), *_dice(comparison), *_ratio(comparison), _time(comparison)]
    return rows


def _class(c: Comparison) -> Row:
    mine = c.read.reader_class if c.read else None
    model = c.prediction
    theirs = model.predicted_class if model else None
    difference = ""
    if c.read is not None and model is not None:
        if theirs is None or mine == PlaqueClass.CANNOT_ASSESS:
            difference = _("not comparable")
        else:
            difference = _("same") if mine == theirs else _("differs")
    model_words = words.class_short(theirs) if model is None or theirs is not None else words.class_words(None)
    return Row("class", _("Class"), words.class_short(mine), model_words, difference, _score(model))


def _score(model: Prediction | None) -> str:
    if model is None or model.probability is None:
        return ""
    values = {"p": f"{model.probability:.2f}", "cut": f"{model.pipeline.threshold:.2f}"}
    if model.probability_sd is not None:
        values["sd"] = f"{model.probability_sd:.2f}"
        return _("calibrated probability %(p)s ± %(sd)s, cut-off %(cut)s") % values
    return _("calibrated probability %(p)s, cut-off %(cut)s") % values


def reasons_of(read: Read, lesion: Lesion | None, cutoff_mm: float) -> list[str]:
    """Return the reasons for "complex" that a read gives, in words."""
    found: list[str] = []
    if read.thickness_mm is not None and displayed_mm(read.thickness_mm) >= cutoff_mm - 1e-6:
        found.append(_("thickness"))
    if lesion is not None:
        named = (
            (lesion.ulceration, _("ulceration")),
            (lesion.mobile, _("mobile part")),
            (lesion.thrombus, _("thrombus")),
        )
        found += [word for value, word in named if value == Reason.YES]
    return found


def _reason(c: Comparison) -> Row:
    mine = reasons_of(c.read, c.index, c.cutoff_mm) if c.read else []
    physician = ", ".join(mine) if mine else words.DASH
    if c.prediction is None:
        return Row("reason", _("Reason"), physician)
    said = c.prediction.reasons or {}
    if not said:
        return Row("reason", _("Reason"), physician, _("not given"), "", _("model has no reasons"))
    names = {"thickness": _("thickness"), "ulceration": _("ulceration"), "mobile": _("mobile part")}
    theirs = [name for key, name in names.items() if said.get(key) == "yes"]
    how = _("model does not look for thrombus")
    return Row("reason", _("Reason"), physician, ", ".join(theirs) or _("none found"), "", how)


def _answers(c: Comparison) -> Iterator[Row]:
    """Ulceration and mobile part, answer beside answer; only where the model gives reasons."""
    said = (c.prediction.reasons if c.prediction else None) or {}
    parts = [lesion for part in c.parts for lesion in part.lesions or []]
    for key, label in (("ulceration", _("Ulceration")), ("mobile", _("Mobile part"))):
        if key not in said:
            continue
        mine = getattr(c.index, key) if c.index is not None else ""
        physician = words.answer_words("cannot tell" if mine == Reason.UNCLEAR else mine)
        both = mine in (Reason.YES, Reason.NO) and said[key] in ("yes", "no")
        difference = (_("same") if mine == said[key] else _("differs")) if both else ""
        telling = [one for one in parts if (one.get("reasons") or {}).get(key) == said[key]]
        grounds = [text for one in telling if (text := ground(key, one))]
        yield Row(key, label, physician, words.answer_words(said[key]), difference, grounds[0] if grounds else "")


def _thickness(c: Comparison) -> Row:
    read, model = c.read, c.prediction
    mine = words.length(read.thickness_mm, read.thickness_px, manual=read.manual_scale) if read else words.DASH
    theirs = words.DASH
    if model is not None:
        theirs = words.length(model.thickness_mm, model.thickness_px, sd=model.thickness_sd_mm)
    difference, how = "", ""
    if read is not None and model is not None:
        gap = thickness_difference(read.thickness_mm, model.thickness_mm)
        pixels = read.thickness_mm is None and model.thickness_mm is None
        if gap is not None:
            difference = _("%(value)s mm") % {"value": words.signed(gap, 1)}
        elif pixels and read.thickness_px is not None and model.thickness_px is not None:
            gap_px = round(model.thickness_px) - round(read.thickness_px)
            difference = _("%(value)s px") % {"value": words.signed(gap_px, 0)}
        how = _thickness_how(c, read)
    return Row("thickness", _("Official thickness"), mine, theirs, difference, how)


def _thickness_how(c: Comparison, read: Read) -> str:
    how = {
        ThicknessSource.CALIPER.value: _("caliper against mask chord"),
        ThicknessSource.MASK.value: _("mask chord, both"),
        ThicknessSource.IMPORTED.value: _("imported value against mask chord"),
    }.get(read.thickness_source, "")
    parts = [how] if how else []
    model = c.prediction
    if read.thickness_mm is None and model is not None and model.thickness_mm is None:
        in_pixels = read.thickness_px is not None or model.thickness_px is not None
        return ", ".join([*parts, _("no scale in the file")]) if in_pixels else ""
    mine, theirs = (c.key if read.thickness_source else None), c.model_key
    if mine and theirs and mine[:2] != theirs[:2]:
        parts.append(_("frames %(a)d and %(b)d") % {"a": mine[1], "b": theirs[1]})
    return ", ".join(parts)


def _key_frame(c: Comparison) -> MarkedFrame | None:
    """The marked frame that area, Dice and ratio are told for: the reader's key frame, else the first marked one."""
    return c.frames.get(c.key) if c.key is not None else None


def _model_plaque(c: Comparison, marked: MarkedFrame) -> Mask | None:
    return _in_region(c, marked, c.masks.plaque(*marked.place[:2]))


def _in_region(c: Comparison, marked: MarkedFrame, mask: Mask | None) -> Mask | None:
    """What the model marked in the region that was annotated; None where it cannot be laid over the picture."""
    if mask is None or mask.shape != marked.shape:
        return None
    return within(mask, c.region(marked.place)) if _several_regions(c, marked) else mask


def _several_regions(c: Comparison, marked: MarkedFrame) -> bool:
    clip = c.clip(marked.place[0])
    return clip is not None and len(clip.regions.all()) > 1


def _area(c: Comparison) -> Iterator[Row]:
    marked = _key_frame(c)
    if marked is None or not marked.known:
        return
    region = c.region(marked.place)
    px, mm2 = area(marked.area_px, region)
    theirs = _model_plaque(c, marked)
    model_px, model_mm2 = area(int(np.count_nonzero(theirs)), region) if theirs is not None else (None, None)
    difference = ""
    if model_px is not None and marked.declared:
        if mm2 is not None and model_mm2 is not None:
            difference = _("%(value)s mm²") % {"value": words.signed(round(model_mm2, 1) - round(mm2, 1), 1)}
        else:
            difference = _("%(value)s px") % {"value": words.signed(model_px - px, 0)}
    label = _("Area, frame %(frame)d") % {"frame": marked.place[1]}
    how = _extent_words(marked.extent)
    yield Row("area", label, words.area(px, mm2), words.area(model_px, model_mm2), difference, how)


def _extent_words(extent: str) -> str:
    return {
        Extent.ALL_MARKED.value: _("all marked by the reader"),
        Extent.NO_PLAQUE.value: _("examined, no plaque"),
        Extent.INDEX_ONLY.value: _("reader marked the index lesion only"),
        Extent.UNUSABLE.value: _("unusable for the reader"),
    }.get(extent, _("extent not said by the reader"))


def _dice(c: Comparison) -> Iterator[Row]:
    if c.prediction is None:
        return
    declared = [one for one in c.dice if one.declared]
    values = [one.value for one in declared if one.value is not None]
    empty = len(declared) - len(values)
    parts: list[str] = []
    if values:
        spread = {"n": len(values), "low": f"{min(values):.2f}", "high": f"{max(values):.2f}"}
        one = _("1 frame fully marked")
        several = _("%(n)d frames fully marked: %(low)s to %(high)s") % spread
        parts.append(one if len(values) == 1 else several)
    if empty:
        parts.append(_("%(n)d examined, both without plaque") % {"n": empty})
    here = c.dice_at(c.key)
    shown = here if here is not None and here.declared else None
    if shown is None and values:
        shown = next(one for one in declared if one.value is not None)
    value = words.DASH if shown is None or shown.value is None else f"{shown.value:.2f}"
    label = _("Dice, frame %(frame)d") % {"frame": shown.place[1]} if shown else _("Dice")
    yield Row("dice", label, "", "", value, ", ".join(parts) or _("no frame fully marked"))


def _ratio(c: Comparison) -> Iterator[Row]:
    marked = _key_frame(c)
    if marked is None or marked.outline is None:
        return
    wall = polygon_mask(marked.outline, marked.shape)
    inside = int(np.count_nonzero(wall))
    mine = 100 * int(np.count_nonzero(marked.plaque & wall)) / inside if inside and marked.known else None
    theirs = None
    aorta, plaque = _in_region(c, marked, c.masks.aorta(*marked.place[:2])), _model_plaque(c, marked)
    if aorta is not None and plaque is not None and aorta.any():
        theirs = 100 * int(np.count_nonzero(plaque)) / int(np.count_nonzero(aorta))
    difference = ""
    if mine is not None and theirs is not None and marked.declared:
        points = round(theirs) - round(mine)
        difference = _("%(value)s points") % {"value": words.signed(points, 0)}
    how = _("area in outer wall")
    if theirs is not None and not c.masks.knows_wall(marked.place[0], marked.place[1]):
        how = _("in outer wall; model: lumen and plaque")
    yield Row("ratio", _("Plaque / aorta"), _percent(mine), _percent(theirs), difference, how)


def _percent(value: float | None) -> str:
    return words.DASH if value is None else _("%(value)d %%") % {"value": round(value)}


def _time(c: Comparison) -> Row:
    mine = words.duration(c.read.assignment.active_seconds) if c.read else words.DASH
    theirs = words.duration(c.prediction.seconds) if c.prediction else words.DASH
    how = _("published: %(n)d min") % {"n": PUBLISHED_MINUTES}
    if c.prediction is not None and c.prediction.device:
        how += _(" · run on %(device)s") % {"device": c.prediction.device}
    return Row("time", _("Reading or run time"), mine, theirs, "", how)
