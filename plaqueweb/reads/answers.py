"""What follows from the answers: what is missing, the official thickness, the label rule's verdict. No writing here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from inference.postprocess import displayed_mm, thickness_from_mask
from plaqueweb.reads.bundle import Bundle, mask_of
from plaqueweb.reads.choices import CaliperKind, Extent, PlaqueAnswer, PlaqueClass, Reason, ThicknessSource, Visibility
from plaqueweb.reads.grades import counted_reasons
from plaqueweb.reads.measure import by_hand, longest, mask_spacing, region_numbered, unpack_mask
from plaqueweb.reads.models import FrameAnnotation, Lesion
from plaqueweb.reads.own import unanswered
from plaqueweb.studies.choices import CalibrationSource, MarkAsked, Segment

MARKED = (Extent.ALL_MARKED, Extent.INDEX_ONLY)


@dataclass(frozen=True)
class Missing:
    """One answer that is still to be given: where, and its name for people."""

    field: str
    words: str

    def as_json(self) -> dict[str, str]:
        """Return the members of the API."""
        return {"field": self.field, "words": self.words}


@dataclass(frozen=True)
class Measured:
    """A lesion's thickness: mm None without a scale; where it was measured."""

    mm: float | None
    px: float | None
    source: str
    at: tuple[str, int, int] | None = None
    manual: bool | None = None  # whether the mm come from a scale set by hand; None without mm


@dataclass(frozen=True)
class Verdict:
    """What the label rule says: 1, 0 or None (cannot be told), and on which ground."""

    value: int | None
    ground: str


NOT_MEASURED = Measured(None, None, "")


def reason_words(key: str) -> str:
    """Return the name of a reason for people."""
    return {"ulceration": _("Ulceration"), "mobile": _("Mobile part"), "thrombus": _("Thrombus")}[key]


def missing_answers(bundle: Bundle) -> list[Missing]:
    """Return what the protocol still asks for, in the order of the page."""
    required = bundle.protocol.required
    missing: list[Missing] = []
    if bundle.read.assignment.frames_only:
        return _missing_of_frames(bundle)
    if "findings" in required:
        missing += _missing_findings(bundle)
    missing += _missing_of_lesions(bundle)
    missing += _missing_of_frames(bundle)
    read = bundle.read
    if "class" in required and read.reader_class is None:
        missing.append(Missing("reader_class", _("Class")))
    if "quality" in required and not read.quality:
        missing.append(Missing("quality", _("Quality")))
    if "confidence" in required and not read.confidence:
        missing.append(Missing("confidence", _("Confidence")))
    missing += [Missing(f"own.{row['key']}", row["words"]) for row in unanswered(read)]
    return missing


def _missing_findings(bundle: Bundle) -> list[Missing]:
    missing = []
    for segment in bundle.protocol.segments:
        found = bundle.findings.get(segment)
        name = str(Segment(segment).label)
        if found is None or not found.visibility:
            missing.append(Missing(f"findings.{segment}.visibility", _("%(segment)s seen") % {"segment": name}))
        if (found is None or not found.plaque) and (found is None or found.visibility != Visibility.NOT):
            missing.append(Missing(f"findings.{segment}.plaque", _("%(segment)s plaque") % {"segment": name}))
    return missing


def _missing_of_lesions(bundle: Bundle) -> list[Missing]:
    if not bundle.lesions:
        return []
    index = bundle.index_lesion()
    if index is None:
        return [Missing("lesions.index", _("Index lesion"))]
    reasons = [
        Missing(f"lesions.{index.number}.{key}", _("Lesion %(n)d: %(reason)s") % {"n": index.number, "reason": name})
        for key in counted_reasons(bundle.protocol)
        if not getattr(index, key) and (name := reason_words(key))
    ]
    return reasons + _missing_marks(bundle, index)


