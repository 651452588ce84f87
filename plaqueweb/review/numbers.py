"""The table beside the pictures: left, right, difference, and how each number came about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from django.utils.translation import gettext as _

from inference.postprocess import displayed_mm
from plaqueweb.predictions.models import Prediction
from plaqueweb.reads.choices import Extent, PlaqueClass, Reason, ThicknessSource
from plaqueweb.reads.models import Lesion, Read
from plaqueweb.review import words
from plaqueweb.review.asked import asked_rows
from plaqueweb.review.comparison import Comparison
from plaqueweb.review.corrections import correction_words, revision_words
from plaqueweb.review.masks import Place
from plaqueweb.review.model_words import ground
from plaqueweb.review.rules import thickness_difference
from plaqueweb.review.sides import NONE, ModelSide, ReadSide, ReferenceSide, Side, marks_of
from plaqueweb.review.timing import waited_for

PUBLISHED_MINUTES = 30


@dataclass(frozen=True)
class Row:
    """One line, in words ready to show; ``difference`` is right − left."""

    key: str
    label: str
    left: str = words.DASH
    right: str = words.DASH
    difference: str = ""
    how: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the row for JSON."""
        return asdict(self)


def numbers(comparison: Comparison) -> list[Row]:
    """Return the rows that the comparison has a ground for."""
    rows = [
        _class(comparison),
        *_correction(comparison),
        _reason(comparison),
        *_answers(comparison),
        _thickness(comparison),
    ]
    rows += [*_area(comparison), *_dice(comparison), *_ratio(comparison)]
    rows += [Row(**row) for row in asked_rows(comparison)]
    rows += [_time(comparison), *_arrival(comparison)]
    return rows


def difference_words(c: Comparison) -> str:
    """Return the heading of the differences: ``Model − physician``, ``Right − left`` where both are of one kind."""
    if c.left.role == c.right.role:
        return _("Right − left")
    titles = {"physician": _("physician"), "model": _("model"), "reference": _("reference")}
    text = f"{titles.get(c.right.role, _('model'))} {words.MINUS} {titles.get(c.left.role, _('physician'))}"
    return text[:1].upper() + text[1:]


def _both(c: Comparison) -> bool:
    return c.left.kind != NONE and c.right.kind != NONE


def _class(c: Comparison) -> Row:
    mine, theirs = c.left.plaque_class, c.right.plaque_class
    difference = ""
    if _both(c):
        if mine is None or theirs is None or PlaqueClass.CANNOT_ASSESS in (mine, theirs):
            difference = _("not comparable")
        else:
            difference = _("same") if mine == theirs else _("differs")
    how = [_score(side.prediction, side.name if len(c.models) > 1 else "") for side in c.models]
    cells = _class_cell(c.left), _class_cell(c.right)
    return Row("class", _("Class"), *cells, difference, "; ".join(text for text in how if text))


def _correction(c: Comparison) -> Iterator[Row]:
    """What an answer was before its correction, and why it was corrected."""
    reads = [side.read if isinstance(side, ReadSide) else None for side in (c.left, c.right)]
    corrected = [read for read in reads if read is not None and revision_words(read)]
    if corrected:
        left, right = (revision_words(read) or words.DASH if read else words.DASH for read in reads)
        yield Row(
            "correction", _("Correction"), left, right, "", " ".join(correction_words(read) for read in corrected)
        )


def _class_cell(side: Side) -> str:
    if isinstance(side, ModelSide) and side.plaque_class is None:
        return words.class_words(None)
    return words.class_short(side.plaque_class)


def _score(model: Prediction, name: str) -> str:
    if model.probability is None:
        return ""
    values = {"p": f"{model.probability:.2f}", "cut": f"{model.pipeline.threshold:.2f}"}
    if model.probability_sd is not None:
        values["sd"] = f"{model.probability_sd:.2f}"
        text = _("calibrated probability %(p)s ± %(sd)s, cut-off %(cut)s") % values
    else:
        text = _("calibrated probability %(p)s, cut-off %(cut)s") % values
    return f"{name}: {text}" if name else text


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
    cells = _reason_cell(c, c.left), _reason_cell(c, c.right)
    how = ""
    if c.models:
        gave = any(side.prediction.reasons for side in c.models)
        how = _("model does not look for thrombus") if gave else _("model has no reasons")
    return Row("reason", _("Reason"), *cells, "", how)


def _reason_cell(c: Comparison, side: Side) -> str:
    names = {"thickness": _("thickness"), "ulceration": _("ulceration"), "mobile": _("mobile part")}
    if isinstance(side, ReadSide):
        return ", ".join(reasons_of(side.read, side.index, c.cutoff_mm)) or words.DASH
    if isinstance(side, ReferenceSide):
        names["thrombus"] = _("thrombus")
        return ", ".join(name for key, name in names.items() if _yes(side.consensus.reasons.get(key))) or words.DASH
    if isinstance(side, ModelSide):
        if not side.prediction.reasons:
            return _("not given")
        return ", ".join(n for key, n in names.items() if side.prediction.reasons.get(key) == "yes") or _("none found")
    return words.DASH


