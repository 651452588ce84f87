"""The light worker's part of intake: claim an upload, let the child read it, store what came of it."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from pathlib import Path

from django.db import transaction

from plaqueweb.audit.services import record_event
from plaqueweb.core import limits, work
from plaqueweb.core.models import ObjectKind, StoredObject
from plaqueweb.core.storage import chunks, put_file
from plaqueweb.core.sweeping import drop_object
from plaqueweb.core.work import Claim
from plaqueweb.core.workers import Stopping, check_stop, working_on
from plaqueweb.ingest import store
from plaqueweb.ingest.archive import ZipLimits, expand_zip, is_zip
from plaqueweb.ingest.client import IntakeClient, IntakeUnavailable
from plaqueweb.ingest.keys import project_key
from plaqueweb.ingest.models import Upload, UploadKind, UploadState
from plaqueweb.ingest.report import RULES, ChildLimits, IntakeReport, Refusal
from plaqueweb.ingest.services import ring
from plaqueweb.ingest.settle import settle_study, touch_study
from plaqueweb.ingest.states import UPLOAD
from plaqueweb.studies.choices import ClipState
from plaqueweb.studies.models import Clip

log = logging.getLogger(__name__)
HEARTBEAT = 5.0  # seconds; the child's own wall limit bounds how long it may go on
SOP_TAG = "(0008,0018)"
_local = threading.local()

CHILD_LIMITS = ChildLimits(
    memory_mb=limits.INTAKE_MEMORY_BYTES // 1024**2,
    cpu_s=limits.INTAKE_CPU_SECONDS,
    wall_s=float(limits.INTAKE_WALL_SECONDS),
    file_mb=limits.UPLOAD_BYTES // 10**6,
    max_frames=limits.CLIP_FRAMES,
    max_frame_pixels=limits.FRAME_PIXELS,
    max_samples=limits.CLIP_PIXELS * 3,
)
ZIP_LIMITS = ZipLimits(
    max_files=limits.ZIP_ENTRIES, max_file_bytes=limits.UPLOAD_BYTES, max_total_bytes=limits.ZIP_BYTES
)


def shared_client() -> IntakeClient:
    """Return this worker's intake client: its zygote is started once and lives as long as the worker."""
    if not hasattr(_local, "client"):
        _local.client = IntakeClient()
    client: IntakeClient = _local.client
    return client


def process_next(client: IntakeClient | None = None) -> bool:
    """Take the best waiting upload through intake; return whether there was one."""
    claim = work.claim_next(Upload)
    if claim is None:
        return False
    with working_on(claim):
        _process(claim, client or shared_client())
    return True


def _process(claim: Claim, client: IntakeClient) -> None:
    try:
        with tempfile.TemporaryDirectory(prefix="intake-") as folder:
            upload = Upload.objects.select_related("project", "source").get(pk=claim.pk)
            path = Path(folder) / "source"
            _fetch(upload, path)
            with path.open("rb") as handle:
                head = handle.read(132)
            if is_zip(head) and upload.parent_id is None:
                _take_archive(claim, upload, path)
            else:
                _take_file(claim, upload, path, client)
    except work.Overtaken:
        work.end_cancelled(claim)
    except Stopping:
        claim.rows().update(work_state=work.WorkState.QUEUED, token=None, lease_until=None)
    except Refusal as refusal:
        _refuse(claim, refusal.rule, refusal.detail, refusal.tag)
    except IntakeUnavailable as error:
        work.fail(claim, code="intake-unavailable", log=str(error), permanent=False)
    except OSError as error:  # disk full, storage away: another attempt may succeed
        log.exception("intake of %s", claim.pk)
        work.fail(claim, code=type(error).__name__, log=str(error), permanent=False)


def _fetch(upload: Upload, path: Path) -> None:
    if upload.source is None:
        raise Refusal("intake-27", "It is not there any more.")
    with path.open("wb") as handle:
        for piece in chunks(upload.source):
            handle.write(piece)


def _take_archive(claim: Claim, upload: Upload, path: Path) -> None:
    """Each file of a zip becomes an upload of its own; all or none are made."""
    members: list[StoredObject] = []
    with tempfile.TemporaryDirectory(prefix="zip-") as folder:
        for member in expand_zip(path, Path(folder), ZIP_LIMITS):
            check_stop()
            with member.path.open("rb") as handle:
                members.append(put_file(source=handle, project_id=upload.project_id, kind=ObjectKind.INCOMING))
            member.path.unlink()
            claim.extend(len(members), 0)
    if not members:
        raise Refusal("intake-21", "It holds no file.")
    with transaction.atomic():
        closed = Upload.objects.filter(batch=upload.batch, project_id=upload.project_id, batch_closed=True).exists()
        for source in members:
            Upload.objects.create(
                project_id=upload.project_id, batch=upload.batch, site=upload.site, parent=upload, source=source,
                sha256=source.sha256,
                bytes=source.bytes, owner_id=upload.owner_id, priority=upload.priority, batch_closed=closed,
            )  # fmt: skip
        _move(upload, "parse", kind=UploadKind.ARCHIVE)
        _move(upload, "store", source=None)
        record_event(actor=None, verb="upload.unpacked", target=upload, diff={"files": len(members)})
        work.close(claim, progress_done=len(members), progress_total=len(members))
        transaction.on_commit(ring)
    _drop_source(upload)


