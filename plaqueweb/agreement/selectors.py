"""What an agreement figure is made of: only rows that the user may see, frozen as a list of ids.

The unit is the study; subjects are counted. A reader counts once per study: the last revision signed before anything
about the study was disclosed to that reader. Later ones are "informed" and left out, but counted.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Min, Q, QuerySet
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.agreement.comparison import (
    CONSENSUS_KINDS,
    MAJORITY,
    Choices,
    Ids,
    PipelineChoice,
    Predicted,
    PrimaryRead,
    ReaderChoice,
    Reference,
    Scope,
    Selection,
    as_text,
)
from plaqueweb.agreement.conditions import conditions
from plaqueweb.agreement.evidence_rows import FEW
from plaqueweb.core.errors import NotFound
from plaqueweb.predictions.models import PipelineState, Prediction
from plaqueweb.reads.choices import Arm, AssignmentState, Policy, ReadState
from plaqueweb.reads.models import Assignment, Read, ReadQuerySet, Round
from plaqueweb.reads.rounds_frames import same_frame_reads as reads_on_given_frames
from plaqueweb.review.links import acts_on
from plaqueweb.review.models import Case, Consensus, ConsensusKind
from plaqueweb.studies.blinding import UNSIGNED_STATES, results_visible
from plaqueweb.studies.models import DEFAULT_RULE, CaseListItem, Disclosure, Project, Study

KIND = "overview"


def hidden_rounds(user: User, project: Project) -> set[uuid.UUID]:
    """Rounds that still go on and in which the user reads: their agreement is hidden, whatever other role is held.

    Whoever may see results, and has signed all own cases of the round, has nothing left there that it could bias.
    """
    own = Assignment.objects.own(user).filter(round__project=project, round__closed_at__isnull=True)
    own = own.exclude(round__policy=Policy.OPEN)
    if user.can(Capability.SEE_RESULTS, project.pk):
        own = own.filter(state__in=UNSIGNED_STATES)
    return set(own.values_list("round_id", flat=True))


def visible_reads(user: User, project: Project) -> ReadQuerySet:
    """Signed reads that may enter a figure shown to the user: of every round that is not hidden, repeats too."""
    rows: ReadQuerySet = (
        Read.objects.visible_to(user)
        .filter(results_visible(user, study="assignment__study"))
        .unaided()
        .filter(state=ReadState.SIGNED, assignment__round__project=project)
        .exclude(assignment__state__in=[AssignmentState.WITHDRAWN, AssignmentState.REASSIGNED])
        .exclude(assignment__round_id__in=hidden_rounds(user, project))
    )
    return rows


def visible_signed_reads(user: User, project: Project, round_: Round | None) -> QuerySet[Any]:
    """Signed first readings of studies whose results may be shown to the user."""
    reads = visible_reads(user, project).filter(assignment__repeat_no=0)
    if round_ is not None:
        return reads.filter(assignment__round=round_)
    # What was read once more, after a washout, is a repeat: the first reading stays the one that counts.
    return reads.filter(assignment__round__repeat_of=None)


def repeat_reads(user: User, project: Project, round_: Round | None) -> list[uuid.UUID]:
    """Second readings without the model: hidden repeats within a round, and those of a round that repeats it later.

    What was signed after anything about the study was disclosed to the reader is no repeat of a blind reading.
    """
    later = Q(assignment__round__repeat_of=round_) if round_ else Q(assignment__round__repeat_of__isnull=False)
    within = Q(assignment__repeat_no__gt=0)
    within &= Q(assignment__round=round_) if round_ else Q(assignment__round__repeat_of=None)
    rows = visible_reads(user, project).counting().filter(within | (later & Q(assignment__repeat_no=0)))
    shown_at = _first_disclosures(project)
    found = rows.order_by("pk").values_list("pk", "assignment__reader_id", "assignment__study_id", "signed_at")
    return [
        pk for pk, reader, study, signed_at in found
        if (shown := shown_at.get((reader, study))) is None or signed_at <= shown
    ]  # fmt: skip


def same_frame_reads(user: User, project: Project, reads: Iterable[PrimaryRead]) -> dict[str, str]:
    """For each counted read whose reader marked the given frames of a second stage: the id of that second read.

    All readers of a case marked the same frames there, so masks are compared on these and not on freely chosen ones.
    As with first readings, what was signed after a disclosure does not count.
    """
    keys = "assignment__round_id", "assignment__study_id", "assignment__reader_id"
    rows = visible_second_reads(user, project).values_list("pk", "signed_at", *keys)
    shown_at = _first_disclosures(project)
    marked = {
        (round_, study, reader): pk
        for pk, signed_at, round_, study, reader in rows
        if (shown := shown_at.get((reader, study))) is None or signed_at <= shown
    }
    found = ((read.id, marked.get((read.round_id, read.study_id, read.reader_id))) for read in reads)
    return {str(first): str(pk) for first, pk in found if pk is not None}


def visible_second_reads(user: User, project: Project) -> QuerySet[Any]:
    """Signed reads on the given frames of a second stage, of every round that is not hidden."""
    visible = Read.objects.visible_to(user).counting().filter(results_visible(user, study="assignment__study"))
    second = reads_on_given_frames(visible).filter(assignment__round__project=project)
    return second.exclude(assignment__round_id__in=hidden_rounds(user, project))


def primary_reads(
    user: User, project: Project, round_: Round | None, ids: Ids | None = None
) -> tuple[tuple[PrimaryRead, ...], int]:
    """Return the read that counts of each reader and study, and how many informed revisions were left out."""
    rows = visible_signed_reads(user, project, round_).values_list(
        "pk",
        as_text("assignment__study_id"),
        as_text("assignment__study__subject_id"),
        as_text("assignment__reader_id"),
        "assignment__reader__name",
        "assignment__reader__is_simulated",
        "content_no",
        "arm",
        "signed_at",
        "revision",
        as_text("assignment__round_id"),
        "assignment__active_seconds",
    )
    shown_at, ids = _first_disclosures(project), ids or Ids()
    best: dict[tuple[uuid.UUID, uuid.UUID], tuple[tuple[datetime, int], PrimaryRead]] = {}
    informed = 0
    for pk, study, subject, reader, name, simulated, content_no, arm, signed_at, revision, round_id, active in rows:
        key = ids(reader), ids(study)
        shown = shown_at.get(key)
        if arm == Arm.INFORMED or (shown is not None and signed_at > shown):
            informed += 1
            continue
        order = (signed_at, revision)
        if key not in best or best[key][0] < order:
            imported = arm == Arm.UNKNOWN
            read = PrimaryRead(
                pk, key[1], ids(subject), key[0], name, simulated, content_no, imported, ids(round_id), active
            )  # fmt: skip
            best[key] = (order, read)
    reads = sorted((read for _order, read in best.values()), key=lambda read: read.id)
    return tuple(reads), informed


def _first_disclosures(project: Project) -> dict[tuple[uuid.UUID, uuid.UUID], datetime]:
    rows = Disclosure.objects.filter(study__project=project).order_by().values("user_id", "study_id")
    return {(row["user_id"], row["study_id"]): row["at"] for row in rows.annotate(at=Min("created_at"))}


def visible_references(
    user: User, project: Project, studies: Container[uuid.UUID] | None, ids: Ids | None = None
) -> tuple[Reference, ...]:
    """The latest revision of each kind in force and study, of studies whose results may be shown to the user.

    One that was made with a model in view never scores a model; none of a round that is hidden from the user.
    """
    ids = ids or Ids()
    values = (
        reference_rows(user, project)
        .order_by("revision", "created_at")
        .values_list("pk", as_text("study_id"), as_text("study__subject_id"), "kind")
    )
    latest = {
        (study, kind): Reference(pk, ids(study), ids(subject), kind)
        for pk, study, subject, kind in values
        if studies is None or ids(study) in studies
    }
    return tuple(latest.values())


def reference_rows(user: User, project: Project) -> QuerySet[Any]:
    """All revisions from which ``visible_references`` takes the latest."""
    rows = Consensus.objects.visible_to(user).in_force().scoring().filter(study__project=project)
    return rows.exclude(case__round_id__in=hidden_rounds(user, project))


def visible_predictions(user: User, project: Project) -> QuerySet[Any]:
    """Predictions the user may see in a project."""
    return Prediction.objects.visible_to(user).filter(study__project=project)


def _predicted(rows: QuerySet[Any], ids: Ids) -> tuple[Predicted, ...]:
    """The rows that a comparison takes its predictions from, newest content first."""
    values = rows.order_by("-content_no").values_list(
        "pk", as_text("pipeline_id"), as_text("study_id"), as_text("study__subject_id"), "content_no"
    )
    return tuple(
        Predicted(pk, ids(pipeline), ids(study), ids(subject), n) for pk, pipeline, study, subject, n in values
    )


def visible_items(user: User, round_: Round) -> QuerySet[CaseListItem]:
    """The studies of a round's case list whose results may be shown to the user."""
    return CaseListItem.objects.filter(results_visible(user)).filter(case_list=round_.case_list_id)


