"""Fixtures for every suite."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.studies.models import Project

REPO = Path(__file__).resolve().parents[1]
SHARED_DATA = REPO.parent / "shared" / "data"
IN_CI = os.environ.get("CI") == "true"


def skip_or_fail(reason: str) -> None:
    """Skip where a tool is missing; in CI everything must be there, so a skip fails."""
    if IN_CI:
        pytest.fail(f"in CI nothing may be missing: {reason}")
    pytest.skip(reason)


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Where tests run side by side: suites of real processes stay together on one core, the others go file by file.

    The longest come first, so that no core is left waiting for them; pytest-django has put its own order before.
    """
    order = {"postgresql": 0, "processes": 1}
    for item in items:
        suite = item.path.relative_to(REPO / "tests").parts[0]
        own = "postgresql" if item.path.stem == "test_postgresql" else str(item.path.relative_to(REPO))
        group = "processes" if suite in {"browser", "chaos", "scaled"} and own != "postgresql" else own
        item.add_marker(pytest.mark.xdist_group(group))
    yield
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: order.get(next(item.iter_markers("xdist_group")).args[0], 2))


@pytest.fixture
def shared_data() -> Path:
    """The folder of real test files, which is not part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared test data is not here")
    return SHARED_DATA


@pytest.fixture
def project(db: None) -> Project:
    """An empty project with a protocol."""
    from tests.factories import ProjectFactory, ProtocolFactory

    row = ProjectFactory()
    ProtocolFactory(project=row)
    return row


@pytest.fixture
def api() -> Callable[[User | None], APIClient]:
    """Return a function that makes an API client logged in as a user."""

    def client_for(user: User | None) -> APIClient:
        client = APIClient()
        if user is not None:
            client.force_login(user)
        return client

    return client_for


@pytest.fixture
def browser_of() -> Callable[[User], Client]:
    """Return a function that makes a page client logged in as a user."""

    def client_for(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return client_for
