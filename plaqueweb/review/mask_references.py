"""Fuse readers' masks on the frames that all of them were given, once for the same inputs. For the light worker.

Only frames shared by design count: fixed frames, or those of a second stage. Frames that readers chose alike by chance
are the easy ones. A read given or signed after its reader met a model's answer on the study never enters.
"""

from __future__ import annotations

import hashlib
import json
import uuid
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from inference.types import rle_encode
from plaqueweb.predictions.models import Showing
from plaqueweb.reads.choices import Arm, Frames
from plaqueweb.reads.models import FrameAnnotation, Read
from plaqueweb.review.mask_fusion import LEAST_READERS, VERSION, Fused, fuse
from plaqueweb.review.mask_models import FusionMethod, MaskReference
from plaqueweb.review.masks import DECLARED, MarkedFrame, Place, marked_frames
from plaqueweb.studies.models import Disclosure

AT_ONCE = 100


@dataclass(frozen=True)
class Inputs:
    """What one fused mask is made of: the reads that declared a frame, in the order of their ids."""

    study: uuid.UUID
    place: Place
    reads: tuple[Read, ...]
    frames: tuple[MarkedFrame, ...]
    masks: tuple[str, ...]

    def hash(self, method: str) -> str:
        """SHA-256 over everything that can change the result."""
        document = {
            "method": method,
            "version": VERSION,
            "place": [str(self.place[0]), self.place[1], self.place[2]],
            "reads": [[str(read.pk), sha] for read, sha in zip(self.reads, self.masks, strict=True)],
        }
        return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def blind_reads(reads: Iterable[uuid.UUID]) -> list[Read]:
    """Signed reads on frames shared by design whose reader had met no model's answer on the study when signing."""
    study = {"user": OuterRef("assignment__reader"), "study": OuterRef("assignment__study")}
    before = {"created_at__lte": OuterRef("signed_at")}
    shared = Q(assignment__stage_no__gt=1) | Q(assignment__round__frames=Frames.FIXED)
    rows = Read.objects.signed().filter(shared, pk__in=list(reads), arm__in=[Arm.BLIND])
    rows = rows.exclude(Exists(Showing.objects.filter(**study, **before)))
    rows = rows.exclude(Exists(Disclosure.objects.filter(**study, **before)))
    return list(rows.select_related("assignment__round").order_by("pk"))


def ensure(reads: Sequence[uuid.UUID], method: str) -> list[uuid.UUID]:
    """Return the fused masks of these reads, made where these inputs were not fused before, by study and place.

    Frames that fewer than three of the reads declared have none.
    """
    found: list[uuid.UUID] = []
    by_study: dict[uuid.UUID, list[Read]] = defaultdict(list)
    for start in range(0, len(reads), AT_ONCE * 5):
        for read in blind_reads(reads[start : start + AT_ONCE * 5]):
            by_study[read.assignment.study_id].append(read)
    for study in sorted(by_study):
        found += [_once(inputs, method).pk for inputs in inputs_of(study, by_study[study])]
    return found


def inputs_of(study: uuid.UUID, reads: Sequence[Read]) -> list[Inputs]:
    """Frames that at least three reads of a study declared, by place; an erased mask declares nothing."""
    rows = FrameAnnotation.objects.filter(read__in=reads, extent__in=DECLARED).select_related("mask", "clip")
    grouped: dict[uuid.UUID, list[FrameAnnotation]] = defaultdict(list)
    for row in rows:
        grouped[row.read_id].append(row)
    declared: dict[Place, list[tuple[Read, MarkedFrame, str]]] = defaultdict(list)
    for read in sorted(reads, key=lambda one: one.pk):
        masks = {(row.clip_id, row.frame, row.region): _sha(row) for row in grouped[read.pk]}
        for place, marked in marked_frames(grouped[read.pk]).items():
            if marked.declared:
                declared[place].append((read, marked, masks[place]))
    made = []
    for place in sorted(declared, key=lambda one: (str(one[0]), one[1], one[2])):
        first: dict[uuid.UUID, tuple[Read, MarkedFrame, str]] = {}
        for one in declared[place]:  # nobody votes twice
            first.setdefault(one[0].assignment.reader_id, one)
        own = list(first.values())
        if len(own) >= LEAST_READERS and len({marked.plaque.shape for _read, marked, _digest in own}) == 1:
            reads_, frames, masks_ = zip(*own, strict=True)
            made.append(Inputs(study, place, reads_, frames, masks_))
    return made


def _sha(row: FrameAnnotation) -> str:
    mask: Any = getattr(row, "mask", None)
    return str(mask.sha256) if mask is not None else ""


def _once(inputs: Inputs, method: str) -> MaskReference:
    """Two workers at once leave one row."""
    key = inputs.hash(method)
    row: MaskReference | None = MaskReference.objects.filter(input_hash=key).first()
    if row is not None:
        return row
    fused = fuse([marked.plaque for marked in inputs.frames], FusionMethod(method).value)
    with transaction.atomic():
        made: MaskReference = MaskReference.objects.get_or_create(
            input_hash=key, defaults=_values(inputs, method, fused)
        )[0]
    return made


def _values(inputs: Inputs, method: str, fused: Fused) -> dict[str, Any]:
    clip, frame, region = inputs.place
    rows, columns = fused.mask.shape
    raters = [
        {"read": str(read.pk), "reader": str(read.assignment.reader_id), "sensitivity": found, "specificity": spared}
        for read, found, spared in zip(inputs.reads, fused.sensitivity, fused.specificity, strict=True)
    ]
    return {
        "study_id": inputs.study, "clip_id": clip, "frame": frame, "region": region, "method": method,
        "version": VERSION, "raters": raters, "rows": rows, "columns": columns,
        "rle": zlib.compress(json.dumps(rle_encode(fused.mask)).encode()),
        "area_px": int(np.count_nonzero(fused.mask)),
    }  # fmt: skip


def fused_frame(row: MaskReference) -> MarkedFrame | None:
    """Return a stored mask as a frame on which all plaque is marked; None once it was erased."""
    if row.rle is None:
        return None
    size = (row.rows, row.columns)
    runs = {1: json.loads(zlib.decompress(bytes(row.rle)))} if row.area_px else {}
    return MarkedFrame((row.clip_id, row.frame, row.region), "all_marked", runs, size, None, size)
