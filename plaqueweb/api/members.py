"""The page of a project's members."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import Membership
from plaqueweb.accounts.roles import Capability, Role
from plaqueweb.core.errors import DomainError, NotFound
from plaqueweb.core.ids import parse_uuid
from plaqueweb.studies.members import add_member, change_roles, member_rows
from plaqueweb.studies.models import Project

NOBODY = UUID(int=0)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def members(request: HttpRequest, slug: str) -> HttpResponse:
    """List the members; add one, change roles. A new person's password is shown in the answer, once."""
    user = current_user(request)
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    if project is None or not user.can(Capability.MANAGE_MEMBERS, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    context: dict[str, object] = {"project": project, "roles": Role.choices, "given": request.POST}
    status = 200
    if request.method == "POST":
        roles = request.POST.getlist("roles")
        try:
            if request.POST.get("action") == "add":
                email, name = request.POST.get("email", ""), request.POST.get("name", "")
                row, password = add_member(project=project, email=email, name=name, roles=roles, by=user)
                if password:
                    context |= {"fresh": row.user, "password": password, "given": {}}
                else:
                    messages.success(request, _("%(name)s is a member now.") % {"name": row.user.name})
                    return redirect("members", slug=slug)
            else:
                key = parse_uuid(request.POST.get("member")) or NOBODY
                found = Membership.objects.filter(project=project, pk=key).select_related("user", "project").first()
                if found is None:
                    raise NotFound(_("There is nothing here that you may see."))
                change_roles(membership=found, roles=roles, by=user)
                messages.success(request, _("%(name)s: roles changed.") % {"name": found.user.name})
                return redirect("members", slug=slug)
        except NotFound:
            raise
        except DomainError as refused:
            context["error"], status = refused.detail, refused.status
    context["rows"] = member_rows(project)
    return render(request, "accounts/members.html", context, status=status)
