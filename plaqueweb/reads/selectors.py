"""What readers are shown: plain values built from a fixed number of queries, however many rows or frames."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Case, Max, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import NotFound
from plaqueweb.core.prepared import Prepared, PreparedIn
from plaqueweb.reads.aided import first_read, sees_model
from plaqueweb.reads.aliases import aliases_of
from plaqueweb.reads.answers import label_verdict, missing_answers, plaque_present, reason_words, rule_agrees
from plaqueweb.reads.bundle import Bundle, key_of, load_bundle, mask_of, newest_read
from plaqueweb.reads.choices import Arm, AssignmentState, Policy, ReadState, Reason, Reveal
from plaqueweb.reads.correction import why_not
from plaqueweb.reads.draft_input import REASON_KEYS, FrameKey
from plaqueweb.reads.measure import masks_text
from plaqueweb.reads.models import Assignment, FrameAnnotation, Lesion, ManualScale, Read, Round, SegmentFinding
from plaqueweb.reads.rawjson import RawJson, masks_as_json
from plaqueweb.reads.readset import case_summaries, clips_shown
from plaqueweb.studies.blinding import is_disclosed
from plaqueweb.studies.choices import ClipUse, Segment, ThicknessFrom
from plaqueweb.studies.grading import scheme_name
from plaqueweb.studies.guide import guide_payload
from plaqueweb.studies.models import Project, Protocol
from plaqueweb.studies.questions import Kind, range_words
from plaqueweb.studies.selectors import ClipSummary, clip_payload, clip_summaries, scale_words

Part = TypeVar("Part", SegmentFinding, Lesion, FrameAnnotation)
NO_CLIPS = ClipSummary(0, "")


def own_assignment(*, user: User, public_id: str) -> Assignment:
    """Return one of the user's assignments.

    Raises:
        NotFound: it is not the user's, or not there.
    """
    row = _OWN_ASSIGNMENT.first(reader=user.pk, public_id=public_id)
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    return row


# --- reads ---


def read_payload(bundle: Bundle, *, frames: Collection[FrameKey] | None = None, own: bool = True) -> dict[str, Any]:
    """Return a read as the API shows it.

    Args:
        bundle: loaded with masks where the frames asked for are painted.
        frames: only these frames; None means all.
        own: for the reader, who is not told the rule's verdict where the round hides it.
    """
    read = bundle.read
    if read.state == ReadState.DRAFT:
        verdict = label_verdict(bundle)
        # The rule speaks after the reader: before an answer it would be a hint.
        shown = (verdict.value, verdict.ground) if read.reader_class is not None else (None, "")
        present = plaque_present(bundle)
    else:
        shown, present = (read.rule_class, read.rule_reason), read.plaque_present
    if own and read.assignment.round.hides_verdict:
        shown = (None, "")
    chosen = [row for key, row in bundle.annotations.items() if frames is None or key in frames]
    return {
        "id": read.pk,
        "state": read.state,
        "draft_no": read.draft_no,
        "revision": read.revision,
        "answers": _answers(bundle),
        "lesions": [lesion_payload(lesion) for lesion in bundle.lesions],
        "frames": [_frame(annotation) for annotation in chosen],
        "clips": [{"clip": clip, **row} for clip, row in (read.clip_quality or {}).items()],
        "scales": [scale_payload(scale) for scale in bundle.scales.values()],
        "rule_class": shown[0],
        "rule_reason": shown[1],
        "rule_agrees": rule_agrees(read.reader_class, shown[0]),
        "plaque_present": present,
        "missing": [] if read.state == ReadState.SIGNED else [m.as_json() for m in missing_answers(bundle)],
        "saved_at": read.saved_at,
        "signed_at": read.signed_at,
        "place": None if read.state == ReadState.SIGNED else read.place,
        "correction": correction_payload(read),
    }


def correction_payload(read: Read) -> dict[str, Any] | None:
    """Return why and which signed read this one corrects; None of a first revision."""
    if read.supersedes is None:
        return None
    return {
        "kind": read.revision_kind,
        "kind_words": str(read.get_revision_kind_display()),
        "reason": read.revision_reason or "",
        "of": str(read.supersedes_id),
        "of_signed_at": read.supersedes.signed_at,
        "informed": read.arm == Arm.INFORMED,
    }


def _answers(bundle: Bundle) -> dict[str, Any]:
    read = bundle.read
    return {
        "reader_class": read.reader_class,
        "quality": read.quality or None,
        "quality_reasons": read.quality_reasons or [],
        "confidence": read.confidence or None,
        "conflict_reason": read.conflict_reason or None,
        "note": read.note,
        "own": read.own or {},
        "findings": {
            segment: {
                "visibility": (found.visibility or None) if found else None,
                "plaque": (found.plaque or None) if found else None,
            }
            for segment in bundle.protocol.segments
            for found in [bundle.findings.get(segment)]
        },
    }


def lesion_payload(lesion: Lesion) -> dict[str, Any]:
    """Return a lesion as the API shows it."""
    return {
        "number": lesion.number,
        "segment": lesion.segment or None,
        "is_index": lesion.is_index,
        "key_clip": lesion.key_clip_id,
        "key_frame": lesion.key_frame,
        "key_region": lesion.key_region,
        **{key: getattr(lesion, key) or None for key in REASON_KEYS},
        "grade": lesion.grade,
        "grade_given": lesion.grade_given,
        "thickness_mm": lesion.thickness_mm,
        "thickness_px": lesion.thickness_px,
        "thickness_source": lesion.thickness_source or None,
        "manual_scale": lesion.manual_scale,
    }


def scale_payload(scale: ManualScale) -> dict[str, Any]:
    """Return a scale set by hand as the API shows it."""
    return {
        "clip": scale.clip_id,
        "region": scale.region,
        "lines": scale.lines,
        "row_mm": scale.row_mm,
        "col_mm": scale.col_mm,
        "method": scale.method,
        "at": scale.at,
    }


def _frame(annotation: FrameAnnotation) -> dict[str, Any]:
    mask = mask_of(annotation)
    masks: RawJson | dict[str, Any] = {}
    if mask is not None and mask.rle is not None:
        masks = masks_as_json(masks_text(mask.rle), mask.rows, mask.columns)
    return {
        "clip": annotation.clip_id,
        "frame": annotation.frame,
        "region": annotation.region,
        "extent": annotation.extent or None,
        "outline": annotation.outline,
        "calipers": annotation.calipers,
        "masks": masks,
        "areas": mask.areas if mask is not None else {},
        "source": mask.source if mask is not None else "drawn",
        "sources": {} if mask is None else {n: area.get("source", mask.source) for n, area in mask.areas.items()},
    }


# --- assignments ---


def worklist(
    *, user: User, round_id: UUID | None = None, state: str | None = None, project_id: UUID | None = None
) -> QuerySet[Assignment]:
    """Return the user's assignments, in the user's own order within a round."""
    rows: QuerySet[Assignment] = Assignment.objects.visible_to(user).select_related("round__protocol")
    if round_id is not None:
        rows = rows.filter(round_id=round_id)
    if project_id is not None:
        rows = rows.filter(round__project_id=project_id)
    if state is not None:
        rows = rows.filter(state=state)
    return rows.order_by("-round_id", "order_no", "id")


def assignment_rows(assignments: Sequence[Assignment], *, user: User) -> list[dict[str, Any]]:
    """Return rows of the worklist; at most eight queries, however many assignments."""
    totals = _totals({row.round_id for row in assignments}, user)
    return rows_payload(assignments, bundles=bundles_of(assignments), totals=totals)


def rows_payload(
    assignments: Sequence[Assignment], *, bundles: dict[UUID, Bundle], totals: dict[UUID, int]
) -> list[dict[str, Any]]:
    """Return rows of the worklist from reads that are loaded already; ``totals`` are the reader's cases by round."""
    frozen = case_summaries(row.pk for row in assignments if row.round.read_set_sha256)
    present = clip_summaries({row.study_id for row in assignments if row.pk not in frozen})
    return [
        assignment_row(
            row, bundles.get(row.pk), frozen.get(row.pk) or present.get(row.study_id, NO_CLIPS),
            of=totals.get(row.round_id, 0),
        )
        for row in assignments
    ]  # fmt: skip


