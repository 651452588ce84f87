"""The light worker's part: large comparisons. The message is a doorbell, the row is the truth."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from celery import shared_task
from django.db import DatabaseError

from plaqueweb.agreement import watching
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.models import AgreementRun, Watch
from plaqueweb.agreement.services import results_of
from plaqueweb.core import work
from plaqueweb.core.workers import stop_asked, working_on

LEASE = timedelta(minutes=5)  # thousands of studies take a minute, in steps too few for a short lease
log = logging.getLogger(__name__)


@shared_task(name="agreement.compute_waiting")  # type: ignore[untyped-decorator]
def compute_waiting() -> int:
    """Compute queued runs until none is left; returns how many were finished."""
    finished = 0
    while not stop_asked() and (claim := work.claim_next(AgreementRun, lease=LEASE)):
        with working_on(claim):
            finished += _compute_one(claim)
    return finished


@shared_task(name="agreement.watch")  # type: ignore[untyped-decorator]
def watch_waiting() -> int:
    """Look at every project that is queued for it; returns how many alarms are new."""
    raised = 0
    while not stop_asked() and (claim := work.claim_next(Watch, lease=LEASE)):
        with working_on(claim):
            raised += _watch_one(claim)
    return raised


def _watch_one(claim: work.Claim) -> int:
    try:
        return watching.look_under(claim, _Every(claim))
    except work.Overtaken:
        work.end_cancelled(claim)
    except (ValueError, KeyError, OSError, DatabaseError) as error:
        log.exception("watch %s failed", claim.pk)
        permanent = isinstance(error, ValueError | KeyError)
        work.fail(claim, code=type(error).__name__, log=str(error), permanent=permanent)
    return 0


class _Every:
    """Reports progress, and keeps the lease, at most once in two seconds and at the end."""

    def __init__(self, claim: work.Claim) -> None:
        self.claim, self.last = claim, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if done == total or time.monotonic() - self.last >= 2:
            self.last = time.monotonic()
            self.claim.extend(done, total)


def _compute_one(claim: work.Claim) -> int:
    run = AgreementRun.objects.get(pk=claim.pk)
    try:
        board = registry.board_of(run.kind)
        results = results_of(board, run.manifest, _Every(claim))
        total = len(run.manifest["units"])
        work.close(claim, results=results, progress_done=total, progress_total=total)
    except work.Overtaken:
        work.end_cancelled(claim)
        return 0
    except (ValueError, KeyError, OSError, DatabaseError) as error:
        log.exception("agreement run %s failed", run.pk)
        # A broken mask or manifest stays broken; the disk and the database may come back.
        permanent = isinstance(error, ValueError | KeyError)
        work.fail(claim, code=type(error).__name__, log=str(error), permanent=permanent)
        return 0
    return 1
