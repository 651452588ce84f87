"""The wish to run one pipeline on one study content. The row is the truth, the message only a doorbell."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from plaqueweb.accounts.models import User
from plaqueweb.core.models import BaseModel
from plaqueweb.core.work import LeasedRow, WorkState
from plaqueweb.predictions.models import Pipeline
from plaqueweb.studies.blinding import results_visible
from plaqueweb.studies.models import ScopedQuerySet, Study

LIVE = [WorkState.CREATED, WorkState.QUEUED, WorkState.RUNNING]


class InferenceJobQuerySet(ScopedQuerySet):
    project_field = "study__project_id"

    def visible_to(self, user: User) -> Self:
        """Jobs of studies the user is not blinded to."""
        return self.filter(results_visible(user))


class InferenceJob(BaseModel, LeasedRow):
    """States as in ``core.work``; every live job is unique per pipeline and study content."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="jobs")
    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="jobs")
    content_no = models.PositiveIntegerField()
    asked_by = models.UUIDField(null=True, blank=True)

    objects = InferenceJobQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["pipeline", "study", "content_no"], condition=Q(work_state__in=LIVE), name="job_one_live"
            ),
            *LeasedRow.work_constraints("job"),
        ]
        indexes: ClassVar = [LeasedRow.work_index("job")]

    def __str__(self) -> str:
        return f"{self.pipeline_id} on {self.study_id}: {self.work_state}"
