"""Rounds: who reads what, in which order, and when results are revealed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed
from plaqueweb.reads.choices import ARM_OF_POLICY, AssignmentState, Frames, Policy, Reveal
from plaqueweb.reads.models import Assignment, Read, Round
from plaqueweb.reads.readset import freeze_read_sets
from plaqueweb.reads.rounds_order import sequence, share
from plaqueweb.reads.rounds_rules import Design, check_design, check_repeats, check_round
from plaqueweb.reads.rounds_washout import GONE
from plaqueweb.reads.signing import disclose_signed
from plaqueweb.reads.states import ASSIGNMENT
from plaqueweb.studies.choices import DisclosureKind
from plaqueweb.studies.models import CaseList, CaseListItem, Clip, Project, Protocol, Study
from plaqueweb.studies.services import add_to_case_list, freeze_case_list


@transaction.atomic
def create_round(
    *,
    project: Project,
    protocol: Protocol,
    case_list: CaseList,
    name: str,
    readers: Sequence[User],
    seed: int,
    by: User | None,
    freeze: bool = True,
    **design: Any,
) -> Round:
    """Open a round: readers get their cases in an own random order drawn from the seed.

    Args:
        by: needs MANAGE_ROUNDS; None is the system.
        freeze: freeze the case list; only a demo project may leave it open and add cases later.
        design: the fields of ``rounds_rules.Design``.

    Raises:
        NotAllowed: ``by`` may not manage rounds, or a reader may not read in the project.
        Invalid: protocol or list of another project, an empty list, or a design against the rules.
        Conflict: the name is taken.
    """
    may_manage(by, project)
    wanted = Design(**design)
    readers = list(dict.fromkeys(readers))
    check_round(project, protocol, case_list, name, seed)
    check_design(wanted, project=project, case_list=case_list, readers=len(readers))
    if freeze and case_list.frozen_at is None:
        freeze_case_list(case_list=case_list, by=by)
    if not freeze and not project.is_demo:
        raise Invalid(_("Only a demo project may read from an open case list."), rule="round-open-list")
    fixed = {key: sorted(set(numbers)) for key, numbers in (wanted.fixed_frames or {}).items()}
    round_ = Round.objects.create(
        project=project, protocol=protocol, case_list=case_list, name=name.strip(), policy=wanted.policy,
        reveal=wanted.reveal, frames=wanted.frames, fixed_frames=fixed or None, reads_per_case=wanted.reads_per_case,
        repeats=wanted.repeats, repeat_of=wanted.repeat_of, washout_days=wanted.washout_days,
        pipelines=[str(pk) for pk in wanted.pipelines], practice=wanted.practice, pass_mark=wanted.pass_mark,
        hides_verdict=wanted.hides_verdict,
        seed=seed, opened_at=timezone.now(),
    )  # fmt: skip
    record_event(
        actor=by, verb="round.created", target=round_, diff=_as_diff(wanted) | {"seed": seed, "readers": len(readers)}
    )
    dealt = share(studies_of(case_list), readers, wanted.reads_per_case, seed=f"{seed}:crossing")
    for reader in readers:
        _assign(round_, reader, dealt[reader], by, repeats=wanted.repeats)
    return round_


def _as_diff(design: Design) -> dict[str, Any]:
    return {
        "policy": design.policy, "reveal": design.reveal, "reason": design.reveal_reason, "frames": design.frames,
        "reads_per_case": design.reads_per_case, "repeats": design.repeats, "washout_days": design.washout_days,
        "repeat_of": str(design.repeat_of.pk) if design.repeat_of else None,
        "pipelines": [str(pk) for pk in design.pipelines], "pass_mark": design.pass_mark,
        "hides_verdict": design.hides_verdict,
        "practice": str(design.practice.pk) if design.practice else None,
    }  # fmt: skip


def may_manage(by: User | None, project: Project) -> None:
    """Raise NotAllowed unless a user (or the system) may manage rounds."""
    if by is not None and not by.can(Capability.MANAGE_ROUNDS, project.pk):
        raise NotAllowed(_("You may not manage rounds in this project."))


def studies_of(case_list: CaseList) -> list[Study]:
    """Return the studies of a list by their number."""
    items = CaseListItem.objects.filter(case_list=case_list).select_related("study").order_by("study__number")
    return [item.study for item in items]


def _assign(
    round_: Round, reader: User, studies: Sequence[Study], by: User | None, *, repeats: int = 0
) -> list[Assignment]:
    """Add cases behind a reader's last one, in an order only this reader has."""
    if not reader.can(Capability.READ, round_.project_id):
        raise NotAllowed(_("%(name)s may not read in this project.") % {"name": reader.name}, rule="reader-role")
    mine = Assignment.objects.filter(round=round_, reader=reader)
    there = set(mine.values_list("study_id", flat=True))
    last = mine.aggregate(n=Max("order_no"))["n"] or 0
    new = [study for study in studies if study.pk not in there]
    if round_.repeat_of is not None:
        new = _read_before(round_.repeat_of, reader, new)
    arm = ARM_OF_POLICY[Policy(round_.policy)]
    frames = fixed_frames_of(round_, reader, new)
    order = sequence(new, repeats=repeats, seed=f"{round_.seed}:{reader.email}:{last}")
    freeze_read_sets(round_=round_, studies=new)
    rows = Assignment.objects.bulk_create(
        Assignment(
            round=round_, study=study, reader=reader, order_no=last + n, repeat_no=repeat_no, arm=arm,
            frames=frames.get(study.pk),
        )
        for n, (study, repeat_no) in enumerate(order, 1)
    )  # fmt: skip
    if rows:
        diff = {"reader": str(reader.pk), "cases": len(new), "repeats": len(rows) - len(new)}
        record_event(actor=by, verb="round.assigned", target=round_, diff=diff)
    practice = round_.practice
    if practice is not None and practice.closed_at is None:
        _assign(practice, reader, studies_of(practice.case_list), by)
    return rows


