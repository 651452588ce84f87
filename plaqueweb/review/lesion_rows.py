"""The lesions side by side in words: who is whose partner and why, what was missed, what is extra."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from plaqueweb.accounts.roles import Capability
from plaqueweb.reads.models import Lesion
from plaqueweb.review import words
from plaqueweb.review.comparison import Comparison
from plaqueweb.review.lesion_matching import Row, SideBySide
from plaqueweb.review.link_models import LesionLink, LinkAct
from plaqueweb.review.matching import RULE_VERSION, Match, Ref, Rule
from plaqueweb.review.sides import ModelSide, ReadSide

SAME, MISSED, EXTRA, ALONE, AGAIN = "same", "missed", "extra", "alone", "again"
Shown = dict[str, Any]


@dataclass(frozen=True)
class _Page:
    """What every row is told with: the pairs, and each lesion of left and right in words."""

    found: SideBySide
    names: tuple[dict[Ref, Shown], dict[Ref, Shown]]

    def side(self, at: int) -> ReadSide | ModelSide:
        return self.found.right if at else self.found.left

    @property
    def models_alone(self) -> bool:
        """Tell whether both sides are models: neither has missed what the other has, or has too much of it."""
        return isinstance(self.found.left, ModelSide) and isinstance(self.found.right, ModelSide)


def lesions_payload(c: Comparison) -> Shown:
    """The document of ``matches/``: every lesion of both sides in one row; without rows where there are no pairs."""
    found = c.lesion_pairs
    out: Shown = {"rule_version": RULE_VERSION, "left": None, "right": None, "may_link": False, "rows": []}
    if found is None:
        return out | {"several_segments": False, "why": _why_none(c)}
    sides = (found.left, found.right)
    left, right = (
        {ref: _lesion(side, ref, row) for ref, row in found.rows[at].items()} for at, side in enumerate(sides)
    )
    page = _Page(found, (left, right))
    segments = {one["segment"] for side in page.names for one in side.values()} - {""}
    return out | {
        "left": _who(found.left),
        "right": _who(found.right),
        "may_link": not page.models_alone and c.user.can(Capability.MATCH_LESIONS, c.case.round.project_id),
        "rows": _rows(page),
        "several_segments": len(segments) > 1,
        "why": _by_rule_alone() if page.models_alone else "",
    }


def _by_rule_alone() -> str:
    return _("Two models are paired by the rule alone; people judge what a reader marked.")


def _why_none(c: Comparison) -> str:
    """Why two models have no pairs; "" where a side is missing, or both are one."""
    models = [side for side in c.pair if isinstance(side, ModelSide)]
    without = [side.name for side in models if all(part.lesions is None for part in side.parts)]
    if len(models) < 2 or not without:
        return ""
    return _("No pairs of lesions: there is no list of %(names)s on this study.") % {"names": ", ".join(without)}


def _who(side: ReadSide | ModelSide) -> Shown:
    read = str(side.read.pk) if isinstance(side, ReadSide) else None
    prediction = str(side.prediction.pk) if isinstance(side, ModelSide) else None
    return {"name": side.name, "kind": side.kind, "read": read, "prediction": prediction}


def _rows(page: _Page) -> list[Shown]:
    matching = page.found.matching
    rows = [_same(page, number, one) for number, one in enumerate(matching.matches, 1)]
    numbers = [
        {one.a: number for number, one in enumerate(matching.matches, 1)},
        {one.b: number for number, one in enumerate(matching.matches, 1)},
    ]
    rows += [_alone(page, 0, ref) for ref in matching.only_a]
    rows += [_alone(page, 1, ref) for ref in matching.only_b]
    for at, again in enumerate((matching.again_a, matching.again_b)):
        rows += [_again(page, at, pair, numbers[at]) for pair in again]
    return rows


def _same(page: _Page, number: int, match: Match) -> Shown:
    act = page.found.said_of.get((match.a, match.b))
    return {
        "state": SAME,
        "number": number,
        "left": page.names[0][match.a],
        "right": page.names[1][match.b],
        "rule": match.rule.value,
        "words": _("same plaque"),
        "how": _person(act) if match.rule == Rule.PERSON and act is not None else _ground(match),
        "choices": [],
    }


def _ground(match: Match) -> str:
    ground = match.ground
    if ground is None:
        return ""
    frame = {"frame": ground.place[1] if ground.place else 0}
    if ground.place is None and ground.degrees is None:
        return _("same segment and place on the nearest frames of one clip; no frame marked by both")
    if ground.iou is not None:
        return _("overlap (IoU) %(iou)s on frame %(frame)d") % (frame | {"iou": f"{ground.iou:.2f}"})
    if ground.mm is not None:
        return _("%(mm)s mm apart along the wall on frame %(frame)d") % (frame | {"mm": f"{ground.mm:.1f}"})
    apart = {"n": round(ground.degrees or 0.0)}
    return _("same segment, %(n)d° apart around the aorta; no frame marked by both") % apart


def _person(act: LesionLink) -> str:
    text = _("said by %(name)s") % {"name": act.by.name}
    return f"{text}: {act.reason}" if act.reason else text


def _alone(page: _Page, at: int, ref: Ref) -> Shown:
    others = page.names[1 - at]
    apart = [
        (pair[1 - at], row)
        for pair, row in page.found.said_of.items()
        if pair[at] == ref and row.act == LinkAct.UNLINK and pair[1 - at] in others
    ]
    not_same = _("not %(lesion)s, %(who)s")
    shown = page.names[at][ref]
    return {
        "state": _alone_state(page, at),
        "number": None,
        "left": shown if at == 0 else None,
        "right": shown if at == 1 else None,
        "rule": "",
        "words": _alone_words(page, at),
        "how": "; ".join(not_same % {"lesion": others[other]["name"], "who": _person(row)} for other, row in apart),
        "choices": [] if page.models_alone else _choices(page, at),
    }


def _alone_state(page: _Page, at: int) -> str:
    if page.models_alone:
        return ALONE
    if isinstance(page.side(1 - at), ModelSide):
        return MISSED
    return EXTRA if isinstance(page.side(at), ModelSide) else ALONE


def _alone_words(page: _Page, at: int) -> str:
    said = {MISSED: _("missed by the model"), EXTRA: _("extra: not in the read")}
    return said.get(_alone_state(page, at)) or _("only %(name)s") % {"name": page.side(at).name}


def _choices(page: _Page, at: int) -> list[dict[str, str]]:
    """Lesions of the other side that could be named as its partner, those without one first."""
    matching, others = page.found.matching, page.names[1 - at]
    free = matching.only_a if at else matching.only_b
    return [{"ref": ref, "name": others[ref]["name"]} for ref in [*free, *(ref for ref in others if ref not in free)]]


def _again(page: _Page, at: int, pair: tuple[Ref, Ref], number_of: dict[Ref, int]) -> Shown:
    ref, first = pair
    name = page.names[at][first]["name"]
    changed = {"state": AGAIN, "number": number_of.get(first), "words": _("seen again: %(name)s") % {"name": name}}
    return _alone(page, at, ref) | changed


def _lesion(side: ReadSide | ModelSide, ref: Ref, row: Row) -> Shown:
    if isinstance(row, Lesion):
        key = (row.key_clip_id, row.key_frame) if row.key_clip_id and row.key_frame else None
        name, segment, index = _("Lesion %(number)s") % {"number": row.number}, row.segment, row.is_index
        thickness = words.length(row.thickness_mm, row.thickness_px, manual=row.manual_scale)
    else:
        clip = side.clip(row["clip"])
        several = clip is not None and len(side.clips) > 1
        at = {"number": row.get("number"), "clip": clip.number if clip is not None else 0}
        name = _("Lesion %(number)s, clip %(clip)s") % at if several else _("Lesion %(number)s") % at
        segment, index = clip.segment if clip is not None else "", False
        key = (row["clip"], int(row["key_frame"])) if row.get("key_frame") else None
        thickness = words.length(row.get("thickness_mm"), row.get("thickness_px"))
    return {
        "ref": ref,
        "name": name,
        "segment": words.segment_words(segment),
        "is_index": index,
        "thickness": thickness,
        **_at(side, key),
    }


def _at(side: ReadSide | ModelSide, key: tuple[uuid.UUID, int] | None) -> Shown:
    if key is None or side.clip(key[0]) is None:
        return {"clip": None, "frame": None, "where": ""}
    return {"clip": str(key[0]), "frame": key[1], "where": _("frame %(frame)d") % {"frame": key[1]}}


__all__ = ["AGAIN", "ALONE", "EXTRA", "MISSED", "SAME", "lesions_payload"]
