"""Open a case and save its draft: one transaction, guarded by the draft number, repeatable by its save id."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed, Stale
from plaqueweb.reads import quality
from plaqueweb.reads.aided import begin_with_first, show_from_the_start
from plaqueweb.reads.answers import NOT_MEASURED, caliper_thickness
from plaqueweb.reads.bundle import Bundle, load_bundle, mask_of, newest_read
from plaqueweb.reads.choices import Arm, AssignmentState, Extent, MaskSource, Policy, ReadState
from plaqueweb.reads.draft_input import (
    CLIENT_SOURCES,
    REASON_KEYS,
    CaliperInput,
    FrameInput,
    FrameKey,
    LesionInput,
    SaveInput,
    parse_save,
)
from plaqueweb.reads.grades import check_given, derived
from plaqueweb.reads.measure import PackedMasks, measure_caliper, pack_masks
from plaqueweb.reads.models import Assignment, FrameAnnotation, FrameMask, Lesion, Read, SegmentFinding
from plaqueweb.reads.own import merged
from plaqueweb.reads.qualification import check_gate
from plaqueweb.reads.readset import content_read
from plaqueweb.reads.rounds_washout import check_washout
from plaqueweb.reads.scales import measure_again, save_scales
from plaqueweb.reads.states import ASSIGNMENT, READ
from plaqueweb.studies.models import Clip

STUDY_ANSWERS = {
    "reader_class", "quality", "quality_reasons", "clip_quality", "confidence", "conflict_reason", "own",
}  # fmt: skip
MASK_COLUMNS = ["rows", "columns", "rle", "sha256", "areas", "source"]
MEASURED = ("thickness_mm", "thickness_px", "thickness_source", "manual_scale", "grade")


@transaction.atomic
def open_assignment(*, assignment: Assignment, by: User) -> Read:
    """Open a case and return its read; the first time a draft is made. Opening again changes nothing.

    Raises:
        NotAllowed: the case is another reader's.
        InvalidTransition: it was withdrawn or reassigned, the washout lasts (rule ``washout``), or the reader is
            not qualified yet (``profile-first``, ``practice-first``).
    """
    _own(assignment, by)
    check_gate(assignment, by)
    check_washout(assignment)
    before = assignment.state
    after = ASSIGNMENT.next(before, "open")
    if after != before or assignment.opened_at is None:
        opened_at = assignment.opened_at or timezone.now()
        ASSIGNMENT.apply(Assignment.objects.all(), pk=assignment.pk, event="open", opened_at=opened_at, skip_reason="")
        assignment.state, assignment.opened_at, assignment.skip_reason = after, opened_at, ""
        record_event(
            actor=by, verb="assignment.opened", target=assignment, project_id=assignment.round.project_id,
            diff={"from": before},
        )  # fmt: skip
    show_from_the_start(assignment=assignment, by=by)
    read = newest_read(assignment)
    if read is None:
        arm = Arm.UNKNOWN if assignment.round.policy == Policy.OPEN else assignment.arm
        read = Read.objects.create(assignment=assignment, arm=arm, content_no=content_read(assignment))
        if assignment.arm == Arm.AIDED:
            begin_with_first(assignment=assignment, second=read)
    read.assignment = assignment
    return read


def _own(assignment: Assignment, by: User) -> None:
    if assignment.reader_id != by.pk:
        raise NotAllowed(_("This case belongs to another reader."))


def save_draft(*, read: Read, by: User, draft_no: int, body: Any) -> tuple[Bundle, frozenset[FrameKey]]:
    """Save what changed in a draft; return the read as it is now and which frames were saved.

    The same ``save_id`` again gives the same answer and stores nothing.

    Args:
        read: joined with its assignment, round, protocol and study (``own_read``).
        draft_no: the number the change was made on (``If-Match``).
        body: as in the API: ``save_id``, ``answers``, ``lesions``, ``frames``.

    Raises:
        Invalid: the input breaks a rule.
        Stale: the draft was changed meanwhile; carries the current one.
        InvalidTransition: the read is completed or signed, or its case is not open.
    """
    return save_parsed(read=read, by=by, draft_no=draft_no, given=parse_save(body, sources=CLIENT_SOURCES))


@transaction.atomic
def save_parsed(*, read: Read, by: User, draft_no: int, given: SaveInput) -> tuple[Bundle, frozenset[FrameKey]]:
    """Save a parsed draft; see ``save_draft``."""
    _own(read.assignment, by)
    keys = frozenset(frame.key for frame in given.frames)
    if read.last_save_id == given.save_id:
        return load_bundle(read, masks=bool(keys)), keys
    check_draft_no(read, draft_no)
    READ.next(read.state, "save")
    if read.assignment.state != (AssignmentState.SIGNED if read.is_correction else AssignmentState.OPENED):
        raise InvalidTransition(_("Open the case before you save answers."), rule="case-not-open")
    fields = {**given.fields, **({"own": merged(read, given.own)} if given.own else {})}
    if given.clips:
        fields["clip_quality"] = quality.merged(read, given.clips)
    if read.assignment.frames_only and STUDY_ANSWERS & set(fields):
        raise Invalid(_("The second stage asks for marks on given frames only."), rule="stage-marks-only")
    now = timezone.now()
    taken = Read.objects.filter(pk=read.pk, state=ReadState.DRAFT, draft_no=draft_no).update(
        **fields, draft_no=F("draft_no") + 1, last_save_id=given.save_id, saved_at=now
    )
    if not taken:
        _refuse_stale(read)
    for column, value in fields.items():
        setattr(read, column, value)
    read.draft_no, read.last_save_id, read.saved_at = draft_no + 1, given.save_id, now
    bundle = load_bundle(read, masks=bool(given.scales))
    _save_findings(bundle, given)
    replaced = given.lesions is not None and _replace_lesions(bundle, given.lesions)
    rescaled = save_scales(bundle, given.scales, by=by, at=now)
    _save_frames(bundle, given.frames)
    measure_again(bundle, rescaled, but=keys)
    _check_references(bundle)
    _measure_lesions(bundle, write_all=replaced)
    record_event(
        actor=by, verb="read.saved", target=read, project_id=read.assignment.round.project_id,
        diff={"draft_no": read.draft_no, "frames": len(keys)},
    )  # fmt: skip
    return bundle, keys


def check_draft_no(read: Read, draft_no: int) -> None:
    """Raise Stale, with the current read, when a write was made on another draft number."""
    if read.draft_no != draft_no:
        _refuse_stale(read)


def _refuse_stale(read: Read) -> None:
    from plaqueweb.reads.rawjson import as_values
    from plaqueweb.reads.selectors import read_payload

    fresh = Read.objects.select_related("assignment__round__protocol", "assignment__study").get(pk=read.pk)
    current = as_values(read_payload(load_bundle(fresh, masks=True)))
    raise Stale(_("This case was changed in another window."), extra={"draft_no": fresh.draft_no, "current": current})


def _save_findings(bundle: Bundle, given: SaveInput) -> None:
    """Merge answers of segments; what was not sent stays."""
    new: list[SegmentFinding] = []
    changed: list[SegmentFinding] = []
    for segment, answer in given.findings.items():
        if segment not in bundle.protocol.segments:
            raise Invalid(_("The protocol does not ask for this segment."), rule="segment-not-asked")
        found = bundle.findings.get(segment)
        if found is None:
            found = bundle.findings[segment] = SegmentFinding(read=bundle.read, segment=segment)
            new.append(found)
        else:
            changed.append(found)
        if answer.visibility is not None:
            found.visibility = answer.visibility
        if answer.plaque is not None:
            found.plaque = answer.plaque
    if new:
        SegmentFinding.objects.bulk_create(new)
    if changed:
        SegmentFinding.objects.bulk_update(changed, ["visibility", "plaque"])


def _replace_lesions(bundle: Bundle, given: Sequence[LesionInput]) -> bool:
    """Put the sent lesions in the place of the stored ones; tell whether they differ. A single one is the index."""
    for lesion in given:
        _check_key_frame(bundle, lesion)
        check_given(bundle.protocol, lesion)
    sent = [
        Lesion(
            read=bundle.read, number=lesion.number, segment=lesion.segment,
            is_index=lesion.is_index or len(given) == 1,
            key_clip_id=UUID(lesion.key_clip) if lesion.key_clip else None,
            key_frame=lesion.key_frame, key_region=lesion.key_region, grade_given=lesion.grade_given,
            **lesion.reasons,
        )
        for lesion in sorted(given, key=lambda item: item.number)
    ]  # fmt: skip
    if list(map(_as_sent, sent)) == list(map(_as_sent, bundle.lesions)):
        return False
    if bundle.lesions:
        Lesion.objects.filter(read=bundle.read).delete()
    bundle.lesions = sent
    return True


_as_sent = attrgetter(
    "number", "segment", "is_index", "key_clip_id", "key_frame", "key_region", "grade_given", *REASON_KEYS
)


def _check_key_frame(bundle: Bundle, lesion: LesionInput) -> None:
    where = _("Lesion %(n)d") % {"n": lesion.number}
    if (lesion.key_clip is None) != (lesion.key_frame is None):
        raise Invalid(_("%(where)s: a key frame is a clip and a frame.") % {"where": where}, rule="lesion-key-frame")
    if lesion.key_clip is not None and lesion.key_frame is not None:
        clip = _clip(bundle, lesion.key_clip, where)
        _check_frame(clip, lesion.key_frame, where)
        if lesion.key_region is not None:
            _check_region(clip, lesion.key_region, where)


def _clip(bundle: Bundle, clip_id: str, where: str) -> Clip:
    clip = bundle.clips.get(clip_id)
    if clip is None:
        raise Invalid(_("%(where)s: this clip is not part of the case.") % {"where": where}, rule="clip-not-in-case")
    return clip


def _check_frame(clip: Clip, frame: int, where: str) -> None:
    if not 1 <= frame <= clip.frames:
        words = {"where": where, "clip": clip.number, "n": clip.frames}
        raise Invalid(_("%(where)s: clip %(clip)d has frames 1 to %(n)d.") % words, rule="frame-number")


def _check_region(clip: Clip, number: int, where: str) -> None:
    numbers = {region.number for region in clip.regions.all()} or {1}
    if number not in numbers:
        words = {"where": where, "n": number}
        raise Invalid(_("%(where)s: the clip has no region %(n)d.") % words, rule="region-number")


def _save_frames(bundle: Bundle, frames: Sequence[FrameInput]) -> None:
    """Store the sent frames as they are, remove the emptied ones. A fixed number of statements."""
    if not frames:
        return
    written: list[FrameAnnotation] = []
    gone: list[UUID] = []
    cleared: list[UUID] = []
    masks: list[FrameMask] = []
    for frame in frames:
        stored = bundle.annotations.get(frame.key)
        packed = _packed(bundle, frame, stored)
        if frame.is_empty or (frame.masks is None and _nothing_left(frame, stored)):
            if stored is not None:
                gone.append(stored.pk)
                del bundle.annotations[frame.key]
            continue
        annotation = stored or FrameAnnotation(
            read=bundle.read, clip_id=UUID(frame.key[0]), frame=frame.key[1], region=frame.key[2]
        )
        written.append(annotation)
        _fill(bundle, annotation, frame)
        if packed is None and frame.masks is not None and stored is not None and mask_of(stored) is not None:
            cleared.append(annotation.pk)
        if frame.masks is not None or stored is None:
            _hang_mask(bundle, annotation, packed, masks)
        bundle.annotations[frame.key] = annotation
    _write_frames(written, gone, cleared, masks)


def _nothing_left(frame: FrameInput, stored: FrameAnnotation | None) -> bool:
    painted = stored is not None and mask_of(stored) is not None
    return not (frame.extent or frame.outline or frame.calipers or painted)


def _hang_mask(bundle: Bundle, annotation: FrameAnnotation, packed: PackedMasks | None, masks: list[FrameMask]) -> None:
    """Hang a new mask (or none) on an annotation, in memory and in the list to be written."""
    annotation._state.fields_cache["mask"] = None  # known to be absent: no query to find out
    if packed is None:
        return
    clip = bundle.clips[str(annotation.clip_id)]
    sources = {area["source"] for area in packed.areas.values()}
    mask = FrameMask(
        annotation=annotation, rows=clip.rows, columns=clip.columns, rle=packed.rle, sha256=packed.sha256,
        areas=packed.areas, source=sources.pop() if len(sources) == 1 else MaskSource.MIXED,
    )  # fmt: skip
    masks.append(mask)
    annotation._state.fields_cache["mask"] = mask


def _write_frames(
    written: list[FrameAnnotation], gone: list[UUID], cleared: list[UUID], masks: list[FrameMask]
) -> None:
    """Write all frames of a save: one statement for the marks, one for the masks, and two for what was removed."""
    if gone or cleared:
        FrameMask.objects.filter(annotation_id__in=[*gone, *cleared]).delete()
    if gone:
        FrameAnnotation.objects.filter(pk__in=gone).delete()
    if written:
        FrameAnnotation.objects.bulk_create(
            written, update_conflicts=True, unique_fields=["id"], update_fields=["extent", "outline", "calipers"]
        )
    if masks:
        FrameMask.objects.bulk_create(
            masks, update_conflicts=True, unique_fields=["annotation_id"], update_fields=MASK_COLUMNS
        )


def _packed(bundle: Bundle, frame: FrameInput, stored: FrameAnnotation | None) -> PackedMasks | None:
    """Check a frame's place, its points and its masks; return the masks ready to store."""
    clip_id, number, region = frame.key
    clip = _clip(bundle, clip_id, _("Frame %(n)d") % {"n": number})
    where = _("Clip %(clip)d, frame %(frame)d") % {"clip": clip.number, "frame": number}
    if bundle.read.assignment.frames is not None and not frame.is_empty and not bundle.asks_for(clip_id, number):
        words = _("%(where)s: this case asks for other frames only.") % {"where": where}
        raise Invalid(words, rule="frame-not-asked")
    _check_frame(clip, number, where)
    _check_region(clip, region, where)
    points = [point for caliper in frame.calipers for point in caliper.points]
    _check_inside(clip, [*points, *(frame.outline or ())], where)
    for size, _runs in (frame.masks or {}).values():
        if size != (clip.rows, clip.columns):
            raise Invalid(
                _("%(where)s: a mask must be %(rows)d × %(columns)d, as the picture is.")
                % {"where": where, "rows": clip.rows, "columns": clip.columns},
                rule="mask-size",
            )
    packed = None
    if frame.masks:
        runs = {lesion: rle for lesion, (_size, rle) in frame.masks.items()}
        sources = {lesion: frame.source_of(lesion) for lesion in runs}
        packed = pack_masks(clip, runs, region_number=region, where=where, sources=sources)
    kept = frame.masks is None and stored is not None and mask_of(stored) is not None
    if frame.extent == Extent.NO_PLAQUE and (packed is not None or kept):
        raise Invalid(
            _("%(where)s: a frame examined without plaque holds no painted plaque.") % {"where": where},
            rule="extent-no-plaque",
        )
    return packed