def _read_before(first: Round, reader: User, studies: Sequence[Study]) -> list[Study]:
    """The studies that the reader signed in the round that is repeated.

    Raises:
        Invalid: there is none.
    """
    signed = Read.objects.signed().filter(assignment__round=first, assignment__reader=reader)
    known = set(signed.values_list("assignment__study_id", flat=True))
    kept = [study for study in studies if study.pk in known]
    if studies and not kept:
        words = _("%(name)s signed none of these cases in “%(round)s”: there is nothing to repeat.")
        raise Invalid(words % {"name": reader.name, "round": first.name}, rule="repeat-unread")
    return kept


def fixed_frames_of(round_: Round, reader: User, studies: Sequence[Study]) -> dict[UUID, list[list[Any]]]:
    """Return the named frames of each study as [clip id, frame], in an order only this reader has."""
    if round_.frames != Frames.FIXED or not round_.fixed_frames:
        return {}
    found: dict[UUID, list[list[Any]]] = {}
    clips = Clip.objects.for_reading().filter(study__in=studies, pk__in=list(round_.fixed_frames))
    for clip, study in clips.order_by("pk").values_list("pk", "study_id"):
        found.setdefault(study, []).extend([str(clip), number] for number in round_.fixed_frames[str(clip)])
    for study, frames in found.items():
        random.Random(f"{round_.seed}:{reader.email}:{study}:frames").shuffle(frames)  # order of reading, no secret
    return found


@transaction.atomic
def add_reader(*, round_: Round, reader: User, by: User | None) -> list[Assignment]:
    """Give the cases of an open round to one more reader; cases the reader has already stay as they are.

    Where a case is read by some readers only, the new one gets those that lack a read.

    Raises:
        NotAllowed: ``by`` may not manage rounds, or the reader may not read.
        Invalid: every case has its reads already (rule ``round-crossing-full``).
        InvalidTransition: the round is closed, or its second stage began.
    """
    may_manage(by, round_.project)
    _still_open(round_)
    studies = studies_of(round_.case_list)
    if round_.reads_per_case is not None:
        rows = Assignment.objects.filter(round=round_, repeat_no=0, stage_no=1).exclude(state__in=GONE)
        reads = Counter(rows.values_list("study_id", flat=True))
        studies = [study for study in studies if reads[study.pk] < round_.reads_per_case]
        if not studies:
            words = _("Every case has its %(n)d reads: reassign cases instead.") % {"n": round_.reads_per_case}
            raise Invalid(words, rule="round-crossing-full")
    fresh = not Assignment.objects.filter(round=round_, reader=reader).exists()
    fits = fresh and round_.reads_per_case is None
    return _assign(round_, reader, studies, by, repeats=round_.repeats if fits else 0)


