"""Export what readers marked, as training data: pictures, label maps, a table and a manifest.

The export is what ``inference train`` reads with ``source = "export"``. It holds pseudonyms and no reader's name.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import imagecodecs
import numpy as np
from django.db.models import Q
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from inference.types import BACKGROUND, PLAQUE
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Conflict, Invalid, NotAllowed
from plaqueweb.core.storage import open_object
from plaqueweb.reads.choices import MODEL_ARMS, AssignmentState, Extent, PlaqueClass
from plaqueweb.reads.measure import spacing_of
from plaqueweb.reads.models import FrameAnnotation, Lesion, Read
from plaqueweb.review.masks import MarkedFrame, marked_frames, polygon_mask, region_of
from plaqueweb.review.models import Consensus, ConsensusKind
from plaqueweb.studies.blinding import blinded_studies
from plaqueweb.studies.choices import ClipState, ClipUse, ListPurpose
from plaqueweb.studies.models import CaseList, CaseListItem, Clip, Project, Region

FORMAT = "plaqueweb-labels-1"
TABLE, MANIFEST = "subjects.csv", "manifest.json"
NOTICE = "Research use only. Not for diagnosis."
PNG = b"\x89PNG"
NOT_PLAQUE, WITHIN = 23, 22
"""Pixel values beside the classes 0 to 3: background, lumen or wall; lumen or wall (within the outlined outer wall)."""
LABELS: dict[str, Any] = {
    "0": "background", "3": "plaque", str(WITHIN): ["lumen", "wall"], str(NOT_PLAQUE): ["background", "lumen", "wall"],
}  # fmt: skip
COLUMNS = (
    "file", "mask", "subject", "study", "clip", "frame_no", "class", "class_from", "thickness_mm", "row_mm", "col_mm",
    "x0", "y0", "x1", "y1", "extent", "read", "consensus", "simulated",
)  # fmt: skip
_ORDER = (ConsensusKind.ADJUDICATED, ConsensusKind.AGREED, ConsensusKind.KNOWN_TRUTH)


@dataclass(frozen=True)
class Exported:
    """What an export holds: ``sha256`` names the data set; ``held_back`` counts studies that the exporter still has to
    read blind, whose reads were left out."""

    folder: Path
    sha256: str
    frames: int
    subjects: int
    studies: int
    held_back: int


@dataclass
class _Bundle:
    """Files of an export while it is written."""

    folder: Path
    files: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.files[name] = hashlib.sha256(data).hexdigest()


def export_labels(
    *, project: Project, folder: Path, by: User, case_list: CaseList | None = None, simulated: bool = False
) -> Exported:
    """Write the labelled frames of a project's training lists into an empty or new folder.

    Signed reads in force that ``by`` may see, of studies in case lists with the purpose "train" (or of one such list);
    frames on which the reader said that all plaque is marked, or that there is none. Nothing that was marked with a
    model in sight; reads of simulated readers only with ``simulated``.

    Raises:
        NotAllowed: ``by`` may not export or not see results (rule ``export-labels``).
        Invalid: a list for testing, tuning or monitoring (``export-purpose``), no training list (``export-no-list``),
            a subject that serves another purpose too (``subject-one-purpose``), or nothing to export
            (``export-empty``).
        Conflict: the folder is not empty (``export-folder``).
    """
    if not (by.can(Capability.EXPORT, project.pk) and by.can(Capability.SEE_RESULTS, project.pk)):
        raise NotAllowed(_("Exporting labels needs the right to export and to see results."), rule="export-labels")
    lists = training_lists(project, case_list)
    _check_purposes(project, lists)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(_("The folder %(name)s is not empty.") % {"name": folder.name}, rule="export-folder")
    frames = _frames(lists, by, simulated=simulated)
    if not frames:
        raise Invalid(_("No signed read that you may see has a frame to learn from."), rule="export-empty")
    bundle = _Bundle(folder)
    rows = _rows(bundle, frames)
    bundle.write(TABLE, _table(rows))
    digest = _dataset_sha256(bundle.files)
    counts = _counts(rows)
    manifest = {
        "format": FORMAT, "purpose": ListPurpose.TRAIN.value, "project": project.slug, "table": TABLE, "labels": LABELS,
        "lists": [{"name": row.name, "hash": row.hash} for row in lists], "counts": counts, "files": bundle.files,
        "sha256": digest, "notice": NOTICE,
    }  # fmt: skip
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    record_event(
        actor=by, verb="labels.exported", target=project, project_id=project.pk,
        diff={"sha256": digest, "lists": [str(row.pk) for row in lists], **counts},
    )  # fmt: skip
    return Exported(folder, digest, len(rows), counts["subjects"], counts["studies"], _held_back(lists, by))


def training_lists(project: Project, case_list: CaseList | None = None) -> list[CaseList]:
    """The lists that may be exported: the one named, or all of the project with the purpose "train".

    Raises:
        Invalid: the named list has another purpose, or there is no list for training.
    """
    if case_list is not None and case_list.purpose != ListPurpose.TRAIN:
        raise Invalid(
            _("The list “%(name)s” serves “%(purpose)s”; only lists for training may be exported as training data.")
            % {"name": case_list.name, "purpose": case_list.get_purpose_display()},
            rule="export-purpose",
        )
    rows = [case_list] if case_list else list(
        CaseList.objects.filter(project=project, purpose=ListPurpose.TRAIN).order_by("pk")
    )  # fmt: skip
    if not rows:
        raise Invalid(_("This project has no case list for training."), rule="export-no-list")
    return rows


def _check_purposes(project: Project, lists: Sequence[CaseList]) -> None:
    """A subject that is tested on is never trained on, whichever way it got into both lists."""
    subjects = CaseListItem.objects.filter(case_list__in=lists).values("study__subject_id")
    other = (
        CaseListItem.objects.filter(case_list__project=project, study__subject_id__in=subjects)
        .exclude(case_list__purpose=ListPurpose.TRAIN)
        .select_related("case_list", "study__subject")
        .order_by("pk")
        .first()
    )
    if other is not None:
        raise Invalid(
            _("Subject %(subject)s also serves “%(purpose)s”; a subject has one purpose in a project.")
            % {"subject": other.study.subject.pseudonym, "purpose": other.case_list.get_purpose_display()},
            rule="subject-one-purpose",
        )


def _held_back(lists: Sequence[CaseList], by: User) -> int:
    blind = blinded_studies(by).filter(list_items__case_list__in=lists)
    return blind.values("pk").distinct().count()


@dataclass(frozen=True)
class _Frame:
    """One annotated frame with what is known about its study."""

    row: FrameAnnotation
    marked: MarkedFrame
    read: Read
    lesions: list[Lesion]
    reference: Consensus | None
    agreed: int | None


def _frames(lists: Sequence[CaseList], by: User, *, simulated: bool) -> list[_Frame]:
    reads = _reads(lists, by, simulated=simulated)
    studies = {read.assignment.study_id for read in reads.values()}
    references, agreed = _references(studies, by), _agreed(reads.values())
    lesions: dict[UUID, list[Lesion]] = defaultdict(list)
    for lesion in Lesion.objects.filter(read_id__in=reads).order_by("number"):
        lesions[lesion.read_id].append(lesion)
    erased = Q(mask__isnull=False, mask__rle__isnull=True)
    rows = (
        FrameAnnotation.objects.filter(
            read_id__in=reads, extent__in=[Extent.ALL_MARKED, Extent.NO_PLAQUE],
            clip__use=ClipUse.READ, clip__state=ClipState.STORED,
        )
        .exclude(erased)
        .select_related("clip__cine", "clip__study__subject", "mask")
        .prefetch_related("clip__regions")
        .order_by("clip__study__number", "clip__number", "frame", "region", "read_id")
    )  # fmt: skip
    out = []
    for row in rows:
        read = reads[row.read_id]
        study = read.assignment.study_id
        marked = next(iter(marked_frames([row]).values()))
        # "All plaque marked" with nothing marked, or "no plaque" with something, contradicts itself.
        if bool(marked.area_px) != (row.extent == Extent.ALL_MARKED):
            continue
        out.append(_Frame(row, marked, read, lesions[read.pk], references.get(study), agreed.get(study)))
    return out


def _reads(lists: Sequence[CaseList], by: User, *, simulated: bool) -> dict[UUID, Read]:
    # What was marked with a model in sight would teach the next model its own errors.
    rows = Read.objects.visible_to(by).counting().exclude(arm__in=MODEL_ARMS)
    rows = rows.filter(assignment__round__case_list__in=lists)
    rows = rows.exclude(assignment__state__in=[AssignmentState.WITHDRAWN, AssignmentState.REASSIGNED])
    if not simulated:
        rows = rows.exclude(assignment__reader__is_simulated=True)
    return {row.pk: row for row in rows.select_related("assignment__reader").order_by("pk")}


def _references(studies: Iterable[UUID], by: User) -> dict[UUID, Consensus]:
    """The reference of each study that counts: adjudicated before agreed before the phantom's known truth."""
    out: dict[UUID, Consensus] = {}
    rows = Consensus.objects.visible_to(by).in_force().filter(study_id__in=list(studies))
    for row in sorted(rows, key=lambda row: (-_ORDER.index(ConsensusKind(row.kind)), row.revision)):
        out[row.study_id] = row
    return out