def _missing_marks(bundle: Bundle, index: Lesion) -> list[Missing]:
    """What the protocol asks to be marked of the index lesion, on its key frame, and is not there."""
    asked, protocol = bundle.protocol.marks or [], bundle.protocol
    on_key = [row for key, row in bundle.annotations.items() if key[:2] == (str(index.key_clip_id), index.key_frame)]
    rows = on_key if index.key_clip_id is not None else list(bundle.annotations.values())
    painted = any((mask := mask_of(row)) is not None and str(index.number) in mask.areas for row in rows)
    caliper = protocol.counts_calipers and bool(caliper_thickness(bundle, index).source)
    there = {
        MarkAsked.THICKNESS: caliper or (protocol.counts_masks and painted),
        MarkAsked.MASK: index.key_clip_id is not None and painted,
        MarkAsked.WALL: any(row.outline for row in on_key),
    }
    named = {MarkAsked.THICKNESS: _("thickness"), MarkAsked.MASK: _("painted on its key frame"),
             MarkAsked.WALL: _("outer wall on its key frame")}  # fmt: skip
    return [
        Missing(f"lesions.{index.number}.{key}", _("Lesion %(n)d: %(mark)s") % {"n": index.number, "mark": named[key]})
        for key in MarkAsked
        if key in asked and not there[key]
    ]


def _missing_of_frames(bundle: Bundle) -> list[Missing]:
    missing = []
    for clip, frame in bundle.read.assignment.frames or []:
        if not any(key[:2] == (clip, frame) for key in bundle.annotations):
            where = {"frame": bundle.place_words(clip, frame)}
            missing.append(Missing(f"frames.{clip}.{frame}.extent", _("%(frame)s: extent") % where))
    for (clip, frame, region), annotation in bundle.annotations.items():
        painted = mask_of(annotation) is not None
        where = {"frame": bundle.frame_words(annotation)}
        if not annotation.extent and (painted or bundle.asks_for(clip, frame)):
            missing.append(Missing(f"frames.{clip}.{frame}.{region}.extent", _("%(frame)s: extent") % where))
        elif annotation.extent in MARKED and not painted:
            missing.append(
                Missing(f"frames.{clip}.{frame}.{region}.masks", _("%(frame)s: no plaque is painted") % where)
            )
    return missing


def plaque_present(bundle: Bundle) -> bool | None:
    """Return whether plaque was found: yes in any segment, no in all that were seen, else None."""
    given = [row.plaque for row in bundle.findings.values() if row.plaque]
    if PlaqueAnswer.PRESENT in given:
        return True
    if not given or PlaqueAnswer.UNCLEAR in given:
        return None
    return False


def caliper_thickness(bundle: Bundle, lesion: Lesion) -> Measured:
    """Return the thickness caliper of a lesion on its key frame (without one, the longest of any frame).

    On a biplane picture the key region's comes before the other's.
    """
    places = []
    for key, annotation in bundle.annotations.items():
        if lesion.key_clip_id is not None and key[:2] != (str(lesion.key_clip_id), lesion.key_frame):
            continue
        rows = [
            row for row in annotation.calipers
            if row["kind"] == CaliperKind.THICKNESS and row["lesion"] == lesion.number
        ]  # fmt: skip
        if (best := longest(rows)) is not None:
            places.append({**best, "at": key})
    found = longest([row for row in places if row["at"][2] == lesion.key_region] or places)
    if found is None:
        return NOT_MEASURED
    manual = None if found["mm"] is None else found.get("scale") == CalibrationSource.MANUAL
    return Measured(found["mm"], found["px"], ThicknessSource.CALIPER, found["at"], manual)


