"""Store a drawn programme: a synthetic project full of studies, predictions, signed reads and references.

Everything that has a service goes through it. Every step looks first whether it was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import transaction
from django.utils import timezone

from plaqueweb.accounts.models import Membership, User
from plaqueweb.accounts.roles import Role
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.core.errors import Conflict
from plaqueweb.ops.programme.draw import Programme
from plaqueweb.ops.programme.parameters import REASONS
from plaqueweb.ops.programme.store_model import store_predictions
from plaqueweb.ops.programme.store_reads import ReadingRoom
from plaqueweb.ops.programme.store_review import settle
from plaqueweb.ops.programme.store_studies import store_studies
from plaqueweb.predictions.models import Pipeline
from plaqueweb.predictions.simulated import register_simulated_pipeline
from plaqueweb.review.services import record_known_truth
from plaqueweb.studies.models import Project, Study
from plaqueweb.studies.services import create_project

DOMAIN = "plaqueweb.example"
BATCH = 5
"""Studies in one transaction: others write between two, and SQLite lets them wait for 20 s at most."""
Say = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Stored:
    """What a project holds afterwards."""

    project: Project
    studies: int
    reads: int
    predictions: int


def store_programme(
    programme: Programme,
    *,
    slug: str,
    name: str = "",
    people: Sequence[tuple[User, Sequence[str]]] = (),
    until: datetime | None = None,
    say: Say = lambda what, done, total: None,
) -> Stored:
    """Store a programme in a project of its own.

    Args:
        people: who becomes a member, with which roles; who is one already keeps the own.
        until: the simulated end of the programme, not in the future; now if it is not given. It moves no number.
        say: told the step, how much of it is done, and of how much.

    Raises:
        Conflict: the project is not synthetic, or holds something else.
    """
    project = _project(programme, slug, name)
    _people(project, people)
    readers = _simulated(project, [traits.name for traits in programme.parameters.readers], Role.READER)
    adjudicator = _simulated(project, ["Simulated adjudicator"], Role.ADJUDICATOR)[0]
    engineer = _simulated(project, ["Simulated engineer"], Role.ENGINEER)[0]
    end = until or timezone.now()
    start = end - timedelta(weeks=programme.parameters.weeks)
    rows = store_studies(programme, project, start, _batches(programme), say)
    _truth(programme, rows, say)
    told = 0
    for number, pipeline in enumerate(_pipelines(programme, project)):
        told += store_predictions(programme, pipeline, number, rows, _batches(programme), say)
    room = ReadingRoom(programme, project, rows, readers, start)
    reads = room.read_everything(_batches(programme), say)
    settle(programme, room.round, rows, adjudicator=adjudicator, engineer=engineer, say=say)
    return Stored(project, len(rows), reads, told)


def _batches(programme: Programme) -> Iterator[range]:
    """Indices of studies, so many in a transaction, never across two weeks."""
    weeks = programme.studies.week
    for week in range(programme.parameters.weeks):
        first, last = (int(at) for at in np.searchsorted(weeks, [week, week + 1]))
        for begin in range(first, last, BATCH):
            yield range(begin, min(begin + BATCH, last))


@transaction.atomic
def _project(programme: Programme, slug: str, name: str) -> Project:
    """Find or make the project; a further call must bring the same programme."""
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        title = name or "Simulated programme"
        project = create_project(slug=slug, name=title, by=None, is_synthetic=True, is_demo=True)
    same = {pipeline.hash for pipeline in _pipelines(programme, project)} if project.is_synthetic else set()
    others = Pipeline.objects.filter(project=project).exclude(hash__in=same).exists()
    if not project.is_synthetic or not project.is_demo or others:
        words = f"The project {slug} holds something else than this simulated programme: choose another short name."
        raise Conflict(words, rule="programme-project")
    return project


def _pipelines(programme: Programme, project: Project) -> list[Pipeline]:
    parameters = programme.parameters
    return [
        register_simulated_pipeline(
            project=project, name=traits["name"], version=traits["version"], threshold=traits["threshold"],
            traits=traits | {"programme": parameters.digest()},
        )
        for traits in parameters.as_dict()["pipelines"]
    ]  # fmt: skip


def _people(project: Project, people: Sequence[tuple[User, Sequence[str]]]) -> None:
    for user, roles in people:
        if not Membership.objects.filter(project=project, user=user).exists():
            set_roles(project=project, user=user, roles=list(roles), by=None)


def _simulated(project: Project, names: Sequence[str], role: str) -> list[User]:
    """Simulated people of this project alone."""
    found = []
    for name in names:
        email = f"{name.lower().replace(' ', '-')}.{project.slug}@{DOMAIN}"
        user = User.objects.filter(email=email).first() or create_user(
            email=email, name=name, password=None, by=None, is_simulated=True
        )
        if not Membership.objects.filter(project=project, user=user).exists():
            set_roles(project=project, user=user, roles=[role], by=None)
        found.append(user)
    return found


def _truth(programme: Programme, rows: Sequence[Study], say: Say) -> None:
    """Record what is known about every study, because it was drawn so."""
    s = programme.studies
    for batch in _batches(programme):
        with transaction.atomic():
            for index in batch:
                record_known_truth(
                    study=rows[index], reader_class=int(s.complex[index]), thickness_mm=float(s.thickness_mm[index]),
                    reasons={key: bool(s.reasons[index, place]) for place, key in enumerate(REASONS)},
                )  # fmt: skip
        say("known truth", batch[-1] + 1, len(rows))
