"""The light worker's doorbells of the review room. The message only rings, the rows are the truth."""

from __future__ import annotations

from celery import shared_task


@shared_task(name="review.compare_masks")  # type: ignore[untyped-decorator]
def compare_masks() -> int:
    """Compare waiting masks of reads and predictions until none is left; the sweeper rings too."""
    from plaqueweb.review.errors.overlaps import compare_waiting

    return compare_waiting()
