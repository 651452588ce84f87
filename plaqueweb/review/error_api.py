"""Error reviews: read them, say why a model was wrong, and the queue of what waits. No reference is written here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.core.errors import NotFound
from plaqueweb.core.strict import AllowListedFilters, StrictSerializer
from plaqueweb.predictions.showing import record_shown
from plaqueweb.review.error_models import NOTE_CHARACTERS, ErrorReason, ErrorReview, ErrorTrigger
from plaqueweb.review.errors import queue
from plaqueweb.review.errors.queue import ErrorRow, Filters
from plaqueweb.review.errors.services import record
from plaqueweb.studies.models import Project

QUEUE_ROWS = 200


class ErrorReviewOut(serializers.ModelSerializer[ErrorReview]):
    project = serializers.CharField(source="case.round.project.slug")
    number = serializers.IntegerField(source="case.number")
    by = serializers.CharField(source="by.name")

    class Meta:
        model = ErrorReview
        fields = [
            "id", "project", "case", "number", "pipeline", "prediction_id", "reads", "triggers", "reasons", "note",
            "by", "created_at",
        ]  # fmt: skip


class ErrorReviewIn(StrictSerializer):
    project = serializers.SlugField()
    case = serializers.UUIDField()
    pipeline = serializers.UUIDField()
    reasons = serializers.ListField(child=serializers.ChoiceField(ErrorReason.choices), max_length=len(ErrorReason))
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=NOTE_CHARACTERS)


class ErrorReviewViewSet(
    AllowListedFilters, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[ErrorReview]
):
    """Why a model was wrong on a case, said by people who see results. Rows are only added; the last one counts."""

    serializer_class = ErrorReviewOut
    queryset = ErrorReview.objects.none()
    filters: ClassVar = {"project": "case__round__project__slug", "case": "case_id", "pipeline": "pipeline_id"}

    def get_queryset(self) -> QuerySet[ErrorReview]:
        rows: QuerySet[ErrorReview] = ErrorReview.objects.visible_to(current_user(self.request))
        return rows.select_related("case__round__project", "by").order_by("-id")

    @extend_schema(request=ErrorReviewIn, responses={201: ErrorReviewOut})
    def create(self, request: Request) -> Response:
        """Give one or more reasons why a pipeline and the readers differ on a case of the queue, and a note."""
        user = current_user(request)
        form = ErrorReviewIn(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        row = record(
            project=_project(user, values["project"]), case=values["case"], pipeline=str(values["pipeline"]),
            reasons=values["reasons"], note=values["note"], by=user,
        )  # fmt: skip
        return Response(ErrorReviewOut(row).data, status=201)

    @extend_schema(
        parameters=[
            OpenApiParameter("project", OpenApiTypes.STR, required=True),
            OpenApiParameter("pipeline", OpenApiTypes.UUID, description="empty: the active one"),
            OpenApiParameter("trigger", OpenApiTypes.STR, enum=ErrorTrigger.values),
            OpenApiParameter("state", OpenApiTypes.STR, enum=queue.STATES),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    @action(detail=False, methods=["get"], url_path="queue", pagination_class=None, filter_backends=[])
    def waiting(self, request: Request) -> Response:
        """The cases on which a pipeline and the readers part, worst first, at most 200, with what brought them."""
        user = current_user(request)
        project = _project(user, request.query_params.get("project", ""))
        found = queue.error_queue(user, project, Filters.of(request.query_params.dict()))
        rows = found.rows[:QUEUE_ROWS]
        record_shown(user=user, studies=[row.case.study_id for row in rows], door="errors")
        return Response(
            {
                "pipeline": str(found.pipeline.pk) if found.pipeline else None,
                "total": len(found.rows),
                "reviewed": found.reviewed,
                "pending": found.pending,
                "rows": [_row(row) for row in rows],
            }
        )


def _project(user: User, slug: str) -> Project:
    row = Project.objects.visible_to(user).filter(slug=slug).first()
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    return row


def _row(row: ErrorRow) -> dict[str, Any]:
    found = row.found
    return {
        "case": str(row.case.pk),
        "number": row.case.number,
        "round": str(row.case.round_id),
        "prediction": str(row.prediction.pk),
        "reads": row.read_ids,
        "triggers": list(found.triggers),
        "readers_class": found.readers_class,
        "readers_class_of": found.against or None,
        "model_class": row.prediction.predicted_class,
        "model_minus_readers_mm": found.gap_mm,
        "dice": found.dice,
        "state": row.state,
        "reasons": row.review.reasons if row.review else [],
    }
