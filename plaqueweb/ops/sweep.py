"""The sweeper: puts lost work back, rings the doorbells, seals the audit trail, ends workers that hang."""

from __future__ import annotations

import logging
import signal
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import DatabaseError, close_old_connections, connection
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from plaqueweb.agreement.models import AgreementRun, Watch
from plaqueweb.agreement.watching import EACH as WATCH_EACH
from plaqueweb.agreement.watching import queue_changed
from plaqueweb.audit.services import seal_events
from plaqueweb.celery import app
from plaqueweb.core import workers
from plaqueweb.core.sweeping import sweep_objects
from plaqueweb.core.work import WorkState
from plaqueweb.core.work import sweep as sweep_rows
from plaqueweb.ingest import services as ingest
from plaqueweb.jobs import services as jobs
from plaqueweb.reads.models import Propagation
from plaqueweb.review.models import MaskOverlap
from plaqueweb.review.services import refresh_open_cases
from plaqueweb.studies.guide import sweep_pictures

if TYPE_CHECKING:
    from plaqueweb.ops.supervisor import Child, Supervisor

log = logging.getLogger(__name__)
EACH = 1.0  # seconds
RING_AGAIN, RING_AT_MOST = 3.0, 60.0  # seconds: a doorbell nobody answered is rung again, ever less often
HUNG_AFTER = 20.0  # seconds a worker may go on with a row it lost
OBJECTS_EACH = 3600.0


def ring(task: str, queue: str) -> None:
    """Send the doorbell; a broker that is away is no error, the next sweep rings again."""
    try:
        app.send_task(task, queue=queue, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("doorbell %s: %s", task, error)


def _give_up_lease(note: workers.Busy) -> None:
    """The worker died: its row need not wait for the lease to run out."""
    model = apps.get_model(note.model)
    held = model._default_manager.filter(pk=note.pk, token=note.token, work_state=WorkState.RUNNING)
    held.update(lease_until=Now() - timedelta(seconds=1))
    workers.forget(note.pid)


class Sweeper(threading.Thread):
    """Sweeps once a second beside the supervisor; any number of hosts may do it at the same time."""

    def __init__(self, supervisor: Supervisor) -> None:
        super().__init__(name="sweeper", daemon=True)
        self.supervisor = supervisor
        self.rung: dict[str, tuple[float, float]] = {}
        self.lost: dict[str, float] = {}
        self.objects_at = time.monotonic() + 60.0
        self.watch_at = time.monotonic() + 5.0

    def run(self) -> None:
        while not self.supervisor.stopping.wait(EACH):
            try:
                close_old_connections()
                self.once()
            except DatabaseError as error:  # the database is away or locked: the next second tries again
                log.warning("sweep: %s", error)
        connection.close()

    def once(self) -> None:
        """One round."""
        for note in workers.notes_of_the_dead():
            _give_up_lease(note)
        if time.monotonic() > self.watch_at:
            self.watch_at = time.monotonic() + WATCH_EACH.total_seconds()
            queue_changed()
        waiting = {
            ("ingest.wake", "light"): ingest.sweep(),
            ("jobs.wake", "gpu"): jobs.sweep(),
            ("agreement.compute_waiting", "light"): sweep_rows(AgreementRun)[1],
            ("agreement.watch", "light"): sweep_rows(Watch)[1],
            ("reads.propagate", "light"): sweep_rows(Propagation)[1],
            ("review.compare_masks", "light"): sweep_rows(MaskOverlap)[1],
        }
        for (task, queue), count in waiting.items():
            if count:
                self._ring(task, queue)
            else:
                self.rung.pop(task, None)
        refresh_open_cases()
        seal_events()
        for child in self.supervisor.children:
            if child.name in {"light", "gpu"} and self._hangs(child):
                self.supervisor.say(f"{child.name} went on with work it had lost; it is ended and starts again")
                child.signal_group(getattr(signal, "SIGKILL", signal.SIGTERM))
        if time.monotonic() > self.objects_at:
            self.objects_at = time.monotonic() + OBJECTS_EACH
            sweep_pictures()
            sweep_objects()

    def _ring(self, task: str, queue: str) -> None:
        now = time.monotonic()
        due, pause = self.rung.get(task, (0.0, RING_AGAIN))
        if now >= due:
            self.rung[task] = (now + pause, min(pause * 2, RING_AT_MOST))
            ring(task, queue)

    def _hangs(self, child: Child) -> bool:
        """A hung job makes no progress and loses its lease; a live worker notices at its next step, this one not."""
        note = workers.busy_note(child.pid) if child.pid else None
        if note is None:
            return False
        model = apps.get_model(note.model)
        ours = model._default_manager.filter(pk=note.pk, token=note.token, work_state=WorkState.RUNNING)
        if ours.exists():
            self.lost.pop(note.token, None)
            return False
        return time.monotonic() - self.lost.setdefault(note.token, time.monotonic()) > HUNG_AFTER
