"""Reads from elsewhere become signed reads "imported, blinding unknown": all of a file, or nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from inference.types import rle_encode
from plaqueweb.accounts.models import User
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid
from plaqueweb.reads.answers import NOT_MEASURED, Measured, label_verdict, mask_thickness
from plaqueweb.reads.bundle import Bundle, load_bundle
from plaqueweb.reads.choices import AssignmentState, MaskSource, Policy, ReadState, Reveal, ThicknessSource
from plaqueweb.reads.draft_input import parse_save
from plaqueweb.reads.drafts import open_assignment, save_parsed
from plaqueweb.reads.import_file import ImportedMask, ImportedRead, check_lines, read_csv
from plaqueweb.reads.models import Assignment, Lesion, Read, Round
from plaqueweb.reads.signing import sign_imported
from plaqueweb.reads.states import ASSIGNMENT, READ
from plaqueweb.studies.choices import ListPurpose
from plaqueweb.studies.models import Project, Protocol
from plaqueweb.studies.services import create_case_list, freeze_case_list

DEFAULT_NAME = "Imported reads"


@dataclass(frozen=True)
class ImportResult:
    """What was, or with a dry run would be, imported."""

    reads: int
    studies: int
    readers: int
    masks: int
    round: Round | None


def import_reads(
    *,
    project: Project,
    path: Path,
    by: User | None,
    round_name: str = "",
    purpose: str = ListPurpose.TEST,
    dry_run: bool = False,
) -> ImportResult:
    """Import a CSV of reads; see ``import_file`` for its columns.

    All lines are checked first; on any error nothing is stored. The reads hang in an own round with the policy
    "imported, blinding unknown", which blinds nobody and reveals nothing.

    Raises:
        ImportRefused: lines break rules; every one is named.
        Invalid: the file cannot be read, or its subjects already serve another purpose.
    """
    reads = check_lines(project=project, lines=read_csv(path), folder=path.parent)
    counts = ImportResult(
        reads=len(reads),
        studies=len({read.study.pk for read in reads}),
        readers=len({read.reader.pk for read in reads}),
        masks=sum(len(read.masks) for read in reads),
        round=None,
    )
    if dry_run:
        return counts
    with transaction.atomic():
        round_ = _open_round(project, reads, round_name, purpose, by)
        numbers: dict[Any, int] = defaultdict(int)
        for read in reads:
            numbers[read.reader.pk] += 1
            _store(round_, read, numbers[read.reader.pk], by)
        Round.objects.filter(pk=round_.pk).update(closed_at=timezone.now())
        round_.refresh_from_db()
        record_event(
            actor=by, verb="reads.imported", target=round_,
            diff={"reads": counts.reads, "studies": counts.studies, "readers": counts.readers, "masks": counts.masks},
        )  # fmt: skip
    return ImportResult(counts.reads, counts.studies, counts.readers, counts.masks, round_)


def _open_round(project: Project, reads: list[ImportedRead], name: str, purpose: str, by: User | None) -> Round:
    protocol = Protocol.objects.filter(project=project).order_by("-version").first()
    if protocol is None:
        raise Invalid(_("The project has no protocol."), rule="round-protocol")
    name = name.strip() or _free_name(project)
    studies = sorted({read.study.pk: read.study for read in reads}.values(), key=lambda study: study.number)
    case_list = create_case_list(project=project, name=name, purpose=purpose, studies=studies, by=by)
    freeze_case_list(case_list=case_list, by=by)
    return Round.objects.create(
        project=project, protocol=protocol, case_list=case_list, name=name, policy=Policy.OPEN, reveal=Reveal.NEVER,
        seed=0, opened_at=timezone.now(),
    )  # fmt: skip


def _free_name(project: Project) -> str:
    taken = set(project.rounds.values_list("name", flat=True)) | set(project.case_lists.values_list("name", flat=True))
    names = (DEFAULT_NAME if n == 1 else f"{DEFAULT_NAME} {n}" for n in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _store(round_: Round, given: ImportedRead, order_no: int, by: User | None) -> Read:
    assignment = Assignment.objects.create(round=round_, study=given.study, reader=given.reader, order_no=order_no)
    read = open_assignment(assignment=assignment, by=given.reader)
    assignment.state = AssignmentState.OPENED
    painted = any(mask.mask.any() for mask in given.masks)
    body = {
        "save_id": str(uuid4()),
        "answers": {"reader_class": given.reader_class},
        "lesions": [{"number": 1, "is_index": True}] if given.thickness_mm is not None or painted else [],
        "frames": [_frame(mask) for mask in given.masks],
    }
    parsed = parse_save(body, sources=(MaskSource.IMPORTED,))
    save_parsed(read=read, by=given.reader, draft_no=read.draft_no, given=parsed)
    _complete(read, given)
    return sign_imported(read=read, by=by)


def _frame(given: ImportedMask) -> dict[str, Any]:
    clip = given.clip
    size = [clip.rows, clip.columns]
    masks = {"1": {"size": size, "rle": rle_encode(given.mask)}} if given.mask.any() else {}
    return {
        "clip": str(clip.pk), "frame": given.frame, "region": _region_under(given), "extent": given.extent,
        "masks": masks, "source": MaskSource.IMPORTED.value,
    }  # fmt: skip


def _region_under(given: ImportedMask) -> int:
    """The region that holds most of the mask; the first where there is none."""
    regions = list(given.clip.regions.all())
    if not regions:
        return 1
    best = max(regions, key=lambda r: int(given.mask[r.y0 : r.y1 + 1, r.x0 : r.x1 + 1].sum()))
    return int(best.number)


def _complete(read: Read, given: ImportedRead) -> None:
    """Complete without asking for the protocol's questions: an imported read answers what its source asked."""
    bundle = load_bundle(read, masks=True)
    official = _official(bundle, given)
    for lesion in bundle.lesions:
        lesion.thickness_mm, lesion.thickness_px, lesion.thickness_source = official.mm, official.px, official.source
        if official.at is not None:
            annotation = bundle.annotations[official.at]
            lesion.key_clip_id, lesion.key_frame, lesion.key_region = (
                official.at[0],
                annotation.frame,
                annotation.region,
            )
    if bundle.lesions:
        Lesion.objects.bulk_update(
            bundle.lesions,
            ["thickness_mm", "thickness_px", "thickness_source", "key_clip", "key_frame", "key_region"],
        )
    verdict = label_verdict(bundle)
    changes = {
        "thickness_mm": official.mm, "thickness_px": official.px, "thickness_source": official.source,
        "rule_class": verdict.value, "rule_reason": verdict.ground[:200], "completed_at": timezone.now(),
    }  # fmt: skip
    READ.apply(Read.objects.all(), pk=read.pk, event="complete", draft_no=F("draft_no") + 1, **changes)
    for name, value in changes.items():
        setattr(read, name, value)
    read.state, read.draft_no = ReadState.COMPLETED, read.draft_no + 1
    read.assignment.state = ASSIGNMENT.apply(Assignment.objects.all(), pk=read.assignment_id, event="complete")


def _official(bundle: Bundle, given: ImportedRead) -> Measured:
    """The imported thickness, else that of the imported mask; the key frame is that of the largest mask."""
    if not bundle.lesions:
        return NOT_MEASURED
    measured = mask_thickness(bundle, bundle.lesions[0])
    if given.thickness_mm is None:
        return measured
    return Measured(given.thickness_mm, None, ThicknessSource.IMPORTED, measured.at)
