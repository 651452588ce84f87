"""The gpu worker's doorbell. It carries no work: the row is the truth."""

from __future__ import annotations

import logging

from celery import shared_task

from plaqueweb.core import work
from plaqueweb.core.workers import Stopping, stop_asked, working_on
from plaqueweb.jobs import services
from plaqueweb.jobs.models import InferenceJob

log = logging.getLogger(__name__)


@shared_task(name="jobs.wake", ignore_result=True)  # type: ignore[untyped-decorator]
def wake() -> None:
    """Run queued jobs, best first, until none is left. Rung twice, or never, nothing is lost: the sweeper rings too."""
    while not stop_asked() and (claim := work.claim_next(InferenceJob)):
        with working_on(claim):
            run(claim)


def run(claim: work.Claim) -> None:
    """Run one claimed job to its end, whatever the end is."""
    from plaqueweb.jobs import gpu  # keeps torch out of every other process

    try:
        outcome = gpu.predict(claim)
        services.finish(claim=claim, outcome=outcome)
    except work.Overtaken:
        work.end_cancelled(claim)
    except Stopping:
        services.give_back(claim=claim)
    except gpu.PermanentInferenceError as error:
        services.fail(claim=claim, code=error.code, log=str(error), permanent=True)
    except Exception as error:
        # Out of memory, a driver fault, a lost disk: the row must not stay "running"; it is tried again, then dead.
        log.exception("job %s", claim.pk)
        services.fail(claim=claim, code=type(error).__name__, log=str(error))
