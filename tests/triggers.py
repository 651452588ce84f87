"""Go below the triggers, as somebody with the database's own password could."""

from __future__ import annotations

from django.db import connection


def lift(trigger: str, *, table: str) -> None:
    """Take a guard off a table until the test's transaction is rolled back."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no ALTER TABLE while deferred foreign keys wait
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            cursor.execute(f"DROP TRIGGER IF EXISTS {trigger}")
