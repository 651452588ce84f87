"""What the overview and the study pages show. A person who still reads blind gets them without jobs, reads and cases."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.work import WorkState
from plaqueweb.ingest.models import Upload, UploadState
from plaqueweb.ingest.selectors import finding_words, held_uploads
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.jobs.selectors import error_words, latest_jobs
from plaqueweb.jobs.services import places
from plaqueweb.reads.choices import AssignmentState
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.studies.blinding import blinded_studies
from plaqueweb.studies.choices import ClipState
from plaqueweb.studies.models import Clip, Project, Study
from plaqueweb.studies.selectors import scale_words

ROWS = 50
GONE = (AssignmentState.WITHDRAWN, AssignmentState.REASSIGNED)


@dataclass
class StudyRow:
    """One line of the table of studies."""

    id: UUID
    label: str
    subject: str
    arrived: Any
    clips: int
    scale: str
    intake: dict[str, Any]
    job: dict[str, Any] | None = None
    signed: int = 0
    readers: int = 0
    case: dict[str, Any] | None = None


@dataclass
class Board:
    """The live part of the overview."""

    strip: dict[str, Any]
    rows: list[StudyRow]
    needs_person: list[dict[str, Any]]
    readers: dict[str, Any] | None = None
    may_see_results: bool = False
    first_run: bool = False
    older: UUID | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def may_see_results(user: User, project: Project) -> bool:
    """Tell whether the pages of a project may speak of results to this person at all."""
    if not user.can(Capability.SEE_RESULTS, project.pk):
        return False
    return not blinded_studies(user).filter(project=project).exists()


def board(user: User, project: Project) -> Board:
    """Return everything the overview shows, in a fixed number of queries."""
    seen = may_see_results(user, project)
    studies = list(
        Study.objects.visible_to(user).filter(project=project).select_related("subject").order_by("-id")[:ROWS]
    )
    rows = study_rows(user, studies, results=seen)
    held = list(held_uploads(user, project))
    strip = _strip(project, held)
    readers = None
    if seen:
        strip["queue"] = _queue(user, project)
        newest = Round.objects.filter(project=project, opened_at__isnull=False).order_by("-id").first()
        if newest is not None:
            strip["reads"], readers = _round_progress(newest)
    return Board(
        strip=strip,
        rows=rows,
        needs_person=_needs_person(user, project, held, seen),
        readers=readers,
        may_see_results=seen,
        first_run=strip["studies"] == 0 and not Upload.objects.filter(project=project).exists(),
    )


def study_rows(user: User, studies: Sequence[Study], *, results: bool) -> list[StudyRow]:
    """Return table lines for these studies; ``results`` says whether jobs and reads may be part of them."""
    ids = [study.pk for study in studies]
    clips: dict[UUID, list[Clip]] = defaultdict(list)
    for clip in Clip.objects.filter(study_id__in=ids).prefetch_related("regions"):
        clips[clip.study_id].append(clip)
    uploads = _upload_counts(ids)
    jobs = latest_jobs(user, studies) if results else {}
    places_of = places(studies[0].project_id) if results and studies else {}
    reads = _read_counts(ids) if results else {}
    cases = _case_states(user, ids) if results else {}
    rows = []
    for study in studies:
        own = clips[study.pk]
        readable = [clip for clip in own if clip.state == ClipState.STORED]
        job = jobs.get(study.pk)
        signed, readers = reads.get(study.pk, (0, 0))
        rows.append(
            StudyRow(
                id=study.pk,
                label=study.label,
                subject=study.subject.pseudonym,
                arrived=study.last_arrival_at or study.created_at,
                clips=len(own),
                scale=scale_words(readable) if readable else "–",
                intake=_intake(own, uploads[study.pk]),
                job=job_words(job, places_of.get(job.pk)) if job else None,
                signed=signed,
                readers=readers,
                case=cases.get(study.pk),
            )
        )
    return rows


def job_words(job: InferenceJob, place: int | None = None) -> dict[str, Any]:
    """Return a job's state as words for a table cell."""
    state = WorkState(job.work_state)
    words = str(state.label)
    if state == WorkState.RUNNING and job.progress_total:
        words = _("%(done)d / %(total)d frames") % {"done": job.progress_done, "total": job.progress_total}
    elif state == WorkState.QUEUED and place:
        words = _("queued, place %(n)d") % {"n": place}
    elif state == WorkState.DONE and job.started_at and job.finished_at:
        words = _("done in %(s).1f s") % {"s": (job.finished_at - job.started_at).total_seconds()}
    elif state in {WorkState.FAILED, WorkState.DEAD}:
        words = error_words(job) or words
    return {
        "id": job.pk,
        "state": str(state),
        "words": words,
        "done": job.progress_done,
        "total": job.progress_total,
    }


def _strip(project: Project, held: list[Upload]) -> dict[str, Any]:
    week = timezone.now() - timedelta(days=7)
    counted = Study.objects.filter(project=project).aggregate(
        studies=Count("pk"), subjects=Count("subject", distinct=True), week=Count("pk", filter=Q(created_at__gte=week))
    )
    why = Counter(words for upload in held for words in finding_words(upload.findings))
    return counted | {
        "held": len(held),
        "held_words": " · ".join(f"{n} {words}" for words, n in why.most_common(2)),
        "queue": None,
        "reads": None,
    }


