from __future__ import annotations

import pytest

from plaqueweb.review import services
from plaqueweb.studies.models import Project
from tests.plaqueweb.review.world import ALL, World, box


@pytest.fixture
def world(project: Project) -> World:
    """A round with a coordinator, an adjudicator, two readers, a pipeline and one study; nobody has read yet."""
    return World(project)


@pytest.fixture
def waiting(world: World) -> World:
    """Two reads that differ in class, and a prediction that measures more than both."""
    world.read(world.reader_a, 1, 5.0, marks={2: (ALL, box(10, 10, 10, 10))}, lesion={"ulceration": "no"})
    world.read(world.reader_b, 0, 2.0, marks={2: (ALL, box(10, 16, 10, 10))})
    world.predict(1, 7.6, masks={2: box(10, 13, 10, 10)})
    services.refresh_open_cases()
    return world
