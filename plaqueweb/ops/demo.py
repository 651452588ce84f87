"""The demo project: accounts, roles, pipeline. Everything goes through the services; a second call changes nothing."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Role
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.core.errors import DomainError
from plaqueweb.predictions.models import PipelineState, Prediction
from plaqueweb.predictions.services import activate_pipeline, register_builtin_pipeline
from plaqueweb.studies.models import Project
from plaqueweb.studies.services import create_project

SLUG = "demo"
DOMAIN = "plaqueweb.example"
COORDINATOR = f"coordinator@{DOMAIN}"
PEOPLE: dict[str, tuple[str, list[str]]] = {
    COORDINATOR: ("Demo Coordinator", [Role.COORDINATOR, Role.ADJUDICATOR]),
    f"reader1@{DOMAIN}": ("Reader One", [Role.READER]),
    f"reader2@{DOMAIN}": ("Reader Two", [Role.READER]),
    f"adjudicator@{DOMAIN}": ("Demo Adjudicator", [Role.ADJUDICATOR]),
    f"engineer@{DOMAIN}": ("Demo Engineer", [Role.ENGINEER]),
}
SIMULATED = {f"simulated-a@{DOMAIN}": "Simulated reader A", f"simulated-b@{DOMAIN}": "Simulated reader B"}


@dataclass
class Demo:
    """What the demo command tells people. ``password`` is only known when it was set just now."""

    project: Project
    password: str | None = None
    model_note: str = ""
    accounts: list[str] = field(default_factory=lambda: list(PEOPLE))


def prepare_demo(*, new_password: bool = False) -> Demo:
    """Make the demo project with its accounts and pipeline, or find them."""
    with transaction.atomic():
        project = Project.objects.filter(slug=SLUG).first() or create_project(
            slug=SLUG, name="Aortic plaque demo", by=None, is_synthetic=True, is_demo=True
        )
        demo = Demo(project=project)
        _accounts(demo, new_password)
    try:
        pipeline = register_builtin_pipeline(project=project, by=None)
        if pipeline.state in {PipelineState.REGISTERED, PipelineState.EVALUATED}:
            activate_pipeline(pipeline=pipeline, by=None)
    except DomainError as error:
        demo.model_note = f"no model: {error.detail} Studies can be read; nothing is predicted."
    return demo


def predicted_studies(project: Project) -> int:
    """Return how many studies of the project have a prediction."""
    return Prediction.objects.filter(study__project=project).values("study").distinct().count()


def coordinator() -> User:
    """Return the demo's coordinator, who releases and assigns."""
    return User.objects.get(email=COORDINATOR)


def programme_people(emails: Sequence[str] = ()) -> list[tuple[User, list[str]]]:
    """Who becomes a member of a simulated programme: these accounts, or without any the demo's people that exist.

    The demo's people keep their roles, so that readers see there what readers see; others coordinate and adjudicate.
    """
    found = User.objects.filter(email__in=emails or PEOPLE).order_by("email")
    coordinates = PEOPLE[COORDINATOR][1]
    return [(user, PEOPLE[user.email][1] if user.email in PEOPLE else coordinates) for user in found]


def demo_readers() -> list[User]:
    """Return the people and the simulated readers of the demo round."""
    emails = [*SIMULATED, *(email for email, (_name, roles) in PEOPLE.items() if Role.READER in roles)]
    return list(User.objects.filter(email__in=emails).order_by("email"))


def _accounts(demo: Demo, new_password: bool) -> None:
    known = set(User.objects.filter(email__in=[*PEOPLE, *SIMULATED]).values_list("email", flat=True))
    if new_password or not known & set(PEOPLE):
        demo.password = secrets.token_urlsafe(12)
    for email, (name, roles) in PEOPLE.items():
        if email not in known:
            password = demo.password = demo.password or secrets.token_urlsafe(12)
            user = create_user(email=email, name=name, password=password, by=None)
            set_roles(project=demo.project, user=user, roles=roles, by=None)
        elif new_password:
            user = User.objects.get(email=email)
            user.set_password(demo.password)
            user.save(update_fields=["password"])
    for email, name in SIMULATED.items():
        if email not in known:
            user = create_user(email=email, name=name, password=None, by=None, is_simulated=True)
            set_roles(project=demo.project, user=user, roles=[Role.READER], by=None)
