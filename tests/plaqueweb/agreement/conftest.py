from __future__ import annotations

import pytest

from plaqueweb.studies.models import Project
from tests.plaqueweb.agreement.world import World


@pytest.fixture
def world(project: Project) -> World:
    """A round with a coordinator, two readers and a pipeline, and no study yet."""
    return World(project)
