"""A project of so many studies that a worker counts them; ``main`` runs in the room's site."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np
from django.db import transaction

from plaqueweb.accounts.roles import Role
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.agreement.boards.registry import BOARDS
from plaqueweb.agreement.shortcut import MANY_STUDIES
from plaqueweb.studies.services import create_project
from tests.plaqueweb.agreement.world import World

SLUG = "large"
STUDIES = 1 + max(MANY_STUDIES, BOARDS[0].inline)
RULE_MM = 4.0


def fill(password: str) -> dict[str, Any]:
    """Return who looks, the address of the overview, and how many studies there are: each read twice and predicted."""
    manager = create_user(email="large@room.plaqueweb.example", name="Dr Large", password=password, by=None)
    project = create_project(slug=SLUG, name="Large", by=None, is_demo=True)
    set_roles(project=project, user=manager, roles=[Role.COORDINATOR, Role.ENGINEER], by=None)
    drawn = np.random.default_rng(5)
    truth = drawn.uniform(1.0, 7.0, STUDIES)
    said = [np.clip(truth + drawn.normal(0.0, spread, STUDIES), 0.3, None).round(1) for spread in (0.4, 0.6, 0.7)]
    with transaction.atomic():
        world = World(project)
        for mm, first, second, model in zip(truth.round(1), *said, strict=True):
            study = world.study()
            world.truth(study, int(mm >= RULE_MM), float(mm))
            for reader, value in ((world.reader_a, first), (world.reader_b, second)):
                world.read(study, reader, int(value >= RULE_MM), float(value))
            world.predict(study, int(model >= RULE_MM), float(model))
        world.close()
    return {"email": manager.email, "address": f"/p/{SLUG}/agreement/", "studies": STUDIES}


def main() -> None:
    """Fill the room and print what is in it."""
    sys.stdout.write(json.dumps(fill(os.environ["PLAQUEWEB_ROOM_PASSWORD"])))
