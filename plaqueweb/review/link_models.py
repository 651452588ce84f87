"""What people say about which lesions are the same plaque, and what the rule found, kept since answers never change."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from plaqueweb.accounts.models import User
from plaqueweb.core.models import BaseModel
from plaqueweb.studies.blinding import results_visible
from plaqueweb.studies.models import ScopedQuerySet


class LinkAct(models.TextChoices):
    LINK = "link", _("the same plaque")
    UNLINK = "unlink", _("not the same plaque")
    RULE = "rule", _("left to the rule again")


class LesionLinkQuerySet(ScopedQuerySet):
    project_field = "case__round__project_id"

    def visible_to(self, user: User) -> Self:
        """Acts on studies the user is not blinded to."""
        return self.filter(results_visible(user, study="case__study"))


class LesionLink(BaseModel):
    """One act: a person says of two lesions of a case that they are the same plaque, or not, or takes it back.

    Rows are only added; the last act on a pair counts, and a later link of one of its lesions replaces an earlier one.
    The first side is a read, the second another read (of two reads the one with the lower id is first) or a prediction.
    ``act_id`` is made by the client: the same one again stores nothing twice.
    """

    case = models.ForeignKey("review.Case", on_delete=models.PROTECT, related_name="links")
    act_id = models.UUIDField(unique=True)
    act = models.CharField(max_length=8, choices=LinkAct)
    read_id = models.UUIDField()
    lesion = models.CharField(max_length=64)
    other_read_id = models.UUIDField(null=True)
    prediction_id = models.UUIDField(null=True)
    other_lesion = models.CharField(max_length=64)
    reason = models.CharField(max_length=300, blank=True)
    rule_version = models.CharField(max_length=32)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    objects = LesionLinkQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(act__in=LinkAct.values), name="lesion_link_act"),
            models.CheckConstraint(
                condition=Q(other_read_id__isnull=True, prediction_id__isnull=False)
                | Q(other_read_id__isnull=False, prediction_id__isnull=True),
                name="lesion_link_one_other",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["read_id"], name="lesion_link_read")]

    def __str__(self) -> str:
        return f"{self.act} {self.lesion} and {self.other_lesion}"


class LesionOverlap(BaseModel):
    """The candidates that one version of the rule found between two signed answers: derived, and can be dropped.

    ``found`` is a list of ``matching_store.packed`` candidates.
    """

    first_id = models.UUIDField()
    second_id = models.UUIDField()
    rule_version = models.CharField(max_length=32)
    found = models.JSONField(default=list)

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["first_id", "second_id", "rule_version"], name="lesion_overlap_once"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} and {self.second_id} by {self.rule_version}"
