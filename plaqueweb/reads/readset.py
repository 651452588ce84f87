"""What is read of a study in a round: frozen and hashed when the case is given out, so that preparation cannot move it.

A round made before read sets were kept, and one that holds imported reads, has none: there the study's present clips
are read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import Invalid
from plaqueweb.core.prepared import Prepared, PreparedIn
from plaqueweb.reads.choices import AssignmentState, Policy
from plaqueweb.reads.models import Assignment, ReadSet, ReadSetClip, Round
from plaqueweb.studies.blinding import blinded_studies
from plaqueweb.studies.choices import CalibrationSource, ClipState, ClipUse
from plaqueweb.studies.models import Clip, Region, Study
from plaqueweb.studies.selectors import ClipSummary, readable, scale_in_words, with_regions


def freeze_read_sets(*, round_: Round, studies: Iterable[Study]) -> None:
    """Keep what of these studies is read in the round, with a hash for each and one over all.

    A study that has a read set here keeps it, and one that was given out here without keeps none: reads signed on it
    do not name one. Call it inside the transaction that gives the cases out, before it does.

    Raises:
        Invalid: no clip of a study is to be read (``read-set-empty``).
    """
    if round_.policy == Policy.OPEN:
        return
    known = set(Assignment.objects.filter(round=round_).values_list("study_id", flat=True))
    known |= set(ReadSet.objects.filter(round=round_).values_list("study_id", flat=True))
    new = {study.pk: study for study in studies if study.pk not in known}
    if not new:
        return
    clips: dict[UUID, list[Clip]] = {pk: [] for pk in new}
    for clip in Clip.objects.filter(study_id__in=new, state=ClipState.STORED).order_by("number", "id"):
        clips[clip.study_id].append(clip)
    new = {pk: study for pk, study in new.items() if clips[pk]}
    for pk, study in new.items():
        if not any(clip.use == ClipUse.READ for clip in clips[pk]):
            raise Invalid(_("No clip of %(study)s is to be read.") % {"study": study.label}, rule="read-set-empty")
    sets = ReadSet.objects.bulk_create(
        ReadSet(round=round_, study=study, content_no=study.content_no, sha256=digest_of(clips[pk]))
        for pk, study in new.items()
    )
    ReadSetClip.objects.bulk_create(
        ReadSetClip(read_set=row, clip=clip, use=clip.use, segment=clip.segment, view=clip.view)
        for row in sets
        for clip in clips[row.study_id]
    )
    hashes = ReadSet.objects.filter(round=round_).order_by().values_list("study__uid", "sha256")
    round_.read_set_sha256 = _sha256(sorted(map(list, hashes)))
    Round.objects.filter(pk=round_.pk).update(read_set_sha256=round_.read_set_sha256)


def digest_of(clips: Sequence[Clip]) -> str:
    """Return SHA-256 over instance, content, use, segment and view of a study's clips, sorted."""
    return _sha256(sorted([c.sop_uid, c.source_sha256, c.use, c.segment, c.view] for c in clips))


def read_set_of(*, round_id: UUID, study_id: UUID) -> ReadSet | None:
    """Return the frozen set of a case, None where none was kept."""
    return _READ_SET.first(round=round_id, study=study_id)


def content_read(row: Assignment) -> int:
    """Return the number of the study's content that is read in a case: the frozen one, else the present one."""
    kept = read_set_of(round_id=row.round_id, study_id=row.study_id)
    return kept.content_no if kept else Study.objects.values_list("content_no", flat=True).get(pk=row.study_id)


def clips_of_reads(read_ids: Sequence[UUID]) -> Q:
    """A filter on clips: what was to be read in the cases of these reads, as frozen there; where nothing was kept, what
    is read now.
    """
    of_case = {"round__assignments__reads__in": read_ids, "round__assignments__study": OuterRef("study_id")}
    kept = ReadSet.objects.filter(study=OuterRef("study_id"), **of_case)
    frozen = ReadSetClip.objects.filter(
        clip=OuterRef("pk"), use=ClipUse.READ, read_set__study=OuterRef("study_id"),
        **{f"read_set__{name}": value for name, value in of_case.items()},
    )  # fmt: skip
    return Q(Exists(frozen)) | Q(~Exists(kept), use=ClipUse.READ)


