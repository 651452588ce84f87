"""The page of a project's protocol: its versions, and the editor that writes the next one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import DomainError, NotFound
from plaqueweb.core.framing import allows_self
from plaqueweb.predictions.showing import record_shown
from plaqueweb.reads.selectors import rule_words
from plaqueweb.review.rederive import PREDICTION, Rederived, Side, rederive, to_csv, verdict_words
from plaqueweb.studies import grading
from plaqueweb.studies.choices import MarkAsked, Segment, ThicknessFrom
from plaqueweb.studies.guide import About
from plaqueweb.studies.models import Project, Protocol, Study
from plaqueweb.studies.protocols import MANY, REASON_WORDS, REQUIRED_WORDS, form_values, save_version, version_rows
from plaqueweb.studies.questions import built_in_sources
from plaqueweb.studies.selectors import readable

TEXTS = ("limit", "questions", "guide", "scheme", "grades", "thickness_from")
SHOWN = 200  # flips on the page; the CSV holds all


def form_of(sent: QueryDict) -> dict[str, Any]:
    """Return what the editor's form holds, as ``studies.protocols.content_of`` takes it."""
    return {name: sent[name] for name in TEXTS if name in sent} | {name: sent.getlist(name) for name in MANY}


def managed_project(user: User, slug: str) -> Project:
    """Return a project in which the user makes rounds.

    Raises:
        NotFound: there is none for this user.
    """
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    if project is None or not user.can(Capability.MANAGE_ROUNDS, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    return project


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
@allows_self("frame-src")
def protocol(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the versions; write the next one. ``?from=N`` fills the editor with an older version."""
    user = current_user(request)
    project = managed_project(user, slug)
    context: dict[str, object] = {"project": project}
    status = 200
    versions = Protocol.objects.filter(project=project).order_by("-version")
    if request.method == "POST":
        sent = request.POST
        base = sent.get("based_on", "")
        given = form_of(sent)
        try:
            made = save_version(
                project=project, based_on=int(base) if base.isdecimal() and len(base) < 6 else 0,
                by=user, **given,
            )  # fmt: skip
        except DomainError as refused:
            context |= {"error": refused.detail, "given": given}
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
        "reasons": REASON_WORDS.items(), "required": REQUIRED_WORDS.items(), "sources": built_in_sources(),
        "schemes": grading.choices(), "thicknesses": ThicknessFrom.choices,
        "studies": readable_studies(user, project),
        "marks": MarkAsked.choices, "abouts": [{"key": key, "words": str(words)} for key, words in About.choices],
    }  # fmt: skip
    return render(request, "studies/protocol.html", context, status=status)


def readable_studies(user: User, project: Project) -> QuerySet[Study]:
    """Return the studies that a test read can show: those with a clip to read, 500 at most."""
    clips = readable(pictures=False).filter(study=OuterRef("pk")).order_by()
    seen: QuerySet[Study] = Study.objects.visible_to(user).filter(Exists(clips), project=project, content_no__gt=0)
    return seen.order_by("number")[:500]


@login_required
@never_cache
@require_safe
def rederive_page(request: HttpRequest, slug: str) -> HttpResponse:
    """List who would flip under another version's label rule. Nothing stored changes."""
    project = managed_project(current_user(request), slug)
    versions = list(Protocol.objects.filter(project=project).order_by("-version"))
    context: dict[str, object] = {"project": project, "versions": versions}
    if len(versions) > 1:
        found = _rederived(request, project, versions)
        context |= {
            "found": found, "flips": found.flips[:SHOWN], "rules": [rule_words(found.first), rule_words(found.second)],
            "sides": [
                {"words": words, "side": side, "moves": moves(side)}
                for words, side in ((_("signed reads"), found.reads), (_("predictions"), found.predictions))
            ],
        }  # fmt: skip
    return render(request, "studies/rederive.html", context)


@login_required
@never_cache
@require_safe
def rederive_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """Give the same list as CSV."""
    project = managed_project(current_user(request), slug)
    versions = list(Protocol.objects.filter(project=project).order_by("-version"))
    if len(versions) < 2 or not current_user(request).can(Capability.EXPORT, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    found = _rederived(request, project, versions)
    answer = HttpResponse(to_csv(found), content_type="text/csv; charset=utf-8")
    name = f"{project.slug}-rule-v{found.first.version}-to-v{found.second.version}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _rederived(request: HttpRequest, project: Project, versions: list[Protocol]) -> Rederived:
    """The two versions of the address: by default the last one signed under, and the newest other one.

    A verdict of a model is an answer of a model: that it was sent is written down, as at every other door.
    """
    signed = next((version for version in versions if version.frozen_at), versions[-1])
    first = _version(request, "from", versions) or signed
    second = _version(request, "to", versions) or next(version for version in versions if version != first)
    user = current_user(request)
    found = rederive(project=project, first=first, second=second, viewer=user)
    shown = [flip.study.pk for flip in found.flips if flip.kind == PREDICTION]
    record_shown(user=user, studies=shown, door="protocol-rederive")
    return found


def _version(request: HttpRequest, name: str, versions: list[Protocol]) -> Protocol | None:
    wanted = request.GET.get(name, "")
    found = next((version for version in versions if str(version.version) == wanted), None)
    if wanted and found is None:
        raise NotFound(_("There is nothing here that you may see."))
    return found


def moves(side: Side) -> list[dict[str, object]]:
    """Return what became of the verdicts that differ, in words, the most frequent first."""
    kept = [(count, *move) for move, count in side.moves.most_common() if move[0] != move[1]]
    return [{"count": n, "before": verdict_words(a), "after": verdict_words(b)} for n, a, b in kept]
