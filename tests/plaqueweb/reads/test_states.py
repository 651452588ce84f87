"""Every (state, event) pair of cases and reads, in the table and in the database."""

from __future__ import annotations

import contextlib

import pytest

from plaqueweb.core.errors import InvalidTransition
from plaqueweb.core.transitions import Machine
from plaqueweb.reads.choices import AssignmentState, ReadState
from plaqueweb.reads.models import Assignment, Read
from plaqueweb.reads.states import ASSIGNMENT, READ
from plaqueweb.studies.models import ASSIGNED_STATES
from tests.factories import AssignmentFactory, ReadFactory

CASE_MOVES = {
    ("assigned", "open"): "opened",
    ("opened", "open"): "opened",
    ("completed", "open"): "completed",
    ("signed", "open"): "signed",
    ("skipped", "open"): "opened",
    ("opened", "complete"): "completed",
    ("completed", "reopen"): "opened",
    ("completed", "sign"): "signed",
    ("assigned", "skip"): "skipped",
    ("opened", "skip"): "skipped",
    ("assigned", "withdraw"): "withdrawn",
    ("opened", "withdraw"): "withdrawn",
    ("skipped", "withdraw"): "withdrawn",
    ("withdrawn", "restore"): "assigned",
    ("assigned", "reassign"): "reassigned",
    ("skipped", "reassign"): "reassigned",
}
READ_MOVES = {
    ("draft", "save"): "draft",
    ("draft", "complete"): "completed",
    ("completed", "reopen"): "draft",
    ("completed", "sign"): "signed",
}


def pairs(machine: Machine) -> list[tuple[str, str]]:
    return [(state, event) for state in machine.states for event in machine.events]


@pytest.mark.parametrize("state, event", pairs(ASSIGNMENT))
def test_a_case_moves_only_as_the_table_says(state: str, event: str) -> None:
    wanted = CASE_MOVES.get((state, event))

    if wanted is None:
        with pytest.raises(InvalidTransition):
            ASSIGNMENT.next(state, event)
    else:
        assert ASSIGNMENT.next(state, event) == wanted


@pytest.mark.parametrize("state, event", pairs(READ))
def test_a_read_moves_only_as_the_table_says(state: str, event: str) -> None:
    wanted = READ_MOVES.get((state, event))

    if wanted is None:
        with pytest.raises(InvalidTransition):
            READ.next(state, event)
    else:
        assert READ.next(state, event) == wanted


def test_the_tables_know_every_state_and_event() -> None:
    assert set(ASSIGNMENT.states) == set(AssignmentState.values)
    assert set(READ.states) == set(ReadState.values)
    assert set(ASSIGNMENT.events) == {"open", "complete", "reopen", "sign", "skip", "withdraw", "restore", "reassign"}
    assert set(READ.events) == {"save", "complete", "reopen", "sign"}


def test_the_states_in_which_a_case_is_the_readers_are_those_of_the_clips() -> None:
    gone = {AssignmentState.WITHDRAWN, AssignmentState.REASSIGNED}

    assert set(ASSIGNED_STATES) == set(AssignmentState.values) - gone


@pytest.mark.django_db
@pytest.mark.parametrize("state, event", pairs(ASSIGNMENT))
def test_a_case_row_moves_or_stays_as_it_was(state: str, event: str) -> None:
    row = AssignmentFactory(state=state)

    with contextlib.suppress(InvalidTransition):
        ASSIGNMENT.apply(Assignment.objects.all(), pk=row.pk, event=event)

    row.refresh_from_db()
    assert row.state == CASE_MOVES.get((state, event), state)


@pytest.mark.django_db
def test_a_move_that_came_too_late_changes_nothing() -> None:
    read = ReadFactory(state="completed", draft_no=3)

    with pytest.raises(InvalidTransition):
        READ.apply(Read.objects.filter(draft_no=2), pk=read.pk, event="sign")

    read.refresh_from_db()
    assert read.state == "completed"
