"""The way to a run without reading the rows that it is made of: a stamp of what the user may see.

A stamp is a hash of exactly the rows from which a comparison would be put together, taken through the same querysets:
the database joins their ids to one text a table. So it differs between two people who may see different rows, does not
move with rows that stay hidden from this one, and moves with every read, reference, prediction, disclosure, round, act
on lesions and condition of a study that enters a number. It leads only to a run that was found over the rows
themselves while the stamp stood still; a run is still known by the hash of its rows.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.db.models import Count, Exists, OuterRef, QuerySet

from plaqueweb.accounts.models import User
from plaqueweb.agreement import conditions as known
from plaqueweb.agreement import selectors
from plaqueweb.agreement.boards.base import Board
from plaqueweb.agreement.comparison import Choices, as_text
from plaqueweb.agreement.compute import CODE_VERSION
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.reads.models import Round
from plaqueweb.review.models import LesionLink
from plaqueweb.studies.models import Disclosure, Project, Study

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

MANY_STUDIES = 500
"""Below this the rows of a project are read as quickly as they are stamped."""
KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Stamp:
    """The hash, and how much stands behind it: studies with a prediction, signed reads, references."""

    key: str
    rounds: tuple[Round, ...]
    predicted: int
    reads: int
    references: int


@dataclass(frozen=True)
class Kept:
    """What was found over the rows: the run, and what the filters offer besides the rounds (read each time)."""

    run: uuid.UUID
    choices: Choices
    scanners: tuple[str, ...]
    sites: tuple[str, ...]
    options: dict[str, str]
    interim: bool


def has_many(project: Project) -> bool:
    """Tell whether a project is large enough for the shortcut."""
    return Study.objects.filter(project=project).count() > MANY_STUDIES


def stamp_of(user: User, project: Project, round_: Round | None) -> Stamp:
    """Stamp what a comparison of this project (and round) would be made of for this user."""
    rounds = selectors.visible_rounds(user, project)
    reads, reader_lines = _reads(selectors.visible_reads(user, project))
    second: list[str] = []
    if any(row.stage_two_at for row in rounds):
        second, _lines = _reads(selectors.visible_second_reads(user, project))
    references = _ids(selectors.reference_rows(user, project))
    predictions, lines, predicted = _predictions(selectors.visible_predictions(user, project))
    items = _ids(selectors.visible_items(user, round_)) if round_ is not None else []
    parts = [
        *(_round_line(row) for row in rounds),
        *reader_lines,
        *lines,
        *known.stamps(project),
        *_acts(project, {text.split(known.FIELD, 1)[0] for text in reads}, predictions),
    ]
    for rows in (reads, second, references, predictions, items):
        parts += ["", *rows]
    return Stamp(known.digest(parts), tuple(rounds), predicted, len(reads), len(references))


def _reads(rows: QuerySet[Any]) -> tuple[list[str], list[str]]:
    """One text a read (id, time it took, whether its reader had been shown results before) and one a reader."""
    before = Disclosure.objects.filter(
        user=OuterRef("assignment__reader"), study=OuterRef("assignment__study"), created_at__lt=OuterRef("signed_at")
    )
    said = known.fields("pk", "assignment__active_seconds", Exists(before))
    people = rows.order_by().values_list(
        as_text("assignment__reader_id"), "assignment__reader__name", "assignment__reader__is_simulated"
    )
    found: list[str] = []
    lines = []
    for reader, name, simulated, text in people.annotate(said=known.Joined(said)):
        found += known.split(text)
        lines.append(f"{reader} {simulated} {name}")
    return sorted(found), sorted(lines)


def _ids(rows: QuerySet[Any]) -> list[str]:
    return known.split(rows.order_by().aggregate(said=known.Joined(as_text("pk")))["said"])


def _predictions(rows: QuerySet[Any]) -> tuple[list[str], list[str], int]:
    """Ids of predictions, one text a pipeline, and how many studies the best served pipeline has looked at."""
    lines = rows.order_by().values_list(as_text("pipeline_id"), "pipeline__name", "pipeline__state")
    found: list[str] = []
    named, most = [], 0
    for pipeline, name, state, text, studies in lines.annotate(
        said=known.Joined(as_text("pk")), studies=Count("study", distinct=True)
    ):
        found += known.split(text)
        named.append(f"{pipeline} {state} {name}")
        most = max(most, studies)
    return sorted(found), sorted(named), most


def _acts(project: Project, reads: set[str], predictions: Sequence[str]) -> list[str]:
    """What people said of lesions of two answers that are both visible."""
    names = ("pk", "read_id", "other_read_id", "prediction_id")
    others = reads.union(predictions)
    rows = LesionLink.objects.filter(case__round__project=project).order_by("pk").values_list(*map(as_text, names))
    return [pk for pk, read, second, prediction in rows if read in reads and (second or prediction) in others]


def _round_line(row: Round) -> str:
    said = (row.pk, row.name, row.policy, row.closed_at, row.stage_two_at, row.repeat_of_id, row.case_list_id)
    return " ".join(map(str, said)) + json.dumps(row.protocol.label_rule, sort_keys=True)


def find(user: User, project: Project, asked: Mapping[str, str], board: Board, stamp: Stamp) -> Kept | None:
    """What this user's address led to when the same stamp stood; None when nothing is kept."""
    found: Kept | None = cache.get(_key(user, project, asked, board, stamp))
    return found


def keep(report: Report, asked: Mapping[str, str], stamp: Stamp) -> None:
    """Keep what was found, if the stamp from before the rows were read still stands; else they may be of another."""
    if report.run is None:
        return
    project, user = report.selection.project, report.user
    if stamp_of(user, project, report.selection.round).key != stamp.key:
        return
    offered = report.choices.with_rounds(()), report.scanners, report.sites
    kept = Kept(report.run.pk, *offered, report.options, report.interim)
    cache.set(_key(user, project, asked, report.board, stamp), kept, KEPT_SECONDS)


def _key(user: User, project: Project, asked: Mapping[str, str], board: Board, stamp: Stamp) -> str:
    """Of this person, place, address and stamp; two people never share one."""
    said = [str(user.pk), str(project.pk), board.slug, board.code_version(CODE_VERSION), stamp.key]
    return "agreement-" + known.digest([*said, json.dumps(sorted(asked.items()))])


def nothing_counted(project: Project, board: Board) -> bool:
    """Tell whether no run of this tab was ever asked for here."""
    runs = AgreementRun.objects.filter(project=project, kind=board.slug, code_version=board.code_version(CODE_VERSION))
    return not runs.exists()
