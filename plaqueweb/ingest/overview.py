"""The numbers and rows of the overview. What a blinded user may not see is not asked for at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.work import WorkState
from plaqueweb.core.workers import workers_up
from plaqueweb.ingest.models import Upload, UploadState
from plaqueweb.ingest.selectors import finding_words, held_uploads
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.jobs.selectors import error_words, job_words, latest_jobs
from plaqueweb.jobs.services import places
from plaqueweb.reads.choices import AssignmentState, Policy
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.studies.blinding import BLINDED_POLICIES, blinded_studies
from plaqueweb.studies.models import Project, Study
from plaqueweb.studies.selectors import clips_by_study, scale_words

PAGE = 20
GONE = (AssignmentState.WITHDRAWN, AssignmentState.REASSIGNED)
FAILED = (WorkState.FAILED, WorkState.DEAD)
WAITING = (WorkState.CREATED, WorkState.QUEUED)


@dataclass(frozen=True)
class Board:
    """One user's view of one project's studies."""

    user: User
    project: Project

    @property
    def blind(self) -> bool:
        """Whether columns about jobs, reads and cases are left out: no right to results, or blinded cases to read."""
        if not self.user.can(Capability.SEE_RESULTS, self.project.pk):
            return True
        return blinded_studies(self.user).filter(project=self.project).exists()

    def studies(self, tab: str, query: str) -> QuerySet[Study]:
        """Return the studies of a tab, newest first."""
        rows: QuerySet[Study] = Study.objects.visible_to(self.user).filter(project=self.project)
        if tab == "held":
            rows = rows.filter(pk__in=self._held().values("study_id"))
        elif tab == "failed":
            failed = InferenceJob.objects.visible_to(self.user).filter(work_state__in=FAILED)
            rows = rows.filter(pk__in=failed.values("study_id"))
        elif tab == "incomplete":
            rows = rows.filter(ready_at__isnull=True)
        if query:
            number = query.upper().removeprefix("S-").lstrip("0")
            wanted = Q(subject__pseudonym__icontains=query) | Q(site__iexact=query)
            if number.isdigit() and len(number) < 9:
                wanted |= Q(number=int(number))
            rows = rows.filter(wanted)
        return rows.select_related("subject").order_by("-id")

    def tabs(self, here: str, query: str) -> list[dict[str, Any]]:
        """Return the filters with their counts."""
        labels = {"all": _("All"), "incomplete": _("Arriving"), "held": _("Held")}
        if not self.blind:
            labels["failed"] = _("Failed")
        return [
            {"key": key, "label": label, "count": self.studies(key, query).count(), "url": f"{here}?tab={key}"}
            for key, label in labels.items()
        ]

    def rows(self, studies: list[Study]) -> list[dict[str, Any]]:
        """Return table rows; a fixed number of queries, however many rows."""
        ids = [study.pk for study in studies]
        clips, held = clips_by_study(ids), self._held_by_study(ids)
        blind = self.blind
        jobs = {} if blind else latest_jobs(self.user, studies)
        queue = {} if blind else places(self.project.pk)
        signed = {} if blind else self._signed(ids)
        cases = {} if blind else self._cases(ids)
        rows = []
        for study in studies:
            own = clips.get(study.pk, [])
            job = jobs.get(study.pk)
            rows.append(
                {
                    "id": str(study.pk),
                    "url": reverse("study", args=[self.project.slug, study.pk]),
                    "label": study.label,
                    "subject": study.subject.pseudonym,
                    "site": study.site,
                    "arrived": study.last_arrival_at or study.created_at,
                    "clips": len(own),
                    "scale": scale_words(own) if own else "–",
                    "scale_missing": bool(own) and not any(r.spacing for c in own for r in c.regions.all()),
                    "intake": self._intake(study, held.get(study.pk)),
                    "job": job_cell(job, queue.get(job.pk)) if job else None,
                    "signed": signed.get(study.pk),
                    "case": cases.get(study.pk),
                }
            )
        return rows

    def figures(self) -> dict[str, Any]:
        """Return the strip of four figures."""
        studies = Study.objects.filter(project=self.project)
        week = timezone.now() - timedelta(days=7)
        held = list(self._held())
        blind = self.blind
        return {
            "studies": studies.count(),
            "subjects": studies.values("subject").distinct().count(),
            "this_week": studies.filter(created_at__gte=week).count(),
            "planned": None,
            "reads": None if blind else self._round_figures(),
            "held": {"count": len(held), "words": _held_words(held)},
            "queue": None if blind else self._queue(),
        }

    def people(self) -> list[dict[str, Any]]:
        """Return what needs a person, held clips first."""
        needs: list[dict[str, Any]] = []
        if self.user.can(Capability.RELEASE, self.project.pk):
            for upload in held_uploads(self.user, self.project)[:5]:
                place = upload.study.label if upload.study else _("a file")
                number = f", {_('clip')} {upload.clip.number}" if upload.clip else ""
                url = reverse("release", args=[self.project.slug, upload.pk])
                words = " ".join(finding_words(upload.findings))
                needs.append({"state": "held", "title": f"{place}{number}", "detail": words, "url": url})
        if self.blind:
            return needs
        failed = InferenceJob.objects.visible_to(self.user).filter(study__project=self.project, work_state__in=FAILED)
        for job in failed.select_related("study").order_by("-id")[:5]:
            if InferenceJob.objects.filter(study=job.study, pipeline=job.pipeline_id, id__gt=job.pk).exists():
                continue
            url = reverse("jobs", args=[self.project.slug])
            words = _("job failed: %(why)s") % {"why": error_words(job)}
            needs.append({"state": "failed", "title": job.study.label, "detail": words, "url": url})
        discordant = Study.objects.filter(project=self.project, cases__state="discordant").distinct().count()
        if discordant:
            words = ngettext("%(n)d case to adjudicate", "%(n)d cases to adjudicate", discordant) % {"n": discordant}
            url = reverse("review", args=[self.project.slug])
            needs.append({"state": "discordant", "title": words, "detail": _("readers differ"), "url": url})
        return needs

    def readers(self) -> dict[str, Any] | None:
        """Return how far each reader of the newest round is; None when blind."""
        round_ = None if self.blind else self._round()
        if round_ is None:
            return None
        rows = _progress(Assignment.objects.filter(round=round_).exclude(state__in=GONE), by_reader=True)
        people = User.objects.in_bulk([row["reader"] for row in rows])
        return {
            "round": round_.name,
            "cases": max((row["total"] for row in rows), default=0),
            "rows": [
                row | {"name": people[row["reader"]].name, "simulated": people[row["reader"]].is_simulated}
                for row in rows
            ],
        }

    def moving(self) -> bool:
        """Tell whether anything on the page is still on its way."""
        busy = Upload.objects.filter(project=self.project, work_state__in=[*WAITING, WorkState.RUNNING]).exists()
        if busy or Study.objects.filter(project=self.project, ready_at__isnull=True, content_no__gt=0).exists():
            return True
        if self.blind:
            return False
        jobs = InferenceJob.objects.visible_to(self.user).filter(study__project=self.project)
        return jobs.filter(work_state__in=[*WAITING, WorkState.RUNNING]).exists()

    def _held(self) -> QuerySet[Upload]:
        return Upload.objects.filter(project=self.project, state=UploadState.QUARANTINED)

    def _held_by_study(self, ids: list[UUID]) -> dict[UUID, Upload]:
        found = self._held().filter(study_id__in=ids).order_by("-id")
        return {upload.study_id: upload for upload in found if upload.study_id is not None}

    def _intake(self, study: Study, held: Upload | None) -> dict[str, Any]:
        quiet = {"done": None, "total": None, "url": None}
        if held is not None:
            may = self.user.can(Capability.RELEASE, self.project.pk)
            url = reverse("release", args=[self.project.slug, held.pk]) if may else None
            return quiet | {"state": "held", "words": _("held"), "url": url}
        if study.ready_at is None and study.content_no:
            return quiet | {"state": "parsed", "words": _("arriving")}
        if study.ready_at is None:
            return quiet | {"state": "refused", "words": _("refused")}
        return quiet | {"state": "stored", "words": _("stored")}

    def _signed(self, ids: list[UUID]) -> dict[UUID, dict[str, int]]:
        rows = Assignment.objects.filter(study_id__in=ids).exclude(state__in=[*GONE, AssignmentState.SKIPPED])
        counted = rows.order_by().values("study_id").annotate(
            of=Count("pk"), n=Count("pk", filter=Q(state=AssignmentState.SIGNED))
        )  # fmt: skip
        return {row["study_id"]: {"n": row["n"], "of": row["of"]} for row in counted}

    def _cases(self, ids: list[UUID]) -> dict[UUID, dict[str, str]]:
        """Cases stand in a room above this one; they are reached by relation."""
        words = {
            "open": _("open"),
            "agreed": _("agreed"),
            "discordant": _("to adjudicate"),
            "adjudicated": _("adjudicated"),
        }
        pairs = Study.objects.filter(pk__in=ids, cases__isnull=False).order_by("cases__id")
        return {
            pk: {"state": state, "words": words.get(state, state)}
            for pk, state in pairs.values_list("pk", "cases__state")
        }

    def _round(self) -> Round | None:
        rounds = Round.objects.filter(project=self.project, policy__in=BLINDED_POLICIES, pass_mark=None)
        return rounds.order_by("closed_at", "-id").first()

    def _round_figures(self) -> dict[str, Any] | None:
        round_ = self._round()
        if round_ is None:
            return None
        counted = _progress(Assignment.objects.filter(round=round_).exclude(state__in=GONE), by_reader=False)
        counts = counted[0] if counted else {"signed": 0, "completed": 0, "open": 0, "left": 0, "total": 0}
        return counts | {"round": round_.name, "policy": str(Policy(round_.policy).label)}

    def _queue(self) -> dict[str, Any]:
        jobs = InferenceJob.objects.visible_to(self.user).filter(study__project=self.project)
        counts = jobs.aggregate(
            waiting=Count("pk", filter=Q(work_state__in=WAITING)),
            running=Count("pk", filter=Q(work_state=WorkState.RUNNING)),
            failed=Count("pk", filter=Q(work_state__in=FAILED)),
        )
        up = workers_up("gpu")
        words = "" if up is None else ngettext("%(n)d model worker up", "%(n)d model workers up", up) % {"n": up}
        return counts | {"words": words}


def job_cell(job: InferenceJob, place: int | None) -> dict[str, Any]:
    """Return the live cell of a job."""
    running = job.work_state == WorkState.RUNNING
    return {
        "state": job.work_state,
        "words": job_words(job, place),
        "done": job.progress_done if running else None,
        "total": job.progress_total if running else None,
        "retry": str(job.pk) if job.work_state in FAILED else None,
    }


def _held_words(held: list[Upload]) -> str:
    seen = dict.fromkeys(words for upload in held for words in finding_words(upload.findings))
    return " ".join(list(seen)[:2])


def _progress(assignments: QuerySet[Assignment], *, by_reader: bool) -> list[dict[str, Any]]:
    """Count assignments by how far they are."""
    states = AssignmentState
    group = ["reader"] if by_reader else ["round"]
    counted = assignments.order_by().values(*group).annotate(
        total=Count("pk"),
        signed=Count("pk", filter=Q(state=states.SIGNED)),
        completed=Count("pk", filter=Q(state=states.COMPLETED)),
        open=Count("pk", filter=Q(state=states.OPENED)),
        left=Count("pk", filter=Q(state__in=[states.ASSIGNED, states.SKIPPED])),
    )  # fmt: skip
    return list(counted.order_by(*group))
