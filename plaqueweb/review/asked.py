"""Rows of the comparison that a protocol asks of readers alone: grade and own questions."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from plaqueweb.reads.own import in_words
from plaqueweb.review import words
from plaqueweb.review.comparison import Comparison
from plaqueweb.review.sides import ReadSide, Side
from plaqueweb.studies.grading import grade_words, scheme_name


def asked_rows(c: Comparison) -> Iterator[dict[str, str]]:
    """Yield key, label, left, right, difference and how of each row, where one of the sides is a read."""
    yield from _grade(c)
    yield from _own(c)


def _row(c: Comparison, key: str, label: str, cells: tuple[str, str], how: str) -> dict[str, str]:
    both = isinstance(c.left, ReadSide) and isinstance(c.right, ReadSide) and all(cells)
    difference = (_("same") if cells[0] == cells[1] else _("differs")) if both else ""
    left, right = (cell or words.DASH for cell in cells)
    return {"key": key, "label": label, "left": left, "right": right, "difference": difference, "how": how}


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
