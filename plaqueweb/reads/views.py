"""Pages of the reader: worklist, reading, signing. All state changes go to services."""

from __future__ import annotations

import json

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_POST

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import DomainError, NotFound
from plaqueweb.core.prepared import Prepared
from plaqueweb.reads import selectors, services, sitting
from plaqueweb.reads.bundle import own_read
from plaqueweb.reads.choices import SignatureMeaning, Speciality
from plaqueweb.reads.qualification import feedback, profile_of
from plaqueweb.studies.models import Project

_PROJECT = Prepared(lambda user, slug: Project.objects.visible_to(User(pk=user)).filter(slug=slug), "user", "slug")


def _reading_project(user: User, slug: str) -> Project:
    project = _PROJECT.first(user=user.pk, slug=slug)
    if project is None or not user.can(Capability.READ, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    return project


@login_required
@ensure_csrf_cookie
def worklist(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the reader's own cases of one round: which is next, how many are left, what can be signed."""
    user = current_user(request)
    project = _reading_project(user, slug)
    context = sitting.worklist_context(
        user=user, project=project, round_id=request.GET.get("round", ""), tab=request.GET.get("state", ""),
        after=request.GET.get("after", ""),
    )  # fmt: skip
    return render(request, "reads/worklist.html", context)


@login_required
@ensure_csrf_cookie
def read(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show the reading page; the case itself comes by the API."""
    assignment = selectors.own_assignment(user=current_user(request), public_id=public_id)
    keys = json.dumps(current_user(request).keys or {})
    context = {"assignment": assignment, "project": assignment.round.project, "keys": keys}
    return render(request, "reads/read.html", context)


@login_required
@require_POST
def sign(request: HttpRequest, slug: str) -> HttpResponse:
    """Sign the chosen completed cases; a refusal is said in the dialog, which opens again."""
    user = current_user(request)
    project = _reading_project(user, slug)
    reads = [own_read(user=user, pk=pk) for pk in dict.fromkeys(request.POST.getlist("read"))]
    reads = [row for row in reads if row.assignment.round.project_id == project.pk]
    back = _back(project, request.POST.get("round", ""))
    try:
        signed = services.confirm_and_sign(
            reads=reads, by=user, password=request.POST.get("password", ""), meaning=SignatureMeaning.AUTHORED
        )
    except DomainError as error:
        context = sitting.worklist_context(
            user=user, project=project, round_id=request.POST.get("round", ""), tab="", after=""
        )
        return render(request, "reads/worklist.html", {**context, "sign_error": error.detail}, status=error.status)
    words = ngettext("%(n)d case signed.", "%(n)d cases signed.", len(signed)) % {"n": len(signed)}
    messages.success(request, words)
    first = next((url for row in signed if (url := selectors.compare_url(row.assignment, user=user))), None)
    first = first or selectors.second_url(signed[0].assignment)
    return redirect(first if first and len(signed) == 1 else back)


@login_required
@require_POST
def skip(request: HttpRequest, public_id: str) -> HttpResponse:
    """Set a case aside with a reason."""
    user = current_user(request)
    assignment = selectors.own_assignment(user=user, public_id=public_id)
    try:
        services.skip_assignment(assignment=assignment, by=user, reason=request.POST.get("reason", ""))
    except DomainError as error:
        messages.error(request, error.detail)
    return redirect(selectors.worklist_url(assignment))


@login_required
@require_POST
def reopen(request: HttpRequest, public_id: str) -> HttpResponse:
    """Reopen a completed case and go to it."""
    user = current_user(request)
    assignment = selectors.own_assignment(user=user, public_id=public_id)
    newest = assignment.reads.order_by("-revision").first()
    if newest is None:
        raise NotFound(_("There is nothing here that you may see."))
    services.reopen_read(read=own_read(user=user, pk=newest.pk), by=user)
    return redirect("read", public_id=public_id)


@login_required
def practice_feedback(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """Show one's own answer of a signed practice case beside the known one, and how the set goes."""
    user = current_user(request)
    assignment = selectors.own_assignment(user=user, public_id=public_id)
    found = feedback(assignment)
    if found is None or assignment.round.project.slug != slug:
        raise NotFound(_("There is nothing here that you may see."))
    context = {
        "project": assignment.round.project, "assignment": assignment, "feedback": found, "result": found["result"],
        "next_url": selectors.next_url(assignment, user=user), "worklist_url": selectors.worklist_url(assignment),
    }  # fmt: skip
    return render(request, "reads/feedback.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest, slug: str) -> HttpResponse:
    """Fill in the reader profile."""
    user = current_user(request)
    project = _reading_project(user, slug)
    error, status = None, 200
    if request.method == "POST":
        given = request.POST
        numbers = [_whole(given.get(name, "")) for name in ("years", "tee_count")]
        try:
            services.save_profile(
                user=user, speciality=given.get("speciality", ""), years=numbers[0], tee_count=numbers[1]
            )
        except DomainError as refused:
            error, status = refused, refused.status
        else:
            messages.success(request, _("Your profile is kept."))
            return redirect("worklist", slug=slug)
    context = {
        "project": project, "profile": profile_of(user), "specialities": Speciality.choices, "given": request.POST,
        "error": error,
    }  # fmt: skip
    return render(request, "reads/profile.html", context, status=status)


def _whole(text: str) -> int:
    """A whole number; what is none is out of every range."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1


def _back(project: Project, round_id: str) -> str:
    return f"{reverse('worklist', args=[project.slug])}?round={round_id}"
