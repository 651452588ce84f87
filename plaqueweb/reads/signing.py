"""Signatures: what is signed, its hash, and what a signature reveals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.services import check_password
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed
from plaqueweb.reads.aided import ask_again
from plaqueweb.reads.bundle import Bundle, load_bundle, mask_of
from plaqueweb.reads.choices import AssignmentState, Frames, Policy, ReadState, Reveal, SignatureMeaning
from plaqueweb.reads.correction import correction_arm
from plaqueweb.reads.draft_input import REASON_KEYS
from plaqueweb.reads.models import Assignment, Read, Round
from plaqueweb.reads.qualification import show_keys
from plaqueweb.reads.readset import read_set_of
from plaqueweb.reads.states import ASSIGNMENT, READ
from plaqueweb.studies.choices import DisclosureKind
from plaqueweb.studies.services import disclose, freeze_protocol

UNFINISHED = (AssignmentState.ASSIGNED, AssignmentState.OPENED, AssignmentState.COMPLETED)
DERIVED = ("plaque_present", "rule_class", "rule_reason", "thickness_mm", "thickness_px", "thickness_source")


def payload_of(bundle: Bundle, *, signed_at: datetime, signed_name: str, meaning: str) -> dict[str, Any]:
    """Return all that a signature covers, as plain values. Masks stand for themselves by their sha256.

    The note goes in by its sha256 too: erasing a subject may have to null it while the hash still proves the rest.
    """
    read = bundle.read
    assignment, protocol = read.assignment, read.assignment.round.protocol
    # Named only where there is one: the hashes of reads without stay what they are.
    by_hand = {"scales": [_scale(bundle.scales[key]) for key in sorted(bundle.scales)]} if bundle.scales else {}
    kept = read_set_of(round_id=assignment.round_id, study_id=assignment.study_id)
    frozen = {"read_set": kept.sha256} if kept else {}
    payload = (
        by_hand
        | frozen
        | {
            "format": 1,
            "read": str(read.pk),
            "reader": str(assignment.reader_id),
            "study": assignment.study.uid,
            "content_no": read.content_no,
            "round": str(assignment.round_id),
            "protocol": {"version": protocol.version, "rule": protocol.label_rule, "segments": protocol.segments},
            "revision": read.revision,
            "arm": read.arm,
            "class": read.reader_class,
            "quality": read.quality,
            "confidence": read.confidence,
            "note_sha256": hashlib.sha256(read.note.encode()).hexdigest(),
            "derived": {name: getattr(read, name) for name in DERIVED},
            "findings": {row.segment: [row.visibility, row.plaque] for row in bundle.findings.values()},
            "lesions": [_lesion(lesion, graded=protocol.grading is not None) for lesion in bundle.lesions],
            "frames": [_frame(bundle.annotations[key]) for key in sorted(bundle.annotations)],
            "signed": {
                "at": signed_at.astimezone(UTC).isoformat(timespec="microseconds"),
                "name": signed_name,
                "meaning": meaning,
            },
        }
    )
    if assignment.stage_no > 1 or assignment.frames is not None:
        payload |= {"stage": assignment.stage_no, "asked_frames": assignment.frames}
    if protocol.thickness_from or protocol.marks:
        payload |= {"marks": {"thickness_from": protocol.thickness_from, "asked": protocol.marks}}
    said = {name: getattr(read, name) for name in ("quality_reasons", "clip_quality", "conflict_reason")}
    payload |= {name: value for name, value in said.items() if value}
    if protocol.grading is not None:
        payload |= {"grade": {"scheme": protocol.grading, "study": read.grade}}
    if protocol.own_questions:
        payload |= {"own": {"questions": protocol.own_questions, "answers": read.own or {}}}
    if assignment.shown_prediction is not None:
        payload["shown_prediction"] = str(assignment.shown_prediction)
    if read.supersedes is not None:
        # The chain: who changes the corrected read, or its hash, breaks every later signature.
        payload["corrects"] = {
            "read": str(read.supersedes.pk),
            "sha256": read.supersedes.payload_sha256,
            "kind": read.revision_kind,
            "reason_sha256": hashlib.sha256((read.revision_reason or "").encode()).hexdigest(),
        }
    return payload


def _lesion(lesion: Any, *, graded: bool) -> dict[str, Any]:
    grade = {"grade": {"derived": lesion.grade, "given": lesion.grade_given}} if graded else {}
    return grade | {
        "number": lesion.number,
        "segment": lesion.segment,
        "index": lesion.is_index,
        "key": [str(lesion.key_clip_id) if lesion.key_clip_id else None, lesion.key_frame, lesion.key_region],
        "reasons": {key: getattr(lesion, key) for key in REASON_KEYS},
        "thickness": [lesion.thickness_mm, lesion.thickness_px, lesion.thickness_source],
    }


def _scale(scale: Any) -> dict[str, Any]:
    return {
        "at": [str(scale.clip_id), scale.region],
        "mm": [scale.row_mm, scale.col_mm],
        "method": scale.method,
        "lines": scale.lines,
        "by": str(scale.by_id),
        "time": scale.at.astimezone(UTC).isoformat(timespec="microseconds"),
    }


def _frame(annotation: Any) -> dict[str, Any]:
    mask = mask_of(annotation)
    return {
        "at": [str(annotation.clip_id), annotation.frame, annotation.region],
        "extent": annotation.extent,
        "outline": annotation.outline,
        "calipers": annotation.calipers,
        "mask": None if mask is None else {"sha256": mask.sha256, "areas": mask.areas, "source": mask.source},
    }


def canonical(payload: dict[str, Any]) -> bytes:
    """Return canonical JSON: sorted keys, no spaces, UTF-8."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def payload_hash(bundle: Bundle, *, signed_at: datetime, signed_name: str, meaning: str) -> str:
    """Return SHA-256 of the canonical JSON of what is signed."""
    payload = payload_of(bundle, signed_at=signed_at, signed_name=signed_name, meaning=meaning)
    return hashlib.sha256(canonical(payload)).hexdigest()


