"""The parts of the supervisor that need no process."""

from __future__ import annotations

import socket

import pytest

from plaqueweb.ops.supervisor import PortTaken, bind


@pytest.fixture
def taken() -> object:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_taken_port_is_refused_when_it_was_asked_for(taken: int) -> None:
    with pytest.raises(PortTaken) as refused:
        bind("127.0.0.1", taken, search=False)

    assert str(taken) in str(refused.value)


def test_another_port_is_found_when_none_was_asked_for(taken: int) -> None:
    listener = bind("127.0.0.1", taken, search=True)

    assert taken < listener.getsockname()[1] <= taken + 50
    listener.close()
