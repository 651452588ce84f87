"""Metrics over a frozen list of reads, consensus and predictions, recomputable from the manifest: a cache."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from plaqueweb.agreement.report_models import FrozenReport
from plaqueweb.agreement.watch_models import Alarm, ComparisonPlan, ListLook
from plaqueweb.core.models import BaseModel
from plaqueweb.core.work import LeasedRow
from plaqueweb.studies.models import Project


class AgreementRun(BaseModel, LeasedRow):
    """One computation. Nobody lists these: a page finds its run by the hash of what the user may see."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="agreement_runs")
    kind = models.CharField(max_length=32)
    input_hash = models.CharField(max_length=64)
    manifest = models.JSONField(default=dict)
    results = models.JSONField(default=dict)
    code_version = models.CharField(max_length=32)
    seed = models.PositiveBigIntegerField(default=0)

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["input_hash", "code_version"], name="agreement_run_once"),
            *LeasedRow.work_constraints("agreement"),
        ]
        indexes: ClassVar = [LeasedRow.work_index("agreement")]

    def __str__(self) -> str:
        return f"{self.kind} {self.input_hash[:8]}"


class Watch(BaseModel, LeasedRow):
    """The standing wish to look at a project for alarms: queued whenever something came in, done until then."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="watch")
    seen = models.CharField(max_length=200, blank=True)  # what the project held at the last look, see watching.stamps

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [*LeasedRow.work_constraints("watch")]
        indexes: ClassVar = [LeasedRow.work_index("watch")]

    def __str__(self) -> str:
        return f"watch over {self.project_id}"


__all__ = ["AgreementRun", "Alarm", "ComparisonPlan", "FrozenReport", "ListLook", "Watch"]
