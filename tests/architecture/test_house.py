"""Rules of the house that are facts about the tree."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from plaqueweb.reads.choices import AssignmentState, Policy
from plaqueweb.review.models import LIVE_ADJUDICATION, UNDECIDED
from plaqueweb.studies import blinding
from tests.conftest import REPO

CODE = {".py", ".ts", ".css", ".html"}


def tracked(*suffixes: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=REPO, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    return [name for name in listed if name and (not suffixes or name.endswith(suffixes)) and (REPO / name).exists()]


def test_files_stay_under_500_lines() -> None:
    long = {
        name: count
        for name in tracked(*CODE)
        if "/migrations/" not in name and (count := len((REPO / name).read_text().splitlines())) > 500
    }

    assert long == {}


def test_the_import_contracts_hold() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=REPO, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]


def test_no_registry_host_is_named() -> None:
    hosts = re.compile(r"https?://[a-z0-9.-]*(pypi|npmjs|pythonhosted|debian)\.(org|com)")

    named = [
        name
        for name in tracked()
        if name.endswith((*CODE, ".md", ".toml", ".txt", ".json", ".sh", "run"))
        and hosts.search((REPO / name).read_text(errors="ignore"))
    ]

    assert named == []


def test_the_words_of_blinding_are_those_of_the_reads() -> None:
    signed_or_gone = {AssignmentState.SIGNED, AssignmentState.WITHDRAWN, AssignmentState.REASSIGNED}

    assert set(blinding.UNSIGNED_STATES) == set(AssignmentState.values) - signed_or_gone
    assert set(blinding.BLINDED_POLICIES) == set(Policy.values) - {Policy.OPEN}
    assert set(blinding.LIVE_ADJUDICATION) == set(LIVE_ADJUDICATION)
    assert set(blinding.UNDECIDED_CASES) == set(UNDECIDED)


@pytest.mark.parametrize("package", ["torchvision", "gdcm", "pylibjpeg_libjpeg", "krippendorff", "pingouin", "sksurv"])
def test_banned_packages_are_not_pinned(package: str) -> None:
    pins = (REPO / "constraints.txt").read_text().lower().replace("-", "_")

    assert not re.search(rf"^{package}==", pins, re.MULTILINE)


def test_every_direct_dependency_is_pinned() -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [line for group in project["optional-dependencies"].values() for line in group]
    names = {re.split(r"[\[<>=~; ]", line)[0].lower().replace("_", "-") for line in wanted} - {"plaqueweb"}
    pinned = {line.split("==")[0].lower() for line in (REPO / "constraints.txt").read_text().splitlines()}

    assert names - pinned == set()
