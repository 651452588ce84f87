"""Uploads: send files, watch them, release or refuse what is held."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.roles import Capability
from plaqueweb.core import limits
from plaqueweb.core.errors import Invalid, NotAllowed, NotFound
from plaqueweb.core.storage import read_range
from plaqueweb.core.strict import AllowListedFilters
from plaqueweb.ingest import services
from plaqueweb.ingest.models import Upload, UploadState
from plaqueweb.ingest.selectors import batch_counts, upload_payload, uploads_of
from plaqueweb.studies.models import Project
from plaqueweb.studies.selectors import frame_content_type

MULTIPART_OVERHEAD = 1 << 16  # bytes of form fields and boundaries beside the file


class ProgressOut(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    total = serializers.IntegerField()


class StudyRefOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    label = serializers.CharField()  # type: ignore[assignment]


class UploadOut(serializers.Serializer[Any]):
    """A file on its way in. Its name is never stored."""

    id = serializers.UUIDField()
    batch = serializers.UUIDField()
    parent = serializers.UUIDField(allow_null=True)  # type: ignore[assignment]
    kind = serializers.CharField()
    state = serializers.CharField()
    state_words = serializers.CharField()
    rule = serializers.CharField()
    tag = serializers.CharField()
    detail = serializers.CharField()
    findings = serializers.ListField(child=serializers.CharField())
    clips = serializers.IntegerField()
    frames = serializers.IntegerField()
    rows = serializers.IntegerField()
    columns = serializers.IntegerField()
    progress = ProgressOut()
    working = serializers.BooleanField()
    study = StudyRefOut(allow_null=True)
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return upload_payload(instance)


class UploadIn(serializers.Serializer[Any]):
    """One file of a drop: ``batch`` is the same for all files of it."""

    file = serializers.FileField(allow_empty_file=True)
    batch = serializers.UUIDField()
    project = serializers.SlugField()
    site = serializers.CharField(required=False, allow_blank=True, help_text="label for the studies that it begins")


class ReasonIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=services.REASON_CHARACTERS)


class BatchIn(serializers.Serializer[Any]):
    project = serializers.SlugField(required=False)


class BatchOut(serializers.Serializer[Any]):
    batch = serializers.UUIDField()
    files = serializers.IntegerField()
    pending = serializers.IntegerField()
    stored = serializers.IntegerField()
    held = serializers.IntegerField()
    refused = serializers.IntegerField()


class UploadViewSet(AllowListedFilters, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Upload]):
    """Files on their way in: received, parsed, stored, held or refused."""

    serializer_class = UploadOut
    queryset = Upload.objects.none()
    parser_classes = [MultiPartParser, JSONParser]
    filters: ClassVar = {"batch": "batch", "project": "project__slug", "state": "state", "parent": "parent_id"}

    def get_queryset(self) -> QuerySet[Upload]:
        return uploads_of(current_user(self.request))

    @extend_schema(request={"multipart/form-data": UploadIn}, responses={201: UploadOut})
    def create(self, request: Request) -> Response:
        """Send one file. The answer comes as soon as its bytes are safe; intake goes on by itself."""
        announced = request.headers.get("Content-Length", "")
        if announced.isdigit() and int(announced) > limits.UPLOAD_BYTES + MULTIPART_OVERHEAD:
            most = limits.UPLOAD_BYTES // 1024**2
            raise Invalid(_("The file is larger than %(most)d MB.") % {"most": most}, rule="upload-size")
        fields = UploadIn(data=request.data)
        fields.is_valid(raise_exception=True)
        user = current_user(request)
        project = self._project(fields.validated_data["project"])
        file = fields.validated_data["file"]
        upload = services.receive_upload(
            project=project, by=user, file=file, size=file.size, batch=fields.validated_data["batch"],
            site=fields.validated_data.get("site", ""),
        )  # fmt: skip
        return Response(upload_payload(upload), status=201)

    @extend_schema(request=BatchIn, responses=BatchOut)
    @action(detail=False, methods=["post"], url_path=r"batches/(?P<batch>[0-9a-fA-F-]{36})/close", url_name="close")
    def close(self, request: Request, batch: str) -> Response:
        """Say that the last file of a drop was sent."""
        try:
            key = uuid.UUID(batch)
        except ValueError:
            raise NotFound(_("There is nothing here that you may see.")) from None
        first = self.get_queryset().filter(batch=key).select_related("project").first()
        if first is None:
            raise NotFound(_("There is nothing here that you may see."))
        services.close_batch(project=first.project, batch=key, by=current_user(request))
        return Response({"batch": str(key), **batch_counts(first.project, key)})

    @extend_schema(request=ReasonIn, responses=UploadOut)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """Make a held clip readable; a reason is asked for and kept."""
        upload = services.release_upload(
            upload=self.get_object(), by=current_user(request), reason=self._reason(request)
        )
        return Response(upload_payload(upload))

    @extend_schema(request=ReasonIn, responses=UploadOut)
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, pk: str) -> Response:
        """Refuse a held clip for good; a reason is asked for and kept."""
        upload = services.refuse_upload(
            upload=self.get_object(), by=current_user(request), reason=self._reason(request)
        )
        return Response(upload_payload(upload))

    @extend_schema(
        parameters=[OpenApiParameter("n", int, OpenApiParameter.PATH, description="frame number, from 1")],
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY, (200, "image/png"): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["get"], url_path=r"frames/(?P<n>[0-9]{1,6})", url_name="frame")
    def frame(self, request: Request, pk: str, n: str) -> HttpResponse:
        """Return one frame of a held clip to a person who may release it."""
        upload = self.get_queryset().select_related("clip__cine").filter(pk=self.get_object().pk).get()
        clip, number = upload.clip, int(n)
        if not current_user(request).can(Capability.RELEASE, upload.project_id):
            raise NotAllowed(_("You may not look at held clips in this project."))
        if clip is None or upload.state not in {UploadState.QUARANTINED, UploadState.STORED}:
            raise NotFound(_("There is no picture behind this upload."))
        if not 1 <= number <= min(clip.frames, len(clip.frame_offsets)):
            raise NotFound(_("This clip has %(n)d frames.") % {"n": clip.frames}, rule="frame-number")
        start, length = clip.frame_offsets[number - 1]
        data = read_range(clip.cine, start, length)
        response = HttpResponse(data, content_type=frame_content_type(data))
        response["Cache-Control"] = "private, max-age=600"
        return response

    def _project(self, slug: str) -> Project:
        project = Project.objects.visible_to(current_user(self.request)).filter(slug=slug).first()
        if project is None:
            raise NotFound(_("There is no such project that you may see."))
        return project

    @staticmethod
    def _reason(request: Request) -> str:
        fields = ReasonIn(data=request.data)
        fields.is_valid(raise_exception=True)
        return str(fields.validated_data["reason"])
