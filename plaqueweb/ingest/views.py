"""Pages of studies and of what arrives: overview, studies, one study, the release queue."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core import limits
from plaqueweb.core.errors import DomainError, NotFound
from plaqueweb.ingest import board as boards
from plaqueweb.ingest.models import Upload, UploadState
from plaqueweb.ingest.selectors import finding_words, held_uploads, rule_words, uploads_of
from plaqueweb.ingest.services import refuse_upload, release_upload
from plaqueweb.jobs.selectors import latest_jobs
from plaqueweb.reads.models import Read
from plaqueweb.studies.models import Clip, Project, Study
from plaqueweb.studies.selectors import clip_payload, clips_for_reading, scale_words

PAGE = 50


def project_for(user: User, slug: str, capability: str) -> Project:
    """Return a project in which the user holds a capability.

    Raises:
        NotFound: no such project, or not for this user; the answer is the same.
    """
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    if project is None or not user.can(capability, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    return project


def _upload_context(user: User, project: Project, *, first_run: bool = False) -> dict[str, Any]:
    return {
        "can_upload": user.can(Capability.UPLOAD, project.pk),
        "upload_url": reverse("uploads-list"),
        "list_url": reverse("uploads-list"),
        "close_url": reverse("uploads-list") + "batches/",
        "max_bytes": limits.UPLOAD_BYTES,
        "first_run": first_run,
    }


@login_required
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Is it on course, is anything stuck, what needs me?"""
    user = current_user(request)
    project = project_for(user, slug, Capability.VIEW_STUDIES)
    data = boards.board(user, project)
    context = {"project": project, **vars(data), **_upload_context(user, project, first_run=data.first_run)}
    template = "ingest/_board.html" if request.GET.get("fragment") == "board" else "ingest/overview.html"
    return render(request, template, context)


@login_required
def studies(request: HttpRequest, slug: str) -> HttpResponse:
    """All studies, newest first, paging by key."""
    user = current_user(request)
    project = project_for(user, slug, Capability.VIEW_STUDIES)
    found = Study.objects.visible_to(user).filter(project=project).select_related("subject").order_by("-id")
    before = _uuid(request.GET.get("before", ""))
    if before is not None:
        found = found.filter(pk__lt=before)
    page = list(found[: PAGE + 1])
    seen = boards.may_see_results(user, project)
    context = {
        "project": project,
        "rows": boards.study_rows(user, page[:PAGE], results=seen),
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
        "may_see_results": seen,
        **_upload_context(user, project),
    }
    template = "ingest/_studies_table.html" if request.GET.get("fragment") == "rows" else "ingest/studies.html"
    return render(request, template, context)


