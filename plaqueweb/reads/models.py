"""Facts and worklist: rounds, assignments, and what each physician answered."""

from __future__ import annotations

import secrets
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.models import BaseModel
from plaqueweb.core.work import LeasedRow, WorkState
from plaqueweb.reads.choices import (
    MODEL_ARMS,
    Arm,
    AssignmentState,
    Confidence,
    ConflictReason,
    Extent,
    Frames,
    MaskSource,
    PlaqueAnswer,
    PlaqueClass,
    Policy,
    Quality,
    ReadState,
    Reason,
    Reveal,
    RevisionKind,
    ScaleMethod,
    SignatureMeaning,
    Speciality,
    ThicknessSource,
    Visibility,
)
from plaqueweb.studies.blinding import results_visible
from plaqueweb.studies.choices import ClipUse, Segment, View
from plaqueweb.studies.models import ASSIGNED_STATES, CaseList, Clip, Project, Protocol, ScopedQuerySet, Study


def opaque_id() -> str:
    """Return an id that tells nothing, not even an order: what a reader meets instead of study keys."""
    return secrets.token_urlsafe(12)


class RoundQuerySet(ScopedQuerySet):
    def visible_to(self, user: User) -> Self:
        """Rounds the user manages or audits, or reads in."""
        managed = Q(pk__in=Round.objects.in_projects(user, Capability.VIEW_STUDIES).values("pk"))
        own = Q(pk__in=Assignment.objects.filter(reader=user).values("round_id"))
        return self.filter(managed | own)


class Round(BaseModel):
    """A case list × readers with a policy. Reads from elsewhere hang in a round with policy ``open``."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="rounds")
    protocol = models.ForeignKey(Protocol, on_delete=models.PROTECT, related_name="rounds")
    case_list = models.ForeignKey(CaseList, on_delete=models.PROTECT, related_name="rounds")
    name = models.CharField(max_length=120)
    policy = models.CharField(max_length=16, choices=Policy, default=Policy.BLINDED)
    reveal = models.CharField(max_length=16, choices=Reveal, default=Reveal.ALL_SIGNED)
    frames = models.CharField(max_length=16, choices=Frames, default=Frames.READER)
    fixed_frames = models.JSONField(null=True)  # {clip id: [frame numbers]}, of frames "fixed"
    stage_two_at = models.DateTimeField(null=True, blank=True)  # when all readers got the same frames, of "two_stages"
    reads_per_case = models.PositiveSmallIntegerField(null=True, blank=True)  # null: every reader reads every case
    repeats = models.PositiveSmallIntegerField(default=0)  # cases that each reader meets twice, unannounced
    repeat_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="repeated_by")
    washout_days = models.PositiveSmallIntegerField(null=True, blank=True)
    practice = models.ForeignKey(  # a practice set that has to be passed before cases open
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="opens"
    )
    pass_mark = models.PositiveSmallIntegerField(null=True, blank=True)  # of a practice set: % of cases that agree
    pipelines = models.JSONField(default=list)  # ids of the pipelines whose result is shown, where the policy shows one
    hides_verdict = models.BooleanField(default=False)  # readers are not told what the label rule says
    seed = models.PositiveBigIntegerField()
    read_set_sha256 = models.CharField(max_length=64, null=True)  # over the read sets of all its cases; null: none
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = RoundQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name"], name="round_name_once"),
            models.CheckConstraint(
                condition=~Q(reveal=Reveal.AFTER_EACH) | Q(repeats=0), name="round_repeats_reveal_late"
            ),
            models.CheckConstraint(
                condition=Q(repeat_of__isnull=True, washout_days__isnull=True)
                | Q(repeat_of__isnull=False, washout_days__isnull=False),
                name="round_repeat_has_washout",
            ),
            models.CheckConstraint(
                condition=Q(policy=Policy.PRACTICE, pass_mark__gte=1, pass_mark__lte=100)
                | (~Q(policy=Policy.PRACTICE) & Q(pass_mark__isnull=True)),
                name="round_practice_has_mark",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def hides_identity(self) -> bool:
        """Whether a reader may meet a case again here: then clips go by other names in every presentation."""
        return bool(self.repeats) or self.repeat_of_id is not None


class ReaderProfile(BaseModel):
    """What a reader says of the own experience; a report prints it. One for all projects."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reader_profile")
    speciality = models.CharField(max_length=16, choices=Speciality)
    years = models.PositiveSmallIntegerField()
    tee_count = models.PositiveIntegerField()
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.speciality}, {self.years} years"


