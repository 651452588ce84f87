"""Pipelines and predictions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, get_args

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from inference.types import Answer
from plaqueweb.accounts.api import current_user
from plaqueweb.core.errors import NotFound
from plaqueweb.core.storage import open_object
from plaqueweb.core.strict import AllowListedFilters
from plaqueweb.predictions import services
from plaqueweb.predictions.choices import NoResultReason
from plaqueweb.predictions.models import ClipPrediction, Pipeline, Prediction
from plaqueweb.predictions.selectors import map_png, pipeline_payload, prediction_payload
from plaqueweb.predictions.showing import record_shown

ANSWERS = get_args(Answer)


class ModelOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.CharField()
    task = serializers.CharField()
    sha256 = serializers.CharField()
    synthetic_only = serializers.BooleanField()
    card = serializers.JSONField()


class CardFigureOut(serializers.Serializer[Any]):
    """One figure of a card with its 95 % interval and what it was made from, where the card says."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    value = serializers.FloatField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    subjects = serializers.IntegerField(allow_null=True)
    units = serializers.IntegerField(allow_null=True)
    unit = serializers.CharField()


class CardSectionOut(serializers.Serializer[Any]):
    """The figures on one set of data."""

    name = serializers.CharField()
    title = serializers.CharField()
    data = serializers.CharField()  # type: ignore[assignment]
    figures = CardFigureOut(many=True)


