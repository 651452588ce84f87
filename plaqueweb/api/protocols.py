"""The page of a project's protocol: its versions, and the editor that writes the next one."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import DomainError, NotFound
from plaqueweb.studies.choices import Segment
from plaqueweb.studies.models import Project, Protocol
from plaqueweb.studies.protocols import REASON_WORDS, REQUIRED_WORDS, form_values, save_version, version_rows


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def protocol(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the versions; write the next one. ``?from=N`` fills the editor with an older version."""
    user = current_user(request)
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    if project is None or not user.can(Capability.MANAGE_ROUNDS, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    context: dict[str, object] = {"project": project}
    status = 200
    versions = Protocol.objects.filter(project=project).order_by("-version")
    if request.method == "POST":
        sent = request.POST
        base = sent.get("based_on", "")
        choices = {name: sent.getlist(name) for name in ("reasons", "segments", "required")}
        try:
            made = save_version(
                project=project, based_on=int(base) if base.isdecimal() and len(base) < 6 else 0,
                limit=sent.get("limit", ""), by=user, **choices,
            )  # fmt: skip
        except DomainError as refused:
            context |= {"error": refused.detail, "given": {"limit": sent.get("limit", "")} | choices}
            status = refused.status
        else:
            messages.success(request, _("Version %(n)d is saved: choose it for the next round.") % {"n": made.version})
            return redirect("protocol", slug=slug)
    else:
        wanted = request.GET.get("from", "")
        chosen = versions.filter(version=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 5 else None
        if wanted and chosen is None:
            raise NotFound(_("There is nothing here that you may see."))
        context |= {"given": form_values(chosen or versions.first()), "copied": chosen}
    rows = version_rows(project)
    newest = rows[0]["protocol"].version if rows else 0
    context |= {
        "rows": rows, "newest": newest, "next": newest + 1, "segments": Segment.choices,
        "reasons": REASON_WORDS.items(), "required": REQUIRED_WORDS.items(),
    }  # fmt: skip
    return render(request, "studies/protocol.html", context, status=status)
