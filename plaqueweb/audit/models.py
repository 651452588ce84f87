"""Who did what, append-only. Plain ids, no foreign keys: the trail outlives what it speaks of."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models

if TYPE_CHECKING:
    from plaqueweb.accounts.models import User


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def in_projects(self, project_ids: Any) -> AuditEventQuerySet:
        """Events of the given projects; who may ask is decided by the caller's capability."""
        return self.filter(project_id__in=project_ids)


class AuditEvent(models.Model):
    """One change by one actor, written in the change's own transaction, chained by a sealer; triggers refuse more."""

    id = models.BigAutoField(primary_key=True)
    project_id = models.UUIDField(null=True, db_index=True)
    actor_id = models.UUIDField(null=True)  # null: the system itself
    verb = models.CharField(max_length=64)
    object_type = models.CharField(max_length=64)
    object_id = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)
    diff = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64, blank=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["project_id", "-id"], name="audit_project_newest")]
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.verb} {self.object_type} {self.object_id}"


def actor_key(actor: User | None) -> uuid.UUID | None:
    """Return the plain id of an actor; None stands for the system."""
    return None if actor is None else actor.pk
