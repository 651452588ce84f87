"""What a worker is doing, written down for the supervisor beside it; and the wish to stop, read between steps."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from plaqueweb.core.work import Claim

_stopping = threading.Event()


class Stopping(Exception):
    """The worker was asked to stop in the middle of its work; the row goes back to the queue at once."""


@dataclass(frozen=True)
class Busy:
    """One worker's note: which row it holds, under which token."""

    pid: int
    model: str
    pk: str
    token: str
    since: float
    host: str = ""


def folder() -> Path:
    """Return where the notes of this installation's workers lie."""
    path: Path = settings.VAR_DIR / "run"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def working_on(claim: Claim) -> Iterator[None]:
    """Note the claim for as long as the block runs, so that a hung process can be told from a slow one."""
    note = folder() / f"{os.getpid()}.json"
    label = claim.model._meta.label_lower
    body = {"model": label, "pk": str(claim.pk), "token": str(claim.token), "since": time.time()}
    body["host"] = socket.gethostname()
    partial = note.with_suffix(".part")
    partial.write_text(json.dumps(body))
    partial.replace(note)
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def busy_note(pid: int) -> Busy | None:
    """Return what a process says it is working on; None when idle or gone."""
    try:
        body = json.loads((folder() / f"{pid}.json").read_text())
        return Busy(pid=pid, **body)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def forget(pid: int) -> None:
    """Remove the note of a process that ended."""
    (folder() / f"{pid}.json").unlink(missing_ok=True)


def notes_of_the_dead() -> list[Busy]:
    """Return what processes of this host were working on when they ended without a word."""
    found = []
    for path in folder().glob("[0-9]*.json"):
        note = busy_note(int(path.stem))
        if note is not None and note.host == socket.gethostname() and not _alive(note.pid):
            found.append(note)
    return found


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def ask_to_stop() -> None:
    """Set by the worker's own signal handler."""
    _stopping.set()


def stop_asked() -> bool:
    """Tell whether this worker should take no further row."""
    return _stopping.is_set()


def check_stop() -> None:
    """Raise Stopping between two steps of long work once the worker was asked to stop."""
    if _stopping.is_set():
        raise Stopping


def workers_up(name: str) -> int | None:
    """Return how many workers of a kind run under this host's supervisor; None when no supervisor runs here."""
    try:
        children = json.loads((folder() / "supervisor.json").read_text())["children"]
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return sum(1 for key, pid in children.items() if key.split("-")[0] == name and pid)
