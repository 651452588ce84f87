"""The filters of the dashboard: what a page's address may ask for, and the values that are offered.

All of them live in the address. Those that change a number enter the run's manifest as ``options`` (``Board.filters``);
those that only change how a number is shown (``Board.views``, say an adjusted prevalence) do not.
"""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.agreement.evidence_rows import scanner_name
from plaqueweb.core.errors import NotFound
from plaqueweb.reads.choices import Quality
from plaqueweb.review.models import FusionMethod
from plaqueweb.studies.choices import Segment
from plaqueweb.studies.models import Clip, Project, Study

COMPARISON = ("round", "pipeline", "against")
"""Which rows are compared; the rest narrows or cuts them."""
SAME_FRAME, SAME_LESION, AS_READ = "same_frame", "same_lesion", "as_read"
KINDS = {
    SAME_FRAME: gettext_lazy("same frame"),
    SAME_LESION: gettext_lazy("same lesion"),
    AS_READ: gettext_lazy("as read, own key frames"),
}
"""To which comparison a measurement belongs; never mixed, and in every chart's title."""
UNITS = {
    "subject": gettext_lazy("subject"),
    "study": gettext_lazy("study"),
    "clip": gettext_lazy("clip (descriptive)"),
    "frame": gettext_lazy("frame (descriptive)"),
}
DESCRIPTIVE = ("clip", "frame")
SCALES = {"yes": gettext_lazy("with scale"), "no": gettext_lazy("no scale in the file")}
PERIODS = {
    "": gettext_lazy("by the number of cases"),
    "1": gettext_lazy("1 week"),
    "2": gettext_lazy("2 weeks"),
    "4": gettext_lazy("4 weeks"),
}
SPLITS = {
    "": gettext_lazy("pipeline"),
    "site": gettext_lazy("pipeline and site"),
    "scanner": gettext_lazy("pipeline and scanner"),
}
OWN_MASKS = "readers"
MASKS = {
    OWN_MASKS: gettext_lazy("each reader’s own"),
    **{str(value): label for value, label in FusionMethod.choices},
}
"""Whose masks a model's are compared with: never mixed, and named in every title."""
LABELS = {
    "masks": gettext_lazy("Masks"),
    "period": gettext_lazy("Period"),
    "split": gettext_lazy("Series for each"),
    "segment": gettext_lazy("Segment"),
    "quality": gettext_lazy("Quality"),
    "site": gettext_lazy("Site"),
    "scanner": gettext_lazy("Scanner"),
    "scale": gettext_lazy("Scale"),
    "kind": gettext_lazy("Compared on"),
    "unit": gettext_lazy("Unit"),
}
NARROWING = ("segment", "quality", "site", "scanner", "scale")
"""Filters that keep some studies; empty keeps all."""


@dataclass(frozen=True)
class Choice:
    """One value of a filter as the page offers it."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class FilterField:
    """One select of the filter bar. ``all_label`` is the empty value, "" where one value is always chosen."""

    name: str
    label: str
    choices: tuple[Choice, ...]
    all_label: str


def scanners(project: Project, studies: Container[uuid.UUID]) -> list[str]:
    """Scanners of the visible studies by name."""
    rows = Clip.objects.filter(study__project=project).order_by().exclude(manufacturer="", scanner_model="")
    named = rows.values_list("study_id", "manufacturer", "scanner_model").distinct()
    found = {scanner_name((maker, model)) for study, maker, model in named if study in studies}
    return sorted(found - {""})


def sites(project: Project, studies: Container[uuid.UUID]) -> list[str]:
    """Sites of the visible studies by their labels."""
    rows = Study.objects.filter(project=project).exclude(site="").values_list("pk", "site")
    return sorted({site for study, site in rows if study in studies})


def offered(
    names: Iterable[str], known_scanners: Iterable[str], units: Iterable[str], known_sites: Iterable[str] = ()
) -> dict[str, dict[str, str]]:
    """Values by filter, as {value: label}."""
    every = {
        "segment": {str(value): str(label) for value, label in Segment.choices},
        "quality": {str(value): str(label) for value, label in Quality.choices},
        "site": {name: name for name in known_sites},
        "scanner": {name: name for name in known_scanners},
        "scale": {key: str(label) for key, label in SCALES.items()},
        "kind": {key: str(label) for key, label in KINDS.items()},
        "unit": {key: str(UNITS[key]) for key in units},
        "period": {key: str(label) for key, label in PERIODS.items()},
        "split": {key: str(label) for key, label in SPLITS.items()},
        "masks": {key: str(label) for key, label in MASKS.items()},
    }
    return {name: every[name] for name in names}


def chosen(
    asked: Mapping[str, str], choices: Mapping[str, Mapping[str, str]], defaults: Mapping[str, str]
) -> dict[str, str]:
    """The value of each filter a board has: what the address asks for, else its default.

    A value that exists, but that this board does not offer (a unit, say), falls back to the default: tabs keep each
    other's filters.

    Raises:
        NotFound: a value that exists nowhere.
    """
    found = {}
    for name, values in choices.items():
        wanted = asked.get(name, "")
        elsewhere = name == "unit" and wanted in UNITS
        if wanted and wanted not in values and not elsewhere:
            raise NotFound(
                _("There is no such %(what)s that you may see.") % {"what": LABELS[name]}, rule="agreement-filter"
            )
        found[name] = wanted if wanted in values else defaults.get(name, "")
    return found


def fields(choices: Mapping[str, Mapping[str, str]], options: Mapping[str, str]) -> list[FilterField]:
    """The selects of the filter bar in order; one without a choice is left out."""
    made = []
    for name, values in choices.items():
        all_label = str(_("all")) if name in NARROWING else ""
        if len(values) + bool(all_label) < 2:
            continue
        listed = tuple(Choice(value, label, options.get(name) == value) for value, label in values.items())
        made.append(FilterField(name, str(LABELS[name]), listed, all_label))
    return made


def query(values: Mapping[str, str], **more: str) -> str:
    """Filters as a query string, without empty ones."""
    return urlencode({key: value for key, value in (dict(values) | more).items() if value})
