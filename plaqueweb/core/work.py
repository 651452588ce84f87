"""Leased rows: long work is a row that a worker claims, keeps by a heartbeat, and finishes under its token.

The message broker is only a doorbell. Claims are compare-and-set updates, so they hold on SQLite and PostgreSQL alike;
time comes from the database.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from plaqueweb.core import limits
from plaqueweb.core.errors import DomainError


class Overtaken(DomainError):
    """The lease was lost: another worker holds the row, or it was cancelled. Stop and write nothing."""

    status, title, default_rule = 409, "Overtaken", "overtaken"


class WorkState(models.TextChoices):
    CREATED = "created", _("waits")
    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    DEAD = "dead", _("failed for good")
    CANCELLED = "cancelled", _("cancelled")


class LeasedRow(models.Model):
    """What every long job carries. ``attempts`` counts lost leases, ``failures`` exceptions: they kill apart."""

    work_state = models.CharField(max_length=16, choices=WorkState, default=WorkState.QUEUED)
    priority = models.SmallIntegerField(default=0)  # higher first
    owner_id = models.UUIDField(null=True, blank=True)  # who asked; fairness between people
    attempts = models.PositiveSmallIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    queued_at = models.DateTimeField(null=True, blank=True, db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    error_code = models.CharField(max_length=64, blank=True)
    log = models.TextField(blank=True)

    class Meta:
        abstract = True

    @staticmethod
    def work_constraints(name: str) -> list[models.CheckConstraint]:
        """Return the CHECK constraints a concrete table lists in its Meta."""
        return [
            models.CheckConstraint(condition=Q(work_state__in=WorkState.values), name=f"{name}_work_state"),
            models.CheckConstraint(
                condition=~Q(work_state=WorkState.RUNNING) | Q(token__isnull=False, lease_until__isnull=False),
                name=f"{name}_running_is_leased",
            ),
        ]

    @staticmethod
    def work_index(name: str) -> models.Index:
        """Return the index the claim uses."""
        return models.Index(fields=["work_state", "-priority", "id"], name=f"{name}_work")


@dataclass
class Claim:
    """A worker's hold on one row: valid while the token stands in it."""

    model: type[LeasedRow]
    pk: uuid.UUID
    token: uuid.UUID
    lease: timedelta

    ACTIVE: ClassVar[str] = WorkState.RUNNING

    def rows(self) -> models.QuerySet[Any]:
        """Return the row as long as it is ours."""
        return self.model._default_manager.filter(pk=self.pk, token=self.token, work_state=WorkState.RUNNING)

    def extend(self, done: int, total: int) -> None:
        """Report progress and keep the lease. Called only when something moved: a hung job loses its row.

        Raises:
            Overtaken: the lease was lost or cancellation was asked for.
        """
        changes = {"progress_done": done, "progress_total": total, "lease_until": Now() + self.lease}
        if not self.rows().filter(cancel_requested=False).update(**changes):
            raise Overtaken("the lease was lost or the work was cancelled")


def claim_next(model: type[LeasedRow], *, lease: timedelta = limits.LEASE, where: Q | None = None) -> Claim | None:
    """Take the best queued row: priority first, then the owner with the least running, then age.

    Returns:
        A claim, or None when nothing is queued. Two workers never get the same row.
    """
    manager = model._default_manager
    while True:
        waiting = manager.filter(work_state=WorkState.QUEUED, cancel_requested=False)
        if where is not None:
            waiting = waiting.filter(where)
        pk = _fairest(model, waiting)
        if pk is None:
            return None
        token = uuid.uuid4()
        taken = manager.filter(pk=pk, work_state=WorkState.QUEUED, cancel_requested=False).update(
            work_state=WorkState.RUNNING,
            token=token,
            lease_until=Now() + lease,
            started_at=Now(),
            finished_at=None,
            error_code="",
            progress_done=0,
        )
        if taken:
            return Claim(model=model, pk=pk, token=token, lease=lease)