def _yes(answer: object) -> bool:
    return answer is True or answer == Reason.YES


def _answers(c: Comparison) -> Iterator[Row]:
    """Ulceration and mobile part, answer beside answer; only where a model gives reasons."""
    for key, label in (("ulceration", _("Ulceration")), ("mobile", _("Mobile part"))):
        if not any(key in (side.prediction.reasons or {}) for side in c.models):
            continue
        said = [_answer(side, key) for side in c.pair]
        both = all(answer in (Reason.YES, Reason.NO) for answer in said)
        difference = (_("same") if said[0] == said[1] else _("differs")) if both else ""
        telling = [
            one for side in c.models for one in side.lesions
            if (one.get("reasons") or {}).get(key) == (side.prediction.reasons or {}).get(key)
        ]  # fmt: skip
        grounds = [text for one in telling if (text := ground(key, one))]
        cells = words.answer_words(said[0]), words.answer_words(said[1])
        yield Row(key, label, *cells, difference, grounds[0] if grounds else "")


def _answer(side: Side, key: str) -> str | None:
    if isinstance(side, ModelSide):
        said: str | None = (side.prediction.reasons or {}).get(key)
        return said
    given = getattr(side.index, key) if side.index is not None else ""
    return "cannot tell" if given == Reason.UNCLEAR else given


def thickness_words(side: Side) -> str:
    """Return a side's official thickness, with its uncertainty where there is one."""
    if isinstance(side, ModelSide):
        return words.length(side.thickness_mm, side.thickness_px, sd=side.prediction.thickness_sd_mm)
    manual = side.read.manual_scale if isinstance(side, ReadSide) else None
    return words.length(side.thickness_mm, side.thickness_px, manual=manual)


def _thickness(c: Comparison) -> Row:
    left, right = c.pair
    difference, how = "", ""
    if _both(c):
        gap = thickness_difference(left.thickness_mm, right.thickness_mm)
        if gap is not None:
            difference = _("%(value)s mm") % {"value": words.signed(gap, 1)}
        elif _pixels_only(c) and left.thickness_px is not None and right.thickness_px is not None:
            gap_px = round(right.thickness_px) - round(left.thickness_px)
            difference = _("%(value)s px") % {"value": words.signed(gap_px, 0)}
        how = _thickness_how(c)
    return Row("thickness", _("Official thickness"), thickness_words(left), thickness_words(right), difference, how)


def _pixels_only(c: Comparison) -> bool:
    return c.left.thickness_mm is None and c.right.thickness_mm is None


def _thickness_how(c: Comparison) -> str:
    left, right = c.pair
    ways = [_way(side) for side in c.pair]
    parts = [_("mask chord, both")] if ways[0] == ways[1] == _("mask chord") else []
    if not parts and all(ways):
        parts = [_("%(a)s against %(b)s") % {"a": ways[0], "b": ways[1]}]
    if _pixels_only(c):
        in_pixels = left.thickness_px is not None or right.thickness_px is not None
        return ", ".join([*parts, _("no scale in the file")]) if in_pixels else ""
    mine, theirs = left.key_place, right.key_place
    if all(ways) and mine and theirs and mine[:2] != theirs[:2]:
        parts.append(_("frames %(a)d and %(b)d") % {"a": mine[1], "b": theirs[1]})
    return ", ".join(parts)


def _way(side: Side) -> str:
    """How a side came to its official thickness; nothing where it gave none or does not say."""
    if isinstance(side, ModelSide):
        return _("mask chord")
    if isinstance(side, ReferenceSide):
        return _("reference")
    if not isinstance(side, ReadSide):
        return ""
    return {
        ThicknessSource.CALIPER.value: _("caliper"),
        ThicknessSource.MASK.value: _("mask chord"),
        ThicknessSource.IMPORTED.value: _("imported value"),
    }.get(side.read.thickness_source, "")


def _area(c: Comparison) -> Iterator[Row]:
    place = c.focus
    if place is None:
        return
    mine, theirs = (side.area_at(place) for side in c.pair)
    marked = [side for side in c.pair if (marks := marks_of(side)) is not None and marks.plaque(place) is not None]
    if not marked and (mine is None or theirs is None):
        return
    difference = ""
    if mine is not None and theirs is not None and c.left.declared(place) and c.right.declared(place):
        difference = area_difference(mine, theirs)
    how = "; ".join(_extents(c, place))
    label = _("Area, frame %(frame)d") % {"frame": place[1]}
    yield Row("area", label, _area_cell(c.left, place, mine), _area_cell(c.right, place, theirs), difference, how)


