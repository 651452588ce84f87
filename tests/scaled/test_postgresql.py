"""The same suite on a real PostgreSQL server."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import REPO, skip_or_fail
from tests.servers import postgres_bin, postgresql


@pytest.mark.timeout(2700)  # the whole site once more, beside another suite on the other core
def test_the_sites_suite_passes_on_postgresql() -> None:
    if postgres_bin() is None:
        skip_or_fail("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    if os.environ.get("DATABASE_URL"):
        pytest.skip("this run is on PostgreSQL already")
    with postgresql() as url:
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/plaqueweb",
             "-m", "not chaos and not browser"],
            cwd=REPO, env=os.environ | {"DATABASE_URL": url}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert " passed" in run.stdout
