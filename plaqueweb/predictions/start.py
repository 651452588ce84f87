"""Start a project: the same for the command and the page. The shipped pipeline is there from the first study on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import Membership, User
from plaqueweb.accounts.roles import Capability, Role
from plaqueweb.accounts.services import set_roles
from plaqueweb.core.errors import Conflict, DomainError, Invalid, NotAllowed
from plaqueweb.predictions.services import activate_pipeline, register_builtin_pipeline
from plaqueweb.studies.members import add_member
from plaqueweb.studies.models import Project
from plaqueweb.studies.services import create_project


@dataclass(frozen=True)
class Person:
    """One of a new project's first members."""

    email: str
    name: str
    role: str


@dataclass
class Started:
    """A project that was started, and the random passwords of new people: shown once."""

    project: Project
    passwords: list[tuple[User, str]] = field(default_factory=list)


def may_start_projects(user: User) -> bool:
    """Tell whether a user may start a project: an administrator of any, or whoever logs in where there is none yet."""
    if not user.is_active:
        return False
    mine = Membership.objects.filter(user=user).with_capability(Capability.MANAGE_MEMBERS)
    return mine.exists() or not Project.objects.exists()


@transaction.atomic
def start_project(
    *,
    slug: str,
    name: str,
    by: User | None,
    own_roles: Sequence[str] = (),
    people: Sequence[Person] = (),
    with_model: bool = True,
) -> Started:
    """Start a project with the default protocol, its first members, and the shipped pipeline active.

    Args:
        slug: short name for addresses; empty takes it from the name.
        by: who starts it and becomes its administrator; None is the command line.
        own_roles: further roles of ``by``.
        people: first members; lines without an address and a name are left out.
        with_model: whether the shipped pipeline is registered and active; without, studies are only read.

    Raises:
        NotAllowed: ``by`` may not start projects.
        Invalid: no name, no slug, an unknown role, or a line of people that is not complete.
        Conflict: the slug is taken, or a person is named twice.
    """
    if by is not None and not may_start_projects(by):
        raise NotAllowed(_("Only an administrator of a project starts another one."), rule="project-administrator")
    project = create_project(slug=slug.strip() or slugify(name)[:50].strip("-"), name=name, by=by)
    started = Started(project)
    if by is not None:
        set_roles(project=project, user=by, roles=[*own_roles, Role.ADMINISTRATOR], by=by)
        _add(started, people, by)
    if with_model:
        activate_pipeline(pipeline=register_builtin_pipeline(project=project, by=by), by=None)
    return started


def _add(started: Started, people: Sequence[Person], by: User) -> None:
    for number, person in enumerate(people, 1):
        if not (person.email.strip() or person.name.strip()):
            continue
        try:
            row, password = add_member(
                project=started.project, email=person.email, name=person.name, roles=[person.role], by=by
            )
        except (Invalid, Conflict) as error:
            raise _in_line(error, number) from None
        if password:
            started.passwords.append((row.user, password))


def _in_line(error: DomainError, number: int) -> DomainError:
    words = _("Person %(n)d: %(words)s") % {"n": number, "words": error.detail}
    return type(error)(words, rule=error.rule)
