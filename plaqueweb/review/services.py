"""Open cases where reads exist, compare reads with reads, and record references and reasons.

What a person decides about a queued case is in ``adjudication``.
"""

from __future__ import annotations

import math
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, InvalidTransition, NotFound
from plaqueweb.predictions.models import Prediction
from plaqueweb.reads.choices import PlaqueClass
from plaqueweb.reads.models import FrameAnnotation, Read, Round
from plaqueweb.review.masks import marked_frames
from plaqueweb.review.models import Case, CaseState, Consensus, ConsensusKind, DifferenceNote, DifferenceReason
from plaqueweb.review.queue import enter_by_lot, enter_by_rules
from plaqueweb.review.rules import Answer, any_differences
from plaqueweb.review.states import CASE
from plaqueweb.studies.models import CaseListItem, Study

MAX_THICKNESS_MM = 50.0
COMMENT_CHARACTERS = 500
Pair = tuple[uuid.UUID, uuid.UUID]
"""Round and study."""


def current_reads(round_id: uuid.UUID, study_id: uuid.UUID) -> list[Read]:
    """Return the signed first readings of a case without the model, latest revisions only, in order of signature."""
    rows = Read.objects.counting().unaided()
    rows = rows.filter(assignment__round_id=round_id, assignment__study_id=study_id, assignment__repeat_no=0)
    return list(rows.select_related("assignment__reader").order_by("signed_at", "id"))


def case_for(*, round: Round, study: Study) -> Case:
    """Return the case of a round and study, made on first use; its number is the study's place in the case list."""
    found = Case.objects.filter(round=round, study=study).first()
    if found is not None:
        return found
    items = list(CaseListItem.objects.filter(case_list=round.case_list_id).order_by("id").values_list("study_id"))
    number = next((place for place, (pk,) in enumerate(items, start=1) if pk == study.pk), len(items) + 1)
    case, _made = Case.objects.get_or_create(round=round, study=study, defaults={"number": number})
    return case


def answers_of(reads: Sequence[Read]) -> list[Answer]:
    """Return what the rules compare: class, official thickness, plaque on the frames declared fully marked."""
    rows: dict[uuid.UUID, list[FrameAnnotation]] = defaultdict(list)
    annotations = FrameAnnotation.objects.filter(read__in=reads).select_related("mask", "clip")
    for row in annotations:
        rows[row.read_id].append(row)
    out: list[Answer] = []
    for read in reads:
        frames = marked_frames(rows[read.pk])
        declared = {place: marked.plaque for place, marked in frames.items() if marked.declared}
        out.append(Answer(read.reader_class, read.thickness_mm, declared))
    return out


@transaction.atomic
def update_case(*, study: Study, round: Round) -> Case:
    """Compare the signed reads of a case and move it: two reads that agree, or any pair that differs."""
    case = case_for(round=round, study=study)
    reads = current_reads(round.pk, study.pk)
    if len(reads) < 2 or case.state not in {CaseState.OPEN, CaseState.AGREED}:
        return case
    broken = any_differences(answers_of(reads))
    if broken:
        _move(case, "differ", rules=broken, reads=reads)
        enter_by_rules(case=case, rules=broken)
    else:
        if case.state == CaseState.OPEN:
            _move(case, "agree", rules=[], reads=reads)
            enter_by_lot(case=case)
        _record_agreement(case, reads)
    return case


def _move(case: Case, event: str, *, rules: list[str], reads: Sequence[Read]) -> None:
    before = case.state
    case.state = CASE.apply(Case.objects.all(), pk=case.pk, event=event)
    diff = {"from": before, "to": case.state, "rules": rules, "reads": [str(read.pk) for read in reads]}
    record_event(actor=None, verb="case.compared", target=case, project_id=case.round.project_id, diff=diff)


def _record_agreement(case: Case, reads: Sequence[Read]) -> None:
    sources = sorted(str(read.pk) for read in reads)
    last = Consensus.objects.filter(case=case, kind=ConsensusKind.AGREED).order_by("-revision").first()
    if last is not None and last.source_reads == sources:
        return
    lengths = [read.thickness_mm for read in reads if read.thickness_mm is not None]
    reader_class = reads[0].reader_class
    if reader_class is None:
        return  # nothing was agreed on
    add_consensus(
        study=case.study,
        kind=ConsensusKind.AGREED,
        by=None,
        case=case,
        reader_class=reader_class,
        thickness_mm=sum(lengths) / len(lengths) if lengths else None,
        source_reads=sources,
    )


def refresh_cases(*, round: Round) -> int:
    """Open and compare the cases of one round that new signatures concern; return how many were looked at."""
    return _refresh(_pending(round_id=round.pk))


def refresh_open_cases() -> int:
    """The same for all rounds. Cheap when nothing was signed: four small queries and no mask."""
    return _refresh(_pending(round_id=None))


def _refresh(pairs: Iterable[Pair]) -> int:
    done = 0
    for round_id, study_id in pairs:
        try:
            update_case(study=Study.objects.get(pk=study_id), round=Round.objects.get(pk=round_id))
        except InvalidTransition as error:
            if error.rule != "overtaken":  # another process compared the same reads
                raise
        done += 1
    return done


