"""Facts: what was examined. Results live in other rooms; nothing other people do moves a row here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from plaqueweb.accounts.models import Membership, User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.models import BaseModel, StoredObject
from plaqueweb.studies.choices import (
    PARTIAL_DISCLOSURES,
    CalibrationSource,
    ClipKind,
    ClipState,
    ClipUse,
    DisclosureKind,
    ListPurpose,
    Segment,
    StoredAs,
    ThicknessFrom,
    View,
)

if TYPE_CHECKING:
    from inference.types import RegionBox

DEFAULT_RULE: dict[str, Any] = {
    "version": "complex@4mm-v1",
    "thickness_mm": 4.0,
    "reasons": ["ulceration", "mobile", "thrombus"],
}
# ``reads`` stands above this room: these are its words for cases that are still the reader's (a test compares them).
ASSIGNED_STATES = ("assigned", "opened", "completed", "signed", "skipped")
DEFAULT_REQUIRED = ["findings", "class", "quality", "confidence"]


def projects_with(user: User, capability: str) -> models.QuerySet[Membership, Any]:
    """Ids of the projects in which a user holds a capability, as a subquery."""
    return Membership.objects.filter(user=user).with_capability(capability).values("project_id")


class ScopedQuerySet(models.QuerySet[Any]):
    """Rows of a project; ``project_field`` leads from the row to its project id."""

    project_field = "project_id"

    def in_projects(self, user: User, capability: str) -> Self:
        """Rows of the projects in which the user holds the capability."""
        return self.filter(**{f"{self.project_field}__in": projects_with(user, capability)})


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: User) -> ProjectQuerySet:
        """Projects the user is a member of."""
        return self.filter(memberships__user=user)


class Project(BaseModel):
    """One reading programme: members, roles, protocol, case lists. The boundary of all access."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    is_synthetic = models.BooleanField(default=False)  # shown on every page of the project
    is_demo = models.BooleanField(default=False)

    objects = ProjectQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class ProtocolQuerySet(ScopedQuerySet):
    def visible_to(self, user: User) -> Self:
        """Protocols of the user's projects."""
        return self.filter(project__memberships__user=user)


class Protocol(BaseModel):
    """What readers are asked, and by which rule a plaque is complex. Frozen by the first signature under it."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="protocols")
    version = models.PositiveSmallIntegerField(default=1)
    label_rule = models.JSONField(default=dict)
    grading = models.JSONField(null=True)  # a full copy of the scheme, as ``studies.grading`` has it; null: no grade
    segments = models.JSONField(default=list)
    required = models.JSONField(default=list)
    thickness_from = models.CharField(max_length=16, choices=ThicknessFrom, null=True)  # null: caliper, else the mask
    marks = models.JSONField(null=True)  # of ``MarkAsked``, what the index lesion must have; null: none
    questions = models.JSONField(null=True)  # the project's own, as ``studies.questions`` has them; null: none
    guide = models.JSONField(null=True)  # sections of the reading guide, as ``studies.guide`` has them; null: none
    frozen_at = models.DateTimeField(null=True, blank=True)

    objects = ProtocolQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "version"], name="protocol_version_once")]

    def __str__(self) -> str:
        return f"{self.project} protocol v{self.version}"

    @property
    def counts_calipers(self) -> bool:
        """Whether a thickness caliper gives the official thickness of a lesion."""
        return self.thickness_from != ThicknessFrom.MASK

    @property
    def counts_masks(self) -> bool:
        """Whether a mask gives the official thickness, where no caliper did."""
        return self.thickness_from != ThicknessFrom.CALIPER

    @property
    def own_questions(self) -> list[dict[str, Any]]:
        """The project's own questions, in their order."""
        return self.questions or []


class GuidePictureQuerySet(ScopedQuerySet):
    def visible_to(self, user: User) -> Self:
        """Pictures of the user's projects."""
        return self.filter(project__memberships__user=user)


class GuidePicture(BaseModel):
    """A picture of a project's reading guides, named by the hash of its bytes. Guides name it; it names no study."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="guide_pictures")
    stored = models.ForeignKey(StoredObject, on_delete=models.PROTECT, related_name="+")
    media_type = models.CharField(max_length=16)
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()

    objects = GuidePictureQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["stored"], name="guide_picture_once")]

    def __str__(self) -> str:
        return f"guide picture {self.stored.sha256[:12]}"


class SubjectQuerySet(ScopedQuerySet):
    def visible_to(self, user: User) -> Self:
        """Subjects of projects where the user may see studies."""
        return self.in_projects(user, Capability.VIEW_STUDIES)


class Subject(BaseModel):
    """A patient under a pseudonym; real identifiers never enter the database."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="subjects")
    pseudonym = models.CharField(max_length=40)
    sex = models.CharField(max_length=1, blank=True)
    age_band = models.CharField(max_length=8, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = SubjectQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "pseudonym"], name="subject_pseudonym_once")
        ]

    def __str__(self) -> str:
        return self.pseudonym


