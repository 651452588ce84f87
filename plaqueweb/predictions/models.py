"""Facts: what a model said. Written once by a job, never changed."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.models import BaseModel, StoredObject
from plaqueweb.predictions.choices import NoResultReason
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
    """CLINICAL decision logic: what classifier and label rule say together."""

    CONCORDANT_COMPLEX = "concordant_complex", _("complex, classifier and rule agree")
    CONCORDANT_NOT = "concordant_not", _("not complex, classifier and rule agree")
    NEAR_CUTOFF = "near_cutoff", _("near 4 mm")
    DISCORDANT_CLASSIFIER = (
        "discordant_classifier",
        _("classifier complex, thickness below 4 mm: look for ulceration or mobility"),
    )
    DISCORDANT_THICK = "discordant_thick", _("4 mm or more, classifier not complex")
    DISCORDANT_REASON = "discordant_reason", _("ulceration or a mobile part seen, classifier not complex")
    CLASSIFIER_ONLY = "classifier_only", _("classifier only, no scale in the file")
    NO_RESULT = "no_result", _("no result")


class PredictionQuerySet(ScopedQuerySet):
    project_field = "study__project_id"

    def visible_to(self, user: User) -> Self:
        """Predictions on studies the user is not blinded to; what a pipeline in shadow said is shown to nobody."""
        shown = self.filter(results_visible(user)).exclude(pipeline__state=PipelineState.SHADOW)
        return shown


class Measured(models.Model):
    """What is said of a whole study and of each of its clips alike.

    ``*_sd`` are standard uncertainties. ``area_ratio`` (plaque / aorta) and ``arc_share`` exist for short-axis views
    only. ``ood_score`` says how unlike the training pictures it is, null where the weights cannot tell. ``quality`` is
    0..1. ``flags`` are warnings that leave the result standing, as a list of texts.
    """

    no_result_reason = models.CharField(max_length=64, choices=NoResultReason, blank=True)
    no_thickness = models.CharField(max_length=32, choices=NoResultReason, blank=True)
    probability_sd = models.FloatField(null=True)
    thickness_sd_mm = models.FloatField(null=True)
    area_sd_mm2 = models.FloatField(null=True)
    protrusion_mm = models.FloatField(null=True)
    area_ratio = models.FloatField(null=True)
    arc_share = models.FloatField(null=True)
    ood_score = models.FloatField(null=True)
    quality = models.FloatField(null=True)
    flags = models.JSONField(null=True)

    class Meta:
        abstract = True


def _typed(name: str) -> models.CheckConstraint:
    """Every reason is one of the list, or empty."""
    known = ["", *NoResultReason.values]
    return models.CheckConstraint(condition=Q(no_result_reason__in=known, no_thickness__in=known), name=name)


class Prediction(Measured, BaseModel):
    """The immutable result of a job. ``predicted_class``: probability ≥ threshold; the rule's verdict stands beside.

    ``reasons`` answers each question of the label rule over all lesions: yes, no, cannot tell.
    """

    job_id = models.UUIDField(unique=True)
    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="predictions")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="predictions")
    content_no = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    probability = models.FloatField(null=True)
    predicted_class = models.SmallIntegerField(null=True)  # 1 complex, 0 not complex, null: no result
    rule_class = models.SmallIntegerField(null=True)  # null: no scale and no other reason
    decision = models.CharField(max_length=32, choices=Decision)
    reasons = models.JSONField(null=True)
    thickness_mm = models.FloatField(null=True)
    thickness_px = models.FloatField(null=True)
    area_mm2 = models.FloatField(null=True)
    area_px = models.PositiveIntegerField(null=True)
    key_clip = models.ForeignKey(Clip, on_delete=models.PROTECT, null=True, related_name="+")
    key_frame = models.PositiveIntegerField(null=True)
    key_region = models.PositiveSmallIntegerField(null=True)
    chord = models.JSONField(null=True)
    maps = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")  # of the key frame
    device = models.CharField(max_length=64, blank=True)
    engine = models.CharField(max_length=160, blank=True)  # what the networks ran on
    outputs = models.JSONField(null=True)  # what was switched on, as a list
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
            _typed("prediction_reasons_typed"),
        ]

    def __str__(self) -> str:
        return f"{self.pipeline} on {self.study_id}"


class ClipPredictionQuerySet(ScopedQuerySet):
    project_field = "prediction__study__project_id"

    def visible_to(self, user: User) -> Self:
        """Parts of visible predictions."""
        return self.filter(prediction__in=Prediction.objects.visible_to(user))


class ClipPrediction(Measured, BaseModel):
    """One row a clip and region, never a frame: summaries, per-frame curves as packed float32, masks as one object.

    ``lesions`` is a bounded list, see ``jobs.rows.lesion_row``.
    """

    prediction = models.ForeignKey(Prediction, on_delete=models.CASCADE, related_name="clips")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    region_number = models.PositiveSmallIntegerField(default=1)
    probability = models.FloatField(null=True)
    max_thickness_mm = models.FloatField(null=True)
    max_thickness_px = models.FloatField(null=True)
    max_area_mm2 = models.FloatField(null=True)
    max_area_px = models.PositiveIntegerField(null=True)
    key_frame = models.PositiveIntegerField(null=True)
    gated_frames = models.PositiveIntegerField(null=True)  # frames that entered the result
    lesions = models.JSONField(null=True)
    curves = models.BinaryField()  # float32 (4, frames): probability, area px, area mm² or NaN, thickness mm or NaN
    masks = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")

    objects = ClipPredictionQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["prediction", "clip", "region_number"], name="clip_prediction_once"),
            _typed("clip_prediction_reasons_typed"),
        ]

    def __str__(self) -> str:
        return f"{self.clip_id} in {self.prediction_id}"


class Showing(BaseModel):
    """That the server sent a model's answer on a study to a person; the first time counts. Rows are only added.

    It is the proof of who had seen a model before deciding a reference, whatever a client says.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="+")
    door = models.CharField(max_length=32)

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "study"], name="showing_first")]

    def __str__(self) -> str:
        return f"{self.study_id} to {self.user_id}"