def _fairest(model: type[LeasedRow], waiting: models.QuerySet[Any]) -> uuid.UUID | None:
    busy = (
        model._default_manager.filter(work_state=WorkState.RUNNING, owner_id=models.OuterRef("owner_id"))
        .order_by()
        .values("owner_id")
        .annotate(n=models.Count("pk"))
        .values("n")
    )
    ranked = waiting.annotate(
        owner_busy=models.functions.Coalesce(models.Subquery(busy, output_field=models.IntegerField()), 0)
    )
    pk: uuid.UUID | None = ranked.order_by("-priority", "owner_busy", "pk").values_list("pk", flat=True).first()
    return pk


def close(claim: Claim, **changes: Any) -> None:
    """Mark the row done under its token; call it inside the transaction that writes the result.

    Raises:
        Overtaken: the row is no longer ours; the caller's transaction must roll back.
    """
    if (
        not claim.rows()
        .filter(cancel_requested=False)
        .update(work_state=WorkState.DONE, token=None, lease_until=None, finished_at=Now(), **changes)
    ):
        raise Overtaken("the lease was lost or the work was cancelled")


def fail(claim: Claim, *, code: str, log: str, permanent: bool) -> None:
    """Record a failure: queued again until it failed too often, or final at once when ``permanent``."""
    with transaction.atomic():
        row = claim.rows().first()
        if row is None:
            return
        failures = row.failures + 1
        if permanent:
            state = WorkState.FAILED
        else:
            state = WorkState.DEAD if failures >= limits.FAILURES else WorkState.QUEUED
        ended = {} if state == WorkState.QUEUED else {"finished_at": Now()}
        claim.rows().update(
            work_state=state, failures=failures, token=None, lease_until=None, error_code=code, log=log[-4000:], **ended
        )


def sweep(model: type[LeasedRow]) -> tuple[int, int]:
    """Put expired leases back in the queue and end what was cancelled. Any number of sweepers may run.

    Returns:
        ``(requeued, waiting)``: ring the doorbell when ``waiting`` is above zero.
    """
    manager = model._default_manager
    expired = manager.filter(work_state=WorkState.RUNNING, lease_until__lt=Now())
    manager.filter(work_state__in=[WorkState.QUEUED, WorkState.CREATED], cancel_requested=True).update(
        work_state=WorkState.CANCELLED, finished_at=Now()
    )
    expired.filter(cancel_requested=True).update(
        work_state=WorkState.CANCELLED, token=None, lease_until=None, finished_at=Now()
    )
    expired.filter(attempts__gte=limits.LOST_ATTEMPTS - 1).update(
        work_state=WorkState.DEAD,
        attempts=F("attempts") + 1,
        token=None,
        lease_until=None,
        finished_at=Now(),
        error_code="worker-lost",
        log="The worker was lost each time it ran this.",
    )
    requeued = expired.update(
        work_state=WorkState.QUEUED, attempts=F("attempts") + 1, token=None, lease_until=None, queued_at=Now()
    )
    return requeued, manager.filter(work_state=WorkState.QUEUED).count()


def request_cancel(model: type[LeasedRow], pk: uuid.UUID) -> bool:
    """Ask for cancellation: at once while queued, at the next progress report while running."""
    manager = model._default_manager
    live = manager.filter(pk=pk, work_state__in=[WorkState.CREATED, WorkState.QUEUED, WorkState.RUNNING])
    asked = live.update(cancel_requested=True)
    manager.filter(pk=pk, work_state__in=[WorkState.CREATED, WorkState.QUEUED], cancel_requested=True).update(
        work_state=WorkState.CANCELLED, finished_at=Now()
    )
    return bool(asked)


def end_cancelled(claim: Claim) -> None:
    """A worker that was overtaken by a cancellation gives the row back as cancelled."""
    claim.rows().filter(cancel_requested=True).update(
        work_state=WorkState.CANCELLED, token=None, lease_until=None, finished_at=Now()
    )