def _scope_studies(user: User, project: Project, round_: Round | None) -> dict[uuid.UUID, uuid.UUID] | None:
    """Visible studies of a round's case list with their subjects; None where no round bounds them."""
    if round_ is None:
        return None
    return dict(visible_items(user, round_).values_list("study_id", "study__subject_id"))


def scope(user: User, project: Project, round_: Round | None) -> Scope:
    """Read what the filters and the comparison need."""
    ids = Ids()
    reads, informed = primary_reads(user, project, round_, ids)
    subjects = _scope_studies(user, project, round_)
    consensus = visible_references(user, project, subjects, ids)
    visible = visible_predictions(user, project)
    predictions = _predicted(visible, ids)
    if subjects is None:
        subjects = {}
        for rows in (reads, consensus, predictions):
            subjects |= {row.study_id: row.subject_id for row in rows}
    pipelines = visible.order_by().values("pipeline_id", "pipeline__name", "pipeline__state").distinct()
    kinds = {row.kind for row in consensus}
    references = [key for key, wanted in CONSENSUS_KINDS.items() if kinds & set(wanted)]
    if len({read.study_id for read in reads}) < len(reads):
        references.append(MAJORITY)
    rounds = visible_rounds(user, project)
    going_on = {row.pk for row in rounds if is_open(row)}
    choices = Choices(
        rounds=tuple(rounds),
        pipelines=tuple(sorted((_pipeline(row) for row in pipelines), key=lambda p: (not p.active, -p.id.int))),
        references=tuple(references),
        readers=_readers(reads),
    )
    interim = any(read.round_id in going_on for read in reads)
    return Scope(choices, reads, informed, subjects, consensus, predictions, interim)


