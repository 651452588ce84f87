"""Masks made of several readers' masks of one frame: references for overlap. Written once from hashed inputs."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from plaqueweb.accounts.models import User
from plaqueweb.core.models import BaseModel
from plaqueweb.studies.blinding import results_visible
from plaqueweb.studies.models import Clip, ScopedQuerySet, Study


class FusionMethod(models.TextChoices):
    STAPLE = "staple", _("STAPLE of the readers")
    MAJORITY = "majority", _("pixel majority of the readers")


class MaskReferenceQuerySet(ScopedQuerySet):
    project_field = "study__project_id"

    def visible_to(self, user: User) -> Self:
        """Fused masks of studies whose results may be shown to the user."""
        return self.filter(results_visible(user))


class MaskReference(BaseModel):
    """One frame's plaque as its readers drew it together. Never edited; other inputs are another row.

    ``input_hash`` covers method, code version, place, and each read's id with its mask's sha256. ``raters`` lists read,
    reader, sensitivity and specificity (None by majority). ``rle`` holds row-major runs, packed; erasable, as a read's.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="mask_references")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    frame = models.PositiveIntegerField()
    region = models.PositiveSmallIntegerField(default=1)
    method = models.CharField(max_length=16, choices=FusionMethod)
    version = models.CharField(max_length=32)
    input_hash = models.CharField(max_length=64, unique=True)
    raters = models.JSONField(default=list)
    rows = models.PositiveIntegerField()
    columns = models.PositiveIntegerField()
    rle = models.BinaryField(null=True)
    area_px = models.PositiveIntegerField()

    objects = MaskReferenceQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(method__in=FusionMethod.values), name="mask_reference_method"),
        ]
        indexes: ClassVar = [models.Index(fields=["study", "method"], name="mask_reference_of")]

    def __str__(self) -> str:
        return f"{self.method} of {len(self.raters)} on frame {self.frame}"
