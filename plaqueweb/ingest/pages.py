"""What the study page and the release pages show."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.work import WorkState
from plaqueweb.ingest.models import Upload, UploadState
from plaqueweb.ingest.overview import GONE, job_cell
from plaqueweb.ingest.selectors import finding_words, held_uploads, rule_words
from plaqueweb.jobs.selectors import LIVE, error_words, latest_jobs
from plaqueweb.jobs.services import ENDED_BADLY, places
from plaqueweb.reads.choices import AssignmentState
from plaqueweb.reads.models import Assignment
from plaqueweb.studies.blinding import is_disclosed
from plaqueweb.studies.models import Clip, Project, Study
from plaqueweb.studies.selectors import clip_payload, clips_for_reading, scale_words

REASONS_RELEASE = ("No text in the picture", "Text names nobody", "Own picture, consent given")
REASONS_REFUSE = ("Name in the picture", "Date or number in the picture", "Not an aorta", "Not an ultrasound picture")


def study_context(user: User, project: Project, study: Study) -> dict[str, Any]:
    """Return the study page's context. Jobs and reads only where results of this study may be seen."""
    clips = list(clips_for_reading([study.pk]))
    may_see = is_disclosed(user, study)
    uploads = list(Upload.objects.filter(study=study).order_by("id"))
    job = latest_jobs(user, [study]).get(study.pk) if may_see else None
    cell = None
    if job is not None:
        cell = job_cell(job, places(project.pk).get(job.pk)) | {
            "id": str(job.pk),
            "pipeline": job.pipeline.name,
            "error": error_words(job),
            "retry": job.work_state in ENDED_BADLY,
            "cancel": job.work_state in LIVE,
        }
    busy = any(upload.work_state in {WorkState.QUEUED, WorkState.RUNNING} for upload in uploads)
    moving = busy or (study.ready_at is None and study.content_no > 0)
    return {
        "project": project,
        "study": study,
        "clips": [clip_payload(clip) for clip in clips],
        "synthetic": any(clip.synthetic for clip in clips),
        "blind": not may_see,
        "may_run": user.can(Capability.RUN_JOBS, project.pk),
        "may_release": user.can(Capability.RELEASE, project.pk),
        "intake": [_intake_line(project, upload) for upload in uploads],
        "clip_facts": [*_clip_facts(clips), *([{"label": _("Site"), "value": study.site}] if study.site else [])],
        "job": cell,
        "signed": _signed(study) if may_see else None,
        "compare_url": _compare_url(project, study) if may_see else None,
        "moving": moving or (job is not None and job.work_state in LIVE),
    }


def held_row(project: Project, upload: Upload) -> dict[str, Any]:
    """Return one line of the release queue."""
    clip = upload.clip
    return {
        "url": reverse("release", args=[project.slug, upload.pk]),
        "study": upload.study.label if upload.study else "–",
        "clip": clip.number if clip else None,
        "picture": _picture(clip) if clip else "–",
        "findings": finding_words(upload.findings),
        "arrived": upload.created_at,
    }


