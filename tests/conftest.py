"""Fixtures for every suite."""

from __future__ import annotations

import os
from collections.abc import Callable
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
