"""The model's result as the reading page shows it in an aided or concurrent answer, and to nobody else.

It goes by the case's opaque id and the clips' names in this presentation: a prediction's own id would tell which case
it is. The disclosure that opens it opens nothing else (see ``studies.choices.PARTIAL_DISCLOSURES``).
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.core.errors import NotFound
from plaqueweb.core.storage import open_object
from plaqueweb.core.work import WorkState
from plaqueweb.jobs.models import LIVE, InferenceJob
from plaqueweb.predictions.models import ClipPrediction, PipelineState, Prediction
from plaqueweb.predictions.showing import record_shown as record_showing
from plaqueweb.reads.aided import record_shown, sees_model
from plaqueweb.reads.aliases import Aliases, aliases_of
from plaqueweb.reads.models import Assignment
from plaqueweb.reads.selectors import own_assignment
from plaqueweb.review.model_words import reason_words


def shown_assignment(user: User, public_id: str) -> Assignment:
    """Return one of the user's open cases whose page shows the model.

    Raises:
        NotFound: it is not the user's, or shows no model.
    """
    assignment = own_assignment(user=user, public_id=public_id)
    if not sees_model(assignment):
        raise NotFound(_("There is nothing here that you may see."))
    return assignment


def shown_prediction(assignment: Assignment) -> Prediction | None:
    """Return the result of the round's pipelines: the one this reader saw first, else on the newest content."""
    rows: QuerySet[Prediction] = Prediction.objects.filter(
        study=assignment.study_id, pipeline_id__in=assignment.round.pipelines
    ).exclude(pipeline__state=PipelineState.SHADOW)
    rows = rows.select_related("pipeline").order_by("-content_no", "-id")
    if assignment.shown_prediction is not None:
        return rows.filter(pk=assignment.shown_prediction).first()
    return rows.first()


def model_payload(assignment: Assignment, prediction: Prediction | None) -> dict[str, Any]:
    """Return what the reading page shows of the model; where there is no result, which state it is in."""
    if prediction is None:
        return {**_waiting(assignment), "pipeline": None, "clips": []}
    parts = prediction.clips.select_related("clip").order_by("clip__number", "region_number")
    key = {"clip": str(prediction.key_clip_id), "frame": prediction.key_frame, "region": prediction.key_region or 1}
    none = reason_words(prediction.no_result_reason) if prediction.predicted_class is None else None
    return {
        "state": "ready",
        "words": none["words"] if none else "",
        "pipeline": prediction.pipeline.name,
        "predicted_class": prediction.predicted_class,
        "probability": prediction.probability,
        "threshold": prediction.pipeline.threshold,
        "rule_class": prediction.rule_class,
        "decision_words": str(prediction.get_decision_display()),
        "thickness_mm": prediction.thickness_mm,
        "thickness_px": prediction.thickness_px,
        "key": key if prediction.key_clip_id and prediction.key_frame else None,
        "chord": prediction.chord,
        "reasons": prediction.reasons or {},
        "clips": [_part(assignment, row) for row in parts],
    }


def _part(assignment: Assignment, row: ClipPrediction) -> dict[str, Any]:
    masks = reverse("shown-masks", args=[assignment.public_id, row.clip_id]) if row.masks_id else None
    return {
        "clip": str(row.clip_id),
        "region": row.region_number,
        "key_frame": row.key_frame,
        "no_result_reason": row.no_result_reason,
        "no_result_words": str(row.get_no_result_reason_display()),
        "masks_url": masks,
    }


def _waiting(assignment: Assignment) -> dict[str, Any]:
    jobs = InferenceJob.objects.filter(study=assignment.study_id, pipeline_id__in=assignment.round.pipelines)
    job = jobs.order_by("-id").first()
    if job is None:
        return {"state": "none", "words": _("no model has run on this case")}
    if job.work_state in LIVE:
        return {"state": "waiting", "words": _("the model is still at work on this case")}
    return {"state": "none", "words": _("model: %(state)s") % {"state": WorkState(job.work_state).label}}


class ShownClipOut(serializers.Serializer[Any]):
    clip = serializers.UUIDField()
    region = serializers.IntegerField()
    key_frame = serializers.IntegerField(allow_null=True)
    no_result_reason = serializers.CharField()
    no_result_words = serializers.CharField()
    masks_url = serializers.CharField(allow_null=True)


class ShownModelOut(serializers.Serializer[Any]):
    """The model beside an answer given with it."""

    state = serializers.ChoiceField(["ready", "waiting", "none"])
    words = serializers.CharField()
    pipeline = serializers.CharField(allow_null=True)
    predicted_class = serializers.IntegerField(allow_null=True, required=False)
    probability = serializers.FloatField(allow_null=True, required=False)
    threshold = serializers.FloatField(required=False)
    rule_class = serializers.IntegerField(allow_null=True, required=False)
    decision_words = serializers.CharField(required=False)
    thickness_mm = serializers.FloatField(allow_null=True, required=False)
    thickness_px = serializers.FloatField(allow_null=True, required=False)
    key = serializers.JSONField(required=False)
    chord = serializers.JSONField(required=False)
    reasons = serializers.JSONField(required=False)
    clips = ShownClipOut(many=True)


class ShownModelView(APIView):
    """The model's result on a case that is answered with it."""

    @extend_schema(responses=ShownModelOut)
    def get(self, request: Request, public_id: str) -> Response:
        """Return what the reading page shows of the model; the first time, that it was shown is kept."""
        user = current_user(request)
        assignment = shown_assignment(user, public_id)
        prediction = shown_prediction(assignment)
        if prediction is not None:
            record_shown(assignment=assignment, prediction_id=prediction.pk, by=user)
            record_showing(user=user, studies=[assignment.study_id], door="reading")
        payload = model_payload(assignment, prediction)
        aliases = aliases_of(assignment)
        return Response(payload if aliases is None else aliases.hide(payload))


class ShownMasksView(APIView):
    """The model's masks on one clip of a case that is answered with it."""

    @extend_schema(
        parameters=[OpenApiParameter("clip", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, public_id: str, clip: Any) -> FileResponse:
        """Return the masks, row-major RLE with the zero run first, by frame; sent gzipped as stored."""
        assignment = shown_assignment(current_user(request), public_id)
        prediction = shown_prediction(assignment)
        key = _clip_key(aliases_of(assignment), str(clip))
        rows = ClipPrediction.objects.filter(prediction=prediction, clip_id=key, masks__isnull=False)
        found = rows.select_related("masks").first() if prediction is not None else None
        if found is None:
            raise NotFound(_("There is nothing here that you may see."))
        answer = FileResponse(open_object(found.masks), content_type="application/json")
        answer["Content-Encoding"] = "gzip"
        answer["Content-Length"] = str(found.masks.bytes)
        answer["Cache-Control"] = "private, no-store"
        return answer


def _clip_key(aliases: Aliases | None, name: str) -> str:
    return name if aliases is None else str(aliases.find(name))
