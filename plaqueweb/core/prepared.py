"""Queries whose SQL is made once: on the hot requests Django takes longer to write the SQL than to run it.

Only the text of the SQL is kept, never a row; whose rows are asked for is a parameter of each call.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from django.db import connections
from django.db.models import QuerySet

R = TypeVar("R")


class _Compiled:
    """One queryset compiled for one connection, with the places of its parameters."""

    def __init__(self, rows: QuerySet[Any], stand_ins: dict[str, uuid.UUID]) -> None:
        self.rows = rows
        self.connection = connections[rows.db]
        self.compiler: Any = rows.query.get_compiler(using=rows.db)
        self.sql, params = self.compiler.as_sql()
        known: dict[Any, tuple[str, Callable[[Any], Any]]]
        known = {str(value): (name, str) for name, value in stand_ins.items()}  # where a text column is asked
        known |= {self._key(value): (name, self._key) for name, value in stand_ins.items()}
        self.params = tuple(params)
        self.places = [(at, *known[value]) for at, value in enumerate(params) if _hashed(value) in known]
        if lost := set(stand_ins) - {name for _at, name, _write in self.places}:
            raise RuntimeError(f"the query does not depend on {', '.join(sorted(lost))}")
        converters = self.compiler.get_converters([column[0] for column in self.compiler.select])
        self.compiler.get_converters = lambda _columns: converters
        rows.query.get_compiler = lambda *_args, **_given: self.compiler  # type: ignore[method-assign]

    def _key(self, value: uuid.UUID | str) -> uuid.UUID | str:
        """Return a key as this database takes it."""
        key = value if isinstance(value, uuid.UUID) else uuid.UUID(value)
        return key if self.connection.features.has_native_uuid_field else key.hex

    def run(self, values: dict[str, Any]) -> list[Any]:
        """Return the rows for these values."""
        params = list(self.params)
        for at, name, write in self.places:
            params[at] = write(values[name])
        self.compiler.as_sql = lambda *_args, **_given: (self.sql, tuple(params))
        rows: Any = self.rows
        return list(rows._iterable_class(rows))


def _hashed(value: Any) -> Any:
    return value if isinstance(value, str | uuid.UUID) else None


class Prepared(Generic[R]):
    """A queryset of named parameters, each a key (UUID) or a text, compiled at its first use in each thread.

    Args:
        make: gets a stand-in (a UUID) for each name and returns the queryset; no prefetching, no lists of keys.
        names: the parameters; each must reach the SQL, so that a condition cannot get lost.
    """

    def __init__(self, make: Callable[..., QuerySet[Any, R]], *names: str) -> None:
        self._make, self._names = make, names
        self._local = threading.local()

    def __call__(self, **values: uuid.UUID | str) -> list[R]:
        """Return the rows; one query.

        Raises:
            TypeError: a parameter is missing or unknown.
            ValueError: a key is no UUID.
        """
        if values.keys() != set(self._names):
            raise TypeError(f"this query takes {', '.join(self._names)}")
        found: _Compiled | None = getattr(self._local, "compiled", None)
        if found is None or found.connection is not connections[found.rows.db]:
            stand_ins = {name: uuid.uuid4() for name in self._names}
            found = self._local.compiled = _Compiled(self._make(**stand_ins), stand_ins)
        return found.run(values)

    def first(self, **values: uuid.UUID | str) -> R | None:
        """Return the first row, None where there is none."""
        return next(iter(self(**values)), None)


class PreparedIn(Generic[R]):
    """A queryset over a list of keys, asked for in chunks of fixed size: a short one repeats its last key.

    Args:
        make: gets a list of stand-ins and returns the queryset; rows of one key must not depend on another's.
    """

    CHUNK = 50

    def __init__(self, make: Callable[[list[uuid.UUID]], QuerySet[Any, R]]) -> None:
        self._names = [f"key{number}" for number in range(self.CHUNK)]
        self._one = Prepared(lambda **keys: make(list(keys.values())), *self._names)

    def __call__(self, keys: Iterable[uuid.UUID]) -> list[R]:
        """Return the rows of these keys; one query for each 50 keys, none for no key."""
        wanted, rows = list(dict.fromkeys(keys)), []
        for start in range(0, len(wanted), self.CHUNK):
            chunk = wanted[start : start + self.CHUNK]
            chunk += chunk[-1:] * (self.CHUNK - len(chunk))
            rows += self._one(**dict(zip(self._names, chunk, strict=True)))
        return rows
