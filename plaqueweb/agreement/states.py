"""Alarm: open → owned → closed, and back where the cause turns out to be another."""

from __future__ import annotations

from plaqueweb.agreement.watch_models import AlarmState as A
from plaqueweb.core.transitions import Machine

ALARM = Machine(
    "Alarm",
    tuple(A.values),
    {
        (A.OPEN, "take"): A.OWNED,
        (A.OWNED, "take"): A.OWNED,  # somebody else goes on with it
        (A.OWNED, "close"): A.CLOSED,
        (A.CLOSED, "reopen"): A.OWNED,
    },
)
