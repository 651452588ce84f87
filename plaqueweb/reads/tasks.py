"""The light worker's doorbell for propagation."""

from __future__ import annotations

from celery import shared_task

from plaqueweb.core.workers import stop_asked


@shared_task(name="reads.propagate", ignore_result=True)  # type: ignore[untyped-decorator]
def propagate() -> None:
    """Carry waiting masks, best first, until none is left. The sweeper rings too."""
    from plaqueweb.reads.propagation import process_next

    while not stop_asked() and process_next():
        pass