def assignment_row(row: Assignment, bundle: Bundle | None, clips: ClipSummary, *, of: int) -> dict[str, Any]:
    """Return one line of the worklist: nothing in it comes from anybody else."""
    read = bundle.read if bundle else None
    lesion = bundle.index_lesion() if bundle else None
    mm = read.thickness_mm if read and read.thickness_source else (lesion.thickness_mm if lesion else None)
    px = read.thickness_px if read and read.thickness_source else (lesion.thickness_px if lesion else None)
    manual = read.manual_scale if read and read.thickness_source else (lesion.manual_scale if lesion else None)
    return {
        "public_id": row.public_id,
        "number": row.order_no,
        "of": of,
        "state": row.state,
        "stage": row.stage_no,
        "arm": row.arm,
        "revision": read.revision if read else 1,
        "clips": clips.clips,
        "scale": clips.scale,
        "your_class": read.reader_class if read else None,
        "your_thickness": {"mm": mm, "px": px, "manual": bool(manual)},
        "active_seconds": row.active_seconds,
        "note": row.skip_reason or (read.note if read else ""),
        "missing": len(missing_answers(bundle)) if bundle and row.state == AssignmentState.OPENED else None,
    }


def _totals(round_ids: Collection[UUID], user: User) -> dict[UUID, int]:
    """How many cases a reader has in each round: the last number, so that "case 14 of 60" holds after a withdrawal."""
    rows = Assignment.objects.own(user).filter(round_id__in=round_ids).values("round_id")
    return {row["round_id"]: row["n"] for row in rows.annotate(n=Coalesce(Max("order_no"), 0)).order_by()}


