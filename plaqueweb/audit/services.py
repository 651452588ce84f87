"""Write and verify the audit trail."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any

from django.db import connection, models, transaction

from plaqueweb.audit.models import AuditEvent, actor_key

if TYPE_CHECKING:
    from plaqueweb.accounts.models import User

GENESIS = "0" * 64
SEAL_LOCK = 0x5EA1  # PostgreSQL advisory lock: one sealer at a time


def record_event(
    *,
    actor: User | None,
    verb: str,
    target: models.Model,
    project_id: uuid.UUID | None = None,
    diff: dict[str, Any] | None = None,
) -> AuditEvent:
    """Write one event in the caller's transaction.

    Args:
        actor: who did it; None is the system.
        verb: ``noun.verb-ed``, e.g. ``read.signed``.
        target: the row it happened to.
        project_id: taken from the target where it has one.
        diff: JSON-ready facts; never identifiers of a patient.
    """
    scope = project_id or getattr(target, "project_id", None)
    return AuditEvent.objects.create(
        project_id=scope,
        actor_id=actor_key(actor),
        verb=verb,
        object_type=target._meta.label_lower,
        object_id=str(target.pk),
        diff=diff or {},
    )


def event_hash(event: AuditEvent, previous: str) -> str:
    """Return SHA-256 over the previous hash and the event's canonical JSON."""
    body = {
        "id": event.pk,
        "project": str(event.project_id or ""),
        "actor": str(event.actor_id or ""),
        "verb": event.verb,
        "object": [event.object_type, event.object_id],
        "at": event.at.isoformat(),
        "diff": event.diff,
    }
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256((previous + canonical).encode()).hexdigest()


@transaction.atomic
def seal_events(*, limit: int = 1000) -> int:
    """Chain the events that are not sealed yet, oldest first, and return how many were sealed."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEAL_LOCK])
            if not cursor.fetchone()[0]:
                return 0
    waiting = list(AuditEvent.objects.filter(hash="").order_by("id")[:limit])
    if not waiting:
        return 0
    last = AuditEvent.objects.exclude(hash="").order_by("-id").first()
    previous = last.hash if last else GENESIS
    for event in waiting:
        event.previous_hash, event.hash = previous, event_hash(event, previous)
        AuditEvent.objects.filter(pk=event.pk, hash="").update(previous_hash=previous, hash=event.hash)
        previous = event.hash
    return len(waiting)


def verify_chain() -> AuditEvent | None:
    """Return the first event whose hash does not fit, or None when the sealed trail is whole."""
    previous = GENESIS
    for event in AuditEvent.objects.exclude(hash="").order_by("id").iterator():
        if event.previous_hash != previous or event.hash != event_hash(event, previous):
            return event
        previous = event.hash
    return None
