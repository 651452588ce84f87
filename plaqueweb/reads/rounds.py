"""Rounds: who reads what, in which order, and when results are revealed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from plaqueweb.reads.choices import AssignmentState, Policy, Reveal
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.reads.signing import disclose_signed
from plaqueweb.reads.states import ASSIGNMENT
from plaqueweb.studies.choices import DisclosureKind
from plaqueweb.studies.models import CaseList, CaseListItem, Project, Protocol, Study
from plaqueweb.studies.services import add_to_case_list, freeze_case_list

SEED_LIMIT = 2**63


@transaction.atomic
def create_round(
    *,
    project: Project,
    protocol: Protocol,
    case_list: CaseList,
    name: str,
    readers: Sequence[User],
    policy: str,
    reveal: str,
    seed: int,
    by: User | None,
    reveal_reason: str = "",
    freeze: bool = True,
) -> Round:
    """Open a round: every reader gets every case, in an own random order drawn from the seed.

    Args:
        by: needs MANAGE_ROUNDS; None is the system.
        reveal_reason: why results are revealed after each case, outside of demo projects.
        freeze: freeze the case list; only a demo project may leave it open and add cases later.

    Raises:
        NotAllowed: ``by`` may not manage rounds, or a reader may not read in the project.
        Invalid: protocol or list of another project, an empty list, or a policy against the rules.
        Conflict: the name is taken.
    """
    _may_manage(by, project)
    _check_round(project, protocol, case_list, name, policy, reveal, reveal_reason, seed)
    if freeze and case_list.frozen_at is None:
        freeze_case_list(case_list=case_list, by=by)
    if not freeze and not project.is_demo:
        raise Invalid(_("Only a demo project may read from an open case list."), rule="round-open-list")
    round_ = Round.objects.create(
        project=project, protocol=protocol, case_list=case_list, name=name.strip(), policy=policy, reveal=reveal,
        seed=seed, opened_at=timezone.now(),
    )  # fmt: skip
    record_event(
        actor=by, verb="round.created", target=round_,
        diff={"policy": policy, "reveal": reveal, "reason": reveal_reason, "seed": seed, "readers": len(readers)},
    )  # fmt: skip
    for reader in readers:
        _assign(round_, reader, _studies(case_list), by)
    return round_


def _may_manage(by: User | None, project: Project) -> None:
    if by is not None and not by.can(Capability.MANAGE_ROUNDS, project.pk):
        raise NotAllowed(_("You may not manage rounds in this project."))


def _check_round(
    project: Project, protocol: Protocol, case_list: CaseList, name: str, policy: str, reveal: str, reason: str,
    seed: int,
) -> None:  # fmt: skip
    if not name.strip():
        raise Invalid(_("The round needs a name."), rule="round-name")
    if Round.objects.filter(project=project, name=name.strip()).exists():
        raise Conflict(_("A round of this name exists."), rule="round-name")
    if protocol.project_id != project.pk or case_list.project_id != project.pk:
        raise Invalid(_("Protocol and case list must belong to the project."), rule="round-project")
    if policy not in Policy.values or reveal not in Reveal.values:
        raise Invalid(_("Unknown policy or time of revealing."), rule="round-policy")
    if reveal == Reveal.AFTER_EACH and not project.is_demo and not reason.strip():
        raise Invalid(
            _("Revealing after each case lets a reader learn from the model while reading: give a reason."),
            rule="round-reveal-reason",
        )
    if type(seed) is not int or not 0 <= seed < SEED_LIMIT:
        raise Invalid(_("The seed must be a whole number, not below 0."), rule="round-seed")
    if not CaseListItem.objects.filter(case_list=case_list).exists():
        raise Invalid(_("The case list is empty."), rule="list-empty")


def _studies(case_list: CaseList) -> list[Study]:
    items = CaseListItem.objects.filter(case_list=case_list).select_related("study").order_by("study__number")
    return [item.study for item in items]


def _assign(round_: Round, reader: User, studies: Sequence[Study], by: User | None) -> list[Assignment]:
    """Add cases behind a reader's last one, in an order only this reader has."""
    if not reader.can(Capability.READ, round_.project_id):
        raise NotAllowed(_("%(name)s may not read in this project.") % {"name": reader.name}, rule="reader-role")
    mine = Assignment.objects.filter(round=round_, reader=reader)
    there = set(mine.values_list("study_id", flat=True))
    last = mine.aggregate(n=Max("order_no"))["n"] or 0
    new = [study for study in studies if study.pk not in there]
    random.Random(f"{round_.seed}:{reader.email}:{last}").shuffle(new)  # order of reading, no secret
    rows = Assignment.objects.bulk_create(
        Assignment(round=round_, study=study, reader=reader, order_no=last + n) for n, study in enumerate(new, 1)
    )
    if rows:
        record_event(
            actor=by, verb="round.assigned", target=round_, diff={"reader": str(reader.pk), "cases": len(rows)}
        )
    return rows


