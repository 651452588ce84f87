"""Real processes, really killed: nothing is lost, nothing is doubled, nobody stays behind."""

from __future__ import annotations

import os
import signal
import socket
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.chaos.conftest import World, alive, until

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.timeout(900),
]
JOB = "SELECT work_state, progress_done, attempts FROM jobs_inferencejob"


def family(pid: int) -> set[int]:
    """Return a process and everything below it."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def test_a_gpu_worker_killed_in_mid_job_leaves_one_prediction_once(world: World) -> None:
    world.run("manage.py", "migrate", "-v0")
    world.run("-m", "tests.chaos.world", "seed", "800")
    world.serve("--only", "gpu,sweep")
    until(lambda: [row for row in world.query(JOB) if row[0] == "running" and row[1]], 300, "the job is in the middle")

    worker = world.child("gpu")
    assert worker is not None
    os.kill(worker, signal.SIGKILL)

    until(lambda: [row for row in world.query(JOB) if row[2]], 60, "the lost attempt is counted")
    until(lambda: [row for row in world.query(JOB) if row[0] == "done"], 300, "the job is done after all")
    assert world.child("gpu") != worker
    assert world.query("SELECT count(*) FROM predictions_prediction") == [(1,)]
    assert world.query("SELECT count(*) FROM jobs_inferencejob") == [(1,)]


def test_killing_the_supervisor_leaves_no_orphan(world: World) -> None:
    supervisor = world.serve("--port", "0")
    until(lambda: all(world.child(name) for name in ("web", "light", "gpu")), 200, "the children run")
    address = str(world.supervisor()["address"])
    until(lambda: _answers(address), 200, "pages are served")
    everyone = family(supervisor.pid)
    assert len(everyone) >= 5

    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait()

    until(lambda: not any(alive(pid) for pid in everyone), 60, "every process of it ended")


def test_a_clean_stop_ends_everything_with_status_0(world: World) -> None:
    supervisor = world.serve("--port", "0")
    until(lambda: world.child("light"), 200, "the children run")
    until(lambda: len(family(supervisor.pid)) >= 4, 100, "they are all there")
    everyone = family(supervisor.pid)

    supervisor.send_signal(signal.SIGTERM)

    assert supervisor.wait(timeout=30) == 0
    assert not any(alive(pid) for pid in everyone)


def test_a_child_that_dies_starts_again(world: World) -> None:
    world.serve("--only", "light")
    first = until(lambda: world.child("light"), 200, "the light worker runs")
    assert isinstance(first, int)

    os.kill(first, signal.SIGKILL)

    until(lambda: world.child("light") not in {None, first}, 100, "another one runs")


def test_a_taken_port_is_named_and_another_one_is_chosen_only_when_none_was_asked_for(world: World) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]

        refused = world.serve("--only", "web", "--port", str(taken))
        said, _ = refused.communicate(timeout=200)

    assert refused.returncode == 1
    assert f"port {taken} on 127.0.0.1 is taken" in said


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}health/", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