def bundles_of(assignments: Iterable[Assignment], *, corrections: bool = False) -> dict[UUID, Bundle]:
    """Return the newest read of each assignment with its parts, without clips and mask pixels.

    A correction that is not signed yet stands for nothing, unless ``corrections`` asks for these alone.
    """
    begun = {row.pk: row for row in assignments if row.state != AssignmentState.ASSIGNED}
    if not begun:
        return {}
    reads = {read.assignment_id: read for read in (_CORRECTIONS if corrections else _READS)(begun)}
    keys = [read.pk for read in reads.values()]
    findings, lesions, annotations = _by_read(_FINDINGS(keys)), _by_read(_LESIONS(keys)), _by_read(_ANNOTATIONS(keys))
    bundles = {}
    for key, read in reads.items():
        read.assignment = begun[key]
        bundles[key] = Bundle(
            read=read,
            clips={},
            findings={found.segment: found for found in findings[read.pk]},
            lesions=lesions[read.pk],
            annotations={key_of(found): found for found in annotations[read.pk]},
        )
    return bundles


def _by_read(rows: Iterable[Part]) -> dict[UUID, list[Part]]:
    grouped: dict[UUID, list[Part]] = defaultdict(list)
    for row in rows:
        grouped[row.read_id].append(row)
    return grouped