def mask_thickness(bundle: Bundle, lesion: Lesion) -> Measured:
    """Return the wall-normal chord of a lesion's mask on its key frame (without one, of its largest mask).

    Needs the bundle's masks.
    """
    painted = [
        (key, annotation, areas)
        for key, annotation in bundle.annotations.items()
        if (mask := mask_of(annotation)) is not None and (areas := mask.areas.get(str(lesion.number)))
    ]
    if lesion.key_clip_id is not None:
        painted = [row for row in painted if row[0][:2] == (str(lesion.key_clip_id), lesion.key_frame)]
    if not painted:
        return NOT_MEASURED
    painted = [row for row in painted if row[0][2] == lesion.key_region] or painted
    key, annotation, _areas = max(painted, key=lambda row: int(row[2]["px"]))
    return _chord(bundle, annotation, lesion.number, key)


def _chord(bundle: Bundle, annotation: FrameAnnotation, number: int, key: tuple[str, int, int]) -> Measured:
    row, clip = mask_of(annotation), bundle.clips.get(key[0])
    if row is None or row.rle is None or clip is None:
        return NOT_MEASURED
    mask = unpack_mask(row.rle, number, (row.rows, row.columns))
    if mask is None:
        return NOT_MEASURED
    # Drawn points count pixel centres from +0.5, the library from 0.
    outline = [(float(x) - 0.5, float(y) - 0.5) for x, y in annotation.outline] if annotation.outline else None
    found = thickness_from_mask(mask, mask_spacing(clip, annotation.region, mask), outline)
    if found.px is None and found.mm is None:
        return NOT_MEASURED
    manual = None if found.mm is None else by_hand(region_numbered(clip, annotation.region))
    return Measured(found.mm, found.px, ThicknessSource.MASK, key, manual)


def label_verdict(bundle: Bundle, rule: Mapping[str, Any] | None = None) -> Verdict:
    """Return what the label rule says of the lesions: complex when any lesion is, not complex when none can be.

    An answer "cannot tell" and a thickness without a scale are no "no": then the verdict is open.

    Args:
        bundle: needs findings and lesions only.
        rule: another rule than that of the protocol which the read is answered under.
    """
    rule = bundle.protocol.label_rule if rule is None else rule
    if not bundle.lesions:
        present = plaque_present(bundle)
        return Verdict(0, _("no plaque")) if present is False else Verdict(None, _("no lesion described"))
    single = [_lesion_verdict(lesion, rule) for lesion in bundle.lesions]
    for value in (1, None, 0):
        grounds = [verdict.ground for verdict in single if verdict.value == value]
        if grounds:
            return Verdict(value, "; ".join(dict.fromkeys(grounds))[:200])
    return Verdict(None, "")


def _lesion_verdict(lesion: Lesion, rule: Mapping[str, Any]) -> Verdict:
    limit = float(rule["thickness_mm"])
    answers = {key: getattr(lesion, key) for key in rule.get("reasons", [])}
    grounds = []
    thick: bool | None = None
    if lesion.thickness_mm is not None:
        shown = displayed_mm(lesion.thickness_mm)
        thick = shown >= limit - 1e-6
        sign = "≥" if thick else "<"
        grounds.append(_("%(mm).1f %(sign)s %(limit).1f mm") % {"mm": shown, "sign": sign, "limit": limit})
    yes = [reason_words(key).lower() for key, value in answers.items() if value == Reason.YES]
    if thick or yes:
        return Verdict(1, ", ".join([*(grounds if thick else []), *yes]))
    if thick is None:
        words = _("no scale in the file") if lesion.thickness_px is not None else _("no thickness measured")
        return Verdict(None, words)
    open_ones = [reason_words(key).lower() for key, value in answers.items() if value != Reason.NO]
    if open_ones:
        return Verdict(None, ", ".join([*grounds, *(_("%(reason)s open") % {"reason": name} for name in open_ones)]))
    return Verdict(0, ", ".join(grounds))


def rule_agrees(reader_class: int | None, rule_class: int | None) -> bool | None:
    """Tell whether reader and rule say the same; None where one of them says neither 0 nor 1."""
    if reader_class in (None, PlaqueClass.CANNOT_ASSESS) or rule_class is None:
        return None
    return reader_class == rule_class