def _check_inside(clip: Clip, points: Collection[tuple[float, float]], where: str) -> None:
    for x, y in points:
        if not (0 <= x <= clip.columns and 0 <= y <= clip.rows):
            raise Invalid(_("%(where)s: a point lies outside the picture.") % {"where": where}, rule="point-outside")


def _fill(bundle: Bundle, annotation: FrameAnnotation, frame: FrameInput) -> None:
    annotation.extent = frame.extent
    annotation.outline = None if frame.outline is None else [list(point) for point in frame.outline]
    annotation.calipers = [_measured(bundle, frame, caliper) for caliper in frame.calipers]


def _measured(bundle: Bundle, frame: FrameInput, caliper: CaliperInput) -> dict[str, Any]:
    clip = bundle.clips[frame.key[0]]
    where = _("Clip %(clip)d, frame %(frame)d") % {"clip": clip.number, "frame": frame.key[1]}
    length = measure_caliper(clip, caliper.points, region_number=frame.key[2], where=where)
    return {
        "id": caliper.id, "kind": caliper.kind, "lesion": caliper.lesion,
        "points": [list(point) for point in caliper.points], **length.as_json(),
    }  # fmt: skip


def _check_references(bundle: Bundle) -> None:
    """Refuse marks that belong to no lesion of the read."""
    numbers = {lesion.number for lesion in bundle.lesions}
    for annotation in bundle.annotations.values():
        used = {caliper["lesion"] for caliper in annotation.calipers} - {None}
        mask = mask_of(annotation)
        used |= {int(number) for number in (mask.areas if mask else {})}
        if used - numbers:
            raise Invalid(
                _("%(frame)s: there is no lesion %(n)d.")
                % {"frame": bundle.frame_words(annotation), "n": min(used - numbers)},
                rule="lesion-unknown",
            )


def _measure_lesions(bundle: Bundle, *, write_all: bool) -> None:
    """Set each lesion's thickness from its caliper; that of masks is worked out at completion."""
    changed = []
    for lesion in bundle.lesions:
        found = caliper_thickness(bundle, lesion) if bundle.protocol.counts_calipers else NOT_MEASURED
        before = tuple(getattr(lesion, column) for column in MEASURED)
        lesion.thickness_mm = found.mm
        now = (found.mm, found.px, found.source, found.manual, derived(bundle.protocol, lesion))
        if before != now:
            for column, value in zip(MEASURED, now, strict=True):
                setattr(lesion, column, value)
            changed.append(lesion)
    if write_all:
        Lesion.objects.bulk_create(bundle.lesions)
    elif changed:
        Lesion.objects.bulk_update(changed, MEASURED)
