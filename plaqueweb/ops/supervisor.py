"""One process that starts the web server and the workers, watches them, and takes them along when it ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from plaqueweb.core import workers
from plaqueweb.core.errors import DomainError

TICK = 0.2  # seconds
BACKOFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before the next start of a child that keeps dying
STABLE = 60.0  # a child that ran this long starts again without waiting
GRACE = 6.0  # seconds for a clean end
PORTS_TRIED = 50


class PortTaken(DomainError):
    """The address asked for belongs to another program."""

    title, default_rule = "Port taken", "port-taken"


def bind(host: str, port: int, *, search: bool) -> socket.socket:
    """Bind first, so that nobody else's server can answer for ours.

    Args:
        host: address to listen on.
        port: wished port; 0 lets the system choose.
        search: whether to take the next free port when the wished one is taken.

    Raises:
        PortTaken: the port is in use and no other may be chosen.
    """
    for offset in range(PORTS_TRIED if search else 1):
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        if os.name != "nt":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port + offset if port else 0))
            listener.listen(256)
        except OSError as error:
            listener.close()
            last = error
            continue
        return listener
    raise PortTaken(f"port {port} on {host} is taken ({last.strerror}); choose another with --port")


@dataclass
class Child:
    """One process and the rule by which it starts again."""

    name: str
    argv: list[str]
    pass_fds: tuple[int, ...] = ()
    once: bool = False  # ends by itself with status 0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    next_start: float = 0.0
    finished: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Start it with a life-line: our end of its standard input closes when we end, however we end."""
        self.process = subprocess.Popen(
            [sys.executable, *self.argv],
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            pass_fds=self.pass_fds if os.name != "nt" else (),
            start_new_session=os.name != "nt",
            env=os.environ | self.environment,
        )
        self.started = time.monotonic()

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    def signal_group(self, number: int) -> None:
        """Signal the child and everything it started."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "nt":
                self.process.terminate()
            else:
                os.killpg(self.process.pid, number)

    def reap(self) -> int | None:
        """Return the exit status once, after the process ended, and end what it left behind."""
        if self.process is None or (status := self.process.poll()) is None:
            return None
        self.signal_group(getattr(signal, "SIGKILL", signal.SIGTERM))
        if self.process.stdin:
            self.process.stdin.close()
        self.process = None
        return status


class Supervisor:
    """Runs children until it is told to stop.

    Args:
        listener: bound socket for the web server, or None where this host serves no pages.
        parts: which of ``web``, ``light``, ``gpu``, ``sweep`` run here.
        say: prints a line for people.
    """

    def __init__(self, *, listener: socket.socket | None, parts: set[str], say: Callable[[str], None]) -> None:
        self.listener, self.parts, self.say = listener, parts, say
        self.instance = uuid.uuid4().hex
        self.children: list[Child] = []
        self.stopping = threading.Event()
        self.on_tick: Callable[[], None] = lambda: None
        environment = {"PLAQUEWEB_INSTANCE": self.instance}
        if "web" in parts and listener is not None:
            descriptor = listener.fileno()
            address = f"fd://{descriptor}" if os.name != "nt" else "{}:{}".format(*listener.getsockname()[:2])
            self.add(
                Child("web", ["-m", "plaqueweb.ops.child", "web", address], (descriptor,), environment=environment)
            )
        for role in ("light", "gpu"):
            if role in parts:
                self.add(Child(role, ["-m", "plaqueweb.ops.child", role], environment=environment))

    def add(self, child: Child) -> None:
        """Put one more child under watch; it starts with the next tick."""
        self.children.append(child)

    @property
    def address(self) -> str:
        """Return the address people open."""
        if self.listener is None:
            return ""
        host, port = self.listener.getsockname()[:2]
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
        return f"http://{shown}:{port}/"

    def run(self) -> None:
        """Start everything and stay until a signal or ``stop``; every child is gone when this returns."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stopping.set())
        self._write_pids()
        try:
            if "sweep" in self.parts:
                from plaqueweb.ops.sweep import Sweeper

                Sweeper(self).start()
            while not self.stopping.is_set():
                self.tick()
                self.on_tick()
                self.stopping.wait(TICK)
        finally:
            self.end()

    def tick(self) -> None:
        """Start what is not running, with growing pauses for what keeps dying."""
        now, changed = time.monotonic(), False
        for child in self.children:
            status = child.reap()
            if status is not None:
                changed = True
                self._bury(child, status, now)
            if child.process is None and not child.finished and now >= child.next_start:
                child.start()
                changed = True
        if changed:
            self._write_pids()

    def _bury(self, child: Child, status: int, now: float) -> None:
        if child.once and status == 0:
            child.finished = True
            return
        child.deaths = 1 if now - child.started > STABLE else child.deaths + 1
        child.next_start = now + BACKOFF[min(child.deaths, len(BACKOFF)) - 1]
        self.say(f"{child.name} ended ({_why(status)}); it starts again")

    def end(self) -> None:
        """Ask every child to end, then end those that do not."""
        self.stopping.set()
        for child in self.children:
            child.signal_group(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while any(child.pid for child in self.children) and time.monotonic() < deadline:
            time.sleep(0.05)
        for child in self.children:
            child.signal_group(getattr(signal, "SIGKILL", signal.SIGTERM))
            if child.process is not None:
                child.process.wait()
                child.reap()
        self._pid_file.unlink(missing_ok=True)

    def healthy(self) -> bool:
        """Tell whether our own server answers at our address: the instance id must be ours."""
        if self.listener is None:
            return True
        host, port = self.listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        allowed = [name for name in settings.ALLOWED_HOSTS if name != "*" and not name.startswith(".")]
        headers = {"Host": allowed[0] if allowed else host, "X-Forwarded-Proto": "https"}
        try:
            connection = http.client.HTTPConnection(host, port, timeout=2)
            try:
                connection.request("GET", "/health/", headers=headers)
                answer = json.loads(connection.getresponse().read())
            finally:
                connection.close()
        except (OSError, ValueError, http.client.HTTPException):
            return False
        return bool(answer.get("instance") == self.instance)

    @property
    def _pid_file(self) -> Path:
        return workers.folder() / "supervisor.json"

    def _write_pids(self) -> None:
        body = {"pid": os.getpid(), "address": self.address, "children": {c.name: c.pid for c in self.children}}
        self._pid_file.write_text(json.dumps(body))


def _why(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    return f"signal {signal.Signals(-status).name}"