def _area_cell(side: Side, place: Place, found: tuple[int, float | None] | None) -> str:
    if found is None:
        return words.DASH
    return words.area(*found, sd=side.area_sd(place, found[0]) if isinstance(side, ModelSide) else None)


def area_difference(mine: tuple[int, float | None], theirs: tuple[int, float | None]) -> str:
    """Return right − left of two areas in (pixels, mm²), in mm² where both have a scale."""
    if mine[1] is not None and theirs[1] is not None:
        return _("%(value)s mm²") % {"value": words.signed(round(theirs[1], 1) - round(mine[1], 1), 1)}
    return _("%(value)s px") % {"value": words.signed(theirs[0] - mine[0], 0)}


def _extents(c: Comparison, place: Place) -> list[str]:
    """What was declared of a frame; with its side in front where two readers declared different things."""
    said = {
        name: extent_words(marks.frames[place].extent)
        for name, side in ((_("left"), c.left), (_("right"), c.right))
        if (marks := marks_of(side)) is not None and place in marks.frames
    }
    if len(set(said.values())) == 1:
        return list(said.values())[:1]
    return [f"{name}: {text}" for name, text in said.items()]


def extent_words(extent: str) -> str:
    """Return what a reader declared of a frame."""
    return {
        Extent.ALL_MARKED.value: _("all marked by the reader"),
        Extent.NO_PLAQUE.value: _("examined, no plaque"),
        Extent.INDEX_ONLY.value: _("reader marked the index lesion only"),
        Extent.UNUSABLE.value: _("unusable for the reader"),
    }.get(extent, _("extent not said by the reader"))


def _dice(c: Comparison) -> Iterator[Row]:
    if not _both(c):
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
    here = c.dice_at(c.focus)
    shown = here if here is not None and here.declared else None
    if shown is None and values:
        shown = next(one for one in declared if one.value is not None)
    value = words.DASH if shown is None or shown.value is None else f"{shown.value:.2f}"
    label = _("Dice, frame %(frame)d") % {"frame": shown.place[1]} if shown else _("Dice")
    yield Row("dice", label, "", "", value, ", ".join(parts) or _("no frame fully marked"))


def _ratio(c: Comparison) -> Iterator[Row]:
    place = c.focus
    if place is None:
        return
    drawn = [marks for side in c.pair if (marks := marks_of(side)) is not None]
    if drawn and not any(place in side.frames and side.frames[place].outline is not None for side in drawn):
        return
    mine, theirs = (side.aorta_share(place) for side in c.pair)
    if not drawn and (mine is None or theirs is None):
        return
    difference = ""
    if mine is not None and theirs is not None and c.left.declared(place) and c.right.declared(place):
        points = round(theirs) - round(mine)
        difference = _("%(value)s points") % {"value": words.signed(points, 0)}
    how = _("area in outer wall")
    bare = [side for side in c.models if side.aorta_share(place) is not None and not side.masks.knows_wall(*place[:2])]
    if bare:
        how = _("in outer wall; model: lumen and plaque")
    yield Row("ratio", _("Plaque / aorta"), _percent(mine), _percent(theirs), difference, how)


def _percent(value: float | None) -> str:
    return words.DASH if value is None else _("%(value)d %%") % {"value": round(value)}


def _time(c: Comparison) -> Row:
    how = _("published: %(n)d min") % {"n": PUBLISHED_MINUTES}
    devices = list(dict.fromkeys(side.prediction.device for side in c.models if side.prediction.device))
    if devices:
        how += _(" · run on %(device)s") % {"device": ", ".join(devices)}
    return Row("time", _("Reading or run time"), _seconds(c.left), _seconds(c.right), "", how)


def _arrival(c: Comparison) -> Iterator[Row]:
    """From the arrival of the study to its result, as a clinic would meet it; not the time of computing alone."""
    waited = [waited_for(side.prediction, c.case.study) if isinstance(side, ModelSide) else None for side in c.pair]
    told = [one for one in waited if one is not None]
    if not told:
        return
    times = [words.duration(one.seconds) if one is not None else words.DASH for one in waited]
    shown = {"time": words.duration(told[-1].seconds), "n": PUBLISHED_MINUTES}
    how = _("result %(time)s after arrival; published: %(n)d min")
    if told[-1].asked:
        how = _("result %(time)s after it was asked for; published: %(n)d min")
    yield Row("arrival", _("Arrival to result"), times[0], times[1], "", how % shown)


def _seconds(side: Side) -> str:
    if isinstance(side, ReadSide):
        return words.duration(side.read.assignment.active_seconds)
    return words.duration(side.prediction.seconds) if isinstance(side, ModelSide) else words.DASH
