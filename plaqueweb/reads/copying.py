"""Copy all that a read says into a new draft: so begin a second answer and a correction."""

from __future__ import annotations

from typing import Any

from plaqueweb.reads.models import FrameAnnotation, FrameMask, Lesion, ManualScale, Read, SegmentFinding

ANSWERS = ("reader_class", "quality", "confidence", "note", "own", "quality_reasons", "clip_quality")
OWN = {"id", "created_at", "read", "read_id", "annotation", "annotation_id"}


def copy_answers(*, of: Read, to: Read) -> None:
    """Fill an empty draft with answers, findings, lesions, scales, marks and masks of another read."""
    for name in ANSWERS:
        setattr(to, name, getattr(of, name))
    to.save(update_fields=list(ANSWERS))
    SegmentFinding.objects.bulk_create(
        SegmentFinding(read=to, **_values(row)) for row in SegmentFinding.objects.filter(read=of)
    )
    ManualScale.objects.bulk_create(ManualScale(read=to, **_values(row)) for row in ManualScale.objects.filter(read=of))
    Lesion.objects.bulk_create(Lesion(read=to, **_values(row)) for row in Lesion.objects.filter(read=of))
    marks, masks = [], []
    for row in FrameAnnotation.objects.filter(read=of).select_related("mask"):
        copy = FrameAnnotation(read=to, **_values(row))
        marks.append(copy)
        mask = getattr(row, "mask", None)
        if mask is not None:
            masks.append(FrameMask(annotation=copy, **_values(mask)))
    FrameAnnotation.objects.bulk_create(marks)
    FrameMask.objects.bulk_create(masks)


def _values(row: SegmentFinding | Lesion | ManualScale | FrameAnnotation | FrameMask) -> dict[str, Any]:
    names = [field.attname for field in row._meta.concrete_fields]
    return {name: getattr(row, name) for name in names if name not in OWN}
