"""Rows around the figures: a margin that was set before, looks at a test list, and alarms that somebody must close."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.models import BaseModel
from plaqueweb.predictions.models import Pipeline
from plaqueweb.studies.blinding import adjudicating, blinded_studies
from plaqueweb.studies.models import CaseList, Project, ScopedQuerySet

MAX_MARGIN = 0.5


class AlarmState(models.TextChoices):
    OPEN = "open", _("nobody has it")
    OWNED = "owned", _("being looked at")
    CLOSED = "closed", _("closed")


class AlarmChart(models.TextChoices):
    P_CHART = "p_chart", _("disagreement by week")
    EWMA = "ewma", _("disagreement, moving average")
    CUSUM = "cusum", _("disagreement, cumulative sum")
    BIAS = "bias", _("difference of thickness, cumulative sum")
    CLASS_SHARE = "class_share", _("share with a class")
    PROBABILITY = "probability", _("score")
    THICKNESS = "thickness", _("thickness")
    AREA = "area", _("plaque area")
    PICTURE = "picture", _("picture size")


class AlarmSplit(models.TextChoices):
    WHOLE = "", _("pipeline")
    SITE = "site", _("site")
    SCANNER = "scanner", _("scanner")


PART_UNKNOWN = {AlarmSplit.SITE.value: _("site not known"), AlarmSplit.SCANNER.value: _("scanner not known")}


class AlarmDecision(models.TextChoices):
    GO_ON = "go_on", _("go on, nothing to change")
    WATCH = "watch", _("watch more closely")
    STOP = "stop", _("stop the pipeline")
    RETRAIN = "retrain", _("retrain or recalibrate")
    DATA = "data", _("mend the data or the scanner’s settings")


def sees_whole(user: User, projects: str = "project_id") -> Q:
    """Projects in which the user has nothing left to read or to decide that results of all studies could bias."""
    blind, deciding = (studies.values("project_id") for studies in (blinded_studies(user), adjudicating(user)))
    return ~Q(**{f"{projects}__in": blind}) & ~Q(**{f"{projects}__in": deciding})


class ComparisonPlanQuerySet(ScopedQuerySet):
    def visible_to(self, user: User) -> Self:
        """Plans of projects in which the user may see results."""
        return self.in_projects(user, Capability.SEE_RESULTS)


class ComparisonPlan(BaseModel):
    """The margin of a comparison of two pipelines, stored before the result was shown. Rows are only added."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="comparison_plans")
    case_list = models.ForeignKey(CaseList, on_delete=models.PROTECT, related_name="comparison_plans")
    first = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="+")
    against = models.CharField(max_length=64)
    margin = models.FloatField()  # share of agreement that may be lost
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    objects = ComparisonPlanQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case_list", "first", "second", "against"], name="comparison_plan_once"),
            models.CheckConstraint(condition=Q(margin__gt=0, margin__lte=MAX_MARGIN), name="comparison_plan_margin"),
            models.CheckConstraint(condition=~Q(first=F("second")), name="comparison_plan_two"),
        ]

    def __str__(self) -> str:
        return f"{self.second_id} against {self.first_id} on {self.case_list_id}"


class ListLook(BaseModel):
    """Somebody saw a result over a list: one row a person and result, so that a reload is no second look."""

    case_list = models.ForeignKey(CaseList, on_delete=models.PROTECT, related_name="looks")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    input_hash = models.CharField(max_length=64)
    board = models.CharField(max_length=32)

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case_list", "by", "input_hash"], name="list_look_once"),
        ]

    def __str__(self) -> str:
        return f"look at {self.case_list_id}"


class AlarmQuerySet(ScopedQuerySet):
    def visible_to(self, user: User) -> Self:
        """Alarms of projects in which the user may see results and answers nothing blind any more.

        An alarm tells of agreement over many studies at once; it cannot be cut to those a person may see.
        """
        return self.in_projects(user, Capability.SEE_RESULTS).filter(sees_whole(user))


class Alarm(BaseModel):
    """A value beyond its limits: it stays until somebody found the cause and decided."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="alarms")
    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="alarms")
    chart = models.CharField(max_length=16, choices=AlarmChart)
    split = models.CharField(max_length=16, choices=AlarmSplit, default=AlarmSplit.WHOLE, blank=True)
    part = models.CharField(max_length=140, blank=True)  # the site or scanner; "" of a split: not known
    starts_on = models.DateField()  # Monday of the period
    value = models.FloatField()
    limit = models.FloatField()
    n = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=AlarmState, default=AlarmState.OPEN)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    cause = models.CharField(max_length=500, blank=True)
    decision = models.CharField(max_length=16, choices=AlarmDecision, blank=True)
    closed_at = models.DateTimeField(null=True)

    objects = AlarmQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "pipeline", "chart", "split", "part", "starts_on"], name="alarm_once"
            ),
            models.CheckConstraint(condition=Q(split__in=AlarmSplit.values), name="alarm_split"),
            models.CheckConstraint(condition=Q(state__in=AlarmState.values), name="alarm_state"),
            models.CheckConstraint(
                condition=~Q(state="closed")
                | (Q(owner__isnull=False, closed_at__isnull=False) & ~Q(cause="") & ~Q(decision="")),
                name="alarm_closed_is_decided",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["project", "state"], name="alarm_by_state")]

    def __str__(self) -> str:
        return f"{self.chart} of {self.pipeline_id} from {self.starts_on}"

    @property
    def watched(self) -> str:
        """What was watched: a pipeline, alone or with one site or scanner."""
        part = self.part or str(PART_UNKNOWN.get(self.split, ""))
        return f"{self.pipeline.name}, {part}" if part else str(self.pipeline.name)

    @property
    def chip_state(self) -> str:
        """The glyph that goes with the state: somebody must decide, is at it, has decided."""
        return {AlarmState.OPEN.value: "held", AlarmState.OWNED.value: "opened", AlarmState.CLOSED.value: "done"}[
            self.state
        ]
