"""What every page's frame needs: the project and the side bar's items, by capability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability as C
from plaqueweb.accounts.roles import Role
from plaqueweb.core.prepared import Prepared
from plaqueweb.studies.models import Project


@dataclass(frozen=True)
class NavItem:
    """One line of the side bar."""

    label: str
    icon: str
    url: str
    group: str
    active: bool


# name of the address, words, icon, group, capabilities of which one is needed
ITEMS: list[tuple[str, str, str, str, tuple[str, ...]]] = [
    ("overview", "Overview", "home", "", (C.VIEW_STUDIES,)),
    ("studies", "Studies", "list", "", (C.VIEW_STUDIES,)),
    ("release-queue", "Release queue", "gate", "", (C.RELEASE,)),
    ("rounds", "Rounds", "clock", "Reading", (C.MANAGE_ROUNDS,)),
    ("worklist", "My worklist", "eye", "Reading", (C.READ,)),
    ("review", "Review", "columns", "Reading", (C.SEE_RESULTS, C.READ)),
    ("agreement", "Agreement", "chart", "Trust", (C.SEE_RESULTS, C.READ)),
    ("pipelines", "Pipelines", "pipeline", "Machine", (C.SEE_RESULTS,)),
    ("jobs", "Jobs", "work", "Machine", (C.SEE_RESULTS,)),
    ("audit", "Audit", "audit", "Machine", (C.VIEW_AUDIT,)),
]


_PROJECTS = Prepared(lambda user: Project.objects.visible_to(User(pk=user)).order_by("name"), "user")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context of the page frame. Nothing here counts what a blinded reader may not know."""
    base = {"now": timezone.now(), "version": getattr(settings, "PLAQUEWEB_VERSION", "")}
    match = request.resolver_match
    user = request.user if hasattr(request, "user") else None
    if not isinstance(user, User) or match is None:
        return base
    slug = match.kwargs.get("slug")
    projects = _PROJECTS(user=user.pk)
    project = next((p for p in projects if p.slug == slug), None)
    if project is None:
        return base | {"projects": projects}
    roles = user.roles_in(project.pk)
    nav = [
        NavItem(_(label), icon, reverse(name, args=[project.slug]), _(group) if group else "", match.url_name == name)
        for name, label, icon, group, needed in ITEMS
        if any(user.can(capability, project.pk) for capability in needed)
    ]
    role_words = ", ".join(str(Role(role).label) for role in roles)
    return base | {"projects": projects, "project": project, "nav": nav, "role_words": role_words}
