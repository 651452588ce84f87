"""How long a result took to be there: from the last arrival of the study, else from when somebody asked for it."""

from __future__ import annotations

from dataclasses import dataclass

from plaqueweb.jobs.models import InferenceJob
from plaqueweb.predictions.models import Prediction
from plaqueweb.studies.models import Study


@dataclass(frozen=True)
class Waited:
    """Seconds until the result was written; ``asked``: counted from the wish of a person, not from an arrival."""

    seconds: float
    asked: bool


def waited_for(prediction: Prediction, study: Study) -> Waited | None:
    """Return how long a prediction took to be there, or None where no job tells.

    A job that nobody asked for was queued because the study had arrived. Once more has arrived since, when the earlier
    content did is not known any more, and the wish counts.
    """
    job = InferenceJob.objects.filter(pk=prediction.job_id).only("created_at", "asked_by").first()
    if job is None:
        return None
    arrived = study.last_arrival_at if job.asked_by is None and prediction.content_no == study.content_no else None
    if arrived is not None and arrived <= job.created_at:
        return Waited((prediction.created_at - arrived).total_seconds(), asked=False)
    return Waited((prediction.created_at - job.created_at).total_seconds(), asked=True)
