"""Process: cases in review, and the reference that comes out of them."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from plaqueweb.accounts.models import User
from plaqueweb.core.models import BaseModel
from plaqueweb.reads.choices import PlaqueClass
from plaqueweb.reads.models import Round
from plaqueweb.studies.blinding import results_visible
from plaqueweb.studies.models import ScopedQuerySet, Study


class CaseState(models.TextChoices):
    OPEN = "open", _("open")
    AGREED = "agreed", _("agreed")
    DISCORDANT = "discordant", _("to adjudicate")
    ADJUDICATED = "adjudicated", _("adjudicated")


class ConsensusKind(models.TextChoices):
    KNOWN_TRUTH = "known_truth", _("known truth of the phantom")
    AGREED = "agreed", _("readers agree")
    ADJUDICATED = "adjudicated", _("adjudicated")


class DifferenceReason(models.TextChoices):
    QUALITY = "quality", _("Image quality")
    SHADOWING = "shadowing", _("Shadowing")
    WALL = "wall", _("Wall taken for plaque")
    MISSED = "missed", _("Plaque missed")
    FRAME = "frame", _("Frame choice")
    CALIBRATION = "calibration", _("Calibration")
    ARTEFACT = "artefact", _("Blood or artefact")
    NO_FAULT = "no_fault", _("No fault: within reader spread")


class CaseQuerySet(ScopedQuerySet):
    project_field = "round__project_id"

    def visible_to(self, user: User) -> Self:
        """Cases of studies the user is not blinded to."""
        return self.filter(results_visible(user))


class Case(BaseModel):
    """One per round × study: where reads and predictions meet."""

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="cases")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="cases")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=CaseState, default=CaseState.OPEN)

    objects = CaseQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["round", "study"], name="case_once"),
            models.CheckConstraint(condition=Q(state__in=CaseState.values), name="case_state"),
        ]

    def __str__(self) -> str:
        return f"case {self.number}"


class ConsensusQuerySet(ScopedQuerySet):
    project_field = "study__project_id"

    def visible_to(self, user: User) -> Self:
        """References of studies the user is not blinded to."""
        return self.filter(results_visible(user))

    def in_force(self) -> Self:
        """References that may be shown and scored: agreement ends with a case of the study that differs or was decided.

        The rows themselves stay, as history.
        """
        study = OuterRef("study_id")
        differs = Exists(Case.objects.filter(study=study, state__in=[CaseState.DISCORDANT, CaseState.ADJUDICATED]))
        decided = Exists(Consensus.objects.filter(study=study, kind=ConsensusKind.ADJUDICATED))
        return self.exclude(Q(kind=ConsensusKind.AGREED) & (differs | decided))


class Consensus(BaseModel):
    """A study's reference: adjudicated, agreed, or the phantom's known truth. Immutable; a change is a new revision."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="consensus")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, blank=True, related_name="consensus")
    kind = models.CharField(max_length=16, choices=ConsensusKind)
    revision = models.PositiveSmallIntegerField(default=1)
    reader_class = models.SmallIntegerField(choices=PlaqueClass)
    thickness_mm = models.FloatField(null=True)
    reasons = models.JSONField(default=dict)
    source_reads = models.JSONField(default=list)
    reason_code = models.CharField(max_length=32, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    model_visible = models.BooleanField(default=False)

    objects = ConsensusQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "kind", "revision"], name="consensus_revision_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.study_id}"


class DifferenceNoteQuerySet(ScopedQuerySet):
    project_field = "case__round__project_id"

    def visible_to(self, user: User) -> Self:
        """Notes on visible cases."""
        return self.filter(case__in=Case.objects.visible_to(user))


class DifferenceNote(BaseModel):
    """Why model and reader differ, in one reason code and a comment; the last one per person and comparison counts."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="notes")
    read_id = models.UUIDField()
    prediction_id = models.UUIDField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=16, choices=DifferenceReason)
    comment = models.CharField(max_length=500, blank=True)

    objects = DifferenceNoteQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.reason} on {self.case_id}"
