"""Base model and stored objects. No domain."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from plaqueweb.core.ids import uuid7
from plaqueweb.core.work import LeasedRow, WorkState

__all__ = ["BaseModel", "LeasedRow", "ObjectKind", "StoredObject", "WorkState"]


class BaseModel(models.Model):
    """A row with a UUIDv7 key and the time it was made."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering: ClassVar[list[str]] = ["-id"]


class ObjectKind(models.TextChoices):
    INCOMING = "incoming", _("uploaded file, before intake")
    CINE = "cine", _("frames of a clip")
    MASKS = "masks", _("masks of a prediction")
    MAPS = "maps", _("explanation of a prediction")
    GUIDE = "guide", _("picture of a reading guide")


class StoredObject(BaseModel):
    """A file in object storage, named by the hash of its content and linked by rows; unlinked ones are swept."""

    project_id = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=16, choices=ObjectKind)
    sha256 = models.CharField(max_length=64)
    bytes = models.PositiveBigIntegerField()
    key = models.CharField(max_length=200)

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project_id", "kind", "sha256"], name="stored_object_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.sha256[:12]}"
