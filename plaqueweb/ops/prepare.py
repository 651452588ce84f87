"""What must be true before anything starts: tables, cache table, collected files, broker folders."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def prepare(say: Callable[[str], None]) -> None:
    """Bring the database and the static files up to date; quick when they are."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        say(f"database: {len(plan)} migrations")
        call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    connection.close()
    collect(say)


def collect(say: Callable[[str], None]) -> None:
    """Copy and compress the built front end, unless this very build was collected before."""
    manifest = Path(str(settings.DJANGO_VITE["default"]["manifest_path"]))
    if not manifest.exists():
        say("the front end is not built: run `python3 run.py serve`, or `npm ci && npm run build` in static/")
        return
    wanted = hashlib.sha256(manifest.read_bytes()).hexdigest()
    stamp = Path(settings.STATIC_ROOT) / ".collected-sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("collecting the front end's files")
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["rest_framework", ".*"])
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(wanted)