def assignment_detail(row: Assignment, *, user: User, read: Read | None = None) -> dict[str, Any]:
    """Return everything the reading page needs of one case, and nothing of others; ``read`` where it is known."""
    clips = clips_shown(row)
    read = read or newest_read(row)
    own = [clip for clip in clips if clip.use == ClipUse.READ]
    summary = ClipSummary(len(own), scale_words(own)) if own else NO_CLIPS
    bundle = None
    if read is not None:
        bundle = load_bundle(read, masks=True, clips={str(clip.pk): clip for clip in own})
    of = _LAST_NUMBER.first(reader=user.pk, round=row.round_id) or 0
    aliases = aliases_of(row, clips)
    shown = [clip_payload(clip) for clip in clips]
    if aliases is not None:
        shown = [aliases.addressed(clip, payload) for clip, payload in zip(clips, shown, strict=True)]
    return {
        **assignment_row(row, bundle, summary, of=of),
        "round": round_payload(row.round),
        "protocol": protocol_payload(row.round.protocol, row.round.project),
        "clips": shown,
        "read": None if bundle is None else read_payload(bundle),
        "frames": row.frames,
        "model_url": reverse("shown-model", args=[row.public_id]) if sees_model(row) else None,
        "first_answer": _first_answer(row),
        "compare_url": compare_url(row, user=user),
        "correct_url": reverse("correct", args=[row.public_id]) if why_not(row, read) is None else None,
        "worklist_url": worklist_url(row),
        "next_url": next_url(row, user=user),
    }


def _first_answer(row: Assignment) -> dict[str, Any] | None:
    """Return one's own blind answer, beside which the second one is given."""
    read = first_read(row) if row.arm == Arm.AIDED else None
    if read is None:
        return None
    return {"reader_class": read.reader_class, "thickness_mm": read.thickness_mm, "thickness_px": read.thickness_px}


def second_url(row: Assignment) -> str | None:
    """Return where a signature leads: to the second answer, or to a practice case's known answer; else None."""
    if row.round.policy == Policy.PRACTICE and row.state == AssignmentState.SIGNED:
        return reverse("practice-feedback", args=[row.round.project.slug, row.public_id])
    if row.round.policy != Policy.AI_ASSISTED or row.stage_no != 1:
        return None
    rows = Assignment.objects.own(User(pk=row.reader_id)).filter(
        round=row.round_id, study=row.study_id, repeat_no=row.repeat_no, stage_no=2
    )
    public_id = rows.exclude(state=AssignmentState.SIGNED).values_list("public_id", flat=True).first()
    return None if public_id is None else reverse("read", args=[public_id])


def compare_url(row: Assignment, *, user: User) -> str | None:
    """Return where the comparison is, once results of the study were disclosed to the reader."""
    if row.state != AssignmentState.SIGNED or not is_disclosed(user, row.study):
        return None
    return reverse("compare-of", args=[row.public_id])


def worklist_url(row: Assignment) -> str:
    """Return the worklist's page with this round chosen."""
    return f"{reverse('worklist', args=[row.round.project.slug])}?round={row.round_id}"


def next_assignment(row: Assignment, *, user: User) -> Assignment | None:
    """Return the next case to read after this one in the reader's order, starting again at the front."""
    return _FOLLOWING.first(reader=user.pk, round=row.round_id, case=row.pk)


def _following(reader: UUID, round: UUID, case: UUID) -> QuerySet[Assignment]:
    here = Assignment.objects.filter(pk=case).values("order_no")
    waiting = Assignment.objects.own(User(pk=reader)).filter(
        round_id=round, state__in=[AssignmentState.ASSIGNED, AssignmentState.OPENED]
    )
    before = Case(When(order_no__gt=Subquery(here), then=0), default=1)
    return waiting.exclude(pk=case).order_by(before, "order_no").only("pk", "public_id", "order_no")[:1]


def next_url(row: Assignment, *, user: User) -> str | None:
    """Return the reading page of the next case, None when there is none."""
    following = next_assignment(row, user=user)
    return None if following is None else reverse("read", args=[following.public_id])


def round_payload(round_: Round) -> dict[str, Any]:
    """Return what a reader is told about the round."""
    return {
        "id": round_.pk,
        "name": round_.name,
        "policy": round_.policy,
        "reveal": round_.reveal,
        "reveal_words": str(Reveal(round_.reveal).label),
        "frames": round_.frames,
        "hides_verdict": round_.hides_verdict,
        "demo": round_.project.is_demo,
    }


