"""One tab's comparison for one user: choices, filters, run and names, as the page, the API and the CSV need it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.agreement import filters as flt
from plaqueweb.agreement import present, selectors, shortcut
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.boards.base import Board, Gate
from plaqueweb.agreement.comparison import Choices, Scope, Selection
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.services import run_for
from plaqueweb.agreement.shortcut import Stamp
from plaqueweb.core.errors import NotFound
from plaqueweb.core.models import WorkState
from plaqueweb.predictions.showing import record_shown
from plaqueweb.reads.models import Round
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
    scanners: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    pending: Stamp | None = None
    """How much there is to compare where the rows were not read yet."""
    unnamed: bool = False
    """Nobody is shown a study of it: only what charts and marks are called is wanted."""

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
        if self.unnamed:
            return dict.fromkeys(studies, present.Place("", "", "", ""))
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
    return _start(user, project, asked, round_, selectors.scope(user, project, round_))


def _start(user: User, project: Project, asked: Mapping[str, str], round_: Round | None, found: Scope) -> Start:
    selection = selectors.select(
        project, round_, found, pipeline=asked.get("pipeline", ""), against=asked.get("against", "")
    )
    kept = _kept(asked)
    plain = not kept and not any(asked.get(name) for name in flt.COMPARISON)
    return Start(user, project, replace(selection, asked=tuple(sorted(kept.items()))), found, kept, plain)


def _kept(asked: Mapping[str, str]) -> dict[str, str]:
    """The filters of an address besides the comparison."""
    return {name: asked[name] for name in parameters() if asked.get(name) and len(asked[name]) <= MOST_CHARACTERS}


def build(
    user: User, project: Project, asked: Mapping[str, str], board: Board | None = None, *, at_once: bool = True
) -> Report:
    """Find or compute what the address asks for on a tab, the overview when none is named.

    In a large project a run that was found before is found again by a stamp of what the user may see, without reading
    the rows (``shortcut``). Not ``at_once``: where nothing was counted yet they are not read either; ``pending`` says
    how much there is, and the next request puts it together.

    Raises:
        NotFound: a filter names something the user may not see.
    """
    board = board or registry.BOARDS[0]
    if not shortcut.has_many(project):
        return build_tab(begin(user, project, asked), board)
    round_ = selectors.find_round(user, project, asked.get("round", ""))
    named = {**_kept(asked), **{name: asked[name] for name in flt.COMPARISON if asked.get(name)}}
    stamp = shortcut.stamp_of(user, project, round_)
    known = _again(user, project, named, board, stamp)
    if known is not None:
        return known
    if not at_once and not set(named) - {"round"} and _waits(project, board, stamp):
        choices = Choices(stamp.rounds, (), (), ())
        return Report(user, Selection(project, round_, None, "", None), choices, None, board, pending=stamp)
    report = build_tab(begin(user, project, asked), board)
    if at_once or report.results:  # a page that waits for the worker asks again soon, and nobody waits for that answer
        shortcut.keep(report, named, stamp)
    return report


def _waits(project: Project, board: Board, stamp: Stamp) -> bool:
    """Tell whether so much is to be counted for the first time that the page comes before it is put together."""
    compared = stamp.predicted > board.inline and bool(stamp.reads or stamp.references)
    return compared and board.gate is None and shortcut.nothing_counted(project, board)


def _again(user: User, project: Project, named: Mapping[str, str], board: Board, stamp: Stamp) -> Report | None:
    """The report that this address led to while the same stamp stood, if its run is still there."""
    kept = shortcut.find(user, project, named, board, stamp)
    if kept is None:
        return None
    round_ = next((row for row in stamp.rounds if str(row.pk) == named.get("round")), None)
    found = Scope(kept.choices.with_rounds(stamp.rounds), (), 0, {}, interim=kept.interim)
    report = _unrun(_start(user, project, named, round_, found), board, kept.scanners, kept.sites)
    if board.gate is not None and board.gate(report) is not None:
        return None
    inputs = board.check(report) if board.check else {}
    run = AgreementRun.objects.filter(pk=kept.run, project=project).defer("manifest").first()
    if run is None or {**report.options, **inputs} != kept.options:
        return None
    # That the user is shown these studies was written down when the rows were read, and such rows are never deleted.
    return replace(report, options=kept.options, run=run)


def build_tab(start: Start, board: Board) -> Report:
    """Find or compute one tab over its rows.

    Raises:
        NotFound: a filter of this tab names something the user may not see.
    """
    user, selection, found = start.user, start.selection, start.found
    scanners = flt.scanners(start.project, found.subjects) if "scanner" in board.filters else []
    sites = flt.sites(start.project, found.subjects) if "site" in board.filters else []
    report = _unrun(start, board, scanners, sites)
    if selection.pipeline is None or not selection.against:
        return report
    if board.gate is not None and (gate := board.gate(report)) is not None:
        return replace(report, gate=gate)
    inputs = board.check(report) if board.check else {}
    options = {**report.options, **inputs}
    frozen = selectors.manifest(user, selection, found, kind=board.slug, parts=board.parts, options=options)
    # Charts and lists lead to single studies: whoever opens them may have seen the model's answer on each.
    shown = [uuid.UUID(study) for study, _subject, _reference, prediction in frozen["units"] if prediction]
    record_shown(user=user, studies=shown, door="agreement")
    return replace(report, options=options, run=run_for(manifest=frozen, user=user))


def _unrun(start: Start, board: Board, scanners: Iterable[str], sites: Iterable[str]) -> Report:
    """A tab with its filters, before its run is looked for."""
    values = flt.offered(board.filters, scanners, board.units, sites)
    options = flt.chosen(start.kept, values, dict(board.defaults))
    return Report(
        start.user,
        start.selection,
        start.found.choices,
        None,
        board,
        options=options,
        views={name: start.kept.get(name, "") for name in board.views},
        fields=flt.fields(values, options),
        scanners=tuple(scanners),
        sites=tuple(sites),
        interim=start.found.interim,
        plain=start.plain,
    )