def visible_rounds(user: User, project: Project) -> list[Round]:
    """Rounds whose agreement the user may see, the newest first."""
    rows = Round.objects.visible_to(user).filter(project=project).exclude(pk__in=hidden_rounds(user, project))
    rows = rows.exclude(policy=Policy.PRACTICE)
    return list(rows.select_related("protocol").order_by("-id"))


def is_open(round_: Round) -> bool:
    """Tell whether a round still goes on; reads from elsewhere hang in one that never does."""
    return round_.closed_at is None and round_.policy != Policy.OPEN


def _pipeline(row: Mapping[str, Any]) -> PipelineChoice:
    return PipelineChoice(row["pipeline_id"], row["pipeline__name"], row["pipeline__state"] == PipelineState.ACTIVE)


def _readers(reads: Iterable[PrimaryRead]) -> tuple[ReaderChoice, ...]:
    counted: dict[uuid.UUID, list[PrimaryRead]] = defaultdict(list)
    for read in reads:
        counted[read.reader_id].append(read)
    found = [ReaderChoice(key, rows[0].reader_name, rows[0].simulated, len(rows)) for key, rows in counted.items()]
    return tuple(sorted(found, key=lambda reader: (reader.name, str(reader.id))))


def _uuid(text: str, what: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise NotFound(
            _("There is no such %(what)s that you may see.") % {"what": what}, rule="agreement-filter"
        ) from error


def find_round(user: User, project: Project, text: str) -> Round | None:
    """The round of a filter, None for an empty one.

    Raises:
        NotFound: no such round is visible.
    """
    if not text:
        return None
    wanted = _uuid(text, _("round"))
    row = next((row for row in visible_rounds(user, project) if row.pk == wanted), None)
    if row is None:
        raise NotFound(_("There is no such round that you may see."), rule="agreement-filter")
    return row


def select(project: Project, round_: Round | None, found: Scope, *, pipeline: str = "", against: str = "") -> Selection:
    """Turn filter values into a comparison; an empty one takes the first choice.

    References come first (known truth, then consensus), since only they say more than agreement; then the reader
    with the most studies.

    Raises:
        NotFound: a pipeline, reader or reference that is not among the visible choices.
    """
    choices = found.choices
    chosen = choices.pipelines[0] if choices.pipelines else None
    if pipeline:
        wanted = _uuid(pipeline, _("pipeline"))
        chosen = next((row for row in choices.pipelines if row.id == wanted), None)
        if chosen is None:
            raise NotFound(_("There is no such pipeline that you may see."), rule="agreement-filter")
    readers = {reader.key: reader for reader in choices.readers}
    if against and against not in readers and against not in choices.references:
        raise NotFound(_("There is no such reference or reader that you may see."), rule="agreement-filter")
    if not against:
        most = max(choices.readers, key=lambda reader: reader.studies, default=None)
        decided = [key for key in choices.references if key != MAJORITY]
        against = next(iter(decided), most.key if most else "")
    return Selection(project, round_, chosen, against, readers.get(against))


def manifest(
    user: User,
    selection: Selection,
    found: Scope,
    *,
    kind: str = KIND,
    parts: Iterable[str] = ("frames", "curves"),
    options: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Freeze a comparison as JSON-ready ids: everything that is needed to compute it again, and nothing hidden.

    ``units`` hold study, subject, reference (read or consensus id or None) and prediction (id or None) of every
    visible study in scope; ``reads`` all counted reads there; ``counts`` what was left out and why. ``kind`` is the
    board, ``parts`` what it loads (``repeats`` and ``pipelines`` add their ids, ``matches`` adds what people said of
    lesions), ``options`` its filters.
    ``sites`` are the labels of these studies, where they have one: people may give others later. ``conditions`` is a
    hash of what else was known of them, which may change while the answers stay.
    ``same_frames`` names the second-stage read whose frames stand for those of a counted read.
    """
    reads = [read for read in found.reads if read.study_id in found.subjects]
    references = _references(selection, found, reads)
    contents = {read.id: read.content_no for read in reads}
    predictions = _predictions(selection, found)
    units, taken, other_content = [], set(), 0
    for study, subject in sorted(found.subjects.items(), key=lambda item: item[0]):
        reference = references.get(study)
        candidates = predictions.get(study, [])
        prediction = _same_content(candidates, contents.get(reference) if reference else None)
        if prediction is None and candidates:
            other_content += 1
        if prediction is not None:
            taken.add(prediction)
        units.append([str(study), str(subject), str(reference or ""), str(prediction or "")])
    more: dict[str, Any] = {}
    if {"frames", "pairs"} & set(parts) and any(row.stage_two_at for row in found.choices.rounds):
        more["same_frames"] = same_frame_reads(user, selection.project, reads)
    if "repeats" in parts:
        more["repeats"] = [str(pk) for pk in repeat_reads(user, selection.project, selection.round)]
    if "matches" in parts:
        others = {read.id for read in reads} | taken
        more["links"] = acts_on(selection.project, {read.id for read in reads}, others)
    if sites := _sites(selection.project, found):
        more["sites"] = sites
    if "pipelines" in parts:
        more["pipelines"] = _every_pipeline(found, contents, references)
    return {
        "kind": kind,
        "parts": sorted(parts),
        "options": {key: value for key, value in (options or {}).items() if value},
        **more,
        "project": str(selection.project.pk),
        "round": str(selection.round.pk) if selection.round else "",
        "pipeline": str(selection.pipeline.id) if selection.pipeline else "",
        "against": selection.against,
        "rule_mm": _rule_mm(selection.round),
        "conditions": conditions(selection.project, found.subjects, reads),
        "units": units,
        "reads": [str(read.id) for read in reads],
        "counts": {
            "informed": found.informed,
            "other_content": other_content,
            "imported": sum(read.imported for read in reads),
        },
    }


def _sites(project: Project, found: Scope) -> dict[str, str]:
    """The site of every study in scope that has one, by study."""
    rows = Study.objects.filter(project=project).exclude(site="").order_by("pk").values_list("pk", "site")
    return {str(study): site for study, site in rows if study in found.subjects}


def _rule_mm(round_: Round | None) -> float:
    rule = round_.protocol.label_rule if round_ else {}
    return float(rule.get("thickness_mm", DEFAULT_RULE["thickness_mm"]))


def _references(selection: Selection, found: Scope, reads: list[PrimaryRead]) -> dict[uuid.UUID, uuid.UUID]:
    """Id of the read or consensus that a study is compared with."""
    if selection.reader is not None:
        return {read.study_id: read.id for read in reads if read.reader_id == selection.reader.id}
    if selection.against == MAJORITY:
        return {}
    kinds = CONSENSUS_KINDS.get(selection.against, ())
    rows = [row for row in found.references if row.kind in kinds]
    # An adjudicated reference outranks one on which the readers agreed by themselves.
    rows.sort(key=lambda row: row.kind == ConsensusKind.ADJUDICATED)
    return {row.study_id: row.id for row in rows}


def _predictions(selection: Selection, found: Scope) -> dict[uuid.UUID, list[tuple[int, uuid.UUID]]]:
    """(content_no, id) of the pipeline's predictions per study, newest content first."""
    wanted = selection.pipeline.id if selection.pipeline is not None else None
    made: dict[uuid.UUID, list[tuple[int, uuid.UUID]]] = defaultdict(list)
    for row in found.predictions:
        if row.pipeline_id == wanted:
            made[row.study_id].append((row.content_no, row.id))
    return made


def _every_pipeline(
    found: Scope, contents: Mapping[uuid.UUID, int], references: Mapping[uuid.UUID, uuid.UUID]
) -> dict[str, list[list[str]]]:
    """[study, prediction] of each visible pipeline, on the content that was read."""
    candidates: dict[uuid.UUID, dict[uuid.UUID, list[tuple[int, uuid.UUID]]]] = defaultdict(lambda: defaultdict(list))
    for row in found.predictions:
        if row.study_id in found.subjects:
            candidates[row.pipeline_id][row.study_id].append((row.content_no, row.id))
    made: dict[str, list[list[str]]] = {}
    for pipeline, of in sorted(candidates.items()):
        chosen = {study: _same_content(some, contents.get(references.get(study, study))) for study, some in of.items()}
        made[str(pipeline)] = [[str(study), str(pk)] for study, pk in sorted(chosen.items()) if pk is not None]
    return made


def _same_content(candidates: list[tuple[int, uuid.UUID]], content_no: int | None) -> uuid.UUID | None:
    """The prediction on the content that was read; without a read, the newest. Others would compare two studies."""
    if content_no is None:
        return candidates[0][1] if candidates else None
    return next((pk for number, pk in candidates if number == content_no), None)


def case_ids(
    user: User, project: Project, studies: Iterable[uuid.UUID], round_: Round | None
) -> dict[uuid.UUID, tuple[uuid.UUID, int]]:
    """(case id, case number) of each study that has a visible case, in the round or in its newest one."""
    wanted = set(studies)
    rows = Case.objects.visible_to(user).filter(round__project=project)
    if len(wanted) <= FEW:
        rows = rows.filter(study_id__in=wanted)
    if round_ is not None:
        rows = rows.filter(round=round_)
    named = rows.order_by("id").values_list("study_id", "pk", "number")
    return {study: (pk, number) for study, pk, number in named if study in wanted}