def _take_file(claim: Claim, upload: Upload, path: Path, client: IntakeClient) -> None:
    out = path.parent / "out"
    out.mkdir()
    key = project_key(upload.project_id)
    report = _with_heartbeat(claim, lambda: client.process(path, out, key, CHILD_LIMITS))
    if not report.ok:
        _refuse(claim, report.rule, report.detail, report.tag)
        return
    twin = store.twin_of(upload.project_id, report)
    if twin is not None:
        _settle_twin(claim, upload, report, twin)
        return
    bundle = Path(report.bundle)
    with bundle.open("rb") as handle:
        offsets = store.bundle_offsets(handle)
        cine = put_file(source=handle, project_id=upload.project_id, kind=ObjectKind.CINE)
    shutil.rmtree(out)
    _parsed(claim, upload, report)
    with transaction.atomic():
        clip = store.store_clip(
            project=upload.project, batch=upload.batch, site=upload.site, key=key, report=report, cine=cine,
            offsets=offsets,
        )  # fmt: skip
        event = "hold" if report.quarantined else "store"
        _move(upload, event, clip=clip, study_id=clip.study_id, source=None)
        verb = "upload.held" if report.quarantined else "upload.stored"
        record_event(actor=None, verb=verb, target=upload, diff={"clip": str(clip.pk), "findings": report.findings})
        if not report.quarantined:
            touch_study(clip.study_id)
        work.close(claim, progress_done=report.frames, progress_total=report.frames)
    settle_study(clip.study_id)
    _drop_source(upload)


def _with_heartbeat(claim: Claim, read: Callable[[], IntakeReport]) -> IntakeReport:
    """Keep the lease while the child reads; its wall limit ends a child that hangs, so this ends too."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="intake") as pool:
        future = pool.submit(read)
        while True:
            try:
                return future.result(timeout=HEARTBEAT)
            except StillRunning:
                claim.extend(0, 0)


def _parsed(claim: Claim, upload: Upload, report: IntakeReport) -> None:
    """Tell watchers that the file was understood, before it is stored."""
    facts = report.to_dict()
    facts.pop("bundle", None)
    with transaction.atomic():
        if not claim.rows().update(report=facts, findings=report.findings, progress_total=report.frames):
            raise work.Overtaken("the lease was lost")
        _move(upload, "parse")


def _settle_twin(claim: Claim, upload: Upload, report: IntakeReport, twin: Clip) -> None:
    """The instance is known: the same content points to the same clip; other content under its name is refused."""
    if twin.source_sha256 != report.source_sha256:
        _refuse(claim, "duplicate-uid", "Another file with this SOP Instance UID was stored before.", SOP_TAG)
        return
    if twin.state == ClipState.REFUSED:
        _refuse(claim, "refused-before", "A person refused this file before.", "")
        return
    _parsed(claim, upload, report)
    with transaction.atomic():
        event = "hold" if twin.state == ClipState.HELD else "store"
        _move(upload, event, clip=twin, study_id=twin.study_id, source=None, detail="The same file was stored before.")
        record_event(actor=None, verb="upload.same", target=upload, diff={"clip": str(twin.pk)})
        work.close(claim, progress_done=report.frames, progress_total=report.frames)
    settle_study(twin.study_id)
    _drop_source(upload)


def _refuse(claim: Claim, rule: str, detail: str, tag: str) -> None:
    """Record the rule and the tag; the others of the drop go on."""
    upload = Upload.objects.select_related("source").get(pk=claim.pk)
    words = " ".join(part for part in (RULES.get(rule, ""), detail) if part)
    try:
        with transaction.atomic():
            _move(upload, "refuse", rule=rule, tag=tag, detail=words[:300], source=None)
            record_event(actor=None, verb="upload.refused", target=upload, diff={"rule": rule, "tag": tag})
            work.close(claim)
    except work.Overtaken:
        work.end_cancelled(claim)
        return
    if upload.study_id:
        settle_study(upload.study_id)
    _drop_source(upload)


def _move(upload: Upload, event: str, **changes: object) -> None:
    """Move the upload along its table. A second attempt finds it parsed already: that step is not repeated."""
    if event == "parse" and Upload.objects.filter(pk=upload.pk, state=UploadState.PARSED).exists():
        if changes:
            Upload.objects.filter(pk=upload.pk).update(**changes)
        return
    UPLOAD.apply(Upload.objects.all(), pk=upload.pk, event=event, **changes)


def _drop_source(upload: Upload) -> None:
    """The original may name a patient: it goes as soon as nothing needs it."""
    if upload.source is not None:
        drop_object(upload.source)