@transaction.atomic
def add_reader(*, round_: Round, reader: User, by: User | None) -> list[Assignment]:
    """Give all cases of an open round to one more reader; cases the reader has already stay as they are.

    Raises:
        NotAllowed: ``by`` may not manage rounds, or the reader may not read.
        InvalidTransition: the round is closed.
    """
    _may_manage(by, round_.project)
    _still_open(round_)
    return _assign(round_, reader, _studies(round_.case_list), by)


@transaction.atomic
def add_cases(*, round_: Round, studies: Sequence[Study], by: User | None) -> list[Assignment]:
    """Add studies to an open round of a demo project, behind every reader's last case.

    Raises:
        InvalidTransition: the round is closed or its case list frozen.
    """
    _may_manage(by, round_.project)
    _still_open(round_)
    add_to_case_list(case_list=round_.case_list, studies=studies, by=by)
    readers = User.objects.filter(pk__in=Assignment.objects.filter(round=round_).values("reader_id")).order_by("pk")
    return [row for reader in readers for row in _assign(round_, reader, list(studies), by)]


def _still_open(round_: Round) -> None:
    if Round.objects.filter(pk=round_.pk, closed_at__isnull=False).exists():
        raise InvalidTransition(_("This round is closed."), rule="round-closed")


@transaction.atomic
def close_round(*, round_: Round, by: User | None) -> Round:
    """Close a round: cases not read are withdrawn, and what the round reveals at its end is disclosed.

    Raises:
        InvalidTransition: it is closed already, or completed reads still wait for their signature.
    """
    _may_manage(by, round_.project)
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
    _may_manage(by, assignment.round.project)
    assignment.state = ASSIGNMENT.apply(Assignment.objects.all(), pk=assignment.pk, event="withdraw")
    _record(assignment, "assignment.withdrawn", by, {})


@transaction.atomic
def reassign(*, assignment: Assignment, to: User, by: User | None) -> Assignment:
    """Give an unread case to another reader, behind that reader's last one.

    Raises:
        NotAllowed: ``by`` may not manage rounds, or ``to`` may not read.
        Invalid: ``to`` has the case already.
        InvalidTransition: it was opened.
    """
    _may_manage(by, assignment.round.project)
    assignment.state = ASSIGNMENT.apply(Assignment.objects.all(), pk=assignment.pk, event="reassign")
    rows = _assign(assignment.round, to, [assignment.study], by)
    if not rows:
        raise Invalid(_("%(name)s has this case already.") % {"name": to.name}, rule="reassign-twice")
    _record(assignment, "assignment.reassigned", by, {"to": str(to.pk)})
    return rows[0]


def _record(assignment: Assignment, verb: str, by: User | None, diff: dict[str, Any]) -> None:
    record_event(actor=by, verb=verb, target=assignment, project_id=assignment.round.project_id, diff=diff)
