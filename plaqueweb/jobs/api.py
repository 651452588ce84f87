"""Inference jobs: list, ask for one, cancel, start again."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from plaqueweb.accounts.api import current_user
from plaqueweb.core.errors import Conflict, Invalid, NotFound
from plaqueweb.core.strict import AllowListedFilters
from plaqueweb.jobs import services
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.jobs.selectors import job_payload, jobs_of
from plaqueweb.predictions.models import Pipeline, PipelineState
from plaqueweb.studies.blinding import is_disclosed
from plaqueweb.studies.models import Study


class RefOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    label = serializers.CharField(required=False)  # type: ignore[assignment]
    name = serializers.CharField(required=False)


class JobProgressOut(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    total = serializers.IntegerField()


class JobErrorOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    words = serializers.CharField()


class JobOut(serializers.Serializer[Any]):
    """The wish to run one pipeline on one study content."""

    id = serializers.UUIDField()
    study = RefOut()
    pipeline = RefOut()
    content_no = serializers.IntegerField()
    state = serializers.CharField()
    state_words = serializers.CharField()
    progress = JobProgressOut()
    place = serializers.IntegerField(allow_null=True)
    attempts = serializers.IntegerField()
    failures = serializers.IntegerField()
    error = JobErrorOut(allow_null=True)
    can_cancel = serializers.BooleanField()
    can_retry = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return job_payload(instance)


class JobIn(serializers.Serializer[Any]):
    study = serializers.UUIDField()
    pipeline = serializers.UUIDField(required=False)


class JobViewSet(AllowListedFilters, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[InferenceJob]):
    """Jobs of studies whose results one may see; a blinded reader's studies have none here."""

    serializer_class = JobOut
    queryset = InferenceJob.objects.none()
    filters: ClassVar = {
        "project": "study__project__slug", "study": "study_id", "state": "work_state", "pipeline": "pipeline_id",
    }  # fmt: skip

    def get_queryset(self) -> QuerySet[InferenceJob]:
        return jobs_of(current_user(self.request))

    @extend_schema(request=JobIn, responses={200: JobOut, 201: JobOut})
    def create(self, request: Request) -> Response:
        """Ask for a pipeline (the active one unless named) on a study's present content; asked twice, one job."""
        fields = JobIn(data=request.data)
        fields.is_valid(raise_exception=True)
        user = current_user(request)
        study = Study.objects.visible_to(user).filter(pk=fields.validated_data["study"]).first()
        if study is None or not is_disclosed(user, study):
            raise NotFound(_("There is no such study that you may see."))
        pipelines = Pipeline.objects.visible_to(user).filter(project_id=study.project_id)
        if wished := fields.validated_data.get("pipeline"):
            pipeline = pipelines.filter(pk=wished).first()
        else:
            pipeline = pipelines.filter(state=PipelineState.ACTIVE).first()
        if pipeline is None:
            raise Invalid(_("The project has no such pipeline, or none is active."), rule="job-pipeline")
        job = services.queue_job(study=study, pipeline=pipeline, by=user)
        if job is None:
            raise Conflict(_("This content has a prediction by this pipeline already."), rule="job-predicted")
        return Response(job_payload(job), status=201)

    @extend_schema(request=None, responses=JobOut)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel: at once while queued, at the next batch of frames while running."""
        job = services.cancel_job(job=self.get_object(), by=current_user(request))
        return Response(job_payload(job))

    @extend_schema(request=None, responses={201: JobOut})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Start again what failed, as a new job."""
        job = services.retry_job(job=self.get_object(), by=current_user(request))
        return Response(job_payload(job), status=201)
