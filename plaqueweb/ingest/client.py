"""The side of the intake child that workers use: start a zygote, hand it files, survive its death."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, cast

from plaqueweb.ingest import wire
from plaqueweb.ingest.report import ChildLimits, IntakeReport

START_SECONDS = 60.0
GRACE_SECONDS = 10.0
"""The zygote stops a child by itself; only when it does not answer this long after that, it is stopped too."""
_ROOT = Path(__file__).resolve().parents[2]
_BOOT = """
import sys, types
sys.path.insert(0, sys.argv[1])
site = types.ModuleType("plaqueweb")  # the package itself would load the site's job queue, which a child must not have
site.__path__ = [sys.argv[1] + "/plaqueweb"]
sys.modules["plaqueweb"] = site
from plaqueweb.ingest.zygote import main
raise SystemExit(main())
"""
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT", "TEMP", "TMP")


class IntakeUnavailable(RuntimeError):
    """The zygote cannot be started at all: a fault of the installation, not of a file."""


def clean_environment() -> dict[str, str]:
    """Only what Python needs: no secret key, no database address, and one thread per numeric library."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class IntakeClient:
    """Reads files in a locked-down process; one file at a time, safe to call from several threads.

    ``process`` always answers with a report: a dead zygote is started anew and the file that killed it is refused.
    Use it as a context manager or call ``close``.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.active: list[str] = []

    def start(self) -> None:
        """Start the zygote now rather than with the first file. Raises IntakeUnavailable."""
        with self._lock:
            self._ensure()

    @property
    def pid(self) -> int | None:
        """The zygote's process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def process(self, path: Path, out_dir: Path, key: bytes, limits: ChildLimits | None = None) -> IntakeReport:
        """Read ``path`` and store its frames in ``out_dir``/cine (the folder must exist and be empty).

        ``key`` makes the pseudonyms (16 bytes or more) and is kept nowhere. Raises ValueError for a short key and
        IntakeUnavailable when no zygote starts; whatever the file does ends in the report.
        """
        if len(key) < 16:
            raise ValueError("The pseudonym key must have at least 16 bytes.")
        limits = limits or ChildLimits()
        message = {
            "path": str(path.resolve()),
            "out_dir": str(out_dir.resolve()),
            "key": key.hex(),
            "limits": limits.__dict__,
        }
        with self._lock:
            process = self._ensure()
            answer = self._exchange(process, message, limits.wall_s + GRACE_SECONDS)
        if answer is not None and "report" in answer:
            return IntakeReport.from_dict(answer["report"])
        for leftover in ("cine", "cine.part"):
            (out_dir / leftover).unlink(missing_ok=True)
        return IntakeReport.refused("intake-20", "The reading process had to be started anew.")

    def close(self) -> None:
        """End the zygote and whatever it is reading."""
        with self._lock:
            self._stop()

    def _exchange(
        self, process: subprocess.Popen[bytes], message: dict[str, Any], seconds: float
    ) -> dict[str, Any] | None:
        try:
            wire.send(cast(BinaryIO, process.stdin), message)
            answer = self._answers.get(timeout=seconds)
        except (OSError, queue.Empty):
            answer = None
        if answer is None:
            self._stop()
        return answer

    def _ensure(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._stop()
        self._answers = queue.Queue()
        process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, str(_ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=clean_environment(),
            cwd=_ROOT,
        )
        self._process = process
        listener = threading.Thread(target=self._listen, args=(process, self._answers), daemon=True)
        listener.start()
        try:
            greeting = self._answers.get(timeout=START_SECONDS)
        except queue.Empty:
            greeting = None
        if greeting is None or not greeting.get("ready"):
            self._stop()
            raise IntakeUnavailable("The process that reads uploaded files does not start.")
        self.active = list(greeting["active"])
        return process

    @staticmethod
    def _listen(process: subprocess.Popen[bytes], answers: queue.Queue[dict[str, Any] | None]) -> None:
        """Passes messages on; None at the end. A thread, because pipes cannot be waited for on every system."""
        stream = cast(BinaryIO, process.stdout)
        with contextlib.suppress(wire.WireError, OSError, ValueError):
            while True:
                answers.put(wire.receive(stream))
        answers.put(None)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            cast(BinaryIO, process.stdin).close()  # at the end of its input a zygote stops its child and ends
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with contextlib.suppress(OSError):
            cast(BinaryIO, process.stdout).close()

    def __enter__(self) -> IntakeClient:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