def _agreed(reads: Iterable[Read]) -> dict[UUID, int]:
    """The class of studies on which all reads say the same, and can say it."""
    said: dict[UUID, set[int | None]] = defaultdict(set)
    for read in reads:
        said[read.assignment.study_id].add(read.reader_class)
    known = (PlaqueClass.NOT_COMPLEX, PlaqueClass.COMPLEX)
    return {
        study: int(next(iter(classes)) or 0)
        for study, classes in said.items()
        if len(classes) == 1 and next(iter(classes)) in known
    }


def frame_class(frame: _Frame) -> tuple[int | None, str]:
    """The class of one frame and where it comes from.

    A study's class is not that of each of its frames: a frame without plaque is not complex in any study; a frame of a
    complex study is complex where the index lesion (or the only one) is marked on it, otherwise nobody said.
    """
    if frame.row.extent == Extent.NO_PLAQUE:
        return PlaqueClass.NOT_COMPLEX.value, "no plaque"
    if frame.reference is not None:
        found, where = frame.reference.reader_class, frame.reference.kind
    elif frame.agreed is not None:
        found, where = frame.agreed, "reads"
    else:
        return None, ""
    if found == PlaqueClass.NOT_COMPLEX:
        return PlaqueClass.NOT_COMPLEX.value, where
    index = [lesion.number for lesion in frame.lesions if lesion.is_index] or [row.number for row in frame.lesions]
    if found == PlaqueClass.COMPLEX and len(index) == 1 and index[0] in frame.marked.runs:
        return PlaqueClass.COMPLEX.value, where
    return None, ""


