"""Real PostgreSQL and Redis servers on loopback, started for a test and ended with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

TIMEOUT = 60.0


def free_port() -> int:
    """Return a port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_bin() -> Path | None:
    """Return the folder of the newest PostgreSQL server, or None."""
    for base in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (base / "initdb").exists():
            return base
    found = shutil.which("initdb")
    return Path(found).parent if found else None


def as_postgres(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root; then the system's ``postgres`` user runs it."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Start a throw-away cluster and yield its ``DATABASE_URL``."""
    binaries = postgres_bin()
    assert binaries is not None
    folder = Path(tempfile.mkdtemp(prefix="plaqueweb-pg-"))
    port = free_port()
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        data = folder / "data"
        subprocess.run(
            as_postgres([str(binaries / "initdb"), "-D", str(data), "-U", "plaqueweb", "-A", "trust", "-E", "UTF8"]),
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip
        # A throw-away cluster may lose its data with the power, so it need not wait for the disk.
        options = ["-c", "fsync=off", "-c", f"port={port}", "-c", "listen_addresses=127.0.0.1",
                   "-c", f"unix_socket_directories={folder}", "-c", "max_connections=60"]  # fmt: skip
        server = subprocess.Popen(
            as_postgres([str(binaries / "postgres"), "-D", str(data), *options]),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        try:
            _wait_for(port)
            subprocess.run(
                [str(binaries / "psql"), "-h", "127.0.0.1", "-p", str(port), "-U", "plaqueweb", "-d", "postgres",
                 "-c", "CREATE DATABASE plaqueweb"],
                check=True, capture_output=True,
            )  # fmt: skip
            yield f"postgres://plaqueweb@127.0.0.1:{port}/plaqueweb"
        finally:
            subprocess.run(
                as_postgres([str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"]),
                capture_output=True, check=False, cwd="/",
            )  # fmt: skip
            server.wait(TIMEOUT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Start a Redis server without persistence and yield its URL."""
    port = free_port()
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(TIMEOUT)


def _wait_for(port: int) -> None:
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            time.sleep(0.3)  # PostgreSQL accepts a moment before it answers
            return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")
