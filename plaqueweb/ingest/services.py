"""Receive files, let a person release or refuse what is held, and say when a study is complete."""

from __future__ import annotations

import uuid
from typing import IO

from django.db import transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core import limits, work
from plaqueweb.core.errors import Invalid, NotAllowed
from plaqueweb.core.models import ObjectKind
from plaqueweb.core.storage import put_file
from plaqueweb.core.work import WorkState
from plaqueweb.ingest import store
from plaqueweb.ingest.models import Upload, UploadKind, UploadState
from plaqueweb.ingest.settle import settle_study, settle_waiting, touch_study
from plaqueweb.ingest.states import UPLOAD
from plaqueweb.studies.choices import ClipState
from plaqueweb.studies.models import Clip, Project
from plaqueweb.studies.sites import site_label

PENDING = (UploadState.RECEIVED, UploadState.PARSED)
REASON_CHARACTERS = 300


def receive_upload(
    *, project: Project, by: User | None, file: IO[bytes], size: int, batch: uuid.UUID, site: str = ""
) -> Upload:
    """Store a file durably and queue it for intake. Its name is not kept.

    Args:
        site: label for studies that the file begins; those that are there keep theirs.

    Raises:
        NotAllowed: the user may not add studies to the project.
        Invalid: the file is empty or larger than the limit, or the site is no label.
    """
    label = site_label(site)
    if by is not None and not by.can(Capability.UPLOAD, project.pk):
        raise NotAllowed(_("You may not add studies to this project."))
    if size > limits.UPLOAD_BYTES:
        most = limits.UPLOAD_BYTES // 1024**2
        raise Invalid(_("The file is larger than %(most)d MB.") % {"most": most}, rule="upload-size")
    if size == 0:
        raise Invalid(_("The file is empty."), rule="intake-02")
    source = put_file(source=file, project_id=project.pk, kind=ObjectKind.INCOMING)
    with transaction.atomic():
        upload = Upload.objects.create(
            project=project,
            batch=batch,
            source=source,
            site=label,
            sha256=source.sha256,
            bytes=source.bytes,
            owner_id=by.pk if by else None,
            batch_closed=Upload.objects.filter(project=project, batch=batch, batch_closed=True).exists(),
        )
        record_event(
            actor=by, verb="upload.received", target=upload, diff={"sha256": source.sha256, "bytes": source.bytes}
        )
        transaction.on_commit(ring)
    return upload


@transaction.atomic
def close_batch(*, project: Project, batch: uuid.UUID, by: User | None) -> int:
    """Say that the last file of a drop was sent; its studies are ready once nothing of it is pending."""
    uploads = Upload.objects.filter(project=project, batch=batch)
    if by is not None and not by.can(Capability.UPLOAD, project.pk):
        raise NotAllowed(_("You may not add studies to this project."))
    closed = uploads.filter(batch_closed=False).update(batch_closed=True)
    settle_waiting(project_id=project.pk)
    return closed


@transaction.atomic
def release_upload(*, upload: Upload, by: User, reason: str) -> Upload:
    """Make a held clip readable: a person looked and found nothing that names a patient.

    Raises:
        NotAllowed: the user may not release.
        Invalid: no reason was given.
        InvalidTransition: it is not held, or somebody else decided first.
    """
    words = _reason(upload, by, reason)
    UPLOAD.apply(Upload.objects.all(), pk=upload.pk, event="release")
    clip = upload.clip
    if clip is None:
        raise Invalid(_("There is no clip behind this upload."), rule="upload-without-clip")
    Clip.objects.filter(pk=clip.pk, state=ClipState.HELD).update(state=ClipState.STORED)
    store.ensure_region(clip)
    record_event(actor=by, verb="upload.released", target=upload, diff={"clip": str(clip.pk), "reason": words})
    touch_study(clip.study_id)
    settle_study(clip.study_id, by=by)
    upload.refresh_from_db()
    return upload


@transaction.atomic
def refuse_upload(*, upload: Upload, by: User, reason: str) -> Upload:
    """Refuse a held clip: it is never shown to a reader or a model.

    Raises:
        NotAllowed, Invalid, InvalidTransition: as for ``release_upload``.
    """
    words = _reason(upload, by, reason)
    UPLOAD.apply(Upload.objects.all(), pk=upload.pk, event="refuse", rule="refused-by-person", detail=words)
    if upload.clip_id:
        Clip.objects.filter(pk=upload.clip_id, state=ClipState.HELD).update(state=ClipState.REFUSED)
    record_event(
        actor=by, verb="upload.refused", target=upload, diff={"clip": str(upload.clip_id or ""), "reason": words}
    )
    upload.refresh_from_db()
    return upload


def sweep() -> int:
    """Put lost uploads back, end those that were lost too often, and settle quiet studies; return how many wait."""
    waiting = work.sweep(Upload)[1]
    gone = Upload.objects.filter(
        work_state__in=[WorkState.DEAD, WorkState.FAILED, WorkState.CANCELLED], state__in=PENDING
    )
    for upload in gone[:100]:
        detail = _("The file could not be read: the reading process ended each time.")
        with transaction.atomic():
            UPLOAD.apply(Upload.objects.all(), pk=upload.pk, event="refuse", rule="intake-20", detail=detail)
            record_event(actor=None, verb="upload.refused", target=upload, diff={"rule": "intake-20"})
    settle_waiting()
    return waiting


def ring() -> None:
    """Wake the light worker; the sweeper rings too, so a lost message costs seconds only."""
    from kombu.exceptions import OperationalError

    from plaqueweb.ingest.tasks import wake

    try:
        wake.apply_async(retry=False)
    except (OperationalError, OSError):
        return


def _reason(upload: Upload, by: User, reason: str) -> str:
    if not by.can(Capability.RELEASE, upload.project_id):
        raise NotAllowed(_("You may not release or refuse held clips in this project."))
    words = " ".join(reason.split())[:REASON_CHARACTERS]
    if not words:
        raise Invalid(_("Say why, in a few words."), rule="reason-needed")
    return words


__all__ = ["UploadKind", "close_batch", "receive_upload", "refuse_upload", "release_upload", "ring", "sweep"]
