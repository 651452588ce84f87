from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]


class World:
    """One installation in a folder of its own, with real processes."""

    def __init__(self, folder: Path) -> None:
        self.var = folder / "var"
        self.models = folder / "models"
        self.models.mkdir()
        self.started: list[subprocess.Popen[str]] = []
        self.environment = os.environ | {
            "PLAQUEWEB_VAR": str(self.var),
            "PLAQUEWEB_MODEL_DIR": str(self.models),
            "DJANGO_SETTINGS_MODULE": "plaqueweb.settings.dev",
            "PLAQUEWEB_TORCH_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
        }
        self.environment.pop("DATABASE_URL", None)
        self.environment.pop("CELERY_BROKER_URL", None)

    def run(self, *arguments: str) -> str:
        """Run a command to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments], cwd=REPO, env=self.environment, capture_output=True, text=True, timeout=400
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def serve(self, *options: str) -> subprocess.Popen[str]:
        """Start a supervisor."""
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", *options], cwd=REPO, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def supervisor(self) -> dict[str, object]:
        """Return what the supervisor wrote about itself; empty before it did."""
        try:
            found: dict[str, object] = json.loads((self.var / "run" / "supervisor.json").read_text())
            return found
        except (FileNotFoundError, ValueError):
            return {}

    def child(self, name: str) -> int | None:
        """Return the process id of a child."""
        children = self.supervisor().get("children", {})
        assert isinstance(children, dict)
        return children.get(name)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Ask the database directly; empty while it is being made."""
        try:
            with sqlite3.connect(f"file:{self.var / 'db.sqlite3'}?mode=ro", uri=True, timeout=5) as connection:
                return connection.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []

    def close(self) -> None:
        """End every process group that was started here."""
        children = self.supervisor().get("children", {})
        assert isinstance(children, dict)
        for pid in [*(process.pid for process in self.started), *(pid for pid in children.values() if pid)]:
            try:
                os.killpg(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        for process in self.started:
            process.wait(timeout=10)


def until(told: Callable[[], object], seconds: float, what: str) -> object:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := told():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


def alive(pid: int) -> bool:
    """Tell whether a process runs (one that ended and was not collected yet does not)."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    try:
        yield made
    finally:
        made.close()
