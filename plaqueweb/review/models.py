"""Process: cases in review, and the reference that comes out of them."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.models import BaseModel
from plaqueweb.reads.choices import PlaqueClass
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.review.error_models import ErrorReview, MaskOverlap
from plaqueweb.review.link_models import LesionLink, LesionOverlap, LinkAct
from plaqueweb.review.mask_models import FusionMethod, MaskReference
from plaqueweb.studies.blinding import BLINDED_POLICIES, UNSIGNED_STATES, results_visible
from plaqueweb.studies.models import Clip, ScopedQuerySet, Study, projects_with


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


class Trigger(models.TextChoices):
    RULES = "rules", _("the readers differ")
    SAMPLE = "sample", _("drawn from cases on which the readers agree")


class AdjudicationState(models.TextChoices):
    BEGUN = "begun", _("blind answer left")
    ANSWERED = "answered", _("decision left")
    DECIDED = "decided", _("decided")
    RETURNED = "returned", _("given back")


LIVE_ADJUDICATION = (AdjudicationState.BEGUN, AdjudicationState.ANSWERED)
UNDECIDED = (CaseState.AGREED, CaseState.DISCORDANT)


class CaseQuerySet(ScopedQuerySet):
    project_field = "round__project_id"

    def visible_to(self, user: User) -> Self:
        """Cases of studies the user is not blinded to."""
        return self.filter(results_visible(user))

    def queued(self) -> Self:
        """Cases that ever entered the adjudication queue."""
        return self.filter(queue_entry__isnull=False)

    def with_errors_for(self, user: User, capability: str) -> Self:
        """Cases on which the user may look at a model's errors.

        Not those of a round that the user still reads blind: how the model errs would be learnt on the way. Nor, for
        who adjudicates, a case whose reference may still be asked of this person: a look at the model would spoil it.
        """
        reading = Assignment.objects.filter(
            reader=user, state__in=UNSIGNED_STATES, round__policy__in=BLINDED_POLICIES
        ).values("round_id")
        settled = Q(state=CaseState.ADJUDICATED) | Q(state=CaseState.AGREED, queue_entry__isnull=True)
        asked = Q(round__project_id__in=projects_with(user, Capability.ADJUDICATE))
        rows = self.visible_to(user).in_projects(user, capability).exclude(round_id__in=reading)
        return rows.filter(settled | ~asked)


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


class AdjudicationPlan(BaseModel):
    """How many of a round's concordant cases are adjudicated too: each is drawn with this share from this seed."""

    round = models.OneToOneField(Round, on_delete=models.PROTECT, related_name="adjudication_plan")
    share = models.FloatField()
    seed = models.PositiveBigIntegerField()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(share__gte=0, share__lte=1), name="adjudication_share"),
        ]

    def __str__(self) -> str:
        return f"{self.share:.2f} of {self.round_id}"


class QueueEntry(BaseModel):
    """That a case entered the reference queue, and why: by the readers' answers or by lot, never by a model's."""

    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="queue_entry")
    trigger = models.CharField(max_length=8, choices=Trigger)
    rules = models.JSONField(default=list)
    draw = models.FloatField(null=True)  # 0..1, below the share; null where rules brought it here
    share = models.FloatField(null=True)

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(trigger__in=Trigger.values), name="queue_trigger"),
        ]

    def __str__(self) -> str:
        return f"{self.trigger} for {self.case_id}"


class AdjudicationQuerySet(ScopedQuerySet):
    project_field = "case__round__project_id"

    def own(self, user: User) -> Self:
        """What the user adjudicates, as long as the right is held."""
        return self.filter(adjudicator=user).in_projects(user, Capability.ADJUDICATE)


class Adjudication(BaseModel):
    """One adjudicator × one queued case: a blind answer first, then the reads without names, then the decision."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="adjudications")
    adjudicator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="adjudications")
    state = models.CharField(max_length=16, choices=AdjudicationState, default=AdjudicationState.BEGUN)

    objects = AdjudicationQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=AdjudicationState.values), name="adjudication_state"),
            models.UniqueConstraint(
                fields=["case"], condition=Q(state__in=LIVE_ADJUDICATION), name="adjudication_one_at_work"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["adjudicator", "state"], name="adjudication_own")]

    def __str__(self) -> str:
        return f"{self.case_id} by {self.adjudicator_id}"


class BlindAnswer(BaseModel):
    """What the adjudicator answered before seeing anybody's answer, and the order in which the reads are shown then.

    ``model_shown``: the server had sent this person a model's answer on the study before. Never edited.
    """

    adjudication = models.OneToOneField(Adjudication, on_delete=models.PROTECT, related_name="blind_answer")
    reader_class = models.SmallIntegerField(choices=PlaqueClass)
    reasons = models.JSONField(default=dict)  # ulceration, mobile, thrombus: yes, no, unclear
    caliper = models.JSONField(null=True)  # clip, frame, region, points; the lengths below are measured from it
    thickness_mm = models.FloatField(null=True)
    thickness_px = models.FloatField(null=True)
    order = models.JSONField(default=list)  # read ids, left to right
    seed = models.PositiveBigIntegerField()
    model_shown = models.BooleanField()

    def __str__(self) -> str:
        return f"{self.reader_class} on {self.adjudication_id}"


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

    def scoring(self) -> Self:
        """References that may score a model: none that was made with one visible. An earlier revision may remain."""
        return self.filter(model_visible=False)


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
    adjudication = models.ForeignKey(
        Adjudication, on_delete=models.PROTECT, null=True, blank=True, related_name="consensus"
    )
    basis = models.JSONField(null=True)  # how it came about: whose answer was taken, how many readers, …
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    model_visible = models.BooleanField(default=False)

    objects = ConsensusQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "kind", "revision"], name="consensus_revision_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.study_id}"


class CommentQuerySet(ScopedQuerySet):
    project_field = "case__round__project_id"

    def visible_to(self, user: User) -> Self:
        """Comments on visible cases."""
        return self.filter(case__in=Case.objects.visible_to(user))


class Comment(BaseModel):
    """What somebody said about a place on a frame: the first of a thread names the place, its answers name the thread.

    Rows are only added: ``settles`` true resolves the thread, false opens it again. ``x``, ``y`` are picture pixels.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="comments")
    thread = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="answers")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, null=True, related_name="+")
    frame = models.PositiveIntegerField(null=True)
    x = models.FloatField(null=True)
    y = models.FloatField(null=True)
    text = models.CharField(max_length=1000, blank=True)
    settles = models.BooleanField(null=True)

    objects = CommentQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(
                    thread__isnull=True, clip__isnull=False, frame__gte=1, x__gte=0, y__gte=0, settles__isnull=True
                )
                | Q(thread__isnull=False, clip__isnull=True, frame__isnull=True, x__isnull=True, y__isnull=True),
                name="comment_place",
            ),
            models.CheckConstraint(condition=~Q(text="") | Q(settles__isnull=False), name="comment_says_something"),
        ]

    def __str__(self) -> str:
        return f"comment on {self.case_id}"


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


__all__ = [
    "LIVE_ADJUDICATION", "UNDECIDED", "Adjudication", "AdjudicationPlan", "AdjudicationState", "BlindAnswer", "Case",
    "CaseState", "Consensus", "ConsensusKind", "DifferenceNote", "DifferenceReason", "ErrorReview", "FusionMethod",
    "LesionLink", "LesionOverlap", "LinkAct", "MaskOverlap", "MaskReference", "QueueEntry", "Trigger",
]  # fmt: skip