def study_label(number: int) -> str:
    """A study's name for people, e.g. S-0012."""
    return f"S-{number:04d}"


class StudyQuerySet(ScopedQuerySet):
    def visible_to(self, user: User) -> Self:
        """Studies of projects where the user may see studies; readers meet assignments instead."""
        return self.in_projects(user, Capability.VIEW_STUDIES)


class Study(BaseModel):
    """One TEE examination of a subject. ``content_no`` counts what it holds: a late clip raises it."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="studies")
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="studies")
    number = models.PositiveIntegerField()  # S-0001, per project, for people
    uid = models.CharField(max_length=64)
    shifted_date = models.DateField(null=True, blank=True)
    site = models.CharField(max_length=40, blank=True)  # a label that a person gave, never what a file says
    content_no = models.PositiveIntegerField(default=0)
    content_hash = models.CharField(max_length=64, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    prepared_at = models.DateTimeField(null=True, blank=True)  # a person has gone through its clips
    preparing_at = models.DateTimeField(null=True, blank=True)  # what is read was changed and is not settled yet
    last_arrival_at = models.DateTimeField(null=True, blank=True)

    objects = StudyQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "uid"], name="study_uid_once"),
            models.UniqueConstraint(fields=["project", "number"], name="study_number_once"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """Return the study's name for people, e.g. S-0012."""
        return study_label(self.number)


class ClipQuerySet(ScopedQuerySet):
    project_field = "study__project_id"

    def visible_to(self, user: User) -> Self:
        """Stored clips of visible studies, and those to be read in the cases assigned to the user.

        A measurement drawn into the picture is an answer: it stays hidden from whoever still reads the study blind.
        """
        from plaqueweb.studies.blinding import blinded_studies

        mine = Q(
            study__assignments__reader=user,
            study__assignments__opened_at__isnull=False,
            study__assignments__state__in=ASSIGNED_STATES,
            study__project_id__in=projects_with(user, Capability.READ),
            state=ClipState.STORED,
        )
        seen = Q(study__project_id__in=projects_with(user, Capability.VIEW_STUDIES))
        signed = Q(study__assignments__state="signed", use=ClipUse.REFERENCE)
        frozen = Q(read_sets__read_set__round__assignments__reader=user, read_sets__use=ClipUse.READ)
        tells = Q(calipers=True, study__in=blinded_studies(user))
        found = seen & ~tells | mine & (Q(use=ClipUse.READ) | signed & ~tells | frozen)
        return self.filter(pk__in=Clip.objects.filter(found).values("pk"))

    def for_reading(self) -> Self:
        """Clips a reader and a model look at."""
        return self.filter(state=ClipState.STORED, use=ClipUse.READ)