def clips_of_case(round_id: UUID, study_id: UUID, *, pictures: bool = True, reference: bool = False) -> list[Clip]:
    """Return the clips that are read in a round, with their regions, and segment and view as they were frozen.

    ``reference`` adds what is for reference only now: whoever signed may see it. Two queries, whose SQL is made once.
    """
    clips = (_CLIPS if pictures else _CLIPS_TO_MEASURE)(round=round_id, study=study_id)
    for clip in clips:
        row: Any = clip
        if row.frozen_view is not None:
            clip.segment, clip.view = row.frozen_segment, row.frozen_view
        clip.use = ClipUse.READ
    if reference:
        there = {clip.pk for clip in clips}
        more = readable(pictures=pictures, use=ClipUse.REFERENCE).filter(study_id=study_id)
        clips = sorted([*clips, *(clip for clip in more if clip.pk not in there)], key=lambda clip: clip.number)
    return with_regions(clips, _REGIONS(study=study_id))


def clips_of_assignment(row: Assignment, *, pictures: bool = True, reference: bool = False) -> list[Clip]:
    """Return what ``clips_of_case`` returns for an assignment."""
    return clips_of_case(row.round_id, row.study_id, pictures=pictures, reference=reference)


def case_summaries(assignment_ids: Iterable[UUID]) -> dict[UUID, ClipSummary]:
    """Return by assignment what the worklist says of its frozen clips; cases without a frozen set are left out."""
    return {
        pk: ClipSummary(clips, scale_in_words(scaled=regions, with_scale=with_scale, by_hand=by_hand))
        for pk, clips, regions, with_scale, by_hand in _SUMMARIES(assignment_ids)
    }


def clips_shown(row: Assignment, *, pictures: bool = True) -> list[Clip]:
    """Return the clips of a case that its reader may see: those for reference too once it is signed.

    Not while the reader has yet to read the study blind in another round.
    """
    signed = row.state == AssignmentState.SIGNED
    reference = signed and not blinded_studies(User(pk=row.reader_id)).filter(pk=row.study_id).exists()
    return clips_of_assignment(row, pictures=pictures, reference=reference)


def _summaries(assignment_ids: list[UUID]) -> QuerySet[ReadSetClip, Any]:
    scaled = Q(clip__regions__valid=True, clip__regions__row_mm__isnull=False)
    scaled &= ~Q(clip__regions__source=CalibrationSource.NONE)
    by_hand = scaled & Q(clip__regions__source=CalibrationSource.MANUAL)
    rows = ReadSetClip.objects.filter(
        use=ClipUse.READ, read_set__round__assignments__in=assignment_ids,
        read_set__study=F("read_set__round__assignments__study"),
    )  # fmt: skip
    return (
        rows.order_by()
        .values_list("read_set__round__assignments")
        .annotate(
            clips=Count("clip", distinct=True),
            scaled=Count("clip__regions", filter=scaled, distinct=True),
            with_scale=Count("clip", filter=scaled, distinct=True),
            by_hand=Count("clip__regions", filter=by_hand, distinct=True),
        )
    )


def _clips(round: Any, study: Any, *, pictures: bool) -> QuerySet[Clip]:
    kept = ReadSetClip.objects.filter(clip=OuterRef("pk"), read_set__round_id=round)
    none_kept = ~Exists(ReadSet.objects.filter(round_id=round, study_id=OuterRef("study_id")))
    to_read = Q(Exists(kept.filter(use=ClipUse.READ))) | Q(none_kept, use=ClipUse.READ)
    return (
        readable(pictures=pictures, use=None)
        .filter(to_read, study_id=study)
        .annotate(
            frozen_segment=Subquery(kept.values("segment")[:1]),
            frozen_view=Subquery(kept.values("view")[:1]),
        )
    )


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, separators=(",", ":")).encode()).hexdigest()


_SUMMARIES = PreparedIn(_summaries)
_READ_SET = Prepared(
    lambda round, study: ReadSet.objects.filter(round_id=round, study_id=study).order_by(), "round", "study"
)
_CLIPS = Prepared(lambda round, study: _clips(round, study, pictures=True), "round", "study")
_CLIPS_TO_MEASURE = Prepared(lambda round, study: _clips(round, study, pictures=False), "round", "study")
_REGIONS = Prepared(
    lambda study: Region.objects.filter(clip__study_id=study, clip__state=ClipState.STORED).order_by("number"), "study"
)