def _pending(*, round_id: uuid.UUID | None) -> list[Pair]:
    """Round and study of signed reads that their case has not taken into account."""
    reads = Read.objects.counting().unaided().filter(assignment__repeat_no=0)
    cases = Case.objects.all()
    agreed = Consensus.objects.filter(kind=ConsensusKind.AGREED, case__state=CaseState.AGREED)
    if round_id is not None:
        reads = reads.filter(assignment__round=round_id)
        cases, agreed = cases.filter(round=round_id), agreed.filter(case__round=round_id)
    keys = "assignment__round_id", "assignment__study_id"
    signed = reads.order_by().values(*keys).annotate(n=Count("id")).values_list(*keys, "n")
    states = {(a, b): state for a, b, state in cases.values_list("round_id", "study_id", "state")}
    rows = agreed.order_by("revision").values_list("case__round_id", "case__study_id", "source_reads")
    compared = {(a, b): set(sources) for a, b, sources in rows}
    replaced = {str(pk) for pk in Read.objects.replaced().values_list("pk", flat=True)}
    pending: list[Pair] = []
    for a, b, n in signed:
        state = states.get((a, b))
        sources = compared.get((a, b))
        late = state == CaseState.AGREED and sources is not None and (n > len(sources) or bool(sources & replaced))
        if state is None or (state == CaseState.OPEN and n > 1) or late:
            pending.append((a, b))
    return pending


@transaction.atomic
def record_known_truth(
    *, study: Study, reader_class: int, thickness_mm: float | None, reasons: dict[str, Any], by: User | None = None
) -> Consensus:
    """Record what is known about a phantom because it was built so. The same truth again changes nothing.

    Raises:
        Invalid: the class or thickness is not a valid one.
    """
    last = Consensus.objects.filter(study=study, kind=ConsensusKind.KNOWN_TRUTH).order_by("-revision").first()
    same = last is not None and (last.reader_class, last.thickness_mm, last.reasons) == (
        reader_class,
        thickness_mm,
        reasons,
    )
    if last is not None and same:
        return last
    return add_consensus(
        study=study,
        kind=ConsensusKind.KNOWN_TRUTH,
        by=by,
        reader_class=reader_class,
        thickness_mm=thickness_mm,
        reasons=reasons,
    )


def add_consensus(*, study: Study, kind: str, by: User | None, **answers: Any) -> Consensus:
    """Write the next revision of one kind of reference."""
    if answers["reader_class"] not in PlaqueClass.values:
        raise Invalid(_("The class is 0 (not complex), 1 (complex) or 9 (can’t assess)."), rule="class")
    length = answers["thickness_mm"]
    if length is not None and not (math.isfinite(length) and 0 <= length <= MAX_THICKNESS_MM):
        limit = {"limit": MAX_THICKNESS_MM}
        raise Invalid(_("A thickness lies between 0 and %(limit)d mm.") % limit, rule="thickness")
    last = Consensus.objects.filter(study=study, kind=kind).order_by("-revision").first()
    row = Consensus.objects.create(
        study=study, kind=kind, by=by, revision=last.revision + 1 if last is not None else 1, **answers
    )
    diff = {"kind": kind, "class": row.reader_class, "thickness_mm": row.thickness_mm, "revision": row.revision}
    diff |= {"model_visible": row.model_visible}
    record_event(actor=by, verb="consensus.recorded", target=row, project_id=study.project_id, diff=diff)
    return row


@transaction.atomic
def note_difference(
    *, case: Case, read: Read, prediction: Prediction, reason: str, comment: str, by: User
) -> DifferenceNote:
    """Say why a read and a prediction differ. It changes no answer and no consensus; the last note counts.

    Raises:
        NotFound: the user may not see the case, the read or the prediction.
        Invalid: the reason is not in the list, or the comment is too long.
    """
    seen = (
        Case.objects.visible_to(by).filter(pk=case.pk).exists()
        and Read.objects.visible_to(by).signed().filter(pk=read.pk, assignment__study=case.study_id).exists()
        and read.assignment.round_id == case.round_id
        and Prediction.objects.visible_to(by).filter(pk=prediction.pk, study=case.study_id).exists()
    )
    if not seen:
        raise NotFound(_("There is nothing here that you may see."))
    if reason not in DifferenceReason.values:
        raise Invalid(_("Unknown reason: %(reason)s") % {"reason": reason}, rule="reason-code")
    if len(comment) > COMMENT_CHARACTERS:
        limit = {"limit": COMMENT_CHARACTERS}
        raise Invalid(_("A comment has at most %(limit)d characters.") % limit, rule="comment-length")
    note = DifferenceNote.objects.create(
        case=case, read_id=read.pk, prediction_id=prediction.pk, reason=reason, comment=comment, by=by
    )
    diff = {"reason": reason, "read": str(read.pk), "prediction": str(prediction.pk), "comment": bool(comment)}
    record_event(actor=by, verb="difference.noted", target=note, project_id=case.round.project_id, diff=diff)
    return note