def _queue(user: User, project: Project) -> dict[str, int]:
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    bad = Q(work_state__in=[WorkState.FAILED, WorkState.DEAD], finished_at__gte=today)
    return (
        InferenceJob.objects.visible_to(user)
        .filter(study__project=project)
        .aggregate(
            waiting=Count("pk", filter=Q(work_state__in=[WorkState.QUEUED, WorkState.CREATED])),
            running=Count("pk", filter=Q(work_state=WorkState.RUNNING)),
            failed_today=Count("pk", filter=bad),
        )
    )


def _round_progress(round_: Round) -> tuple[dict[str, Any], dict[str, Any]]:
    state = AssignmentState
    per_reader = (
        Assignment.objects.filter(round=round_)
        .exclude(state__in=GONE)
        .values("reader__name", "reader__is_simulated")
        .annotate(
            total=Count("pk"),
            signed=Count("pk", filter=Q(state=state.SIGNED)),
            completed=Count("pk", filter=Q(state=state.COMPLETED)),
            opened=Count("pk", filter=Q(state=state.OPENED)),
        )
        .order_by("reader__name")
    )
    rows = [
        {
            "name": row["reader__name"],
            "simulated": row["reader__is_simulated"],
            "signed": row["signed"],
            "completed": row["completed"],
            "left": row["total"] - row["signed"],
            "total": row["total"],
            "open": row["opened"],
        }
        for row in per_reader
    ]
    total = {key: sum(row[key] for row in rows) for key in ("total", "signed", "completed", "open")}
    total["left"] = total["total"] - total["signed"] - total["completed"] - total["open"]
    return total | {"round": round_.name}, {"round": round_.name, "rows": rows}


def _needs_person(user: User, project: Project, held: list[Upload], results: bool) -> list[dict[str, Any]]:
    needs: list[dict[str, Any]] = []
    if held and user.can(Capability.RELEASE, project.pk):
        title = ngettext("%(n)d clip held for release", "%(n)d clips held for release", len(held)) % {"n": len(held)}
        detail = _("since %(when)s UTC") % {"when": f"{held[0].created_at:%H:%M}"}
        needs.append(
            {
                "icon_state": "held",
                "title": title,
                "detail": detail,
                "url": reverse("release-queue", args=[project.slug]),
            }
        )
    if results:
        bad = InferenceJob.objects.visible_to(user).filter(
            study__project=project, work_state__in=[WorkState.FAILED, WorkState.DEAD]
        )
        latest = latest_jobs(user, Study.objects.filter(pk__in=bad.values("study_id"))[:20])
        for job in list(latest.values())[:5]:
            if job.work_state in {WorkState.FAILED, WorkState.DEAD}:
                label = Study.objects.get(pk=job.study_id).label
                needs.append(
                    {
                        "icon_state": "failed",
                        "title": _("%(study)s: model failed") % {"study": label},
                        "detail": error_words(job),
                        "url": reverse("jobs", args=[project.slug]),
                    }
                )
        waiting = Study.objects.filter(project=project, cases__state="discordant").distinct().count()
        if waiting:
            title = ngettext("%(n)d case to adjudicate", "%(n)d cases to adjudicate", waiting) % {"n": waiting}
            url = reverse("review", args=[project.slug])
            needs.append({"icon_state": "discordant", "title": title, "detail": _("readers differ"), "url": url})
    return needs


def _upload_counts(study_ids: list[UUID]) -> dict[UUID, Counter[str]]:
    counts: dict[UUID, Counter[str]] = defaultdict(Counter)
    for study_id, state, n in (
        Upload.objects.filter(study_id__in=study_ids).values_list("study_id", "state").annotate(n=Count("pk"))
    ):
        counts[study_id][state] = n
    return counts


def _intake(clips: list[Clip], uploads: Counter[str]) -> dict[str, Any]:
    held = sum(1 for clip in clips if clip.state == ClipState.HELD)
    pending = uploads[UploadState.RECEIVED] + uploads[UploadState.PARSED]
    refused = uploads[UploadState.REFUSED]
    total = len(clips) + pending
    if pending:
        return {
            "state": "parsed",
            "words": _("clip %(n)d / %(t)d") % {"n": len(clips), "t": total},
            "done": len(clips),
            "total": total,
        }
    if held:
        return {"state": "held", "words": _("%(n)d of %(t)d held") % {"n": held, "t": len(clips)}}
    if refused:
        return {"state": "refused", "words": _("%(n)d refused") % {"n": refused}}
    return {"state": "stored", "words": _("stored")}


def _read_counts(study_ids: list[UUID]) -> dict[UUID, tuple[int, int]]:
    rows = (
        Assignment.objects.filter(study_id__in=study_ids)
        .exclude(state__in=GONE)
        .values_list("study_id")
        .annotate(signed=Count("pk", filter=Q(state=AssignmentState.SIGNED)), readers=Count("pk"))
    )
    return {study_id: (signed, readers) for study_id, signed, readers in rows}


def _case_states(user: User, study_ids: list[UUID]) -> dict[UUID, dict[str, Any]]:
    # ``review`` stands above this room: its cases are reached by the relation's name.
    words = {
        "open": _("reading"),
        "agreed": _("agreed"),
        "discordant": _("to adjudicate"),
        "adjudicated": _("adjudicated"),
    }
    blind = blinded_studies(user).values("pk")
    rows = (
        Study.objects.filter(pk__in=study_ids, cases__isnull=False)
        .exclude(pk__in=blind)
        .order_by("cases__id")
        .values_list("pk", "cases__state")
    )
    return {pk: {"state": state, "words": words.get(state, state)} for pk, state in rows}
