from __future__ import annotations

import pytest

from plaqueweb.studies.models import Project
from tests.plaqueweb.review.world import World


@pytest.fixture
def world(project: Project) -> World:
    """A round with a coordinator, an adjudicator, two readers, a pipeline and one study; nobody has read yet."""
    return World(project)
