"""State machines as tables: what is not in the table cannot happen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models

from plaqueweb.core.errors import InvalidTransition


@dataclass(frozen=True)
class Machine:
    """A table from (state, event) to the next state."""

    name: str
    states: tuple[str, ...]
    table: Mapping[tuple[str, str], str]

    @property
    def events(self) -> tuple[str, ...]:
        """All events, in order of first appearance."""
        return tuple(dict.fromkeys(event for _, event in self.table))

    def next(self, state: str, event: str) -> str:
        """Return the state after an event.

        Raises:
            InvalidTransition: the table has no such pair.
        """
        try:
            return self.table[state, event]
        except KeyError:
            raise InvalidTransition(
                f"{self.name}: “{event}” is not possible while it is {state}",
                rule=f"{self.name}-transition".replace(" ", "-").lower(),
                extra={"state": state, "event": event},
            ) from None

    def sources(self, event: str) -> list[str]:
        """Return the states that know the event."""
        return [state for state, name in self.table if name == event]

    def apply(self, rows: models.QuerySet[Any], *, pk: object, event: str, **changes: Any) -> str:
        """Move one row by compare-and-set and return its new state.

        Raises:
            InvalidTransition: the row's state does not know the event, or another process moved it first.
        """
        state = rows.filter(pk=pk).values_list("state", flat=True).first()
        if state is None:
            raise InvalidTransition(f"{self.name}: no such row", rule=f"{self.name}-transition".lower())
        after = self.next(state, event)
        if not rows.filter(pk=pk, state=state).update(state=after, **changes):
            raise InvalidTransition(f"{self.name}: somebody else changed it first", rule="overtaken")
        return after

    def terminal(self) -> Iterable[str]:
        """Return the states without a way out."""
        return [s for s in self.states if not any(a == s for a, _ in self.table)]
