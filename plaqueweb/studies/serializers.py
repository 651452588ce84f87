"""The shapes of projects, subjects, studies and clips in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from plaqueweb.accounts.roles import capabilities_of
from plaqueweb.studies.choices import ClipState
from plaqueweb.studies.models import Project, Study, Subject
from plaqueweb.studies.selectors import clip_payload


class RegionOut(serializers.Serializer[Any]):
    """A calibrated part of the picture; box inclusive, mm per pixel down and across, null without a scale."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    kind = serializers.CharField()
    x0 = serializers.IntegerField()
    y0 = serializers.IntegerField()
    x1 = serializers.IntegerField()
    y1 = serializers.IntegerField()
    row_mm = serializers.FloatField(allow_null=True)
    col_mm = serializers.FloatField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    valid = serializers.BooleanField()
    reason = serializers.CharField()
    view = serializers.CharField()


class ClipOut(serializers.Serializer[Any]):
    """A clip as the viewer needs it. ``frame_url`` holds ``{n}``: the frame number, from 1."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    kind = serializers.CharField()
    frames = serializers.IntegerField()
    rows = serializers.IntegerField()
    columns = serializers.IntegerField()
    frame_times_ms = serializers.ListField(child=serializers.FloatField())
    heart = serializers.DictField(
        allow_null=True,
        help_text="r_ms (R waves, ms from the first frame), r_from, ecg (start_ms, step_ms, values 0 to 255)",
    )
    stored_as = serializers.CharField()
    synthetic = serializers.BooleanField()
    segment = serializers.CharField()
    view = serializers.CharField()
    use = serializers.CharField(help_text="read; reference: shown after signing only, holds no marks")
    state = serializers.CharField()
    cine_url = serializers.CharField()
    frame_url = serializers.CharField()
    regions = RegionOut(many=True)


class ProjectOut(serializers.ModelSerializer[Project]):
    roles = serializers.SerializerMethodField()
    capabilities = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = ["id", "slug", "name", "is_synthetic", "is_demo", "roles", "capabilities"]

    def get_roles(self, project: Project) -> list[str]:
        return list(self.context["user"].roles_in(project.pk))

    def get_capabilities(self, project: Project) -> list[str]:
        return sorted(capabilities_of(self.get_roles(project)))


class SubjectOut(serializers.ModelSerializer[Subject]):
    project = serializers.CharField(source="project.slug")

    class Meta:
        model = Subject
        fields = ["id", "project", "pseudonym", "sex", "age_band"]


class StudyOut(serializers.ModelSerializer[Study]):
    project = serializers.CharField(source="project.slug")
    subject = serializers.CharField(source="subject.pseudonym")
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    clip_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Study
        fields = [
            "id", "project", "subject", "label", "uid", "shifted_date", "content_no", "content_hash", "ready_at",
            "clip_count",
        ]  # fmt: skip


class StudyDetailOut(StudyOut):
    clips = serializers.SerializerMethodField()

    class Meta(StudyOut.Meta):
        fields = [*StudyOut.Meta.fields, "clips"]

    @extend_schema_field(ClipOut(many=True))
    def get_clips(self, study: Study) -> list[dict[str, Any]]:
        return [clip_payload(clip) for clip in study.clips.all() if clip.state == ClipState.STORED]
