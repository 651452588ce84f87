"""Pictures of a project's reading guides: one is added by whoever writes the protocol, all members see them."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plaqueweb.accounts.api import current_user
from plaqueweb.api.protocols import managed_project
from plaqueweb.core import limits
from plaqueweb.core.errors import NotFound
from plaqueweb.core.storage import read_all
from plaqueweb.core.strict import StrictSerializer
from plaqueweb.ingest.guide_pictures import add_picture, too_many_bytes
from plaqueweb.reads.serializers import Shape
from plaqueweb.studies.api import IMMUTABLE
from plaqueweb.studies.guide import SHA256, picture_url
from plaqueweb.studies.models import GuidePicture

MULTIPART_OVERHEAD = 1 << 16  # bytes of form fields and boundaries beside the file


class GuidePictureIn(StrictSerializer):
    """A still picture: PNG, JPEG or WebP."""

    project = s.SlugField()
    file = s.FileField(allow_empty_file=True)


class GuidePictureOut(Shape):
    """The picture as it is shown: upright, not larger than needed, without metadata."""

    sha256 = s.CharField()
    width = s.IntegerField()
    height = s.IntegerField()
    url = s.CharField()


class GuidePicturesView(APIView):
    """Pictures for a reading guide that is being written."""

    parser_classes = [MultiPartParser]

    @extend_schema(
        request={"multipart/form-data": GuidePictureIn}, responses={201: GuidePictureOut},
        operation_id="guide_pictures_create",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Store a picture of the project's guides; a version of the protocol shows it once it names it."""
        announced = request.headers.get("Content-Length", "")
        if announced.isdigit() and int(announced) > limits.GUIDE_PICTURE_BYTES + MULTIPART_OVERHEAD:
            raise too_many_bytes()
        given = GuidePictureIn(data=request.data)
        given.is_valid(raise_exception=True)
        user = current_user(request)
        project = managed_project(user, given.validated_data["project"])
        row = add_picture(project=project, by=user, data=given.validated_data["file"].read())
        digest = row.stored.sha256
        told = {"sha256": digest, "width": row.width, "height": row.height, "url": picture_url(project.slug, digest)}
        return Response(told, status=201)


@login_required
@require_safe
def picture(request: HttpRequest, slug: str, digest: str) -> HttpResponse:
    """Give a picture to a member of the project; its address names its bytes, so it may be kept for good."""
    rows = GuidePicture.objects.visible_to(current_user(request)).select_related("stored")
    row = rows.filter(project__slug=slug, stored__sha256=digest).first() if SHA256.match(digest) else None
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    quoted = f'"{digest}"'
    if request.headers.get("If-None-Match") == quoted:
        answer = HttpResponse(status=304)
    else:
        answer = HttpResponse(read_all(row.stored), content_type=row.media_type)
    answer["ETag"] = quoted
    answer["Cache-Control"] = IMMUTABLE
    return answer
