"""One tab's comparison for one user: choices, filters, run and names, as the page, the API and the CSV need it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.agreement import filters as flt
from plaqueweb.agreement import present, selectors
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.boards.base import Board, Gate
from plaqueweb.agreement.comparison import Choices, Scope, Selection
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.services import run_for
from plaqueweb.core.errors import NotFound
from plaqueweb.core.models import WorkState
from plaqueweb.predictions.showing import record_shown
from plaqueweb.studies.models import Project

MOST_CHARACTERS = 200
"""Longer values of the address are no filter of ours."""


def visible_project(user: User, slug: str) -> Project:
    """The project of an address.

    Raises:
        NotFound: it does not exist, or the user is no member.
    """
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    if project is None:
        raise NotFound(_("There is nothing here that you may see."))
    return project


def parameters() -> tuple[str, ...]:
    """Every filter that some tab reads from the address, but for the comparison itself."""
    more = {name for board in registry.BOARDS for name in (*board.filters, *board.views, *board.inputs)}
    return tuple(sorted(more | set(flt.LABELS)))


@dataclass(frozen=True)
class Report:
    """A comparison on one tab; ``run`` is None where there is nothing to compare.

    ``options`` are the filters in force, with the board's defaults; ``views`` the parameters that only change how
    figures are shown, as they stand in the address.
    """

    user: User
    selection: Selection
    choices: Choices
    run: AgreementRun | None
    board: Board
    options: dict[str, str] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)
    fields: list[flt.FilterField] = field(default_factory=list)
    interim: bool = False
    gate: Gate | None = None
    plain: bool = False
    """Nothing was asked for: the page that everybody opens first."""

    @property
    def results(self) -> dict[str, Any]:
        """Results of the run, {} while there are none."""
        return self.run.results if self.run is not None and self.run.work_state == WorkState.DONE else {}

    @property
    def has_figures(self) -> bool:
        """Tell whether at least one study has both sides."""
        return any(unit["has_reference"] for unit in self.results.get("units", []))

    @cached_property
    def places(self) -> dict[str, present.Place]:
        """Name and address of every study of the results, for this user."""
        studies = [unit["study"] for unit in self.results.get("units", [])]
        return present.places(self.user, self.selection, studies, self.options.get("second", ""))

    def picked(self, pick: str) -> list[dict[str, Any]]:
        """The rows of the studies behind one mark, "chart.key" of ``results["picks"]``; none for an unknown one."""
        chart, _dot, key = pick.partition(".")
        units = self.results.get("units", [])
        return [units[place] for place in self.results.get("picks", {}).get(chart, {}).get(key, [])]


@dataclass(frozen=True)
class Start:
    """What all tabs of one address share: the visible rows, read once, and the filters that it names."""

    user: User
    project: Project
    selection: Selection
    found: Scope
    kept: dict[str, str]
    plain: bool


def begin(user: User, project: Project, asked: Mapping[str, str]) -> Start:
    """Read the rows behind an address.

    Raises:
        NotFound: a filter names something the user may not see.
    """
    round_ = selectors.find_round(user, project, asked.get("round", ""))
    found = selectors.scope(user, project, round_)
    selection = selectors.select(
        project, round_, found, pipeline=asked.get("pipeline", ""), against=asked.get("against", "")
    )
    kept = {name: asked[name] for name in parameters() if asked.get(name) and len(asked[name]) <= MOST_CHARACTERS}
    plain = not kept and not any(asked.get(name) for name in flt.COMPARISON)
    return Start(user, project, replace(selection, asked=tuple(sorted(kept.items()))), found, kept, plain)


def build(user: User, project: Project, asked: Mapping[str, str], board: Board | None = None) -> Report:
    """Find or compute what the address asks for on a tab, the overview when none is named.

    Raises:
        NotFound: a filter names something the user may not see.
    """
    return build_tab(begin(user, project, asked), board or registry.BOARDS[0])


def build_tab(start: Start, board: Board) -> Report:
    """Find or compute one tab.

    Raises:
        NotFound: a filter of this tab names something the user may not see.
    """
    user, project, selection, found, kept = start.user, start.project, start.selection, start.found, start.kept
    known = flt.scanners(project, found.subjects) if "scanner" in board.filters else []
    sites = flt.sites(project, found.subjects) if "site" in board.filters else []
    values = flt.offered(board.filters, known, board.units, sites)
    options = flt.chosen(kept, values, dict(board.defaults))
    report = Report(
        user,
        selection,
        found.choices,
        None,
        board,
        options=options,
        views={name: kept.get(name, "") for name in board.views},
        fields=flt.fields(values, options),
        interim=found.interim,
        plain=start.plain,
    )
    if selection.pipeline is None or not selection.against:
        return report
    if board.gate is not None and (gate := board.gate(report)) is not None:
        return replace(report, gate=gate)
    inputs = board.check(report) if board.check else {}
    frozen = selectors.manifest(
        user, selection, found, kind=board.slug, parts=board.parts, options={**options, **inputs}
    )
    # Charts and lists lead to single studies: whoever opens them may have seen the model's answer on each.
    shown = [uuid.UUID(study) for study, _subject, _reference, prediction in frozen["units"] if prediction]
    record_shown(user=user, studies=shown, door="agreement")
    return replace(report, options={**options, **inputs}, run=run_for(manifest=frozen, user=user))