@transaction.atomic
def add_cases(*, round_: Round, studies: Sequence[Study], by: User | None) -> list[Assignment]:
    """Add studies to an open round of a demo project, behind every reader's last case.

    Raises:
        InvalidTransition: the round is closed or its case list frozen.
    """
    may_manage(by, round_.project)
    _still_open(round_)
    add_to_case_list(case_list=round_.case_list, studies=studies, by=by)
    readers = User.objects.filter(pk__in=Assignment.objects.filter(round=round_).values("reader_id")).order_by("pk")
    return [row for reader in readers for row in _assign(round_, reader, list(studies), by)]


@transaction.atomic
def repeat_cases(*, round_: Round, studies: Sequence[Study], by: User | None) -> list[Assignment]:
    """Give every reader of an open round of a demo project these cases a second time, behind the own last case and
    without a mark, in an order only this reader has. Who has the repeat already, or never had the case, gets none.

    A round of people is given its repeats when it is made, so that nobody can tell from a late case that it is one.

    Raises:
        NotAllowed: ``by`` may not manage rounds. Invalid: the project is no demo, or a repeat would not be blind.
        InvalidTransition: the round is closed, or its second stage began.
    """
    may_manage(by, round_.project)
    _still_open(round_)
    if not round_.project.is_demo:
        raise Invalid(_("Hidden repeats are dealt when a round is made."), rule="round-late-repeat")
    check_repeats(round_.policy, round_.reveal)
    made: list[Assignment] = []
    mine = Assignment.objects.filter(round=round_).exclude(state__in=GONE)
    for reader in User.objects.filter(pk__in=mine.values("reader_id")).order_by("pk"):
        own = mine.filter(reader=reader)
        had = set(own.filter(repeat_no=0).values_list("study_id", flat=True))
        again = set(own.filter(repeat_no__gt=0).values_list("study_id", flat=True))
        new = [study for study in studies if study.pk in had - again]
        last = Assignment.objects.filter(round=round_, reader=reader).aggregate(n=Max("order_no"))["n"] or 0
        random.Random(f"{round_.seed}:{reader.email}:{last}:again").shuffle(new)  # order of reading, no secret
        frames = fixed_frames_of(round_, reader, new)
        rows = Assignment.objects.bulk_create(
            Assignment(
                round=round_, study=study, reader=reader, order_no=last + n, repeat_no=1,
                arm=ARM_OF_POLICY[Policy(round_.policy)], frames=frames.get(study.pk),
            )
            for n, study in enumerate(new, 1)
        )  # fmt: skip
        if rows:
            diff = {"reader": str(reader.pk), "cases": 0, "repeats": len(rows)}
            record_event(actor=by, verb="round.assigned", target=round_, diff=diff)
        made += rows
    return made


def _still_open(round_: Round) -> None:
    if Round.objects.filter(pk=round_.pk, closed_at__isnull=False).exists():
        raise InvalidTransition(_("This round is closed."), rule="round-closed")
    if round_.stage_two_at is not None:
        words = _("The second stage has begun: who joins now has not read the first one.")
        raise InvalidTransition(words, rule="round-stage-two")


@transaction.atomic
def close_round(*, round_: Round, by: User | None) -> Round:
    """Close a round: cases not read are withdrawn, and what the round reveals at its end is disclosed.

    Raises:
        InvalidTransition: it is closed already, or completed reads still wait for their signature.
    """
    may_manage(by, round_.project)
    rows = Assignment.objects.filter(round=round_)
    waiting = rows.filter(state=AssignmentState.COMPLETED).count()
    if waiting:
        raise InvalidTransition(
            _("%(n)d completed cases are not signed. Ask their readers to sign or to reopen them.") % {"n": waiting},
            rule="round-unsigned",
        )
    if not Round.objects.filter(pk=round_.pk, closed_at=None).update(closed_at=Now()):
        raise InvalidTransition(_("This round is closed."), rule="round-closed")
    round_.refresh_from_db(fields=["closed_at"])
    gone = rows.filter(state__in=ASSIGNMENT.sources("withdraw")).update(state=AssignmentState.WITHDRAWN)
    shown = 0
    if round_.reveal in (Reveal.ROUND_CLOSED, Reveal.ALL_SIGNED):
        shown = disclose_signed(round_=round_, rows=rows, kind=DisclosureKind.ROUND_CLOSED)
    record_event(actor=by, verb="round.closed", target=round_, diff={"withdrawn": gone, "disclosed": shown})
    return round_


