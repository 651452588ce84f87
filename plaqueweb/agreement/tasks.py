"""The light worker's part: large comparisons. The message is a doorbell, the row is the truth."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task
from django.db import DatabaseError

from plaqueweb.agreement.compute import compute
from plaqueweb.agreement.evidence import load
from plaqueweb.agreement.models import AgreementRun
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


def _compute_one(claim: work.Claim) -> int:
    run = AgreementRun.objects.get(pk=claim.pk)
    try:
        evidence = load(run.manifest)
        claim.extend(1, 2)
        work.close(claim, results=compute(run.manifest, evidence), progress_done=2, progress_total=2)
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