class PracticeKey(BaseModel):
    """The known answer of one case of a practice set, as it was when the set was made. Never changed."""

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="keys")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="+")
    reader_class = models.SmallIntegerField(choices=PlaqueClass)
    thickness_mm = models.FloatField(null=True)
    source = models.CharField(max_length=64)

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["round", "study"], name="practice_key_once"),
            models.CheckConstraint(condition=Q(reader_class__in=[0, 1]), name="practice_key_class"),
        ]

    def __str__(self) -> str:
        return f"key of {self.study_id}"


class ReadSet(BaseModel):
    """What is read of one study in one round, as it was when the case was given out: later changes do not reach it."""

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="read_sets")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="read_sets")
    content_no = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["round", "study"], name="read_set_once")]

    def __str__(self) -> str:
        return f"read set of {self.study_id} in {self.round_id}"


class ReadSetClip(BaseModel):
    """One clip of a read set, with its use, segment and view then."""

    read_set = models.ForeignKey(ReadSet, on_delete=models.PROTECT, related_name="clips")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="read_sets")
    use = models.CharField(max_length=16, choices=ClipUse)
    segment = models.CharField(max_length=16, choices=Segment, blank=True)
    view = models.CharField(max_length=8, choices=View)

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["read_set", "clip"], name="read_set_clip_once")]

    def __str__(self) -> str:
        return f"{self.clip_id}: {self.use}"


class AssignmentQuerySet(ScopedQuerySet):
    project_field = "round__project_id"

    def own(self, user: User) -> Self:
        """What the user was asked to read."""
        return self.filter(reader=user).exclude(state__in=[AssignmentState.WITHDRAWN, AssignmentState.REASSIGNED])

    def visible_to(self, user: User) -> Self:
        """One’s own, while one may read in the project."""
        return self.own(user).in_projects(user, Capability.READ)

    def managed_by(self, user: User) -> Self:
        """All assignments of the rounds the user manages."""
        return self.in_projects(user, Capability.MANAGE_ROUNDS)


class Assignment(BaseModel):
    """One reader × one case of a round; a reader meets it as “Case 14 of 60” under an opaque id."""

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="assignments")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="assignments")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments")
    order_no = models.PositiveIntegerField()
    repeat_no = models.PositiveSmallIntegerField(default=0)
    stage_no = models.PositiveSmallIntegerField(default=1)  # 2: the answer with the model, or the same frames for all
    arm = models.CharField(max_length=16, choices=Arm, default=Arm.BLIND)
    frames = models.JSONField(null=True)  # [[clip id, frame], …] to mark, in this reader's order; null: free
    shown_prediction = models.UUIDField(null=True)  # the model's result that this reader first saw here
    public_id = models.CharField(max_length=24, unique=True, default=opaque_id)
    state = models.CharField(max_length=16, choices=AssignmentState, default=AssignmentState.ASSIGNED)
    opened_at = models.DateTimeField(null=True, blank=True)
    active_seconds = models.PositiveIntegerField(default=0)
    skip_reason = models.CharField(max_length=300, blank=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        ordering: ClassVar = ["order_no", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["round", "study", "reader", "repeat_no", "stage_no"], name="assignment_once"
            ),
            models.CheckConstraint(condition=Q(state__in=AssignmentState.values), name="assignment_state"),
        ]
        indexes: ClassVar = [models.Index(fields=["reader", "state", "order_no"], name="assignment_worklist")]

    def __str__(self) -> str:
        return f"case {self.order_no} of {self.round_id}"

    @property
    def frames_only(self) -> bool:
        """Whether nothing is asked but to mark given frames (second stage)."""
        return self.stage_no > 1 and self.arm not in MODEL_ARMS


