"""Rows of the comparison that a protocol asks of readers alone: reason of a conflict, quality, grade, own questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from plaqueweb.reads.choices import Quality, QualityReason
from plaqueweb.reads.models import Read
from plaqueweb.reads.own import in_words
from plaqueweb.review import words
from plaqueweb.review.comparison import Comparison
from plaqueweb.review.sides import ReadSide, Side
from plaqueweb.studies.grading import grade_words, scheme_name


def asked_rows(c: Comparison) -> Iterator[dict[str, str]]:
    """Yield key, label, left, right, difference and how of each row, where one of the sides is a read."""
    yield from _conflict(c)
    yield from _quality(c)
    yield from _grade(c)
    yield from _own(c)


def _row(c: Comparison, key: str, label: str, cells: tuple[str, str], how: str) -> dict[str, str]:
    both = isinstance(c.left, ReadSide) and isinstance(c.right, ReadSide) and all(cells)
    difference = (_("same") if cells[0] == cells[1] else _("differs")) if both else ""
    left, right = (cell or words.DASH for cell in cells)
    return {"key": key, "label": label, "left": left, "right": right, "difference": difference, "how": how}


def _conflict(c: Comparison) -> Iterator[dict[str, str]]:
    reads = [side.read if isinstance(side, ReadSide) else None for side in c.pair]
    left, right = (str(read.get_conflict_reason_display()) if read and read.conflict_reason else "" for read in reads)
    if left or right:
        how = "; ".join(read.rule_reason for read in reads if read and read.conflict_reason)
        yield _row(c, "conflict", _("Why not the rule’s verdict"), (left, right), how)


def _quality(c: Comparison) -> Iterator[dict[str, str]]:
    reads = [side.read if isinstance(side, ReadSide) else None for side in c.pair]
    left, right = (_quality_words(read.quality, read.quality_reasons) if read else "" for read in reads)
    if left or right:
        clips = "; ".join(words for read in reads if read and (words := _clips(c, read)))
        yield _row(c, "quality", _("Quality"), (left, right), clips)


def _quality_words(quality: str, reasons: Sequence[str] | None) -> str:
    told = [str(QualityReason(reason).label).lower() for reason in reasons or []]
    return ", ".join([str(Quality(quality).label), *told]) if quality else ""


def _clips(c: Comparison, read: Read) -> str:
    """The quality of single clips, where the reader said something of them."""
    said = read.clip_quality or {}
    rows = [(clip.number, said[str(clip.pk)]) for clip in c.clips if str(clip.pk) in said]
    return "; ".join(
        _("clip %(n)d: %(quality)s") % {"n": n, "quality": _quality_words(row["quality"], row["reasons"]).lower()}
        for n, row in rows
    )


def _grade(c: Comparison) -> Iterator[dict[str, str]]:
    scheme = c.case.round.protocol.grading
    if scheme is None or not any(isinstance(side, ReadSide) for side in c.pair):
        return
    left, right = (grade_words(scheme, side.read.grade) if isinstance(side, ReadSide) else "" for side in c.pair)
    overruled = [
        _("overruled; by the scheme: %(grade)s") % {"grade": grade_words(scheme, side.index.grade) or words.DASH}
        for side in c.pair
        if side.index is not None and side.index.grade_given is not None
    ]
    yield _row(c, "grade", _("Grade"), (left, right), "; ".join(overruled) or scheme_name(scheme))


def _own(c: Comparison) -> Iterator[dict[str, str]]:
    said = [_answers(side) for side in c.pair]
    labels = {key: question for side in said for key, (question, _answer) in side.items()}
    for key, label in labels.items():
        left, right = (side.get(key, ("", ""))[1] for side in said)
        yield _row(c, f"own.{key}", label, (left, right), _("own question of the protocol"))


def _answers(side: Side) -> dict[str, tuple[str, str]]:
    if not isinstance(side, ReadSide):
        return {}
    return {key: (question, answer) for key, question, answer in in_words(side.read)}
