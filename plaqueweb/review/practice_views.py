"""The page that opens a practice set."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.core.errors import DomainError, Invalid
from plaqueweb.core.strict import StrictSerializer
from plaqueweb.reads import overview
from plaqueweb.reads.models import Round
from plaqueweb.reads.rounds_form import practice_rounds
from plaqueweb.review.practice import PASS_MARK, known_answers, open_practice
from plaqueweb.studies.models import CaseListItem, Project


@login_required
@require_http_methods(["GET", "POST"])
def new_practice(request: HttpRequest, slug: str) -> HttpResponse:
    """Fill in a practice set and open it; lists whose answers are not all known are named as such."""
    user = current_user(request)
    project = overview.managed_project(user=user, slug=slug)
    error, status = None, 200
    if request.method == "POST":
        given: dict[str, Any] = {name: request.POST.get(name, "") for name in request.POST}
        try:
            made = _open(project, given | {"readers": request.POST.getlist("readers")}, user)
        except DomainError as refused:
            error, status = refused, refused.status
        else:
            messages.success(request, _("Practice set “%(name)s” is open.") % {"name": made.name})
            return redirect("round", slug=slug, pk=made.pk)
    context = {
        "project": project,
        "lists": [(row, *_known(row, user)) for row in overview.case_lists(project)],
        "readers": overview.possible_readers(project),
        "earlier": practice_rounds(project),
        "pass_mark": PASS_MARK,
        "given": request.POST,
        "given_readers": request.POST.getlist("readers"),
        "error": error,
    }
    return render(request, "reads/practice_new.html", context, status=status)


def _known(row: Any, user: User) -> tuple[int, int]:
    """How many studies of a list have a known answer, and how many it has."""
    studies = list(CaseListItem.objects.filter(case_list=row).values_list("study_id", flat=True))
    return len(known_answers(studies, by=user)), len(studies)


def _open(project: Project, given: dict[str, Any], by: User) -> Round:
    row = next((one for one in overview.case_lists(project) if str(one.pk) == str(given.get("case_list"))), None)
    if row is None:
        raise Invalid(_("Choose a case list."), rule="practice-list")
    asked = set(map(str, given.get("readers") or []))
    readers = [one for one in overview.possible_readers(project) if str(one.pk) in asked]
    if len(readers) != len(asked) or not readers:
        raise Invalid(_("Choose readers of this project."), rule="round-readers")
    repeat = given.get("repeat_of")
    first = next((one for one in practice_rounds(project) if str(one.pk) == str(repeat)), None) if repeat else None
    if repeat and first is None:
        raise Invalid(_("Choose a practice set of this project."), rule="practice-set")
    return open_practice(
        project=project, case_list=row, name=str(given.get("name", "")), readers=readers,
        pass_mark=_whole(given.get("pass_mark")), seed=secrets.randbits(48), by=by, repeat_of=first,
        washout_days=_whole(given.get("washout_days")) if first else None,
    )  # fmt: skip


def _whole(given: Any) -> int:
    """A whole number; what is none is out of every range."""
    text = str("" if given is None else given).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1


class PracticeIn(StrictSerializer):
    """A new practice set over a case list whose answers are known."""

    project = serializers.SlugField()
    name = serializers.CharField(max_length=120)
    case_list = serializers.UUIDField()
    readers = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=200)
    pass_mark = serializers.IntegerField(min_value=1, max_value=100, default=PASS_MARK)
    repeat_of = serializers.UUIDField(required=False, allow_null=True, default=None)
    washout_days = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)


class PracticeOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    cases = serializers.IntegerField()
    pass_mark = serializers.IntegerField()


class PracticeView(APIView):
    """Practice sets."""

    @extend_schema(request=PracticeIn, responses={201: PracticeOut})
    def post(self, request: Request) -> Response:
        """Open a practice set; it is a round of the policy ``practice``."""
        form = PracticeIn(data=request.data)
        form.is_valid(raise_exception=True)
        user, given = current_user(request), dict(form.validated_data)
        project = overview.managed_project(user=user, slug=given.pop("project"))
        row = _open(project, given, user)
        answer = {"id": row.pk, "name": row.name, "cases": row.keys.count(), "pass_mark": row.pass_mark}
        return Response(PracticeOut(answer).data, status=201)