def protocol_payload(protocol: Protocol, project: Project) -> dict[str, Any]:
    """Return the questions, the label rule and the reading guide."""
    rule = protocol.label_rule
    return {
        "version": protocol.version,
        "segments": [{"key": key, "label": str(Segment(key).label)} for key in protocol.segments],
        "required": protocol.required,
        "thickness_from": protocol.thickness_from or ThicknessFrom.CALIPER_MASK.value,
        "marks": protocol.marks or [],
        "grading": protocol.grading and {**protocol.grading, "name": scheme_name(protocol.grading)},
        "questions": [
            {**row, **({"range": range_words(row)} if row["kind"] == Kind.NUMBER else {})}
            for row in protocol.own_questions
        ],
        "guide": guide_payload(protocol, project),
        "rule": {
            "version": rule["version"],
            "thickness_mm": rule["thickness_mm"],
            "reasons": list(rule.get("reasons", [])),
            "words": rule_words(protocol),
        },
    }


def rule_words(protocol: Protocol) -> str:
    """Return the label rule in one line, e.g. “4.0 mm or more, ulceration, mobile part or thrombus”."""
    rule = protocol.label_rule
    parts = [_("%(mm).1f mm or more") % {"mm": rule["thickness_mm"]}]
    parts += [reason_words(key).lower() for key in rule.get("reasons", [])]
    if len(parts) == 1:
        return parts[0]
    return _("%(first)s or %(last)s") % {"first": ", ".join(parts[:-1]), "last": parts[-1]}


def ground_words(bundle: Bundle) -> str:
    """Return in a few words why a class was chosen: reasons and thickness of the index lesion."""
    read, lesion = bundle.read, bundle.index_lesion()
    if lesion is None:
        return _("no plaque") if plaque_present(bundle) is False else ""
    words = [reason_words(key).lower() for key in REASON_KEYS if getattr(lesion, key) == Reason.YES]
    mm = read.thickness_mm if read.thickness_source else lesion.thickness_mm
    px = read.thickness_px if read.thickness_source else lesion.thickness_px
    manual = read.manual_scale if read.thickness_source else lesion.manual_scale
    if mm is not None:
        words.append((_("%(mm).1f mm (manual scale)") if manual else _("%(mm).1f mm")) % {"mm": mm})
    elif px is not None:
        words.append(_("%(px).0f px, no scale in the file") % {"px": px})
    return ", ".join(words)


def is_blinded(round_: Round) -> bool:
    """Tell whether a round's readers first answer blind to the model; to each other they are blind in any."""
    return round_.policy in (Policy.BLINDED, Policy.AI_ASSISTED, Policy.PRACTICE)


_OWN_ASSIGNMENT = Prepared(
    lambda reader, public_id: (
        Assignment.objects.visible_to(User(pk=reader))
        .filter(public_id=public_id)
        .select_related("round__protocol", "round__project", "study")
    ),
    "reader", "public_id",
)  # fmt: skip
_FOLLOWING = Prepared(_following, "reader", "round", "case")
_LAST_NUMBER = Prepared(
    lambda reader, round: (
        Assignment.objects.own(User(pk=reader))
        .filter(round_id=round)
        .order_by("-order_no")
        .values_list("order_no", flat=True)[:1]
    ),
    "reader", "round",
)  # fmt: skip
_READS = PreparedIn(
    lambda keys: (
        Read.objects.filter(assignment_id__in=keys)
        .filter(Q(supersedes__isnull=True) | Q(state=ReadState.SIGNED))
        .order_by("assignment_id", "revision")
    )
)
_CORRECTIONS = PreparedIn(
    lambda keys: (
        Read.objects.filter(assignment_id__in=keys, supersedes__isnull=False).exclude(state=ReadState.SIGNED).order_by()
    )
)
_FINDINGS = PreparedIn(lambda keys: SegmentFinding.objects.filter(read_id__in=keys).order_by())
_LESIONS = PreparedIn(lambda keys: Lesion.objects.filter(read_id__in=keys).order_by("number"))
_ANNOTATIONS = PreparedIn(
    lambda keys: (
        FrameAnnotation.objects.filter(read_id__in=keys)
        .select_related("mask")
        .defer("mask__rle")
        .order_by("clip_id", "frame", "region")
    )
)
