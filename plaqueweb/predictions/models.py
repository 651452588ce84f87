"""Facts: what a model said. Written once by a job, never changed."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.models import BaseModel, StoredObject
from plaqueweb.studies.blinding import results_visible
from plaqueweb.studies.models import Clip, Project, ScopedQuerySet, Study


class ModelTask(models.TextChoices):
    CLASSIFY = "classify", _("classifier")
    SEGMENT = "segment", _("segmenter")


class PipelineState(models.TextChoices):
    REGISTERED = "registered", _("registered")
    EVALUATED = "evaluated", _("evaluated")
    SHADOW = "shadow", _("shadow: runs, never shown")
    ACTIVE = "active", _("active")
    RETIRED = "retired", _("retired")


class ModelVersion(BaseModel):
    """Weights with their card. The file lies in the package or the model folder and is checked against ``sha256``."""

    name = models.CharField(max_length=64)
    version = models.CharField(max_length=32)
    task = models.CharField(max_length=16, choices=ModelTask)
    kind = models.CharField(max_length=16, default="builtin")
    sha256 = models.CharField(max_length=64, unique=True)
    file_name = models.CharField(max_length=120)
    card = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class PipelineQuerySet(ScopedQuerySet):
    def visible_to(self, user: User) -> Self:
        """Pipelines of projects in which the user may see results."""
        return self.in_projects(user, Capability.SEE_RESULTS)


class Pipeline(BaseModel):
    """Classifier, segmenter, threshold, preprocessing, code: immutable and hashed; what is run, compared, activated."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="pipelines")
    name = models.CharField(max_length=64)
    classifier = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    segmenter = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    threshold = models.FloatField()
    temperature = models.FloatField(default=1.0)
    parameters = models.JSONField(default=dict)
    code_version = models.CharField(max_length=32)
    hash = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=PipelineState, default=PipelineState.REGISTERED)
    activated_at = models.DateTimeField(null=True, blank=True)

    objects = PipelineQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "hash"], name="pipeline_hash_once"),
            models.UniqueConstraint(fields=["project"], condition=Q(state="active"), name="pipeline_one_active"),
            models.CheckConstraint(
                condition=Q(threshold__gt=0, threshold__lt=1, temperature__gt=0), name="pipeline_numbers"
            ),
            models.CheckConstraint(condition=Q(state__in=PipelineState.values), name="pipeline_state"),
        ]

    def __str__(self) -> str:
        return self.name


class Decision(models.TextChoices):
    """CLINICAL decision logic: what classifier and thickness rule say together."""

    CONCORDANT_COMPLEX = "concordant_complex", _("complex, classifier and thickness agree")
    CONCORDANT_NOT = "concordant_not", _("not complex, classifier and thickness agree")
    NEAR_CUTOFF = "near_cutoff", _("near 4 mm")
    DISCORDANT_CLASSIFIER = (
        "discordant_classifier",
        _("classifier complex, thickness below 4 mm: look for ulceration or mobility"),
    )
    DISCORDANT_THICK = "discordant_thick", _("4 mm or more, classifier not complex")
    CLASSIFIER_ONLY = "classifier_only", _("classifier only, no scale in the file")
    NO_RESULT = "no_result", _("no result")


class PredictionQuerySet(ScopedQuerySet):
    project_field = "study__project_id"

    def visible_to(self, user: User) -> Self:
        """Predictions on studies the user is not blinded to; what a pipeline in shadow said is shown to nobody."""
        shown = self.filter(results_visible(user)).exclude(pipeline__state=PipelineState.SHADOW)
        return shown


class Prediction(BaseModel):
    """The immutable result of a job. ``predicted_class``: probability ≥ threshold; the thickness rule stands beside."""

    job_id = models.UUIDField(unique=True)
    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="predictions")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="predictions")
    content_no = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    probability = models.FloatField(null=True)
    predicted_class = models.SmallIntegerField(null=True)  # 1 complex, 0 not complex, null: no result
    rule_class = models.SmallIntegerField(null=True)  # by thickness alone; null: no scale
    decision = models.CharField(max_length=32, choices=Decision)
    no_result_reason = models.CharField(max_length=64, blank=True)
    thickness_mm = models.FloatField(null=True)
    thickness_px = models.FloatField(null=True)
    area_mm2 = models.FloatField(null=True)
    area_px = models.PositiveIntegerField(null=True)
    key_clip = models.ForeignKey(Clip, on_delete=models.PROTECT, null=True, related_name="+")
    key_frame = models.PositiveIntegerField(null=True)
    key_region = models.PositiveSmallIntegerField(null=True)
    chord = models.JSONField(null=True)
    device = models.CharField(max_length=64, blank=True)
    seconds = models.FloatField(default=0.0)

    objects = PredictionQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pipeline", "study", "content_no"], name="prediction_once_per_content"),
            models.CheckConstraint(
                condition=Q(predicted_class__in=[0, 1]) | Q(predicted_class__isnull=True), name="prediction_class"
            ),
            models.CheckConstraint(
                condition=Q(probability__isnull=True) | Q(probability__gte=0, probability__lte=1),
                name="prediction_probability",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pipeline} on {self.study_id}"


class ClipPredictionQuerySet(ScopedQuerySet):
    project_field = "prediction__study__project_id"

    def visible_to(self, user: User) -> Self:
        """Parts of visible predictions."""
        return self.filter(prediction__in=Prediction.objects.visible_to(user))


class ClipPrediction(BaseModel):
    """One row a clip and region, never a frame: summaries, per-frame curves as packed float32, masks as one object."""

    prediction = models.ForeignKey(Prediction, on_delete=models.CASCADE, related_name="clips")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    region_number = models.PositiveSmallIntegerField(default=1)
    probability = models.FloatField(null=True)
    max_thickness_mm = models.FloatField(null=True)
    max_thickness_px = models.FloatField(null=True)
    max_area_mm2 = models.FloatField(null=True)
    max_area_px = models.PositiveIntegerField(null=True)
    key_frame = models.PositiveIntegerField(null=True)
    no_result_reason = models.CharField(max_length=64, blank=True)
    curves = models.BinaryField()  # float32 (4, frames): probability, area px, area mm² or NaN, thickness mm or NaN
    masks = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")

    objects = ClipPredictionQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["prediction", "clip", "region_number"], name="clip_prediction_once"),
        ]

    def __str__(self) -> str:
        return f"{self.clip_id} in {self.prediction_id}"