@transaction.atomic
def withdraw(*, assignment: Assignment, by: User | None) -> None:
    """Take an unread case away from its reader.

    Raises:
        NotAllowed: ``by`` may not manage rounds.
        InvalidTransition: it is completed or signed.
    """
    may_manage(by, assignment.round.project)
    assignment.state = ASSIGNMENT.apply(Assignment.objects.all(), pk=assignment.pk, event="withdraw")
    _record(assignment, "assignment.withdrawn", by, {})


@transaction.atomic
def restore(*, assignment: Assignment, by: User | None) -> None:
    """Give a withdrawn case back to its reader; a draft that was begun is still there.

    Raises:
        NotAllowed: ``by`` may not manage rounds.
        InvalidTransition: it is not withdrawn, or the round is closed.
    """
    may_manage(by, assignment.round.project)
    if assignment.round.closed_at is not None:
        raise InvalidTransition(_("This round is closed."), rule="round-closed")
    assignment.state = ASSIGNMENT.apply(Assignment.objects.all(), pk=assignment.pk, event="restore")
    _record(assignment, "assignment.restored", by, {})


@transaction.atomic
def reveal_round(*, round_: Round, by: User | None, reason: str) -> int:
    """Disclose a closed round’s signed cases to their readers, whatever it was to reveal; return how many.

    Raises:
        NotAllowed: ``by`` may not manage rounds.
        Invalid: no reason is given.
        InvalidTransition: the round is still open.
    """
    may_manage(by, round_.project)
    if not reason.strip():
        raise Invalid(_("Say why the results are revealed."), rule="reveal-reason")
    if round_.closed_at is None:
        words = _("Close the round first: whoever still reads in it must not see results.")
        raise InvalidTransition(words, rule="reveal-open")
    rows = Assignment.objects.filter(round=round_)
    shown = disclose_signed(round_=round_, rows=rows, kind=DisclosureKind.ROUND_CLOSED)
    record_event(
        actor=by, verb="round.revealed", target=round_, diff={"disclosed": shown, "reason": reason.strip()[:300]}
    )
    return shown


@transaction.atomic
def reassign(*, assignment: Assignment, to: User, by: User | None) -> Assignment:
    """Give an unread case to another reader, behind that reader's last one. Its hidden repeat goes with it.

    Raises:
        NotAllowed: ``by`` may not manage rounds, or ``to`` may not read.
        Invalid: ``to`` has the case already, or it is a second reading of something the reader began.
        InvalidTransition: it was opened.
    """
    may_manage(by, assignment.round.project)
    if assignment.stage_no > 1 or assignment.repeat_no:
        words = _("Only a first reading can be given to somebody else: a second one belongs to who read the first.")
        raise Invalid(words, rule="reassign-second")
    assignment.state = ASSIGNMENT.apply(Assignment.objects.all(), pk=assignment.pk, event="reassign")
    repeats = Assignment.objects.filter(
        round=assignment.round_id, study=assignment.study_id, reader=assignment.reader_id, repeat_no__gt=0
    )
    for repeat in repeats.exclude(state__in=GONE):
        withdraw(assignment=repeat, by=by)
    rows = _assign(assignment.round, to, [assignment.study], by)
    if not rows:
        raise Invalid(_("%(name)s has this case already.") % {"name": to.name}, rule="reassign-twice")
    _record(assignment, "assignment.reassigned", by, {"to": str(to.pk)})
    return rows[0]


def _record(assignment: Assignment, verb: str, by: User | None, diff: Mapping[str, Any]) -> None:
    record_event(
        actor=by, verb=verb, target=assignment, project_id=assignment.round.project_id, diff=dict(diff)
    )  # fmt: skip
