"""What the worklist page shows: the next case, one's own order, what can be signed, and this sitting."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plaqueweb.accounts.models import User
from plaqueweb.core.prepared import Prepared
from plaqueweb.core.templatetags.ui import class_words
from plaqueweb.reads.bundle import Bundle
from plaqueweb.reads.choices import MODEL_ARMS, Frames, PlaqueClass, Policy, ReadState, Reveal, SignatureMeaning
from plaqueweb.reads.choices import AssignmentState as A
from plaqueweb.reads.correction import may_correct
from plaqueweb.reads.models import Assignment, Read, Round
from plaqueweb.reads.qualification import gate_of, practice_result
from plaqueweb.reads.rounds_washout import opens_at
from plaqueweb.reads.selectors import bundles_of, ground_words, is_blinded, rows_payload, rule_words
from plaqueweb.studies.guide import guide_payload
from plaqueweb.studies.models import Project

PAGE = 50
SITTING_GAP = timedelta(minutes=45)
STEP, ACROSS, LINES = 18, 30, 3  # cells of 14 in steps of 18, 30 in a line until three lines are full
LEGEND = (A.SIGNED, A.COMPLETED, A.OPENED, A.SKIPPED, A.ASSIGNED)
MARKS = {A.OPENED: "m13 1v12h-12z", A.SKIPPED: "m4 7h6"}
TABS = (A.ASSIGNED, A.OPENED, A.COMPLETED, A.SIGNED, A.SKIPPED)


@dataclass(frozen=True)
class Cell:
    """One case in the band: its place in the drawing too, in steps of 18."""

    number: int
    state: str
    url: str
    x: int
    y: int
    name: str


class CaseLine(NamedTuple):
    """What the worklist needs of one case, for all cases of a round in one query."""

    id: UUID
    study_id: UUID
    order_no: int
    state: str
    public_id: str
    active_seconds: int
    skip_reason: str
    stage_no: int
    arm: str
    correction: str | None = None  # state of a correction that is not signed yet


@dataclass(frozen=True)
class ToSign:
    """One line of the signing dialog."""

    read: Read
    public_id: str
    number: int
    name: str
    class_words: str
    ground: str
    active_seconds: int


@dataclass(frozen=True)
class Sitting:
    """What was done since the last long pause."""

    since: datetime | None
    cases: int
    median_seconds: int | None
    active_seconds: int
    saved_at: datetime | None


def rounds_of(user: User, project: Project) -> list[Round]:
    """Return the rounds in which the user has cases, newest first."""
    rounds = _ROUNDS(reader=user.pk, project=project.pk)
    for row in rounds:
        row.project = project
    return rounds


def worklist_context(*, user: User, project: Project, round_id: str, tab: str, after: str) -> dict[str, Any]:
    """Return the context of the worklist page; nothing in it depends on other people."""
    rounds = rounds_of(user, project)
    if not rounds:
        return {"project": project, "rounds": [], "round": None}
    chosen = next((row for row in rounds if str(row.pk) == round_id), rounds[0])
    mine = [CaseLine(*row) for row in _CASES(reader=user.pk, round=chosen.pk)]
    cells = _cells(mine)
    counts = Counter(cell.state for cell in cells)
    following = _next(cells)
    tab = tab if tab in TABS else ""
    rows, older = _page(mine, chosen, tab, after)
    waiting = [_case(line, chosen) for line in mine if line.state == A.COMPLETED]
    corrected = [_case(line, chosen) for line in mine if line.correction == ReadState.COMPLETED]
    bundles = bundles_of({row.pk: row for row in [*waiting, *rows]}.values())
    total = max((cell.number for cell in cells), default=0)
    listed = rows_payload(rows, bundles=bundles, totals={chosen.pk: total})
    corrections = {line.public_id: line.correction for line in mine if line.correction}
    _add_words(listed, corrections=corrections, may_correct=may_correct(chosen))
    to_sign = [_line(row, bundles[row.pk]) for row in waiting if row.pk in bundles]
    if corrected:
        drafts = bundles_of(corrected, corrections=True)
        to_sign += [_line(row, drafts[row.pk]) for row in corrected if row.pk in drafts]
    return {
        "project": project,
        "rounds": rounds,
        "round": chosen,
        "blinded": is_blinded(chosen),
        "policy_words": Policy(chosen.policy).label,
        "frames_words": _frames_words(chosen),
        "gate": gate_of(round_=chosen, reader=user) if chosen.practice_id else None,
        "practice": practice_result(round_=chosen, reader_id=user.pk) if chosen.policy == Policy.PRACTICE else None,
        "opens_at": opens_at(round_=chosen, reader_id=user.pk),
        "rule_words": rule_words(chosen.protocol),
        "guide": guide_payload(chosen.protocol, project),
        "reveal_words": Reveal(chosen.reveal).label,
        "cells": cells,
        "total": total,
        "band": _band(cells),
        "legend": [(state.value, state.label, counts[state]) for state in LEGEND if counts.get(state)],
        "last_number": listed[-1]["number"] if listed else 0,
        "sign_reveals": _reveals(chosen, counts),
        "counts": {state.value: counts.get(state, 0) for state in TABS},
        "all": len(cells),
        "next": following,
        "next_missing": next((row["missing"] for row in listed if following and row["url"] == following.url), None),
        "tabs": [(state.value, state.label, counts.get(state, 0)) for state in TABS if counts.get(state, 0)],
        "tab": tab,
        "rows": listed,
        "older": older,
        "to_sign": to_sign,
        "sitting": _sitting(user, chosen),
        "meaning": SignatureMeaning.AUTHORED.label,
        "meaning_corrected": SignatureMeaning.CORRECTED.label if corrected else "",
        "now": timezone.now(),
    }


def _frames_words(round_: Round) -> str:
    if round_.frames == Frames.FIXED:
        return _("given for each case")
    if round_.frames == Frames.TWO_STAGES:
        second = _("given frames now, the same for all readers")
        return second if round_.stage_two_at else _("your choice now, given frames in a second stage")
    return _("your choice")


def _reveals(round_: Round, counts: Counter[str]) -> str:
    """What a signature now would reveal, in one sentence."""
    if round_.policy == Policy.PRACTICE:
        return _("The known answer of these cases, at once.")
    if round_.policy == Policy.AI_ASSISTED:
        return _("The model’s result on each case, for your second answer; the first stays as it is signed.")
    if round_.frames == Frames.TWO_STAGES and round_.stage_two_at is None:
        return _("Nothing yet. All readers mark the same frames in a second stage first.")
    if round_.reveal == Reveal.AFTER_EACH:
        return _("The model's result and other signed reads of these cases, at once.")
    if round_.reveal == Reveal.ALL_SIGNED:
        if counts.get(A.ASSIGNED, 0) + counts.get(A.OPENED, 0):
            return _("Nothing yet. This round reveals when you have signed all cases.")
        return _("Everything of this round, once all your cases are signed.")
    if round_.reveal == Reveal.ROUND_CLOSED:
        return _("Nothing yet. This round reveals when it is closed.")
    return _("Nothing. This round does not reveal.")


def case_name(number: int, stage_no: int, arm: str) -> str:
    """Return what a reader calls a case: its number, and what is asked of it where that is not the first answer."""
    if arm in MODEL_ARMS and stage_no > 1:
        return _("Case %(n)d, with the model") % {"n": number}
    return _("Case %(n)d, given frames") % {"n": number} if stage_no > 1 else _("Case %(n)d") % {"n": number}


def _cells(rows: list[CaseLine]) -> list[Cell]:
    base = reverse("read", args=["x"])
    across = max(ACROSS, -(-len(rows) // LINES))
    cells = []
    for at, row in enumerate(rows):
        url = base.replace("/x/", f"/{row.public_id}/")
        name = case_name(row.order_no, row.stage_no, row.arm)
        cells.append(Cell(row.order_no, row.state, url, x=at % across * STEP, y=at // across * STEP, name=name))
    return cells


def _band(cells: list[Cell]) -> dict[str, Any]:
    """The band as one path a state, and its size: cells of 14 in steps of 18."""
    groups = []
    for state in LEGEND:
        mine = [cell for cell in cells if cell.state == state]
        if mine:
            boxes = "".join(f"M{cell.x + 0.5} {cell.y + 0.5}h13v13h-13z" for cell in mine)
            marks = "".join(f"M{cell.x} {cell.y}{MARKS[state]}" for cell in mine) if state in MARKS else ""
            groups.append((state.value, boxes, marks))
    return {
        "width": max((cell.x for cell in cells), default=0) + STEP,
        "height": max((cell.y for cell in cells), default=0) + STEP,
        "groups": groups,
    }


def _next(cells: list[Cell]) -> Cell | None:
    """The open case, else the first that is to read."""
    opened = next((cell for cell in cells if cell.state == A.OPENED), None)
    return opened or next((cell for cell in cells if cell.state == A.ASSIGNED), None)


def _page(mine: list[CaseLine], round_: Round, tab: str, after: str) -> tuple[list[Assignment], int | None]:
    """One page in the reader's order, by key: cases behind number ``after``."""
    behind = int(after) if after.isascii() and after.isdigit() and len(after) < 9 else -1
    found = [line for line in mine if line.order_no > behind and (not tab or line.state == tab)]
    page = [_case(line, round_) for line in found[:PAGE]]
    return page, page[-1].order_no if len(found) > PAGE else None