def verify_read(read: Read) -> bool:
    """Tell whether a signed read, and every read that it corrects, still is what was signed."""
    if read.state != ReadState.SIGNED or read.signed_at is None:
        return False
    fresh = Read.objects.select_related("assignment__round__protocol", "assignment__study").get(pk=read.pk)
    bundle = load_bundle(fresh, masks=False)
    digest = payload_hash(bundle, signed_at=read.signed_at, signed_name=fresh.signed_name, meaning=fresh.meaning)
    corrected = fresh.supersedes
    return bool(digest == fresh.payload_sha256) and (corrected is None or verify_read(corrected))


def confirm_and_sign(*, reads: Sequence[Read], by: User, password: str, meaning: str) -> list[Read]:
    """Sign after the password was given again; wrong ones are counted.

    Raises:
        Invalid: the password is wrong (rule ``sign-password``).
        TooMany: too many wrong ones.
        And as in ``sign_reads``.
    """
    check_password(user=by, password=password, purpose="sign")
    return sign_reads(reads=reads, by=by, meaning=meaning)


@transaction.atomic
def sign_reads(*, reads: Sequence[Read], by: User, meaning: str) -> list[Read]:
    """Turn completed reads into immutable, hashed revisions; all of them or none. Each gets its own signature.

    Args:
        reads: joined with assignment, round, protocol and study (``own_read``).
        by: the reader whose reads they are.
        meaning: one of ``SignatureMeaning``; a correction is signed with the meaning of one, and reveals nothing.

    Raises:
        Invalid: nothing to sign, or an unknown meaning.
        NotAllowed: a read belongs to another reader.
        InvalidTransition: a read is not completed, was signed before, or its round is closed.
    """
    if not reads:
        raise Invalid(_("Choose at least one completed case."), rule="sign-nothing")
    if meaning not in SignatureMeaning.values:
        raise Invalid(_("Unknown meaning of a signature."), rule="sign-meaning")
    signed = [_sign(read, by, meaning) for read in reads]
    first = [read for read in signed if not read.is_correction]
    ask_again(signed=first, by=by)
    show_keys(signed=first, by=by)
    for round_ in {read.assignment.round_id: read.assignment.round for read in first}.values():
        _reveal(round_, by, [read for read in first if read.assignment.round_id == round_.pk])
    return signed