class ReadQuerySet(ScopedQuerySet):
    project_field = "assignment__round__project_id"

    def visible_to(self, user: User) -> Self:
        """One's own reads, and others' signed ones where the project or a disclosure allows it.

        Blinding is a query, not a template.
        """
        own = Q(pk__in=Read.objects.own(user).values("pk"))
        others = Q(state=ReadState.SIGNED) & results_visible(user, study="assignment__study")
        return self.filter(own | others)

    def own(self, user: User) -> Self:
        """One’s own reads, as long as the case is one’s own and one may read in the project."""
        kept = self.filter(assignment__reader=user, assignment__state__in=ASSIGNED_STATES)
        return kept.in_projects(user, Capability.READ)

    def signed(self) -> Self:
        """Signed reads that no later signed revision replaces; a correction still in draft replaces nothing."""
        return self.filter(state=ReadState.SIGNED).exclude(superseded_by__state=ReadState.SIGNED)

    def counting(self) -> Self:
        """Signed reads that count: of each case the last revision signed before results were shown to its reader.

        Once informed, a case's later revisions all are: so a read counts until one that is not informed replaces it.
        """
        replaced = Q(superseded_by__state=ReadState.SIGNED) & ~Q(superseded_by__arm=Arm.INFORMED)
        rows = self.filter(state=ReadState.SIGNED).exclude(arm=Arm.INFORMED)
        return rows.filter(Q(superseded_by__isnull=True) | ~replaced)

    def answers(self) -> Self:
        """Reads that answer about the study: not the second stage, which only marks given frames."""
        marks = Q(arm__in=[Arm.BLIND, Arm.UNKNOWN]) | Q(arm=Arm.INFORMED, assignment__arm=Arm.BLIND)
        return self.exclude(Q(assignment__stage_no__gt=1) & marks)

    def unaided(self) -> Self:
        """First answers of real rounds without a model’s result in sight: the only ones that may score a model."""
        first = self.filter(assignment__stage_no=1).exclude(arm__in=MODEL_ARMS)
        return first.exclude(assignment__round__policy=Policy.PRACTICE)

    def replaced(self) -> Self:
        """Reads that count no more, because a later revision that counts replaces them."""
        return self.filter(superseded_by__state=ReadState.SIGNED).exclude(superseded_by__arm=Arm.INFORMED)