class Clip(BaseModel):
    """One DICOM instance or picture: a still or a cine; frames are numbered from 1."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="clips")
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=8, choices=ClipKind)
    sop_uid = models.CharField(max_length=64)
    frames = models.PositiveIntegerField()
    rows = models.PositiveIntegerField()
    columns = models.PositiveIntegerField()
    frame_times_ms = models.JSONField(default=list)
    heart = models.JSONField(null=True)  # r_ms, r_from, ecg, as ``inference.dicom.heart`` has them; null: nothing told
    source_sha256 = models.CharField(max_length=64)
    stored_as = models.CharField(max_length=24, choices=StoredAs)
    cine = models.ForeignKey(StoredObject, on_delete=models.PROTECT, related_name="+")
    frame_offsets = models.JSONField(default=list)  # byte offset and length of each frame in the cine bundle
    synthetic = models.BooleanField(default=False)
    burnt_in = models.BooleanField(default=False)
    calipers = models.BooleanField(default=False)  # a measurement is, or seems to be, drawn into the picture
    colour_share = models.FloatField(default=0.0)
    manufacturer = models.CharField(max_length=64, blank=True)
    scanner_model = models.CharField(max_length=64, blank=True)
    segment = models.CharField(max_length=16, choices=Segment, blank=True)
    view = models.CharField(max_length=8, choices=View, default=View.UNKNOWN)
    use = models.CharField(max_length=16, choices=ClipUse, default=ClipUse.READ)
    use_reason = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=16, choices=ClipState)

    objects = ClipQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        ordering: ClassVar = ["number", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "sop_uid"], name="clip_sop_once"),
            models.CheckConstraint(condition=Q(frames__gte=1, rows__gte=1, columns__gte=1), name="clip_not_empty"),
        ]

    def __str__(self) -> str:
        return f"clip {self.number}"


REGION_STRIPS = ("ecg", "depth_ruler")


class RegionQuerySet(ScopedQuerySet):
    project_field = "clip__study__project_id"

    def visible_to(self, user: User) -> Self:
        """Regions of visible clips."""
        return self.filter(clip__in=Clip.objects.visible_to(user))


class Region(BaseModel):
    """A part of the picture with its own calibration. No calibration means pixels, never a guessed mm."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="regions")
    number = models.PositiveSmallIntegerField()
    x0 = models.PositiveIntegerField()
    y0 = models.PositiveIntegerField()
    x1 = models.PositiveIntegerField()
    y1 = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, default="tissue")
    row_mm = models.FloatField(null=True, blank=True)
    col_mm = models.FloatField(null=True, blank=True)
    source = models.CharField(max_length=16, choices=CalibrationSource, default=CalibrationSource.NONE)
    valid = models.BooleanField(default=True)
    reason = models.CharField(max_length=200, blank=True)
    view = models.CharField(max_length=8, choices=View, default=View.UNKNOWN)

    objects = RegionQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clip", "number"], name="region_number_once"),
            models.CheckConstraint(
                condition=Q(row_mm__isnull=True, col_mm__isnull=True)
                | Q(row_mm__gt=0, col_mm__gt=0, row_mm__lt=100, col_mm__lt=100),
                name="region_both_mm_or_none",
            ),
            models.CheckConstraint(condition=Q(x1__gte=F("x0"), y1__gte=F("y0")), name="region_box"),
        ]

    def __str__(self) -> str:
        return f"region {self.number} of {self.clip_id}"

    @property
    def is_strip(self) -> bool:
        """Tell whether the box shows no tissue but an ECG or the depth ruler."""
        return self.kind in REGION_STRIPS

    @property
    def spacing(self) -> tuple[float, float] | None:
        """Return ``(row_mm, col_mm)``, or None where there is no valid scale."""
        if not self.valid or self.row_mm is None or self.col_mm is None:
            return None
        return self.row_mm, self.col_mm

    def box(self) -> RegionBox:
        """Return the library's form of this region."""
        from inference.types import RegionBox

        return RegionBox(
            number=self.number, x0=self.x0, y0=self.y0, x1=self.x1, y1=self.y1,
            row_mm=self.row_mm, col_mm=self.col_mm, source=self.source,  # type: ignore[arg-type]
            valid=self.valid, reason=self.reason, view=self.view,  # type: ignore[arg-type]
        )  # fmt: skip


class CaseListQuerySet(ScopedQuerySet):
    def visible_to(self, user: User) -> Self:
        """Case lists of projects where the user may see studies."""
        return self.in_projects(user, Capability.VIEW_STUDIES)


class CaseList(BaseModel):
    """A frozen, hashed list of studies with a purpose."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="case_lists")
    name = models.CharField(max_length=120)
    purpose = models.CharField(max_length=16, choices=ListPurpose)
    frozen_at = models.DateTimeField(null=True, blank=True)
    hash = models.CharField(max_length=64, blank=True)

    objects = CaseListQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "name"], name="case_list_name_once")]

    def __str__(self) -> str:
        return self.name


class CaseListItem(BaseModel):
    """A study in a case list, with the content it had when the list was frozen."""

    case_list = models.ForeignKey(CaseList, on_delete=models.PROTECT, related_name="items")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="list_items")
    content_no = models.PositiveIntegerField(default=0)

    class Meta(BaseModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["case_list", "study"], name="case_list_study_once")]

    def __str__(self) -> str:
        return f"{self.case_list_id} {self.study_id}"


class DisclosureQuerySet(models.QuerySet["Disclosure"]):
    def visible_to(self, user: User) -> DisclosureQuerySet:
        """One's own disclosures."""
        return self.filter(user=user)

    def full(self) -> DisclosureQuerySet:
        """Disclosures that opened all results of a study."""
        return self.exclude(kind__in=PARTIAL_DISCLOSURES)


class Disclosure(BaseModel):
    """What was revealed to whom and when: the one source of unblinding. Rows are only added."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="disclosures")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="disclosures")
    kind = models.CharField(max_length=16, choices=DisclosureKind)
    round_id = models.UUIDField(null=True)

    objects = DisclosureQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        verbose_name = _("disclosure")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "study", "round_id", "kind"], name="disclosure_once")
        ]

    def __str__(self) -> str:
        return f"{self.study_id} to {self.user_id}"
