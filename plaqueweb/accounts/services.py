"""Create users and memberships; check passwords with a limit on attempts."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from django.core.cache import caches
from django.db import transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import Membership, User
from plaqueweb.accounts.roles import Role
from plaqueweb.audit.services import record_event
from plaqueweb.core import limits
from plaqueweb.core.errors import Invalid, TooMany

if TYPE_CHECKING:
    from plaqueweb.studies.models import Project


@transaction.atomic
def create_user(*, email: str, name: str, password: str | None, by: User | None, is_simulated: bool = False) -> User:
    """Create a user and leave an audit row."""
    user = User.objects.create_user(email, password, name=name, is_simulated=is_simulated)
    record_event(actor=by, verb="user.created", target=user, diff={"simulated": is_simulated})
    return user


CHORD = re.compile(r"(Ctrl\+)?(Shift\+)?[A-Z][A-Za-z0-9]{1,23}")
MOST_KEYS = 200


@transaction.atomic
def set_keys(*, user: User, keys: Any) -> None:
    """Keep which keys a user changed: default chord → own chord. No audit row: it is a taste, not an act.

    Raises:
        Invalid: not an object of chords (``keys``), or two acts on one chord (``keys-conflict``).
    """
    if not isinstance(keys, dict) or len(keys) > MOST_KEYS:
        raise Invalid(_("Keys must be an object of at most %(n)d chords.") % {"n": MOST_KEYS}, rule="keys")
    for chord in [*keys, *keys.values()]:
        if not isinstance(chord, str) or not CHORD.fullmatch(chord):
            raise Invalid(_("A chord is written like Shift+KeyB."), rule="keys")
    if len(set(keys.values())) != len(keys):
        raise Invalid(_("Two acts cannot have the same key."), rule="keys-conflict")
    user.keys = keys or None
    user.save(update_fields=["keys"])


@transaction.atomic
def set_roles(*, project: Project, user: User, roles: list[str], by: User | None) -> Membership:
    """Give a user exactly these roles in a project.

    Raises:
        Invalid: a role does not exist.
    """
    unknown = set(roles) - set(Role.values)
    if unknown:
        raise Invalid(_("Unknown role: %(roles)s") % {"roles": ", ".join(sorted(unknown))}, rule="role")
    ordered = [role for role in Role.values if role in roles]
    flags = f",{','.join(ordered)},"
    row, _created = Membership.objects.update_or_create(
        project=project, user=user, defaults={"roles": ordered, "role_flags": flags}
    )
    record_event(actor=by, verb="membership.set", target=row, project_id=project.pk, diff={"roles": ordered})
    user.__dict__.pop("_roles", None)
    return row


def check_password(*, user: User, password: str, purpose: str) -> None:
    """Check a signing or log-in password; wrong ones count, over the limit even the right one waits.

    Raises:
        Invalid: the password is wrong (rule ``sign-password``).
        TooMany: too many wrong ones within the window.
    """
    guard = AttemptGuard(f"{purpose}:{user.pk}")
    guard.check()
    if not user.check_password(password):
        guard.count()
        raise Invalid(_("That is not your password. Nothing was changed."), rule="sign-password")
    guard.clear()


class AttemptGuard:
    """Counts failed attempts of one kind in the shared cache (the database), so that all processes count together."""

    def __init__(self, what: str) -> None:
        self.key = "attempts:" + hashlib.sha256(what.encode()).hexdigest()
        self.cache = caches["shared"]

    def check(self) -> None:
        """Raise TooMany when the limit was reached."""
        if int(self.cache.get(self.key) or 0) >= limits.LOGIN_ATTEMPTS:
            minutes = int(limits.LOGIN_WINDOW.total_seconds() // 60)
            raise TooMany(
                _("Too many wrong passwords. Wait %(n)d minutes and try again.") % {"n": minutes}, rule="attempts"
            )

    def count(self) -> None:
        """Count one failure."""
        seconds = int(limits.LOGIN_WINDOW.total_seconds())
        if not self.cache.add(self.key, 1, seconds):
            self.cache.incr(self.key)

    def clear(self) -> None:
        """Forget the failures after a success."""
        self.cache.delete(self.key)
