"""Queue, finish, fail, cancel and retry inference. The row is the truth; a prediction is written once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core import work
from plaqueweb.core.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from plaqueweb.core.work import Claim, WorkState
from plaqueweb.jobs.models import LIVE, InferenceJob
from plaqueweb.jobs.states import JOB
from plaqueweb.predictions.models import ClipPrediction, Pipeline, PipelineState, Prediction
from plaqueweb.studies.models import Study

ENDED_BADLY = (WorkState.FAILED, WorkState.DEAD, WorkState.CANCELLED)


@dataclass(frozen=True)
class StudyOutcome:
    """What one run found: fields of the Prediction, and one dict of ClipPrediction fields a clip and region."""

    prediction: dict[str, Any]
    clips: list[dict[str, Any]] = field(default_factory=list)


def queue_active(*, study: Study, by: User | None) -> InferenceJob | None:
    """Queue the project's active pipeline, and those in shadow, on a study; None when there is no active one."""
    pipelines = Pipeline.objects.filter(
        project_id=study.project_id, state__in=[PipelineState.ACTIVE, PipelineState.SHADOW]
    )
    queued = {p.state: queue_job(study=study, pipeline=p, by=by, check=False) for p in pipelines}
    return queued.get(PipelineState.ACTIVE)


@transaction.atomic
def queue_job(
    *, study: Study, pipeline: Pipeline, by: User | None, priority: int = 0, check: bool = True
) -> InferenceJob | None:
    """Wish for a pipeline on a study's present content. The same wish again returns the job there is.

    Returns:
        The live job, or None when a prediction of this content exists already.

    Raises:
        NotAllowed: the user may not run jobs.
        Invalid: pipeline and study belong to different projects, or the study holds nothing to predict.
    """
    if check and by is not None and not by.can(Capability.RUN_JOBS, study.project_id):
        raise NotAllowed(_("You may not start jobs in this project."))
    if pipeline.project_id != study.project_id:
        raise Invalid(_("The pipeline belongs to another project."), rule="job-project")
    if not study.content_no or study.ready_at is None:
        raise Invalid(_("The study is not complete yet; a job is queued when it is."), rule="job-not-ready")
    same = {"study": study, "pipeline": pipeline, "content_no": study.content_no}
    if Prediction.objects.filter(**same).exists():
        return None
    live = InferenceJob.objects.filter(**same, work_state__in=LIVE).first()
    if live is not None:
        return live
    owner = by.pk if by else None
    try:
        with transaction.atomic():
            job = InferenceJob.objects.create(**same, owner_id=owner, asked_by=owner, priority=priority)
    except IntegrityError:  # another request was first
        return InferenceJob.objects.filter(**same, work_state__in=LIVE).first()
    record_event(
        actor=by, verb="job.queued", target=job, project_id=study.project_id,
        diff={"study": str(study.pk), "pipeline": str(pipeline.pk), "content_no": study.content_no},
    )  # fmt: skip
    transaction.on_commit(ring)
    return job


@transaction.atomic
def finish(*, claim: Claim, outcome: StudyOutcome) -> Prediction:
    """Write the prediction and close the job under its token: both or neither.

    Raises:
        Overtaken: the lease was lost or the job was cancelled; nothing is written.
    """
    job = InferenceJob.objects.select_related("study").get(pk=claim.pk)
    same = {"pipeline_id": job.pipeline_id, "study_id": job.study_id, "content_no": job.content_no}
    work.close(claim)  # first: an overtaken claim stops here
    written = Prediction.objects.filter(**same).first()
    if written is not None:  # another job of the same wish was quicker: one content, one prediction
        return written
    prediction = Prediction.objects.create(
        job_id=job.pk,
        **same,
        **outcome.prediction,
    )
    ClipPrediction.objects.bulk_create([ClipPrediction(prediction=prediction, **row) for row in outcome.clips])
    record_event(
        actor=None, verb="prediction.written", target=prediction, project_id=job.study.project_id,
        diff={"job": str(job.pk), "content_no": job.content_no},
    )  # fmt: skip
    return prediction


def fail(*, claim: Claim, code: str, log: str, permanent: bool = False) -> None:
    """Record a failure; what is not permanent is tried again until it failed too often."""
    work.fail(claim, code=code, log=log, permanent=permanent)


def give_back(*, claim: Claim) -> None:
    """Put a row back at once because the worker stops; no attempt is counted."""
    claim.rows().update(work_state=WorkState.QUEUED, token=None, lease_until=None)


@transaction.atomic
def cancel_job(*, job: InferenceJob, by: User) -> InferenceJob:
    """Cancel: at once while queued, at the next batch of frames while running.

    Raises:
        NotAllowed: the user may not run jobs.
        InvalidTransition: the job has ended.
    """
    _need_run(by, job)
    JOB.next(job.work_state, "cancel")
    if not work.request_cancel(InferenceJob, job.pk):
        raise InvalidTransition(_("The job has ended meanwhile."), rule="job-transition")
    record_event(actor=by, verb="job.cancelled", target=job, project_id=job.study.project_id)
    job.refresh_from_db()
    return job


@transaction.atomic
def retry_job(*, job: InferenceJob, by: User) -> InferenceJob:
    """Start again what failed: a new row, so that the failed one stays to be looked at.

    Raises:
        NotAllowed: the user may not run jobs.
        InvalidTransition: the job did not fail.
        Conflict: the study was predicted meanwhile.
    """
    _need_run(by, job)
    if job.work_state not in ENDED_BADLY:
        raise InvalidTransition(
            _("Only a job that failed or was cancelled can be started again."), rule="job-transition"
        )
    fresh = queue_job(study=job.study, pipeline=job.pipeline, by=by, priority=1)
    if fresh is None:
        raise Conflict(_("This content has a prediction already."), rule="job-predicted")
    return fresh


def sweep() -> int:
    """Put lost jobs back; return how many wait."""
    return work.sweep(InferenceJob)[1]


def ring() -> None:
    """Wake the gpu worker; the sweeper rings too."""
    from kombu.exceptions import OperationalError

    from plaqueweb.jobs.tasks import wake

    try:
        wake.apply_async(retry=False)
    except (OperationalError, OSError):
        return


def places(project_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """Return each queued job's place in the queue, in the order in which an idle worker would take them."""
    waiting = InferenceJob.objects.filter(work_state=WorkState.QUEUED).order_by("-priority", "pk")
    ranked = {pk: place for place, pk in enumerate(waiting.values_list("pk", flat=True)[:1000], start=1)}
    own = set(waiting.filter(study__project_id=project_id).values_list("pk", flat=True)[:1000])
    return {pk: place for pk, place in ranked.items() if pk in own}


def _need_run(by: User, job: InferenceJob) -> None:
    if not by.can(Capability.RUN_JOBS, job.study.project_id):
        raise NotAllowed(_("You may not start or cancel jobs in this project."))
