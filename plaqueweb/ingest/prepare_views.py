"""Case preparation: the list of studies, the contact sheet, and the calls behind its keys."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import NotFound
from plaqueweb.core.strict import StrictSerializer
from plaqueweb.ingest import preparation
from plaqueweb.ingest import prepare_pages as pages
from plaqueweb.ingest.views import project_for
from plaqueweb.studies.choices import ClipUse, Segment, View
from plaqueweb.studies.models import Clip, Study


@login_required
@require_GET
def prepare(request: HttpRequest, slug: str) -> HttpResponse:
    """All studies with clips: which were gone through, which wait, what was flagged."""
    user = current_user(request)
    project = project_for(user, slug, Capability.PREPARE)
    rows = pages.list_rows(user, project)
    waiting = [row for row in rows if row["study"].prepared_at is None]
    context = {"project": project, "rows": rows, "waiting": len(waiting), "first": waiting[0] if waiting else None}
    return render(request, "ingest/prepare.html", context)


@login_required
@ensure_csrf_cookie
@require_GET
def prepare_study(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """The contact sheet of one study."""
    user = current_user(request)
    project = project_for(user, slug, Capability.PREPARE)
    context = pages.sheet_context(user, project, pages.one_study(user, project, pk))
    return render(request, "ingest/prepare_study.html", context)


class PreparationIn(StrictSerializer):
    """What changes of a clip; what is left out stays."""

    segment = serializers.ChoiceField(choices=[("", ""), *Segment.choices], required=False, allow_blank=True)
    view = serializers.ChoiceField(choices=View.choices, required=False)
    use = serializers.ChoiceField(choices=ClipUse.choices, required=False)
    use_reason = serializers.CharField(required=False, allow_blank=True, max_length=preparation.REASON_CHARACTERS)
    calipers = serializers.BooleanField(required=False)


class PreparedClipOut(serializers.Serializer[Any]):
    """A clip as it was prepared."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    segment = serializers.CharField()
    view = serializers.CharField()
    use = serializers.CharField()
    use_reason = serializers.CharField()
    calipers = serializers.BooleanField(help_text="a measurement is, or seems to be, drawn into the picture")


class DoneIn(StrictSerializer):
    done = serializers.BooleanField()


class DoneOut(serializers.Serializer[Any]):
    prepared_at = serializers.DateTimeField(allow_null=True)


def _study(user: User, pk: UUID) -> Study:
    row = Study.objects.visible_to(user).filter(pk=pk).select_related("project").first()
    if row is None or not user.can(Capability.PREPARE, row.project_id):
        raise NotFound(_("There is nothing here that you may see."))
    found: Study = row
    return found


def _clip(user: User, study: Study, pk: UUID) -> Clip:
    row = Clip.objects.filter(study=study, pk=pk).select_related("study", "cine").first()
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    found: Clip = row
    return found


class PrepareClipView(APIView):
    """Segment, view and use of one clip."""

    @extend_schema(responses=PreparedClipOut)
    def get(self, request: Request, study: UUID, clip: UUID) -> Response:
        """Return what is said of the clip."""
        user = current_user(request)
        return Response(PreparedClipOut(_clip(user, _study(user, study), clip)).data)

    @extend_schema(request=PreparationIn, responses=PreparedClipOut)
    def patch(self, request: Request, study: UUID, clip: UUID) -> Response:
        """Change what is said of the clip."""
        user = current_user(request)
        row = _clip(user, _study(user, study), clip)
        form = PreparationIn(data=request.data)
        form.is_valid(raise_exception=True)
        changed = preparation.prepare_clip(clip=row, by=user, changes=form.validated_data)
        return Response(PreparedClipOut(changed).data)


class PrepareDoneView(APIView):
    """Whether a study's clips were all looked at."""

    @extend_schema(request=DoneIn, responses=DoneOut)
    def post(self, request: Request, study: UUID) -> Response:
        """Say it, or take it back."""
        user = current_user(request)
        row = _study(user, study)
        form = DoneIn(data=request.data)
        form.is_valid(raise_exception=True)
        after = preparation.finish_preparation(study=row, by=user, done=form.validated_data["done"])
        return Response(DoneOut(after).data)


__all__ = ["PrepareClipView", "PrepareDoneView", "prepare", "prepare_study"]