def _case(line: CaseLine, round_: Round) -> Assignment:
    """Return a case as a row of its table, for reading only."""
    columns = line._asdict()
    del columns["correction"]
    row = Assignment(**columns)
    row.round = round_
    return row


def _add_words(listed: list[dict[str, Any]], *, corrections: dict[str, str], may_correct: bool) -> None:
    """Add what the table says: made here once, because a template takes ten times as long for each cell."""
    states = {state.value: str(state.label) for state in A}
    classes = {value: class_words(value) for value in PlaqueClass.values}
    read, skip, correct = (reverse(name, args=["x"]) for name in ("read", "skip-case", "correct"))
    for row in listed:
        place = f"/{row['public_id']}/"
        row["name"] = case_name(row["number"], row["stage"], row["arm"])
        row["url"] = read.replace("/x/", place)
        row["skip_url"] = skip.replace("/x/", place) if row["state"] in (A.ASSIGNED, A.OPENED) else ""
        row["state_words"] = states[row["state"]]
        row["class_words"] = classes.get(row["your_class"], "–")
        row["thickness_words"] = _thickness_words(row["your_thickness"])
        left = row["missing"] or 0
        count = ngettext("%(n)d answer left.", "%(n)d answers left.", left) % {"n": left} if left else ""
        begun = corrections.get(row["public_id"])
        said = _correction_words(row["revision"], begun)
        row["note_words"] = " ".join(part for part in (said, count, row["note"]) if part)
        open_to_it = may_correct and not begun and row["state"] == A.SIGNED
        row["correct_url"] = correct.replace("/x/", place) if open_to_it else ""


