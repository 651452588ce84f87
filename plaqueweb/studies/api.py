"""Projects, subjects, studies and clips for programs and the viewer. Nothing here depends on anybody's results."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django.db.models import Count, Q, QuerySet
from django.http import FileResponse, HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from plaqueweb.accounts.api import current_user
from plaqueweb.core.errors import NotFound
from plaqueweb.core.storage import open_object, read_range
from plaqueweb.core.strict import AllowListedFilters
from plaqueweb.studies import serializers as out
from plaqueweb.studies.choices import ClipState, ClipUse
from plaqueweb.studies.models import Clip, Project, Study, Subject
from plaqueweb.studies.selectors import clip_payload, frame_content_type

IMMUTABLE = "private, max-age=31536000, immutable"
Pixels = TypeVar("Pixels", HttpResponse, FileResponse)


class ProjectViewSet(AllowListedFilters, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Project]):
    """The user's projects."""

    serializer_class = out.ProjectOut
    queryset = Project.objects.none()
    filters: ClassVar = {"slug": "slug"}

    def get_queryset(self) -> QuerySet[Project]:
        return Project.objects.visible_to(current_user(self.request))

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "user": current_user(self.request)}


class SubjectViewSet(AllowListedFilters, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Subject]):
    """Subjects under their pseudonyms."""

    serializer_class = out.SubjectOut
    queryset = Subject.objects.none()
    filters: ClassVar = {"project": "project__slug", "pseudonym": "pseudonym"}

    def get_queryset(self) -> QuerySet[Subject]:
        rows: QuerySet[Subject] = Subject.objects.visible_to(current_user(self.request)).select_related("project")
        return rows


class StudyViewSet(AllowListedFilters, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Study]):
    """Studies; the single one comes with its clips."""

    queryset = Study.objects.none()
    filters: ClassVar = {"project": "project__slug", "subject": "subject_id"}

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Study]]:
        return out.StudyDetailOut if self.action == "retrieve" else out.StudyOut

    def get_queryset(self) -> QuerySet[Study]:
        readable = Count("clips", filter=Q(clips__state=ClipState.STORED, clips__use=ClipUse.READ))
        rows: QuerySet[Study] = Study.objects.visible_to(current_user(self.request))
        rows = rows.select_related("subject", "project").annotate(clip_count=readable)
        if self.action == "retrieve":
            rows = rows.prefetch_related("clips__regions", "clips__cine")
        return rows


class ClipViewSet(mixins.RetrieveModelMixin, GenericViewSet[Clip]):
    """Clips, their frames and the cine bundle. Pixels are addressed by content, so they may be kept for good."""

    serializer_class = out.ClipOut
    queryset = Clip.objects.none()

    def get_queryset(self) -> QuerySet[Clip]:
        rows: QuerySet[Clip] = Clip.objects.visible_to(current_user(self.request)).select_related("cine")
        return rows

    @extend_schema(responses=out.ClipOut)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one clip with its regions."""
        return Response(clip_payload(self.get_object()))

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], url_path="cine")
    def cine(self, request: Request, pk: str) -> HttpResponse | FileResponse:
        """Return all frames: ``CINE``, u32 count, then u32 length and bytes of each frame, little endian."""
        clip = self._stored()
        return cine_answer(request, clip, clip.cine.sha256)

    @extend_schema(
        parameters=[OpenApiParameter("n", int, OpenApiParameter.PATH, description="frame number, from 1")],
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY, (200, "image/png"): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["get"], url_path=r"frames/(?P<n>[0-9]{1,6})", url_name="frame")
    def frame(self, request: Request, pk: str, n: str) -> HttpResponse:
        """Return one frame, read by byte range."""
        clip = self._stored()
        return frame_answer(request, clip, clip.cine.sha256, int(n))

    def _stored(self) -> Clip:
        """The clip if it is stored: pixels of held clips are shown by the release queue only."""
        clip: Clip = self.get_object()
        if clip.state != ClipState.STORED:
            raise NotFound(_("There is nothing here that you may see."))
        return clip


def cine_answer(request: Request, clip: Clip, tag: str) -> HttpResponse | FileResponse:
    """Answer with a clip's bundle of frames; ``tag`` names its content in the ETag."""
    quoted = f'"{tag}"'
    if request.headers.get("If-None-Match") == quoted:
        return _kept(HttpResponse(status=304), quoted)
    answer = FileResponse(open_object(clip.cine), content_type="application/octet-stream")
    answer["Content-Length"] = str(clip.cine.bytes)
    return _kept(answer, quoted)


def frame_answer(request: Request, clip: Clip, tag: str, number: int) -> HttpResponse:
    """Answer with one frame, numbered from 1, read by byte range.

    Raises:
        NotFound: the clip has no such frame.
    """
    if not 1 <= number <= min(clip.frames, len(clip.frame_offsets)):
        raise NotFound(_("This clip has %(n)d frames.") % {"n": clip.frames}, rule="frame-number")
    quoted = f'"{tag}-{number}"'
    if request.headers.get("If-None-Match") == quoted:
        return _kept(HttpResponse(status=304), quoted)
    start, length = clip.frame_offsets[number - 1]
    data = read_range(clip.cine, start, length)
    return _kept(HttpResponse(data, content_type=frame_content_type(data)), quoted)


def _kept(response: Pixels, tag: str) -> Pixels:
    response["ETag"] = tag
    response["Cache-Control"] = IMMUTABLE
    return response
