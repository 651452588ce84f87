from __future__ import annotations

import itertools

import pytest

from plaqueweb.core.errors import InvalidTransition
from plaqueweb.review.models import CaseState as C
from plaqueweb.review.states import CASE

ALLOWED = {
    (C.OPEN, "agree"): C.AGREED,
    (C.OPEN, "differ"): C.DISCORDANT,
    (C.AGREED, "differ"): C.DISCORDANT,
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
