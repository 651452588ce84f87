from __future__ import annotations

import pytest

from plaqueweb.core.errors import InvalidTransition
from plaqueweb.ingest.states import UPLOAD

ALLOWED = {
    ("received", "parse"): "parsed", ("received", "refuse"): "refused", ("parsed", "store"): "stored",
    ("parsed", "hold"): "quarantined", ("parsed", "refuse"): "refused", ("quarantined", "release"): "stored",
    ("quarantined", "refuse"): "refused",
}  # fmt: skip


@pytest.mark.parametrize("state", UPLOAD.states)
@pytest.mark.parametrize("event", UPLOAD.events)
def test_every_pair_of_state_and_event(state: str, event: str) -> None:
    if (state, event) in ALLOWED:
        assert UPLOAD.next(state, event) == ALLOWED[state, event]
    else:
        with pytest.raises(InvalidTransition):
            UPLOAD.next(state, event)


def test_stored_and_refused_are_final() -> None:
    assert set(UPLOAD.terminal()) == {"stored", "refused"}