def sign_imported(*, read: Read, by: User | None) -> Read:
    """Seal a read from elsewhere: under its reader's name, with the meaning "imported", by whoever imports it.

    Call it within the import's transaction; it reveals nothing.

    Raises:
        InvalidTransition: the read is not completed.
    """
    return _seal(read, name=read.assignment.reader.name, meaning=SignatureMeaning.IMPORTED, actor=by)


def sign_simulated(*, read: Read, at: datetime) -> Read:
    """Seal a simulated reader's read at a simulated time; the audit trail keeps the time at which it was written.

    Raises:
        NotAllowed: the reader is a person.
        Invalid: the time lies in the future.
        InvalidTransition: the read is not completed, was signed before, or its round is closed.
    """
    reader = read.assignment.reader
    if not reader.is_simulated:
        raise NotAllowed(_("Only simulated readers can be simulated."), rule="reader-is-a-person")
    if at > timezone.now():
        raise Invalid(_("A signature cannot lie in the future."), rule="sign-future")
    signed = _seal(read, name=reader.name, meaning=SignatureMeaning.AUTHORED, actor=reader, at=at)
    _reveal(read.assignment.round, reader, [signed])
    return signed


def _sign(read: Read, by: User, meaning: str) -> Read:
    if read.assignment.reader_id != by.pk:
        raise NotAllowed(_("This read belongs to another reader."))
    if read.is_correction:
        read.arm = correction_arm(read=read, by=by)
        meaning = SignatureMeaning.CORRECTED
    return _seal(read, name=by.name, meaning=meaning, actor=by)


def _seal(read: Read, *, name: str, meaning: str, actor: User | None, at: datetime | None = None) -> Read:
    assignment = read.assignment
    if assignment.round.closed_at is not None:
        raise InvalidTransition(_("This round is closed."), rule="round-closed")
    READ.next(read.state, "sign")
    now = at or timezone.now()
    digest = payload_hash(load_bundle(read, masks=False), signed_at=now, signed_name=name, meaning=meaning)
    changes = {"signed_at": now, "signed_name": name, "meaning": str(meaning), "payload_sha256": digest}
    if read.is_correction:
        changes["arm"] = read.arm
    READ.apply(Read.objects.filter(draft_no=read.draft_no), pk=read.pk, event="sign", **changes)
    for column, value in changes.items():
        setattr(read, column, value)
    read.state = ReadState.SIGNED
    if not read.is_correction:
        assignment.state = ASSIGNMENT.apply(Assignment.objects.all(), pk=assignment.pk, event="sign")
    freeze_protocol(protocol=assignment.round.protocol, by=actor)
    record_event(
        actor=actor, verb="read.signed", target=read, project_id=assignment.round.project_id,
        diff={"sha256": digest, "meaning": str(meaning), "revision": read.revision} | _corrects(read),
    )  # fmt: skip
    return read


def _corrects(read: Read) -> dict[str, Any]:
    if not read.is_correction:
        return {}
    return {"corrects": str(read.supersedes_id), "kind": read.revision_kind, "arm": read.arm}


def _reveal(round_: Round, by: User, signed: Sequence[Read]) -> None:
    """Write the disclosures that these signatures bring. What is still to be answered keeps its study hidden."""
    if round_.frames == Frames.TWO_STAGES and round_.stage_two_at is None:
        return  # all readers still have to mark the same frames blind
    if round_.reveal == Reveal.AFTER_EACH:
        for read in signed:
            if round_.policy == Policy.AI_ASSISTED and read.assignment.stage_no == 1:
                continue
            disclose(user=by, study=read.assignment.study, kind=DisclosureKind.AFTER_EACH, round_id=round_.pk, by=None)
    elif round_.reveal == Reveal.ALL_SIGNED:
        mine = Assignment.objects.own(by).filter(round=round_)
        if not mine.filter(state__in=UNFINISHED).exists():
            disclose_signed(round_=round_, rows=mine, kind=DisclosureKind.ALL_SIGNED)


def disclose_signed(*, round_: Round, rows: Any, kind: str) -> int:
    """Disclose every signed case among the assignments to its reader; return how many."""
    count = 0
    for assignment in rows.filter(state=AssignmentState.SIGNED).select_related("study", "reader"):
        disclose(user=assignment.reader, study=assignment.study, kind=kind, round_id=round_.pk, by=None)
        count += 1
    return count