def release_context(user: User, project: Project, upload: Upload) -> dict[str, Any]:
    """Return the page of one held clip: first, middle and last frame, why it is held, what the file says."""
    clip = upload.clip
    if clip is None:
        raise ValueError("an upload without a clip has no release page")
    held = upload.state == UploadState.QUARANTINED
    following = held_uploads(user, project).exclude(pk=upload.pk).first()
    numbers = list(dict.fromkeys([1, (clip.frames + 1) // 2, clip.frames]))
    return {
        "project": project,
        "upload": upload,
        "held": held,
        "title": f"{upload.study.label if upload.study else '–'}, {_('clip')} {clip.number}",
        "frames": [
            {
                "n": n,
                "url": reverse("uploads-frame", args=[upload.pk, n]),
                "caption": _("frame %(n)d of %(all)d") % {"n": n, "all": clip.frames},
            }
            for n in numbers
        ],
        "findings": [{"words": words, "detail": ""} for words in finding_words(upload.findings)],
        "facts": _file_facts(upload, clip),
        "reasons_release": [_(words) for words in REASONS_RELEASE],
        "reasons_refuse": [_(words) for words in REASONS_REFUSE],
        "decided": None if held else _decided(upload),
        "next_url": reverse("release", args=[project.slug, following.pk]) if following else None,
    }


def _intake_line(project: Project, upload: Upload) -> dict[str, Any]:
    held = upload.state == UploadState.QUARANTINED
    detail = " ".join(finding_words(upload.findings)) if held else upload.detail or rule_words(upload.rule)
    return {
        "state": upload.state,
        "words": str(UploadState(upload.state).label),
        "detail": " ".join(part for part in (detail, upload.tag) if part),
        "url": reverse("release", args=[project.slug, upload.pk]) if held else None,
    }


def _clip_facts(clips: list[Clip]) -> list[dict[str, str]]:
    if not clips:
        return []
    frames = sum(clip.frames for clip in clips)
    count = ngettext("%(n)d clip", "%(n)d clips", len(clips)) % {"n": len(clips)}
    facts = [
        {"label": _("Clips"), "value": f"{count}, {ngettext('%(n)d frame', '%(n)d frames', frames) % {'n': frames}}"},
        {"label": _("Scale"), "value": scale_words(clips)},
        {"label": _("Stored"), "value": ", ".join(sorted({str(clip.get_stored_as_display()) for clip in clips}))},
    ]
    scanners = sorted({f"{clip.manufacturer} {clip.scanner_model}".strip() for clip in clips} - {""})
    if scanners:
        facts.append({"label": _("Scanner"), "value": ", ".join(scanners)})
    return facts


def _signed(study: Study) -> dict[str, int]:
    rows = Assignment.objects.filter(study=study).exclude(state__in=[*GONE, AssignmentState.SKIPPED])
    return {"n": rows.filter(state=AssignmentState.SIGNED).count(), "of": rows.count()}


def _compare_url(project: Project, study: Study) -> str | None:
    """Cases stand in a room above this one; they are reached by relation."""
    case = (
        Study.objects.filter(pk=study.pk, cases__isnull=False).order_by("-cases__id").values_list("cases__id").first()
    )
    return reverse("compare", args=[project.slug, case[0]]) if case else None


def _picture(clip: Clip) -> str:
    frames = ngettext("%(n)d frame", "%(n)d frames", clip.frames) % {"n": clip.frames}
    return f"{clip.columns} × {clip.rows}, {frames}"


def _file_facts(upload: Upload, clip: Clip) -> list[dict[str, str]]:
    report = upload.report or {}
    facts = [
        (_("Picture"), _picture(clip)),
        (_("Kind"), str(report.get("kind", "")).upper()),
        (_("Modality"), str(report.get("modality", ""))),
        (_("Scanner"), f"{clip.manufacturer} {clip.scanner_model}".strip()),
        (_("Stored"), str(clip.get_stored_as_display())),
        (_("Colour"), f"{clip.colour_share * 100:.0f} %"),
        (_("Size"), f"{upload.bytes / 1e6:.1f} MB"),
        ("sha256", upload.sha256[:16]),
    ]
    reasons = [region.reason for region in clip.regions.all() if region.reason]
    if reasons:
        facts.append((_("Calibration"), reasons[0]))
    return [{"label": label, "value": value} for label, value in facts if value]


def _decided(upload: Upload) -> str:
    """Say who decided and why, from the audit trail."""
    verbs = ["upload.released", "upload.refused"]
    event = AuditEvent.objects.filter(object_id=str(upload.pk), verb__in=verbs, actor_id__isnull=False).first()
    if event is None:
        return ""
    name = User.objects.filter(pk__in=[event.actor_id]).values_list("name", flat=True).first() or "–"
    values = {"name": name, "at": f"{event.at:%d %b %H:%M}", "why": event.diff.get("reason", "")}
    if event.verb == "upload.released":
        return _("Released by %(name)s, %(at)s UTC: %(why)s") % values
    return _("Refused by %(name)s, %(at)s UTC: %(why)s") % values
