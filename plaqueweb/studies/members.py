"""Members of a project: who may do what, said by whoever manages members. Nobody gets a default password."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import Membership, User
from plaqueweb.accounts.roles import Capability, Role
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from plaqueweb.studies.models import Project

NAME_CHARACTERS = 120


@transaction.atomic
def add_member(*, project: Project, email: str, name: str, roles: Sequence[str], by: User) -> tuple[Membership, str]:
    """Add a person to a project; return the membership and, for a new person, a random password, shown once.

    Raises:
        NotAllowed: ``by`` may not manage members.
        Invalid: no e-mail address, no name of a new person, or no known role.
        Conflict: the person is a member already.
    """
    _may_manage(by, project)
    _known(roles)
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid(_("“%(email)s” is no e-mail address.") % {"email": email[:80]}, rule="member-email") from None
    user, password = User.objects.filter(email=address).first(), ""
    if user is None:
        words = " ".join(name.split())
        if not words or len(words) > NAME_CHARACTERS:
            raise Invalid(_("A new person needs a name: it stands under signatures."), rule="member-name")
        password = secrets.token_urlsafe(12)
        user = create_user(email=address, name=words, password=password, by=by)
    elif Membership.objects.filter(project=project, user=user).exists():
        raise Conflict(_("%(name)s is a member already.") % {"name": user.name}, rule="member-twice")
    return set_roles(project=project, user=user, roles=list(roles), by=by), password


@transaction.atomic
def change_roles(*, membership: Membership, roles: Sequence[str], by: User) -> Membership | None:
    """Give a member exactly these roles; none ends the membership (None is returned), while what
    the person signed stays.

    Raises:
        NotAllowed: ``by`` may not manage members.
        Invalid: an unknown role.
        InvalidTransition: nobody would be left who manages members (rule ``last-administrator``).
    """
    _may_manage(by, membership.project)
    if roles:
        _known(roles)
    others = Membership.objects.filter(project=membership.project, user__is_active=True).exclude(pk=membership.pk)
    kept = Role.ADMINISTRATOR in roles
    if not kept and not others.with_capability(Capability.MANAGE_MEMBERS).exists():
        raise InvalidTransition(_("A project keeps at least one administrator."), rule="last-administrator")
    if roles:
        return set_roles(project=membership.project, user=membership.user, roles=list(roles), by=by)
    record_event(
        actor=by, verb="membership.ended", target=membership, project_id=membership.project_id,
        diff={"user": str(membership.user_id), "roles": membership.roles},
    )  # fmt: skip
    membership.delete()
    return None


def member_rows(project: Project) -> list[dict[str, Any]]:
    """Return the members by name."""
    rows = Membership.objects.filter(project=project).select_related("user", "project").order_by("user__name", "pk")
    return [{"membership": row, "user": row.user, "roles": set(row.roles)} for row in rows]


def _may_manage(by: User, project: Project) -> None:
    if not by.can(Capability.MANAGE_MEMBERS, project.pk):
        raise NotAllowed(_("You may not manage members of this project."))


def _known(roles: Sequence[str]) -> None:
    if not roles or set(roles) - set(Role.values):
        raise Invalid(_("Choose at least one role."), rule="role")