class Read(BaseModel):
    """One physician's answer on one study. A draft is replaced in place; a signed read never changes."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="reads")
    state = models.CharField(max_length=16, choices=ReadState, default=ReadState.DRAFT)
    draft_no = models.PositiveIntegerField(default=0)
    last_save_id = models.UUIDField(null=True, blank=True)
    saved_at = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveSmallIntegerField(default=1)
    arm = models.CharField(max_length=16, choices=Arm, default=Arm.BLIND)
    reader_class = models.SmallIntegerField(
        choices=PlaqueClass, null=True
    )  # null: not answered; CANNOT_ASSESS is a value
    rule_class = models.SmallIntegerField(null=True)  # derived by the label rule at completion
    rule_reason = models.CharField(max_length=200, blank=True)
    grade = models.PositiveSmallIntegerField(null=True)  # that of the index lesion, at completion
    plaque_present = models.BooleanField(null=True)  # derived from the findings at completion
    conflict_reason = models.CharField(max_length=16, choices=ConflictReason, null=True)  # class is not the verdict
    quality = models.CharField(max_length=16, choices=Quality, blank=True)
    quality_reasons = models.JSONField(null=True)  # of ``QualityReason``, where it is not good; null: none
    clip_quality = models.JSONField(null=True)  # {clip id: {"quality", "reasons"}} of clips that the reader judged
    confidence = models.CharField(max_length=16, choices=Confidence, blank=True)
    note = models.TextField(blank=True)
    own = models.JSONField(null=True)  # answers to the protocol's own questions, by key; null: none
    place = models.JSONField(null=True)  # {"clip", "frame"}: where the reader was, for the return to the case
    thickness_mm = models.FloatField(null=True)  # official thickness, derived at completion
    thickness_px = models.FloatField(null=True)
    thickness_source = models.CharField(max_length=16, choices=ThicknessSource, blank=True)
    manual_scale = models.BooleanField(null=True)  # the mm come from a scale that the reader set by hand
    content_no = models.PositiveIntegerField(default=0)
    completed_at = models.DateTimeField(null=True, blank=True)
    signed_at = models.DateTimeField(null=True, blank=True)
    signed_name = models.CharField(max_length=120, blank=True)
    meaning = models.CharField(max_length=16, choices=SignatureMeaning, blank=True)
    payload_sha256 = models.CharField(max_length=64, blank=True)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    revision_kind = models.CharField(max_length=16, choices=RevisionKind, null=True)
    revision_reason = models.CharField(max_length=500, null=True)

    objects = ReadQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["assignment", "revision"], name="read_revision_once"),
            models.UniqueConstraint(fields=["assignment"], condition=~Q(state=ReadState.SIGNED), name="read_one_draft"),
            models.CheckConstraint(
                condition=Q(reader_class__isnull=True) | Q(reader_class__in=PlaqueClass.values), name="read_class"
            ),
            models.CheckConstraint(
                condition=~Q(state=ReadState.SIGNED) | (Q(signed_at__isnull=False) & ~Q(payload_sha256="")),
                name="read_signed_is_hashed",
            ),
        ]

    def __str__(self) -> str:
        return f"read of {self.assignment_id}, revision {self.revision}"

    @property
    def is_correction(self) -> bool:
        """Whether it corrects a signed read; until it is signed too, that one stands."""
        return self.supersedes_id is not None

    @property
    def is_replaced(self) -> bool:
        """Whether a signed correction follows it."""
        later = getattr(self, "superseded_by", None)
        return later is not None and later.state == ReadState.SIGNED


class SegmentFinding(BaseModel):
    """What was seen in one segment. Empty until answered, never “none” by default."""

    read = models.ForeignKey(Read, on_delete=models.CASCADE, related_name="findings")
    segment = models.CharField(max_length=16, choices=Segment)
    visibility = models.CharField(max_length=8, choices=Visibility, blank=True)
    plaque = models.CharField(max_length=8, choices=PlaqueAnswer, blank=True)

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["read", "segment"], name="finding_segment_once")]

    def __str__(self) -> str:
        return f"{self.segment}: {self.plaque}"


class Lesion(BaseModel):
    """One plaque within one read; numbers are local."""

    read = models.ForeignKey(Read, on_delete=models.CASCADE, related_name="lesions")
    number = models.PositiveSmallIntegerField()
    segment = models.CharField(max_length=16, choices=Segment, blank=True)
    is_index = models.BooleanField(default=False)
    key_clip = models.ForeignKey(Clip, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    key_frame = models.PositiveIntegerField(null=True, blank=True)
    key_region = models.PositiveSmallIntegerField(null=True, blank=True)
    ulceration = models.CharField(max_length=8, choices=Reason, blank=True)
    mobile = models.CharField(max_length=8, choices=Reason, blank=True)
    thrombus = models.CharField(max_length=8, choices=Reason, blank=True)
    grade = models.PositiveSmallIntegerField(null=True)  # derived by the protocol's scheme
    grade_given = models.PositiveSmallIntegerField(null=True)  # the reader's own, which overrules it; null: none
    thickness_mm = models.FloatField(null=True)
    thickness_px = models.FloatField(null=True)
    thickness_source = models.CharField(max_length=16, choices=ThicknessSource, blank=True)
    manual_scale = models.BooleanField(null=True)  # as in Read

    class Meta(BaseModel.Meta):
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["read", "number"], name="lesion_number_once"),
            models.UniqueConstraint(fields=["read"], condition=Q(is_index=True), name="lesion_one_index"),
        ]

    def __str__(self) -> str:
        return f"lesion {self.number}"


class FrameAnnotation(BaseModel):
    """What a read holds on one frame. A frame without one is unknown, never negative."""

    read = models.ForeignKey(Read, on_delete=models.CASCADE, related_name="annotations")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    frame = models.PositiveIntegerField()
    region = models.PositiveSmallIntegerField(default=1)
    extent = models.CharField(max_length=16, choices=Extent, blank=True)
    outline = models.JSONField(null=True, blank=True)
    calipers = models.JSONField(default=list)  # kind, lesion, points in image px, px, mm: all lengths by the server

    class Meta(BaseModel.Meta):
        ordering: ClassVar = ["clip_id", "frame"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["read", "clip", "frame", "region"], name="annotation_frame_once"),
            models.CheckConstraint(condition=Q(frame__gte=1), name="annotation_frame_from_one"),
        ]

    def __str__(self) -> str:
        return f"frame {self.frame} of {self.clip_id}"


class ManualScale(BaseModel):
    """The scale of one region as one reader set it, in one read; the region itself stays as the file has it."""

    read = models.ForeignKey(Read, on_delete=models.CASCADE, related_name="scales")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    region = models.PositiveSmallIntegerField()
    row_mm = models.FloatField()
    col_mm = models.FloatField()
    method = models.CharField(max_length=16, choices=ScaleMethod)
    lines = models.JSONField()  # [{"points": [[x, y], [x, y]] in image px, "mm"}]: one, or one along each axis
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["read", "clip", "region"], name="manual_scale_region_once"),
            models.CheckConstraint(
                condition=Q(row_mm__gt=0, col_mm__gt=0, row_mm__lt=100, col_mm__lt=100), name="manual_scale_mm"
            ),
            models.CheckConstraint(condition=Q(method__in=ScaleMethod.values), name="manual_scale_method"),
        ]

    def __str__(self) -> str:
        return f"{self.row_mm:.3f} × {self.col_mm:.3f} mm/px in region {self.region} of {self.clip_id}"


class FrameMask(models.Model):
    """Masks of the lesions on one frame, apart from the annotation so that lists never read them."""

    annotation = models.OneToOneField(FrameAnnotation, on_delete=models.CASCADE, primary_key=True, related_name="mask")
    rows = models.PositiveIntegerField()
    columns = models.PositiveIntegerField()
    rle = models.BinaryField(null=True)  # zlib of JSON {lesion number: row-major RLE, zero run first}; null once erased
    sha256 = models.CharField(max_length=64)
    areas = models.JSONField(default=dict)  # {lesion number: {"px", "mm2", "source"}}
    source = models.CharField(max_length=16, choices=MaskSource, default=MaskSource.DRAWN)

    def __str__(self) -> str:
        return f"masks of {self.annotation_id}"


class Propagation(BaseModel, LeasedRow):
    """The wish to carry one painted mask over its clip by optical flow; the result is a draft nobody has accepted yet.

    A scratch row: it goes when its read is completed. What a reader accepts is saved with the read like any mask.
    """

    read = models.ForeignKey(Read, on_delete=models.CASCADE, related_name="propagations")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    frame = models.PositiveIntegerField()
    region = models.PositiveSmallIntegerField()
    lesion = models.PositiveSmallIntegerField()
    frames = models.JSONField()  # numbers of the frames to reach
    rle = models.BinaryField()  # the painted mask, packed as in FrameMask
    result = models.BinaryField(null=True)  # zlib of JSON [{"frame", "rle", "likeness"}]; null until it is done

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            *LeasedRow.work_constraints("propagation"),
            models.UniqueConstraint(
                fields=["read"],
                condition=Q(work_state__in=[WorkState.CREATED, WorkState.QUEUED, WorkState.RUNNING]),
                name="propagation_one_at_a_time",
            ),
        ]
        indexes: ClassVar = [LeasedRow.work_index("propagation")]

    def __str__(self) -> str:
        return f"lesion {self.lesion} from frame {self.frame} of {self.clip_id}"


__all__ = [
    "Assignment", "FrameAnnotation", "FrameMask", "Lesion", "ManualScale", "PracticeKey", "Propagation", "Read",
    "ReadSet", "ReadSetClip", "ReaderProfile", "Round", "SegmentFinding", "opaque_id",
]  # fmt: skip
