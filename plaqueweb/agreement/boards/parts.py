"""What several tabs share: the part of the studies that each one belongs to, in keys and in words, and picked cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import mean
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from plaqueweb.agreement import present
from plaqueweb.agreement.answers import Unit
from plaqueweb.agreement.boards.base import klass, model_class
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.figures.subgroups import ALL, thickness_band
from plaqueweb.agreement.stats import CATEGORIES
from plaqueweb.reads.choices import Confidence, Quality
from plaqueweb.studies.choices import Segment

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

LEAST_SURE = (Confidence.UNSURE, Confidence.PROBABLE, Confidence.SURE)
DIMENSION_WORDS: dict[str, Any] = {
    ALL: gettext_lazy("All studies"),
    "segment": gettext_lazy("Segment"),
    "quality": gettext_lazy("Quality"),
    "site": gettext_lazy("Site"),
    "scanner": gettext_lazy("Scanner"),
    "scale": gettext_lazy("Scale"),
    "sex": gettext_lazy("Sex"),
    "age_band": gettext_lazy("Age"),
    "thickness": gettext_lazy("Thickness"),
    "confidence": gettext_lazy("Reader"),
}
LEVEL_WORDS: dict[str, dict[str, Any]] = {
    "segment": dict(Segment.choices),
    "quality": dict(Quality.choices),
    "confidence": dict(Confidence.choices),
    "scale": {"yes": gettext_lazy("scale in the file or set"), "no": gettext_lazy("no scale")},
    "sex": {"F": gettext_lazy("female"), "M": gettext_lazy("male"), "O": gettext_lazy("other")},
    "thickness": {
        "below_near": gettext_lazy("below 3.5 mm"),
        "near": gettext_lazy("3.5 to 4.5 mm"),
        "above_near": gettext_lazy("above 4.5 mm"),
    },
}


def part_words(dimension: str, level: str) -> str:
    """ "Segment: Arch", "Quality: not known", "All studies"."""
    name = str(DIMENSION_WORDS[dimension])
    if dimension == ALL:
        return name
    known = LEVEL_WORDS.get(dimension, {})
    words = str(known.get(level, level)) if level else str(gettext_lazy("not known"))
    return f"{name}: {words}"


def groups_of(evidence: Evidence, unit: Unit) -> dict[str, str]:
    """The level of each dimension; "" is not known. Thickness is the reference's, else the readers' mean."""
    context = evidence.context(unit.study)
    answers = evidence.reads.get(unit.study, [])
    lengths = [answer.thickness_mm for answer in answers if answer.thickness_mm is not None]
    mm = unit.reference.thickness_mm if unit.reference is not None else None
    if mm is None and lengths:
        mm = mean(lengths)
    given = {answer.confidence for answer in answers}
    return {
        "segment": context.segment,
        "quality": context.quality,
        "site": context.site,
        "scanner": context.scanner,
        "scale": "yes" if context.scale else "no",
        "sex": context.sex,
        "age_band": context.age_band,
        "thickness": thickness_band(mm),
        "confidence": next((str(value) for value in LEAST_SURE if value in given), ""),
    }


def ground(report: Report) -> str:
    """What a tab stands on: the other side, subjects, studies, what is missing and what was left out."""
    n = report.results["n"]
    parts = [
        _("against: %(other)s") % {"other": present.against_words(report.selection)},
        ngettext("%(n)s subject", "%(n)s subjects", n["subjects"]) % {"n": n["subjects"]},
        ngettext("%(n)s study", "%(n)s studies", n["studies"]) % {"n": n["studies"]},
        _("%(n)s missing") % {"n": n["missing"]},
        _("%(n)s can’t assess") % {"n": n["cannot_assess"]},
        _("%(n)s without a class of the model") % {"n": n["no_result"] + n["model_cannot_assess"]},
        *present.left_out(n),
    ]
    return " · ".join(parts)


class Picks:
    """Collects the studies behind each mark as places in ``units``: ``results["picks"][chart][key]``.

    With ``whole_subjects`` a study stands for all of its subject's: where marks count subjects, any of their studies
    may have brought the class or the score.
    """

    def __init__(self, units: Iterable[Unit], *, whole_subjects: bool = False) -> None:
        every = list(units)
        places: dict[Any, list[int]] = {}
        for place, unit in enumerate(every):
            places.setdefault(unit.subject if whole_subjects else unit.study, []).append(place)
        self._places = {str(unit.study): places[unit.subject if whole_subjects else unit.study] for unit in every}
        self.found: dict[str, dict[str, list[int]]] = {}

    def add(self, chart: str, key: object, studies: Iterable[str]) -> int:
        """Note the studies of a mark; returns how many of them the list of cases can show."""
        places = sorted({place for study in studies for place in self._places.get(study, ())})
        self.found.setdefault(chart, {})[str(key)] = places
        return len(places)


def pick_cells(picks: Picks, units: Iterable[Unit]) -> None:
    """Note the studies of every cell of the confusion table as "confusion", by row and column of ``CATEGORIES``."""
    cells: dict[str, list[str]] = {}
    for unit in units:
        row, column = CATEGORIES.index(klass(unit.reference)), CATEGORIES.index(model_class(unit))
        cells.setdefault(f"{row}-{column}", []).append(str(unit.study))
    for key, studies in cells.items():
        picks.add("confusion", key, studies)


def take(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """A row without the lists of studies, which stand in the picks."""
    return {key: value for key, value in row.items() if key not in names}
