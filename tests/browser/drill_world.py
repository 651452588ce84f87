"""A small simulated programme with every tab of the dashboard computed; ``main`` runs in the room's site."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Role
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.agreement.boards.registry import BOARDS
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.plans import set_margin
from plaqueweb.agreement.tasks import compute_waiting
from plaqueweb.core.work import WorkState
from plaqueweb.predictions.models import Pipeline
from plaqueweb.reads.models import Round
from plaqueweb.studies.models import Project

SLUG = "simulated"
STUDIES, WEEKS, REPEATS = 120, 12, 0.1


def fill(password: str) -> dict[str, Any]:
    """Return who looks, and the address of every tab by its name: areas need a reader's marks, known truth has none."""
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    manager = create_user(email="drill@room.plaqueweb.example", name="Dr Drill", password=password, by=None)
    call_command("simulate_programme", studies=STUDIES, weeks=WEEKS, repeats=REPEATS, people=[manager.email])
    project = Project.objects.get(slug=SLUG)
    set_roles(project=project, user=manager, roles=[Role.COORDINATOR, Role.ENGINEER], by=None)
    round_ = Round.objects.get(project=project)
    first, second = Pipeline.objects.filter(project=project).order_by("name")
    against = "known_truth"
    set_margin(case_list=round_.case_list, first=first, second=second, against=against, margin=0.05, by=manager)
    asked = f"?round={round_.pk}&pipeline={first.pk}&against={against}"
    tabs = {tab.slug: reverse(tab.route, args=[SLUG]) + asked for tab in BOARDS}
    tabs["pipelines"] += f"&second={second.pk}"
    reader = User.objects.get(name="Simulated reader B")
    tabs["measurement of a reader"] = tabs["measurement"].replace(against, f"reader:{reader.pk}")
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(manager)
    for _turn in range(2):
        assert {client.get(address).status_code for address in tabs.values()} == {200}
        compute_waiting()
    assert not AgreementRun.objects.exclude(work_state=WorkState.DONE).exists()
    return {"email": manager.email, "tabs": tabs}


def main() -> None:
    """Fill the room and print what is in it."""
    sys.stdout.write(json.dumps(fill(os.environ["PLAQUEWEB_ROOM_PASSWORD"])))