class PipelineOut(serializers.Serializer[Any]):
    """Classifier, segmenter, threshold, preprocessing and code: immutable and hashed."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    state = serializers.CharField()
    state_words = serializers.CharField()
    hash = serializers.CharField()
    threshold = serializers.FloatField()
    temperature = serializers.FloatField()
    parameters = serializers.JSONField()
    code_version = serializers.CharField()
    activated_at = serializers.DateTimeField(allow_null=True)
    classifier = ModelOut()
    segmenter = ModelOut()
    figures = CardSectionOut(many=True)
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return pipeline_payload(instance)


class MeasuredOut(serializers.Serializer[Any]):
    """What is said of a study and of a clip alike; ``*_sd`` are standard uncertainties."""

    no_result_reason = serializers.ChoiceField(NoResultReason.choices, allow_blank=True)
    no_result_words = serializers.CharField()
    what_to_do = serializers.CharField()
    no_thickness = serializers.ChoiceField(NoResultReason.choices, allow_blank=True)
    no_thickness_words = serializers.CharField()
    probability_sd = serializers.FloatField(allow_null=True)
    thickness_sd_mm = serializers.FloatField(allow_null=True)
    area_sd_mm2 = serializers.FloatField(allow_null=True)
    protrusion_mm = serializers.FloatField(allow_null=True)
    area_ratio = serializers.FloatField(allow_null=True)
    arc_share = serializers.FloatField(allow_null=True)
    ood_score = serializers.FloatField(allow_null=True)
    quality = serializers.FloatField(allow_null=True)
    flags = serializers.ListField(child=serializers.CharField())


class LesionOut(serializers.Serializer[Any]):
    """One plaque followed over a clip. ``frames`` and ``mobility_frames`` are runs [first, last]."""

    number = serializers.IntegerField()
    key_frame = serializers.IntegerField()
    frames = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))
    thickness_mm = serializers.FloatField(allow_null=True)
    thickness_px = serializers.FloatField(allow_null=True)
    thickness_method = serializers.CharField()
    chord = serializers.JSONField(allow_null=True)
    area_mm2 = serializers.FloatField(allow_null=True)
    area_px = serializers.IntegerField()
    extent_mm = serializers.FloatField(allow_null=True)
    extent_share = serializers.FloatField(allow_null=True)
    angle = serializers.FloatField(allow_null=True)
    protrusion_mm = serializers.FloatField(allow_null=True)
    mobility_mm = serializers.FloatField(allow_null=True)
    mobility_sd_mm = serializers.FloatField(allow_null=True)
    mobility_frames = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))
    ulcer_depth_mm = serializers.FloatField(allow_null=True)
    ulcer_width_mm = serializers.FloatField(allow_null=True)
    ulcer_sd_mm = serializers.FloatField(allow_null=True)
    echogenicity_db = serializers.FloatField(allow_null=True)
    calcified_share = serializers.FloatField(allow_null=True)
    shadow_share = serializers.FloatField(allow_null=True)
    reasons = serializers.DictField(child=serializers.ChoiceField(ANSWERS))


class ClipPredictionOut(MeasuredOut):
    """What was found on one clip."""

    clip = serializers.UUIDField()
    region = serializers.IntegerField()
    probability = serializers.FloatField(allow_null=True)
    max_thickness_mm = serializers.FloatField(allow_null=True)
    max_thickness_px = serializers.FloatField(allow_null=True)
    max_area_mm2 = serializers.FloatField(allow_null=True)
    max_area_px = serializers.IntegerField(allow_null=True)
    key_frame = serializers.IntegerField(allow_null=True)
    gated_frames = serializers.IntegerField(allow_null=True)
    lesions = LesionOut(many=True)
    masks_url = serializers.CharField(allow_null=True)


class PredictionOut(MeasuredOut):
    """The immutable result of a job."""

    id = serializers.UUIDField()
    study = serializers.UUIDField()
    pipeline = serializers.CharField()
    pipeline_id = serializers.UUIDField()
    content_no = serializers.IntegerField()
    predicted_class = serializers.IntegerField(allow_null=True)
    rule_class = serializers.IntegerField(allow_null=True)
    probability = serializers.FloatField(allow_null=True)
    threshold = serializers.FloatField()
    decision = serializers.CharField()
    decision_words = serializers.CharField()
    thickness_mm = serializers.FloatField(allow_null=True)
    thickness_px = serializers.FloatField(allow_null=True)
    area_mm2 = serializers.FloatField(allow_null=True)
    area_px = serializers.IntegerField(allow_null=True)
    key_clip = serializers.UUIDField(allow_null=True)
    key_frame = serializers.IntegerField(allow_null=True)
    key_region = serializers.IntegerField(allow_null=True)
    chord = serializers.JSONField(allow_null=True)
    reasons = serializers.DictField(child=serializers.ChoiceField(ANSWERS))
    maps = serializers.DictField(child=serializers.CharField(), allow_null=True)
    synthetic_only = serializers.BooleanField()
    device = serializers.CharField()
    engine = serializers.CharField()
    outputs = serializers.ListField(child=serializers.CharField())
    seconds = serializers.FloatField()
    created_at = serializers.DateTimeField()
    clips = ClipPredictionOut(many=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return prediction_payload(instance)


class PipelineViewSet(AllowListedFilters, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Pipeline]):
    """Pipelines of the projects whose results one may see."""

    serializer_class = PipelineOut
    queryset = Pipeline.objects.none()
    filters: ClassVar = {"project": "project__slug", "state": "state"}

    def get_queryset(self) -> QuerySet[Pipeline]:
        rows: QuerySet[Pipeline] = Pipeline.objects.visible_to(current_user(self.request))
        return rows.select_related("classifier", "segmenter").order_by("-id")

    @extend_schema(request=None, responses=PipelineOut)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Make it the project's active pipeline; the one before retires. Refused without complete model cards."""
        pipeline = services.activate_pipeline(pipeline=self.get_object(), by=current_user(request))
        return Response(pipeline_payload(pipeline))

    @extend_schema(request=None, responses=PipelineOut)
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Take it out of use; its predictions stay."""
        pipeline = services.move_pipeline(pipeline=self.get_object(), event="retire", by=current_user(request))
        return Response(pipeline_payload(pipeline))


class PredictionViewSet(
    AllowListedFilters, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Prediction]
):
    """What models said about studies whose results one may see."""

    serializer_class = PredictionOut
    queryset = Prediction.objects.none()
    filters: ClassVar = {"project": "study__project__slug", "study": "study_id", "pipeline": "pipeline_id"}

    def get_queryset(self) -> QuerySet[Prediction]:
        rows: QuerySet[Prediction] = Prediction.objects.visible_to(current_user(self.request))
        rows = rows.select_related("pipeline__classifier", "pipeline__segmenter", "study")
        return rows.prefetch_related("clips__clip").order_by("-id")

    def paginate_queryset(self, queryset: Any) -> Any:
        """Write down whose answers leave with this page."""
        page = super().paginate_queryset(queryset)
        self._shown(page or [])
        return page

    def get_object(self) -> Prediction:
        """Return one prediction, and write down that it was shown."""
        row: Prediction = super().get_object()
        self._shown([row])
        return row

    def _shown(self, rows: Iterable[Prediction]) -> None:
        record_shown(user=current_user(self.request), studies=[row.study_id for row in rows], door="predictions")

    @extend_schema(
        parameters=[OpenApiParameter("clip", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
    )
    @action(detail=True, methods=["get"], url_path=r"clips/(?P<clip>[0-9a-fA-F-]{36})/masks", url_name="masks")
    def masks(self, request: Request, pk: str, clip: str) -> HttpResponse | FileResponse:
        """Return the masks of one clip, row-major RLE with the zero run first, by frame; sent gzipped as stored."""
        user = current_user(request)
        row = ClipPrediction.objects.visible_to(user).filter(prediction_id=pk, clip_id=clip, masks__isnull=False)
        found = row.select_related("masks", "prediction").first()
        if found is None:
            raise NotFound(_("There is nothing here that you may see."))
        self._shown([found.prediction])
        answer = FileResponse(open_object(found.masks), content_type="application/json")
        answer["Content-Encoding"] = "gzip"
        answer["Content-Length"] = str(found.masks.bytes)
        answer["Cache-Control"] = "private, max-age=31536000, immutable"
        answer["ETag"] = f'"{found.masks.sha256}"'
        return answer

    @extend_schema(
        parameters=[OpenApiParameter("name", OpenApiTypes.STR, OpenApiParameter.PATH)],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["get"], url_path=r"maps/(?P<name>reconstruction|error|activation)", url_name="map")
    def map(self, request: Request, pk: str, name: str) -> HttpResponse:
        """Return what explains the key frame: its reconstruction, the error of it, or the class activation, as PNG."""
        png = map_png(self.get_object(), name)
        if png is None:
            raise NotFound(_("There is nothing here that you may see."))
        answer = HttpResponse(png, content_type="image/png")
        answer["Cache-Control"] = "private, max-age=31536000, immutable"
        return answer