@login_required
def study(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """One study: its clips to play, what intake made of its files, and, where allowed, its job and cases."""
    user = current_user(request)
    project = project_for(user, slug, Capability.VIEW_STUDIES)
    row = Study.objects.visible_to(user).filter(project=project, pk=pk).select_related("subject").first()
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    clips = list(clips_for_reading([row.pk]))
    context: dict[str, Any] = {
        "project": project,
        "study": row,
        "clips": [clip_payload(clip) for clip in clips],
        "clip_rows": _clip_rows(row),
        "uploads": _open_uploads(user, row),
        "may_see_results": boards.may_see_results(user, project),
    }
    if context["may_see_results"]:
        job = latest_jobs(user, [row]).get(row.pk)
        context["job"] = boards.job_words(job) if job else None
        context["reads_signed"] = Read.objects.visible_to(user).signed().filter(assignment__study=row).count()
        context["cases"] = _cases(project, row)
    template = "ingest/_study_side.html" if request.GET.get("fragment") == "side" else "ingest/study.html"
    return render(request, template, context)


@login_required
def release_queue(request: HttpRequest, slug: str) -> HttpResponse:
    """Clips that a person must look at."""
    user = current_user(request)
    project = project_for(user, slug, Capability.RELEASE)
    rows = [
        {
            "id": upload.pk,
            "study": upload.study.label if upload.study else "–",
            "arrived": upload.created_at,
            "frames": upload.report.get("frames", 0),
            "size": f"{upload.report.get('columns', 0)} × {upload.report.get('rows', 0)}",
            "findings": "; ".join(finding_words(upload.findings)),
            "scanner": " ".join(
                filter(None, [upload.report.get("manufacturer", ""), upload.report.get("scanner_model", "")])
            ),
        }
        for upload in held_uploads(user, project)
    ]
    return render(request, "ingest/release_queue.html", {"project": project, "rows": rows, "done": _decided(project)})


@login_required
def release(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """One held clip: its first, middle and last frame, and the decision."""
    user = current_user(request)
    project = project_for(user, slug, Capability.RELEASE)
    upload = uploads_of(user).filter(project=project, pk=pk).select_related("study", "clip").first()
    if upload is None:
        raise NotFound(_("There is nothing here that you may see."))
    if upload.state != UploadState.QUARANTINED or upload.clip is None:
        return redirect("release-queue", slug=slug)
    error = ""
    if request.method == "POST":
        decide = release_upload if request.POST.get("decision") == "release" else refuse_upload
        try:
            decide(upload=upload, by=user, reason=request.POST.get("reason", ""))
        except DomainError as refused:
            error = refused.detail
        else:
            following = held_uploads(user, project).first()
            return (
                redirect("release", slug=slug, pk=following.pk) if following else redirect("release-queue", slug=slug)
            )
    context = {
        "project": project,
        "upload": upload,
        "study_label": upload.study.label if upload.study else "–",
        "findings": finding_words(upload.findings),
        "facts": _facts(upload),
        "pictures": _pictures(upload, upload.clip),
        "error": error,
        "reason": request.POST.get("reason", ""),
    }
    return render(request, "ingest/release.html", context, status=422 if error else 200)


def _pictures(upload: Upload, clip: Clip) -> list[dict[str, Any]]:
    numbers = sorted({1, (clip.frames + 1) // 2, clip.frames})
    return [
        {
            "number": n,
            "url": reverse("uploads-frame", args=[upload.pk, n]),
            "words": _("frame %(n)d of %(m)d") % {"n": n, "m": clip.frames},
        }
        for n in numbers
    ]


def _facts(upload: Upload) -> list[tuple[str, str]]:
    report = upload.report
    scanner = " ".join(filter(None, [report.get("manufacturer", ""), report.get("scanner_model", "")]))
    regions = [r for r in report.get("regions", []) if r.get("reason")]
    return [
        (_("Modality"), report.get("modality") or "–"),
        (_("Scanner"), scanner or "–"),
        (_("Picture"), f"{report.get('columns', 0)} × {report.get('rows', 0)}"),
        (_("Frames"), str(report.get("frames", 0))),
        (_("Region"), "; ".join(r["reason"] for r in regions) or _("none in the file")),
    ]


def _clip_rows(row: Study) -> list[dict[str, Any]]:
    clips = Clip.objects.filter(study=row).prefetch_related("regions").order_by("number")
    return [
        {
            "number": clip.number,
            "words": _("still") if clip.frames == 1 else _("%(n)d frames") % {"n": clip.frames},
            "scale": scale_words([clip]),
            "stored_as": clip.get_stored_as_display(),
            "state": clip.state,
        }
        for clip in clips
    ]


def _open_uploads(user: User, row: Study) -> list[dict[str, Any]]:
    rows = uploads_of(user).filter(study=row, state__in=[UploadState.REFUSED, UploadState.QUARANTINED])
    found = []
    for upload in rows:
        held = upload.state == UploadState.QUARANTINED
        words = "; ".join(finding_words(upload.findings)) if held else upload.detail or rule_words(upload.rule)
        url = reverse("release", args=[row.project.slug, upload.pk]) if held else ""
        found.append({"state": upload.state, "words": words, "tag": upload.tag, "url": url})
    return found


def _cases(project: Project, row: Study) -> list[dict[str, Any]]:
    # ``review`` stands above this room: its cases are reached by the relation's name.
    cases = Study.objects.filter(pk=row.pk, cases__isnull=False).values_list(
        "cases__id", "cases__round__name", "cases__state"
    )
    return [
        {"url": reverse("compare", args=[project.slug, pk]), "round": name, "words": _(state)}
        for pk, name, state in cases
    ]


def _decided(project: Project) -> list[dict[str, Any]]:
    verbs = {"upload.released": "stored", "upload.refused-by-person": "refused", "upload.refused": "refused"}
    events = list(AuditEvent.objects.filter(project_id=project.pk, verb__in=verbs, actor_id__isnull=False)[:10])
    names = dict(User.objects.filter(pk__in={e.actor_id for e in events if e.actor_id}).values_list("pk", "name"))
    labels = {
        str(u.pk): u.study.label
        for u in Upload.objects.filter(pk__in=[e.object_id for e in events]).select_related("study")
        if u.study
    }
    return [
        {
            "study": labels.get(event.object_id, "–"),
            "state": verbs[event.verb],
            "words": event.diff.get("reason", ""),
            "by": names.get(event.actor_id, "") if event.actor_id else "",
            "at": event.at,
        }
        for event in events
    ]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
