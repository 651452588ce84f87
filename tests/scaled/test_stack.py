"""The same processes on PostgreSQL and Redis, by environment variables alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.conftest import World, until
from tests.conftest import skip_or_fail
from tests.servers import postgres_bin, postgresql, redis

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]


@pytest.fixture
def scaled(tmp_path: Path) -> Iterator[World]:
    """An installation whose rows live in PostgreSQL and whose doorbell is Redis."""
    if postgres_bin() is None:
        skip_or_fail("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    if shutil.which("redis-server") is None:
        skip_or_fail("Redis is not installed (Debian: apt-get install redis-server)")
    with postgresql() as database, redis() as broker:
        world = World(tmp_path)
        world.environment |= {"DATABASE_URL": database, "CELERY_BROKER_URL": broker}
        try:
            yield world
        finally:
            world.close()


def state(world: World) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(world.run("-m", "tests.chaos.world", "state").splitlines()[-1])
    return found


def test_a_worker_killed_on_postgresql_and_redis_leaves_one_prediction_once(scaled: World) -> None:
    scaled.run("manage.py", "migrate", "-v0")
    scaled.run("manage.py", "createcachetable", "core_cache")
    scaled.run("-m", "tests.chaos.world", "seed", "1500")
    scaled.serve("--only", "gpu,sweep")
    until(
        lambda: [job for job in state(scaled)["jobs"] if job[0] == "running" and job[1]],
        300,
        "the job is in the middle",
    )

    worker = scaled.child("gpu")
    assert worker is not None
    os.kill(worker, signal.SIGKILL)

    until(lambda: [job for job in state(scaled)["jobs"] if job[0] == "done"], 300, "the job is done after all")
    ended = state(scaled)
    assert ended["predictions"] == 1
    assert [job[2] for job in ended["jobs"]] == [1]
