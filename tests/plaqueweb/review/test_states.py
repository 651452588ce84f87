from __future__ import annotations

import itertools

import pytest

from plaqueweb.core.errors import InvalidTransition
from plaqueweb.review.models import AdjudicationState as A
from plaqueweb.review.models import CaseState as C
from plaqueweb.review.states import ADJUDICATION, CASE

ALLOWED = {
    (C.OPEN, "agree"): C.AGREED,
    (C.OPEN, "differ"): C.DISCORDANT,
    (C.AGREED, "differ"): C.DISCORDANT,
    (C.AGREED, "adjudicate"): C.ADJUDICATED,
    (C.DISCORDANT, "adjudicate"): C.ADJUDICATED,
    (C.ADJUDICATED, "adjudicate"): C.ADJUDICATED,
}


@pytest.mark.parametrize(
    ("state", "event"), list(itertools.product(C.values, ["agree", "differ", "adjudicate", "close"]))
)
def test_every_pair_of_state_and_event_is_either_in_the_table_or_refused(state: str, event: str) -> None:
    expected = ALLOWED.get((C(state), event))

    if expected is None:
        with pytest.raises(InvalidTransition):
            CASE.next(state, event)
    else:
        assert CASE.next(state, event) == expected


def test_the_machine_knows_no_event_beyond_these() -> None:
    assert set(CASE.events) == {"agree", "differ", "adjudicate"}


STEPS = {
    (A.BEGUN, "answer"): A.ANSWERED,
    (A.BEGUN, "give_back"): A.RETURNED,
    (A.ANSWERED, "decide"): A.DECIDED,
    (A.DECIDED, "decide"): A.DECIDED,
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(A.values, ["answer", "give_back", "decide"])))
def test_an_adjudication_answers_before_it_decides(state: str, event: str) -> None:
    expected = STEPS.get((A(state), event))

    if expected is None:
        with pytest.raises(InvalidTransition):
            ADJUDICATION.next(state, event)
    else:
        assert ADJUDICATION.next(state, event) == expected