def label_map(marked: MarkedFrame) -> NDArray[np.uint8]:
    """Label map of a frame (rows, columns): plaque 3; the rest 23, or, where the outer wall was outlined, 22 within it
    and 0 outside."""
    out = np.full(marked.shape, NOT_PLAQUE, dtype=np.uint8)
    if marked.outline and len(marked.outline) >= 3:
        out = np.where(polygon_mask(marked.outline, marked.shape), WITHIN, BACKGROUND).astype(np.uint8)
    out[marked.plaque] = PLAQUE
    return out


def _rows(bundle: _Bundle, frames: Sequence[_Frame]) -> list[dict[str, Any]]:
    """Write pictures and label maps; gives the rows of the table. Names say study, clip and frame, never a reader."""
    rows: list[dict[str, Any]] = []
    seen: Counter[str] = Counter()
    for frame in frames:
        row, clip = frame.row, frame.row.clip
        place = f"{clip.study.label}/clip-{clip.number:03d}-frame-{row.frame:04d}"
        if f"images/{place}.png" not in bundle.files:
            bundle.write(f"images/{place}.png", frame_png(clip, row.frame))
        seen[place] += 1
        mask = f"masks/{place}-{seen[place]}.png"
        bundle.write(mask, bytes(imagecodecs.png_encode(label_map(frame.marked), level=6)))
        rows.append({"file": f"images/{place}.png", "mask": mask, **_about(frame)})
    return rows


def _about(frame: _Frame) -> dict[str, Any]:
    row, clip = frame.row, frame.row.clip
    region = region_of(clip, row.region)
    klass, where = frame_class(frame)
    key = [one for one in frame.lesions if (one.key_clip_id, one.key_frame) == (clip.pk, row.frame)]
    thickness = max((one.thickness_mm for one in key if one.thickness_mm is not None), default=None)
    return {
        "subject": clip.study.subject.pseudonym,
        "study": clip.study.label,
        "clip": clip.number,
        "frame_no": row.frame,
        "class": "" if klass is None else klass,
        "class_from": where,
        "thickness_mm": "" if thickness is None else round(thickness, 2),
        **_place(region),
        "extent": row.extent,
        "read": frame.read.pk,
        "consensus": frame.reference.pk if frame.reference else "",
        "simulated": int(frame.read.assignment.reader.is_simulated),
    }


def _place(region: Region | None) -> dict[str, Any]:
    """Box and spacing of a region; empty where there is none."""
    box = {name: getattr(region, name) if region else "" for name in ("x0", "y0", "x1", "y1")}
    row_mm, col_mm = spacing_of(region) or ("", "")
    return {"row_mm": row_mm, "col_mm": col_mm, **box}


def frame_png(clip: Clip, frame: int) -> bytes:
    """A stored frame as PNG; ``frame`` counts from 1. What is stored as PNG is handed on byte by byte."""
    offset, length = clip.frame_offsets[frame - 1]
    with open_object(clip.cine) as handle:
        handle.seek(offset)
        data = handle.read(length)
    if data[:4] == PNG:
        return data
    return bytes(imagecodecs.png_encode(imagecodecs.jpeg8_decode(data), level=6))


def _table(rows: Sequence[dict[str, Any]]) -> bytes:
    handle = io.StringIO()
    writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return handle.getvalue().encode()


def _dataset_sha256(files: dict[str, str]) -> str:
    """sha256 of the lines ``<sha256>  <name>``, sorted by name, as ``sha256sum`` prints them."""
    return hashlib.sha256("".join(f"{files[name]}  {name}\n" for name in sorted(files)).encode()).hexdigest()


def _counts(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "frames": len(rows),
        "subjects": len({row["subject"] for row in rows}),
        "studies": len({row["study"] for row in rows}),
        "reads": len({row["read"] for row in rows}),
        "simulated_reads": len({row["read"] for row in rows if row["simulated"]}),
        "class_0": sum(row["class"] == 0 for row in rows),
        "class_1": sum(row["class"] == 1 for row in rows),
    }
