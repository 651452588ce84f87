"""What every page's frame needs: the project and the side bar's items, by capability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import ResolverMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

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
ITEMS: list[tuple[str, Any, str, Any, tuple[str, ...]]] = [
    ("overview", _("Overview"), "home", "", (C.VIEW_STUDIES,)),
    ("studies", _("Studies"), "list", "", (C.VIEW_STUDIES,)),
    ("release-queue", _("Release queue"), "gate", "", (C.RELEASE,)),
    ("prepare", _("Case preparation"), "grid", "", (C.PREPARE,)),
    ("protocol", _("Protocol"), "list", _("Reading"), (C.MANAGE_ROUNDS,)),
    ("rounds", _("Rounds"), "clock", _("Reading"), (C.MANAGE_ROUNDS,)),
    ("case-lists", _("Case lists"), "list", _("Reading"), (C.MANAGE_ROUNDS,)),
    ("worklist", _("My worklist"), "eye", _("Reading"), (C.READ,)),
    ("review", _("Review"), "columns", _("Reading"), (C.SEE_RESULTS, C.READ)),
    ("adjudication", _("Adjudication"), "scales", _("Reading"), (C.ADJUDICATE,)),
    ("errors", _("Error review"), "search", _("Trust"), (C.REVIEW_ERRORS,)),
    ("agreement", _("Agreement"), "chart", _("Trust"), (C.SEE_RESULTS, C.READ)),
    ("agreement-discordance", _("Discordance"), "wall", _("Trust"), (C.SEE_RESULTS, C.READ)),
    ("pipelines", _("Pipelines"), "pipeline", _("Machine"), (C.SEE_RESULTS,)),
    ("jobs", _("Jobs"), "work", _("Machine"), (C.SEE_RESULTS,)),
    ("members", _("Members"), "user", _("Machine"), (C.MANAGE_MEMBERS,)),
    ("audit", _("Audit"), "audit", _("Machine"), (C.VIEW_AUDIT,)),
]


def _here(match: ResolverMatch, name: str) -> bool:
    """Tell whether an address belongs to an item; every tab of the dashboard, and its reports, belong to Agreement."""
    of_dashboard = "board" in match.kwargs or match.url_name == "agreement-reports"
    return match.url_name == name or (name == "agreement" and of_dashboard)


_PROJECTS = Prepared(lambda user: Project.objects.visible_to(User(pk=user)).order_by("name"), "user")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context of the page frame. Nothing here counts what a blinded reader may not know."""
    base: dict[str, Any] = {"now": timezone.now()}
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
        NavItem(str(label), icon, reverse(name, args=[project.slug]), str(group), _here(match, name))
        for name, label, icon, group, needed in ITEMS
        if any(user.can(capability, project.pk) for capability in needed)
    ]
    role_words = ", ".join(str(Role(role).label) for role in roles)
    profile = reverse("reader-profile", args=[project.slug]) if user.can(C.READ, project.pk) else ""
    new_url = reverse("project-new") if user.can(C.MANAGE_MEMBERS, project.pk) else ""
    return base | {
        "new_project_url": new_url, "projects": projects, "project": project, "nav": nav, "role_words": role_words,
        "profile_url": profile,
    }  # fmt: skip