def _correction_words(revision: int, begun: str | None) -> str:
    if begun:
        waits = begun == ReadState.COMPLETED
        return _("A correction waits for your signature.") if waits else _("A correction is begun.")
    return _("Corrected, revision %(n)d.") % {"n": revision} if revision > 1 else ""


def _thickness_words(given: dict[str, Any]) -> str:
    if given["mm"] is not None:
        return (_("%(mm).1f mm, manual") if given["manual"] else _("%(mm).1f mm")) % {"mm": given["mm"]}
    return "–" if given["px"] is None else _("%(px).0f px") % {"px": given["px"]}


def _line(row: Assignment, bundle: Bundle) -> ToSign:
    read, name = bundle.read, case_name(row.order_no, row.stage_no, row.arm)
    return ToSign(
        read=read,
        public_id=row.public_id,
        number=row.order_no,
        name=_("%(case)s, correction") % {"case": name} if read.is_correction else name,
        class_words=read.get_reader_class_display() or "",
        ground=ground_words(bundle),
        active_seconds=row.active_seconds,
    )


def _sitting(user: User, round_: Round) -> Sitting:
    """Cases completed or signed since the last pause of 45 minutes, by one's own saves."""
    mine: dict[UUID, tuple[datetime, str, int]] = {}
    for pk, saved, state, seconds in _SAVED(reader=user.pk, round=round_.pk):
        mine[pk] = (saved, state, seconds)
    kept: list[tuple[datetime, str, int]] = []
    edge = timezone.now()
    for saved, state, seconds in mine.values():
        if edge - saved > SITTING_GAP:
            break
        kept.append((saved, state, seconds))
        edge = saved
    done = [seconds for _saved, state, seconds in kept if state != ReadState.DRAFT]
    return Sitting(
        since=kept[-1][0] if kept else None,
        cases=len(done),
        median_seconds=round(median(done)) if done else None,
        active_seconds=sum(seconds for _saved, _state, seconds in kept),
        saved_at=next((saved for saved, _state, _seconds in mine.values()), None),
    )


def _rounds(reader: UUID, project: UUID) -> QuerySet[Round]:
    mine = Assignment.objects.own(User(pk=reader)).filter(round__project_id=project).values("round_id")
    return Round.objects.filter(pk__in=mine).select_related("protocol").order_by("-id")


def _cases(reader: UUID, round: UUID) -> QuerySet[Any, Any]:
    mine = Assignment.objects.own(User(pk=reader)).filter(round_id=round).order_by("order_no")
    begun = Read.objects.filter(assignment=OuterRef("pk"), supersedes__isnull=False).exclude(state=ReadState.SIGNED)
    lines: QuerySet[Any, Any] = mine.annotate(correction=Subquery(begun.values("state")[:1])).values_list(
        *CaseLine._fields
    )
    return lines


def _saved(reader: UUID, round: UUID) -> QuerySet[Read, Any]:
    rows = Read.objects.own(User(pk=reader)).filter(assignment__round_id=round, saved_at__isnull=False)
    return rows.order_by("-saved_at").values_list("pk", "saved_at", "state", "assignment__active_seconds")[:200]


_ROUNDS = Prepared(_rounds, "reader", "project")
_CASES = Prepared(_cases, "reader", "round")
_SAVED = Prepared(_saved, "reader", "round")
