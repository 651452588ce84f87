"""Users, and their roles in projects."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from plaqueweb.accounts.roles import Role, capabilities_of, roles_with
from plaqueweb.core.ids import uuid7
from plaqueweb.core.models import BaseModel
from plaqueweb.core.prepared import Prepared


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, *, name: str = "", **extra: Any) -> User:
        """Create a user who logs in by e-mail address; without a password nobody can log in as them."""
        if not email:
            raise ValueError("a user needs an e-mail address")
        user = self.model(email=self.normalize_email(email).lower(), name=name or email.split("@")[0], **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """E-mail addresses are compared without case."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person, or a simulated reader of demonstration data (``is_simulated``, said wherever its reads appear)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    is_simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    keys = models.JSONField(null=True)  # {default chord: own chord}, e.g. {"KeyB": "Shift+KeyQ"}

    objects = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name

    def roles_in(self, project_id: uuid.UUID) -> list[str]:
        """Return the user's roles in a project, empty for non-members. One query per project and request."""
        cache: dict[uuid.UUID, list[str]] = self.__dict__.setdefault("_roles", {})
        if project_id not in cache:
            row = _ROLES.first(user=self.pk, project=project_id)
            cache[project_id] = list(row or [])
        return cache[project_id]

    def can(self, capability: str, project_id: uuid.UUID) -> bool:
        """Tell whether the user holds a capability in a project."""
        return self.is_active and capability in capabilities_of(self.roles_in(project_id))


class MembershipQuerySet(models.QuerySet["Membership"]):
    def with_capability(self, capability: str) -> MembershipQuerySet:
        """Memberships whose roles include the capability."""
        held = Q()
        for role in roles_with(capability):
            held |= Q(role_flags__contains=f",{role},")
        return self.filter(held)


class Membership(BaseModel):
    """What one user may do in one project."""

    project = models.ForeignKey("studies.Project", on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    roles = models.JSONField(default=list)
    role_flags = models.CharField(
        max_length=200, editable=False
    )  # ",reader,coordinator,": the same, searchable on SQLite

    objects = MembershipQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.project_id}: {', '.join(self.roles)}"

    def role_words(self) -> str:
        """Return the roles as words for people."""
        return ", ".join(str(Role(role).label) for role in self.roles)


_ROLES = Prepared(
    lambda user, project: Membership.objects.filter(user_id=user, project_id=project).values_list("roles", flat=True),
    "user", "project",
)  # fmt: skip
AnyUser = User | AnonymousUser
__all__ = ["AnyUser", "Membership", "User"]
