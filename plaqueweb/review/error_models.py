"""Error review: why a model was wrong on a case. Rows that are only added, and that no reference can come from."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.models import BaseModel
from plaqueweb.core.work import LeasedRow
from plaqueweb.predictions.models import Pipeline
from plaqueweb.studies.models import Project, ScopedQuerySet

NOTE_CHARACTERS = 500


class ErrorTrigger(models.TextChoices):
    CLASS = "class", _("class differs")
    NO_RESULT = "no_result", _("no result")
    THICKNESS = "thickness", _("thickness over 1.0 mm")
    DICE = "dice", _("Dice below 0.70")
    NEAR = "near", _("near the rule")


class ErrorReason(models.TextChoices):
    """The words of ``DifferenceReason`` (a test compares them), and three that only a model's errors need."""

    QUALITY = "quality", _("Image quality")
    SHADOWING = "shadowing", _("Shadowing")
    WALL = "wall", _("Wall taken for plaque")
    MISSED = "missed", _("Plaque missed")
    FRAME = "frame", _("Frame choice")
    CALIBRATION = "calibration", _("Calibration")
    ARTEFACT = "artefact", _("Blood or artefact")
    NO_FAULT = "no_fault", _("No fault: within reader spread")
    OUTLINE = "outline", _("Outline too thick or thin")
    RULE = "rule", _("Small difference near the rule")
    READER = "reader", _("The read is doubtful")


REASON_KEYS = dict(zip(ErrorReason.values, "1234567890R", strict=True))
"""The key of each reason, as on its keycap."""


class ErrorReviewQuerySet(ScopedQuerySet):
    project_field = "case__round__project_id"

    def visible_to(self, user: User) -> Self:
        """Error reviews of cases whose errors may be shown to the user, who sees results by a role."""
        from plaqueweb.review.models import Case

        return self.filter(case__in=Case.objects.with_errors_for(user, Capability.SEE_RESULTS))


class ErrorReview(BaseModel):
    """One look of one person at one prediction beside the reads: reason codes and a note. The last one counts.

    ``reads`` are the ids of all reads that were compared, ``triggers`` what had brought the case. Never edited.
    """

    case = models.ForeignKey("review.Case", on_delete=models.PROTECT, related_name="error_reviews")
    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="+")
    prediction_id = models.UUIDField()
    reads = models.JSONField(default=list)
    triggers = models.JSONField(default=list)
    reasons = models.JSONField(default=list)
    note = models.CharField(max_length=NOTE_CHARACTERS, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    objects = ErrorReviewQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        indexes: ClassVar = [models.Index(fields=["case", "prediction_id"], name="error_review_of")]

    def __str__(self) -> str:
        return f"{', '.join(self.reasons)} on {self.case_id}"


class MaskOverlap(BaseModel, LeasedRow):
    """Mean Dice of one signed read with one prediction over the frames that the reader declared fully marked.

    Both never change, so neither does this: computed once, in the light worker. ``dice`` is None without such a frame.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    read_id = models.UUIDField()
    prediction_id = models.UUIDField()
    dice = models.FloatField(null=True)
    frames = models.PositiveIntegerField(default=0)

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["prediction_id", "read_id"], name="mask_overlap_once"),
            *LeasedRow.work_constraints("overlap"),
        ]
        indexes: ClassVar = [LeasedRow.work_index("overlap")]

    def __str__(self) -> str:
        return f"{self.read_id} on {self.prediction_id}: {self.dice}"
