"""Database triggers that refuse changes, on SQLite and PostgreSQL, for migrations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.migrations import RunPython


def refuse(table: str, *, on: str, when: str = "", message: str) -> RunPython:
    """Return a migration step that makes the database refuse INSERT, UPDATE or DELETE on a table.

    Args:
        table: the table's name.
        on: ``"INSERT"``, ``"UPDATE"`` or ``"DELETE"``.
        when: SQL condition over OLD and NEW, which may look into other tables; empty means always.
        message: what the refusal says.
    """
    name = f"{table}_no_{on.lower()}"
    return RunPython(_create(table, name, on, when, message), _drop(table, name))


def _create(table: str, name: str, on: str, when: str, message: str) -> Callable[[Any, Any], None]:
    text = message.replace("'", "''")

    def forwards(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            answer = "OLD" if on == "DELETE" else "NEW"
            # In the body, because PostgreSQL allows no subquery in a trigger's WHEN.
            body = f"IF {when or 'TRUE'} THEN RAISE EXCEPTION '{text}'; END IF; RETURN {answer};"
            schema_editor.execute(
                f"CREATE FUNCTION {name}_fn() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN {body} END $body$", None
            )
            schema_editor.execute(
                f"CREATE TRIGGER {name} BEFORE {on} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}_fn()", None
            )
        else:
            condition = f"WHEN {when}" if when else ""
            schema_editor.execute(
                f"CREATE TRIGGER {name} BEFORE {on} ON {table} FOR EACH ROW {condition} "
                f"BEGIN SELECT RAISE(ABORT, '{text}'); END",
                None,
            )

    return forwards


def _drop(table: str, name: str) -> Callable[[Any, Any], None]:
    def backwards(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP TRIGGER {name} ON {table}", None)
            schema_editor.execute(f"DROP FUNCTION {name}_fn()", None)
        else:
            schema_editor.execute(f"DROP TRIGGER {name}", None)

    return backwards
