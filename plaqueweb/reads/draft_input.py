"""What a client may save: parsed strictly, every refusal names the field and the rule. No database here."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Choices
from django.utils.translation import gettext as _

from plaqueweb.core import limits
from plaqueweb.core.errors import Invalid
from plaqueweb.core.strict import refuse_unknown
from plaqueweb.reads.choices import (
    CaliperKind,
    Confidence,
    ConflictReason,
    Extent,
    MaskSource,
    PlaqueAnswer,
    PlaqueClass,
    Quality,
    QualityReason,
    Reason,
    Visibility,
)
from plaqueweb.studies.choices import Segment

Points = tuple[tuple[float, float], ...]
FrameKey = tuple[str, int, int]
REASON_KEYS = ("ulceration", "mobile", "thrombus")
LESION_KEYS = ("number", "segment", "is_index", "key_clip", "key_frame", "key_region", "grade_given", *REASON_KEYS)
COMPUTED_OF_LESION = ("grade", "thickness_mm", "thickness_px", "thickness_source", "manual_scale")
FRAME_KEYS = ("clip", "frame", "region", "extent", "outline", "calipers", "masks", "source", "sources")
CALIPER_KEYS = ("id", "kind", "lesion", "points", "mm", "px", "why_no_mm", "scale")
ANSWER_KEYS = (
    "reader_class", "quality", "quality_reasons", "confidence", "conflict_reason", "note", "findings", "own",
)  # fmt: skip
SCALE_KEYS = ("clip", "region", "lines")
LINE_KEYS = ("points", "mm")
CLIENT_SOURCES = (
    MaskSource.DRAWN, MaskSource.COPIED, MaskSource.INTERPOLATED, MaskSource.THRESHOLD, MaskSource.GROWN,
    MaskSource.PROPAGATED,
)  # fmt: skip


@dataclass(frozen=True)
class FindingInput:
    """Partial finding of a segment; None leaves the stored answer as it is."""

    visibility: str | None = None
    plaque: str | None = None


@dataclass(frozen=True)
class LesionInput:
    """One lesion as sent; empty strings are unanswered."""

    number: int
    segment: str
    is_index: bool
    key_clip: str | None
    key_frame: int | None
    key_region: int | None
    reasons: Mapping[str, str]
    grade_given: int | None = None


@dataclass(frozen=True)
class CaliperInput:
    """One caliper; points in image pixels."""

    id: str
    kind: str
    lesion: int | None
    points: tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class FrameInput:
    """All marks of one frame. ``masks`` None keeps the stored ones; ``sources`` by lesion, else ``source`` for all."""

    key: FrameKey
    extent: str
    outline: Points | None
    calipers: tuple[CaliperInput, ...]
    masks: Mapping[str, tuple[tuple[int, int], Sequence[int]]] | None
    source: str
    sources: Mapping[str, str] = field(default_factory=dict)

    def source_of(self, lesion: str) -> str:
        """Return where a lesion's mask comes from."""
        return self.sources.get(lesion, self.source)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is on the frame, so that the annotation goes."""
        return not (self.extent or self.outline or self.calipers) and self.masks == {}


@dataclass(frozen=True)
class ScaleInput:
    """The scale of one region set by hand: one or two lines of known length in mm; none takes it back."""

    key: tuple[str, int]
    lines: tuple[tuple[Points, float], ...]


@dataclass(frozen=True)
class ClipQualityInput:
    """How well one clip can be read; an empty quality takes it back."""

    clip: str
    quality: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class SaveInput:
    """One save: only what changed. ``fields`` are columns of the read."""

    save_id: uuid.UUID
    fields: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)
    findings: Mapping[str, FindingInput] = field(default_factory=dict)
    lesions: tuple[LesionInput, ...] | None = None
    frames: tuple[FrameInput, ...] = ()
    scales: tuple[ScaleInput, ...] = ()
    clips: tuple[ClipQualityInput, ...] = ()


def parse_save(body: Any, *, sources: Sequence[str] = CLIENT_SOURCES) -> SaveInput:
    """Return a save body checked as far as it can be without the database.

    Raises:
        Invalid: a field is unknown, has the wrong type or an unknown value, or a limit is passed.
    """
    body = _object(body, "")
    refuse_unknown(body, ("save_id", "answers", "lesions", "frames", "scales", "clips"))
    try:
        save_id = uuid.UUID(str(body.get("save_id", "")))
    except ValueError:
        raise _wrong("save_id", _("a UUID made by the client")) from None
    answers = _object(body.get("answers") or {}, "answers")
    refuse_unknown(answers, ANSWER_KEYS, where="answers.")
    lesions = body.get("lesions")
    frames = _list(body.get("frames") or [], "frames", limits.DRAFT_FRAMES_PER_SAVE)
    parsed = tuple(_frame(item, f"frames.{n}", sources) for n, item in enumerate(frames))
    if len({frame.key for frame in parsed}) != len(parsed):
        raise Invalid(_("A frame may come once in a save."), rule="frame-twice")
    return SaveInput(
        save_id=save_id,
        fields=_answer_fields(answers),
        own=_object(answers.get("own") or {}, "answers.own"),
        findings=_findings(answers.get("findings") or {}),
        lesions=None if lesions is None else _lesions(lesions),
        frames=parsed,
        scales=_scales(body.get("scales") or []),
        clips=_clips(body.get("clips") or []),
    )


def _answer_fields(answers: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if "reader_class" in answers:
        value = answers["reader_class"]
        if value is not None and (isinstance(value, bool) or value not in PlaqueClass.values):
            raise _wrong("answers.reader_class", "0, 1, 9, null")
        fields["reader_class"] = value
    if "quality" in answers:
        fields["quality"] = _choice(answers["quality"], Quality, "answers.quality")
    if "confidence" in answers:
        fields["confidence"] = _choice(answers["confidence"], Confidence, "answers.confidence")
    if "quality_reasons" in answers:
        fields["quality_reasons"] = list(_reasons(answers["quality_reasons"], "answers.quality_reasons")) or None
    if "conflict_reason" in answers:
        fields["conflict_reason"] = _choice(answers["conflict_reason"], ConflictReason, "answers.conflict_reason")
    if "note" in answers:
        fields["note"] = _text(answers["note"], "answers.note", limits.NOTE_CHARACTERS)
    return fields


def _reasons(given: Any, where: str) -> tuple[str, ...]:
    """Reasons for a quality, each once, in the order of the page."""
    rows = _list(given or [], where, len(QualityReason.values))
    chosen = {_choice(item, QualityReason, where) for item in rows}
    return tuple(value for value in QualityReason.values if value in chosen)


def _clips(given: Any) -> tuple[ClipQualityInput, ...]:
    clips = []
    for n, row in enumerate(_list(given, "clips", limits.SCALES_PER_SAVE)):
        where, item = f"clips.{n}", _object(row, f"clips.{n}")
        refuse_unknown(item, ("clip", "quality", "reasons"), where=f"{where}.")
        quality = _choice(item.get("quality"), Quality, f"{where}.quality")
        clip = _uuid(item.get("clip"), f"{where}.clip")
        clips.append(ClipQualityInput(clip, quality, _reasons(item.get("reasons"), f"{where}.reasons")))
    if len({item.clip for item in clips}) != len(clips):
        raise Invalid(_("A clip may come once in a save."), rule="clip-twice")
    return tuple(clips)


def _findings(given: Any) -> dict[str, FindingInput]:
    found: dict[str, FindingInput] = {}
    for segment, item in _object(given, "answers.findings").items():
        where = f"answers.findings.{segment}"
        if segment not in Segment.values:
            raise _wrong("answers.findings", ", ".join(Segment.values))
        item = _object(item, where)
        refuse_unknown(item, ("visibility", "plaque"), where=f"{where}.")
        found[segment] = FindingInput(
            visibility=_choice(item["visibility"], Visibility, f"{where}.visibility") if "visibility" in item else None,
            plaque=_choice(item["plaque"], PlaqueAnswer, f"{where}.plaque") if "plaque" in item else None,
        )
    return found


def _lesions(given: Any) -> tuple[LesionInput, ...]:
    rows = _list(given, "lesions", limits.LESIONS_PER_READ)
    lesions = tuple(_lesion(item, f"lesions.{n}") for n, item in enumerate(rows))
    if len({lesion.number for lesion in lesions}) != len(lesions):
        raise Invalid(_("Two lesions have the same number."), rule="lesion-number")
    if sum(lesion.is_index for lesion in lesions) > 1:
        raise Invalid(_("Only one lesion can be the index lesion."), rule="lesion-one-index")
    return lesions


def _lesion(given: Any, where: str) -> LesionInput:
    item = _object(given, where)
    refuse_unknown(item, (*LESION_KEYS, *COMPUTED_OF_LESION), where=f"{where}.")
    clip = item.get("key_clip")
    return LesionInput(
        number=_integer(item.get("number"), f"{where}.number", 1, limits.LESIONS_PER_READ),
        segment=_choice(item.get("segment"), Segment, f"{where}.segment"),
        is_index=_flag(item.get("is_index", False), f"{where}.is_index"),
        key_clip=None if clip is None else _uuid(clip, f"{where}.key_clip"),
        key_frame=_optional_integer(item.get("key_frame"), f"{where}.key_frame", limits.CLIP_FRAMES),
        key_region=_optional_integer(item.get("key_region"), f"{where}.key_region", 1000),
        reasons={key: _choice(item.get(key), Reason, f"{where}.{key}") for key in REASON_KEYS},
        grade_given=_optional_integer(item.get("grade_given"), f"{where}.grade_given", limits.GRADES),
    )


def _frame(given: Any, where: str, sources: Sequence[str]) -> FrameInput:
    item = _object(given, where)
    refuse_unknown(item, (*FRAME_KEYS, "areas"), where=f"{where}.")
    calipers = _list(item.get("calipers") or [], f"{where}.calipers", limits.CALIPERS_PER_FRAME)
    source = item.get("source") or MaskSource.DRAWN
    if source not in sources:
        raise _wrong(f"{where}.source", ", ".join(sources))
    outline = item.get("outline")
    masks = item.get("masks")
    key = (
        _uuid(item.get("clip"), f"{where}.clip"),
        _integer(item.get("frame"), f"{where}.frame", 1, limits.CLIP_FRAMES),
        _integer(item.get("region", 1), f"{where}.region", 1, 1000),
    )
    return FrameInput(
        key=key,
        extent=_choice(item.get("extent"), Extent, f"{where}.extent"),
        outline=None if outline is None else _points(outline, f"{where}.outline", 3, limits.OUTLINE_POINTS),
        calipers=tuple(_caliper(row, f"{where}.calipers.{n}") for n, row in enumerate(calipers)),
        masks=None if masks is None else _masks(masks, f"{where}.masks"),
        source=str(source),
        sources=_sources(item.get("sources") or {}, f"{where}.sources", sources),
    )


def _sources(given: Any, where: str, allowed: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, source in _object(given, where).items():
        if source not in allowed:
            raise _wrong(f"{where}.{number}", ", ".join(allowed))
        found[_lesion_number(number, where)] = str(source)
    return found


def _lesion_number(number: Any, where: str) -> str:
    if not (isinstance(number, str) and number.isascii() and number.isdigit() and str(int(number)) == number):
        raise _wrong(where, _("lesion numbers"))
    return number


def _caliper(given: Any, where: str) -> CaliperInput:
    item = _object(given, where)
    refuse_unknown(item, CALIPER_KEYS, where=f"{where}.")
    kind = _choice(item.get("kind"), CaliperKind, f"{where}.kind")
    if not kind:
        raise _wrong(f"{where}.kind", ", ".join(CaliperKind.values))
    first, second = _points(item.get("points"), f"{where}.points", 2, 2)
    lesion = _optional_integer(item.get("lesion"), f"{where}.lesion", limits.LESIONS_PER_READ)
    if kind == CaliperKind.THICKNESS and lesion is None:
        raise Invalid(_("A thickness caliper belongs to a lesion."), rule="caliper-lesion")
    return CaliperInput(_uuid(item.get("id"), f"{where}.id"), kind, lesion, (first, second))


def _scales(given: Any) -> tuple[ScaleInput, ...]:
    rows = _list(given, "scales", limits.SCALES_PER_SAVE)
    scales = tuple(_scale(item, f"scales.{n}") for n, item in enumerate(rows))
    if len({scale.key for scale in scales}) != len(scales):
        raise Invalid(_("A region may come once in a save."), rule="scale-twice")
    return scales


def _scale(given: Any, where: str) -> ScaleInput:
    item = _object(given, where)
    refuse_unknown(item, SCALE_KEYS, where=f"{where}.")
    key = (_uuid(item.get("clip"), f"{where}.clip"), _integer(item.get("region"), f"{where}.region", 1, 1000))
    lines = []
    for n, row in enumerate(_list(item.get("lines"), f"{where}.lines", 2)):
        line = _object(row, f"{where}.lines.{n}")
        refuse_unknown(line, LINE_KEYS, where=f"{where}.lines.{n}.")
        if not _is_number(line.get("mm")):
            raise _wrong(f"{where}.lines.{n}.mm", _("a number of mm"))
        lines.append((_points(line.get("points"), f"{where}.lines.{n}.points", 2, 2), float(line["mm"])))
    return ScaleInput(key, tuple(lines))


def _masks(given: Any, where: str) -> dict[str, tuple[tuple[int, int], Sequence[int]]]:
    masks: dict[str, tuple[tuple[int, int], Sequence[int]]] = {}
    for number, item in _object(given, where).items():
        _lesion_number(number, where)
        item = _object(item, f"{where}.{number}")
        refuse_unknown(item, ("size", "rle"), where=f"{where}.{number}.")
        size, rle = item.get("size"), item.get("rle")
        if not (isinstance(size, list) and len(size) == 2 and all(type(n) is int and n > 0 for n in size)):
            raise _wrong(f"{where}.{number}.size", _("[rows, columns]"))
        if not isinstance(rle, list):
            raise _wrong(f"{where}.{number}.rle", _("a list of run lengths"))
        masks[number] = ((size[0], size[1]), rle)
    return masks


def _points(given: Any, where: str, fewest: int, most: int) -> Points:
    rows = _list(given, where, most)
    if len(rows) < fewest:
        raise _wrong(where, _("at least %(n)d points") % {"n": fewest})
    points = []
    for row in rows:
        if not (isinstance(row, list | tuple) and len(row) == 2 and all(_is_number(value) for value in row)):
            raise _wrong(where, _("points as [x, y] in image pixels"))
        points.append((float(row[0]), float(row[1])))
    return tuple(points)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _choice(value: Any, options: type[Choices], where: str) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or value not in options.values:
        raise _wrong(where, ", ".join([*map(str, options.values), "null"]))
    return value


def _text(value: Any, where: str, longest: int) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise _wrong(where, _("text"))
    if len(value) > longest:
        raise Invalid(_("%(where)s: at most %(n)d characters.") % {"where": where, "n": longest}, rule="too-long")
    return value


def _integer(value: Any, where: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise _wrong(where, _("a whole number from %(low)d to %(high)d") % {"low": low, "high": high})
    return value


def _optional_integer(value: Any, where: str, high: int) -> int | None:
    return None if value is None else _integer(value, where, 1, high)


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(where, "true, false")
    return value


def _uuid(value: Any, where: str) -> str:
    try:
        return str(uuid.UUID(str(value)))
    except ValueError:
        raise _wrong(where, _("a UUID")) from None


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(where or _("The body"), _("a JSON object"))
    return value


def _list(value: Any, where: str, most: int) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise _wrong(where, _("a list"))
    if len(value) > most:
        raise Invalid(_("%(where)s: at most %(n)d.") % {"where": where, "n": most}, rule="too-many-items")
    return value


def _wrong(where: str, wanted: str) -> Invalid:
    words = _("%(where)s: must be %(wanted)s.") % {"where": where, "wanted": wanted}
    return Invalid(words, rule="fields", extra={"errors": {where: words}})
