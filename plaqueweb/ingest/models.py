"""What arrives: received → parsed → stored | quarantined | refused."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.models import BaseModel, StoredObject
from plaqueweb.core.work import LeasedRow
from plaqueweb.studies.models import Clip, Project, ScopedQuerySet, Study


class UploadState(models.TextChoices):
    RECEIVED = "received", _("received")
    PARSED = "parsed", _("parsed")
    STORED = "stored", _("stored")
    QUARANTINED = "quarantined", _("held")
    REFUSED = "refused", _("refused")


class UploadKind(models.TextChoices):
    FILE = "file", _("file")
    ARCHIVE = "archive", _("zip")


class UploadQuerySet(ScopedQuerySet):
    def visible_to(self, user: User) -> Self:
        """Uploads of projects in which the user may add or release studies."""
        both = self.in_projects(user, Capability.UPLOAD) | self.in_projects(user, Capability.RELEASE)
        return both.distinct()


class Upload(BaseModel, LeasedRow):
    """One file on its way in. The file's name is never stored; a zip's members are uploads with a parent."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="uploads")
    batch = models.UUIDField(db_index=True)  # one drop; files without tags of one batch form one study
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="members")
    site = models.CharField(max_length=40, blank=True)  # for studies that this file begins
    kind = models.CharField(max_length=8, choices=UploadKind, default=UploadKind.FILE)
    state = models.CharField(max_length=16, choices=UploadState, default=UploadState.RECEIVED)
    source = models.ForeignKey(StoredObject, on_delete=models.SET_NULL, null=True, related_name="+")
    sha256 = models.CharField(max_length=64)
    bytes = models.PositiveBigIntegerField()
    rule = models.CharField(max_length=32, blank=True)
    tag = models.CharField(max_length=16, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    findings = models.JSONField(default=list)
    report = models.JSONField(default=dict)  # the intake child's de-identified report
    clip = models.ForeignKey(Clip, on_delete=models.SET_NULL, null=True, related_name="uploads")
    study = models.ForeignKey(Study, on_delete=models.SET_NULL, null=True, related_name="uploads")
    batch_closed = models.BooleanField(default=False)

    objects = UploadQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            *LeasedRow.work_constraints("upload"),
            models.CheckConstraint(condition=Q(state__in=UploadState.values), name="upload_state"),
            models.CheckConstraint(
                condition=~Q(state=UploadState.REFUSED) | ~Q(rule=""), name="upload_refused_names_rule"
            ),
        ]
        indexes: ClassVar = [LeasedRow.work_index("upload")]

    def __str__(self) -> str:
        return f"upload {self.sha256[:12]}: {self.state}"
