"""What the pages and the API show of uploads and studies. Results are asked for through the blinded querysets only."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.core.work import WorkState
from plaqueweb.ingest.models import Upload, UploadState
from plaqueweb.ingest.report import FINDINGS, RULES
from plaqueweb.studies.models import Project

PERSON_RULES = {
    "refused-by-person": "A person refused it.",
    "refused-before": "A person refused this file before.",
    "duplicate-uid": "Another file with the same identifier was stored before.",
    "upload-size": "The file is larger than the limit.",
}


def rule_words(rule: str) -> str:
    """Return a rule of refusal as a sentence."""
    words = RULES.get(rule) or PERSON_RULES.get(rule, "")
    return _(words) if words else ""


def finding_words(findings: list[str]) -> list[str]:
    """Return why a clip is held, as sentences."""
    return [_(FINDINGS[key]) if key in FINDINGS else key for key in findings]


def upload_payload(upload: Upload) -> dict[str, Any]:
    """One upload as the API and the drop zone show it."""
    study = upload.study
    return {
        "id": str(upload.pk),
        "batch": str(upload.batch),
        "parent": str(upload.parent_id) if upload.parent_id else None,
        "kind": upload.kind,
        "state": upload.state,
        "state_words": str(UploadState(upload.state).label),
        "rule": upload.rule,
        "tag": upload.tag,
        "detail": upload.detail or rule_words(upload.rule),
        "findings": finding_words(upload.findings),
        "clips": 1 if upload.clip_id else 0,
        "frames": int(upload.report.get("frames", 0)) if upload.report else 0,
        "rows": int(upload.report.get("rows", 0)) if upload.report else 0,
        "columns": int(upload.report.get("columns", 0)) if upload.report else 0,
        "progress": {"done": upload.progress_done, "total": upload.progress_total},
        "working": upload.work_state in {WorkState.QUEUED, WorkState.RUNNING},
        "study": None if study is None else {"id": str(study.pk), "label": study.label},
        "created_at": upload.created_at.isoformat(),
    }


def uploads_of(user: User) -> QuerySet[Upload]:
    """Return the uploads a user may see, newest first."""
    rows: QuerySet[Upload] = Upload.objects.visible_to(user).select_related("study").order_by("-id")
    return rows


def held_uploads(user: User, project: Project) -> QuerySet[Upload]:
    """Return what waits for a person's decision, oldest first; each clip once."""
    held = uploads_of(user).filter(project=project, state=UploadState.QUARANTINED)
    return held.select_related("study__subject", "clip__cine").order_by("id")


def batch_counts(project: Project, batch: uuid.UUID) -> dict[str, int]:
    """Count a drop's files by outcome."""
    counted = Upload.objects.filter(project=project, batch=batch).aggregate(
        files=Count("pk"),
        pending=Count("pk", filter=Q(work_state__in=[WorkState.QUEUED, WorkState.RUNNING])),
        stored=Count("pk", filter=Q(state=UploadState.STORED)),
        held=Count("pk", filter=Q(state=UploadState.QUARANTINED)),
        refused=Count("pk", filter=Q(state=UploadState.REFUSED)),
    )
    return {key: int(value) for key, value in counted.items()}
