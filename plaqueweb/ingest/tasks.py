"""The light worker's doorbell for intake."""

from __future__ import annotations

from celery import shared_task

from plaqueweb.core.workers import stop_asked


@shared_task(name="ingest.wake", ignore_result=True)  # type: ignore[untyped-decorator]
def wake() -> None:
    """Take waiting uploads through intake, best first, until none is left. The sweeper rings too."""
    from plaqueweb.ingest.intake import process_next

    while not stop_asked() and process_next():
        pass
