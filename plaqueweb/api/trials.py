"""The throw-away test read of an edited protocol: its page, its preview, its one call, pictures of the drawn case."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.views import APIView

from plaqueweb.accounts.api import current_user
from plaqueweb.api.protocols import form_of, managed_project
from plaqueweb.core.errors import Invalid, NotFound
from plaqueweb.core.framing import allows_self
from plaqueweb.core.strict import StrictSerializer
from plaqueweb.reads.api import json_answer
from plaqueweb.reads.serializers import ProtocolShape, ReadOut, Shape
from plaqueweb.reads.trial import DRAWN, drawn_cine, try_read
from plaqueweb.studies.models import Study
from plaqueweb.studies.selectors import FRAME_NUMBER
from plaqueweb.studies.serializers import ClipOut

_drawn = lru_cache(maxsize=1)(drawn_cine)


class TrialIn(StrictSerializer):
    """A protocol as the editor has it, and all that was answered so far."""

    project = s.SlugField()
    form = s.DictField(help_text="as the editor's form holds it")
    study = s.UUIDField(allow_null=True, required=False, default=None, help_text="null: a drawn case")
    body = s.DictField(allow_null=True, required=False, default=None, help_text="as one save of a draft")
    complete = s.BooleanField(required=False, default=False)
    preview = s.BooleanField(
        required=False,
        default=False,
        help_text="beside the form: what is not yet right is said in words, not as an error",
    )


class TrialOut(Shape):
    """The case and the read as they would be. Nothing of it is stored."""

    protocol = ProtocolShape(allow_null=True)
    clips = ClipOut(many=True)
    read = ReadOut(allow_null=True)
    refused = s.CharField(
        allow_null=True, help_text="a preview of what could not be saved: the rule it breaks, in words"
    )


class TrialView(APIView):
    """Answer a case under a protocol that is not saved; no row outlives the call."""

    @extend_schema(request=TrialIn, responses=TrialOut, operation_id="protocol_tests_create")
    def post(self, request: Request) -> HttpResponse:
        """Say what the case asks and what follows from the answers."""
        given = TrialIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        user, project = current_user(request), managed_project(current_user(request), asked["project"])
        study = None
        if asked["study"] is not None:
            study = Study.objects.visible_to(user).filter(project=project, pk=asked["study"]).first()
            if study is None:
                raise NotFound(_("There is nothing here that you may see."))
        try:
            found = try_read(
                project=project, by=user, form=asked["form"], study=study, body=asked["body"],
                complete=asked["complete"],
            )  # fmt: skip
        except Invalid as wrong:
            # A form that is half filled in is what a preview is for, and no error of whoever writes it.
            if not asked["preview"]:
                raise
            return json_answer({"protocol": None, "clips": [], "read": None, "refused": wrong.detail})
        clips = [_addressed(clip, project.slug) for clip in found.clips]
        return json_answer({"protocol": found.protocol, "clips": clips, "read": found.read, "refused": None})


def _addressed(clip: dict[str, Any], slug: str) -> dict[str, Any]:
    if clip["id"] != str(DRAWN):
        return clip
    base = reverse("protocol-drawn", args=[slug])
    return {**clip, "cine_url": base, "frame_url": f"{base}?frame={FRAME_NUMBER}"}


@login_required
@never_cache
@require_POST
@ensure_csrf_cookie
def trial(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the reading page for the protocol that the editor sent; it stays in the browser."""
    project = managed_project(current_user(request), slug)
    study = request.POST.get("study", "")
    form = form_of(request.POST)
    sent = {"project": project.slug, "form": form, "study": study or None}
    try_read(project=project, by=current_user(request), form=form)  # refuses here what could not be saved
    keys = json.dumps(current_user(request).keys or {})
    return render(request, "reads/read.html", {"project": project, "keys": keys, "trial": json.dumps(sent)})


@login_required
@never_cache
@require_safe
@xframe_options_sameorigin
@allows_self("frame-ancestors")
@ensure_csrf_cookie
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the reading page that stands beside the editor's form: the form comes from there, nothing is stored."""
    project = managed_project(current_user(request), slug)
    keys = json.dumps(current_user(request).keys or {})
    return render(request, "reads/read.html", {"project": project, "keys": keys, "preview": True})


@login_required
@require_safe
def drawn(request: HttpRequest, slug: str) -> HttpResponse:
    """Give the pictures of the drawn case: all of them, or one (``?frame=N``)."""
    managed_project(current_user(request), slug)
    data = _drawn()
    wanted = request.GET.get("frame", "")
    if not wanted:
        return HttpResponse(data, content_type="application/octet-stream")
    at, number = 8, 0
    while at < len(data):
        size, number = int.from_bytes(data[at : at + 4], "little"), number + 1
        if str(number) == wanted:
            return HttpResponse(data[at + 4 : at + 4 + size], content_type="image/jpeg")
        at += 4 + size
    raise NotFound(_("There is nothing here that you may see."))
