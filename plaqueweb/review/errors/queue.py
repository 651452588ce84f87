"""The queue of error review as one user meets it: derived from visible rows each time, nothing of it is stored."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import NotFound
from plaqueweb.predictions.models import Pipeline, PipelineState, Prediction
from plaqueweb.reads.choices import AssignmentState
from plaqueweb.reads.models import FrameAnnotation, Read
from plaqueweb.review.error_models import ErrorReason, ErrorReview, ErrorTrigger, MaskOverlap
from plaqueweb.review.errors import overlaps
from plaqueweb.review.errors.rules import Found, Said, compare, rank
from plaqueweb.review.masks import DECLARED
from plaqueweb.review.models import Case, Consensus, ConsensusKind
from plaqueweb.review.selectors import as_uuid
from plaqueweb.studies.models import DEFAULT_RULE, Project

WAITING, REVIEWED, ALL = "waiting", "reviewed", "all"
STATES = (WAITING, REVIEWED, ALL)
LIMIT = 2000


@dataclass(frozen=True)
class Filters:
    """What the address asks for: a pipeline's id ("" is the active one), a trigger ("" is any), and a state."""

    pipeline: str = ""
    trigger: str = ""
    state: str = WAITING

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Filters:
        """Read an address; an unknown trigger or state falls back to the widest one."""
        trigger, state = given.get("trigger", ""), given.get("state", WAITING)
        known = trigger if trigger in ErrorTrigger.values else ""
        return cls(given.get("pipeline", ""), known, state if state in STATES else WAITING)


@dataclass(frozen=True)
class ErrorRow:
    """One case beside one prediction."""

    case: Case
    reads: list[Read]
    prediction: Prediction
    found: Found
    pending: int
    review: ErrorReview | None

    @property
    def read_ids(self) -> list[str]:
        """Ids of the compared reads in a fixed order."""
        return sorted(str(read.pk) for read in self.reads)

    @property
    def state(self) -> str:
        """Reviewed as long as nothing was read since."""
        same = self.review is not None and sorted(self.review.reads) == self.read_ids
        return REVIEWED if same else WAITING

    @property
    def changed(self) -> bool:
        """Tell whether it was reviewed before the reads changed."""
        return self.review is not None and self.state == WAITING

    @property
    def worst_read(self) -> Read | None:
        """The read to open beside the model: of another class, else the one that differs most in thickness."""
        model = self.prediction

        def distance(read: Read) -> tuple[bool, float]:
            gap = abs((read.thickness_mm or 0.0) - (model.thickness_mm or 0.0))
            return read.reader_class in (0, 1) and read.reader_class != model.predicted_class, gap

        return max(self.reads, key=distance, default=None)


@dataclass(frozen=True)
class ErrorQueue:
    """One project and pipeline: all cases that were compared, and of them what the filters keep, worst first."""

    project: Project
    filters: Filters
    pipelines: list[Pipeline]
    pipeline: Pipeline | None
    compared: list[ErrorRow]

    @cached_property
    def every(self) -> list[ErrorRow]:
        """Cases that any trigger brought, reviewed or not."""
        rows = [row for row in self.compared if row.found.triggers]
        return sorted(rows, key=lambda row: (*rank(row.found), row.case.number, row.case.pk))

    @cached_property
    def of_trigger(self) -> list[ErrorRow]:
        """Rows of the chosen trigger in any state."""
        wanted = self.filters.trigger
        return [row for row in self.every if not wanted or wanted in row.found.triggers]

    @cached_property
    def rows(self) -> list[ErrorRow]:
        """Rows of the chosen trigger and state."""
        state = self.filters.state
        return [row for row in self.of_trigger if state in (ALL, row.state)]

    @property
    def reviewed(self) -> int:
        return sum(row.state == REVIEWED for row in self.of_trigger)

    @property
    def pending(self) -> int:
        """Cases whose areas are still being compared."""
        return sum(row.pending > 0 for row in self.compared)

    @cached_property
    def triggers(self) -> Counter[str]:
        """How many rows each trigger brought, whatever their state."""
        return Counter(name for row in self.every for name in row.found.triggers)

    def around(self, case: Case) -> tuple[ErrorRow | None, ErrorRow | None]:
        """The row before and the row after a case in the filtered list; the first one after a case outside it."""
        keys = [row.case.pk for row in self.rows]
        if case.pk not in keys:
            return None, self.rows[0] if self.rows else None
        at = keys.index(case.pk)
        return (self.rows[at - 1] if at else None), (self.rows[at + 1] if at + 1 < len(keys) else None)


def error_queue(user: User, project: Project, filters: Filters) -> ErrorQueue:
    """Return the queue of one pipeline. A fixed number of queries, however many cases.

    Raises:
        NotFound: the user may not review errors here, or may not see the pipeline.
    """
    if not user.can(Capability.REVIEW_ERRORS, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    cases = list(_cases(user, project))
    studies = {case.study_id for case in cases}
    predictions = Prediction.objects.visible_to(user).filter(study__in=studies)
    pipelines = _pipelines(predictions.order_by().values_list("pipeline_id", flat=True).distinct())
    pipeline = _chosen(pipelines, filters.pipeline)
    if pipeline is None:
        return ErrorQueue(project, filters, pipelines, None, [])
    newest = {row.study_id: row for row in predictions.filter(pipeline=pipeline).order_by("content_no", "id")}
    return ErrorQueue(project, filters, pipelines, pipeline, _rows(user, cases, newest))


def error_case(user: User, project: Project, pk: object, filters: Filters) -> tuple[ErrorQueue, ErrorRow]:
    """Return one case of the queue, reviewed or not.

    Raises:
        NotFound: it is not in the queue of this user and pipeline.
    """
    queue, key = error_queue(user, project, filters), as_uuid(pk)
    row = next((row for row in queue.every if row.case.pk == key), None)
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    return queue, row


def _cases(user: User, project: Project) -> Iterable[Case]:
    rows = Case.objects.with_errors_for(user, Capability.REVIEW_ERRORS).filter(round__project=project)
    return rows.select_related("round__protocol", "study").order_by("-round_id", "number", "id")[:LIMIT]


def _pipelines(keys: Iterable[uuid.UUID]) -> list[Pipeline]:
    rows = Pipeline.objects.filter(pk__in=list(keys))
    return sorted(rows, key=lambda row: (row.state != PipelineState.ACTIVE, -row.pk.int))


def _chosen(pipelines: Sequence[Pipeline], wanted: str) -> Pipeline | None:
    if not wanted:
        return pipelines[0] if pipelines else None
    found = next((row for row in pipelines if str(row.pk) == wanted), None)
    if found is None:
        raise NotFound(_("There is no such pipeline that you may see."), rule="pipeline")
    return found


def _rows(user: User, cases: Sequence[Case], newest: Mapping[uuid.UUID, Prediction]) -> list[ErrorRow]:
    reads = _reads(user, cases)
    references = _references(user, {case.study_id for case in cases})
    reviews = _reviews([case.pk for case in cases], [row.pk for row in newest.values()])
    matched: list[tuple[Case, Prediction, list[Read]]] = []
    for case in cases:
        prediction = newest.get(case.study_id)
        if prediction is None:
            continue
        # Another content of the study is another study: such a read says nothing about this prediction.
        own = [read for read in reads[case.pk] if read.content_no == prediction.content_no]
        if own:
            matched.append((case, prediction, own))
    overlap = _overlaps(cases[0].round.project_id if cases else None, matched)
    made = []
    for case, prediction, own in matched:
        about = [overlap[pair] for read in own if (pair := (read.pk, prediction.pk)) in overlap]
        rule = case.round.protocol.label_rule or DEFAULT_RULE
        found = compare(
            [Said(read.reader_class, read.thickness_mm) for read in own],
            Said(prediction.predicted_class, prediction.thickness_mm),
            reference=references.get(case.study_id),
            cutoff_mm=float(rule.get("thickness_mm", DEFAULT_RULE["thickness_mm"])),
            dice=[row.dice for row in about if row is not None and row.dice is not None],
        )
        pending = sum(overlaps.is_pending(row) for row in about)
        made.append(ErrorRow(case, own, prediction, found, pending, reviews.get((case.pk, prediction.pk))))
    return made


def _reads(user: User, cases: Sequence[Case]) -> dict[uuid.UUID, list[Read]]:
    """Signed blind first readings by case, in the order of signature."""
    by_pair = {(case.round_id, case.study_id): case.pk for case in cases}
    rows = Read.objects.visible_to(user).signed().unaided().filter(assignment__repeat_no=0)
    rows = rows.filter(assignment__round__in={pair[0] for pair in by_pair})
    rows = rows.exclude(assignment__state__in=[AssignmentState.WITHDRAWN, AssignmentState.REASSIGNED])
    found: dict[uuid.UUID, list[Read]] = defaultdict(list)
    for row in rows.select_related("assignment__reader").order_by("signed_at", "id"):
        case = by_pair.get((row.assignment.round_id, row.assignment.study_id))
        if case is not None:
            found[case].append(row)
    return found


def _references(user: User, studies: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Class of the readers' reference in force by study: adjudicated, else agreed; none made with a model in view."""
    rows = Consensus.objects.visible_to(user).in_force().scoring().filter(study__in=set(studies))
    rows = rows.filter(kind__in=[ConsensusKind.AGREED, ConsensusKind.ADJUDICATED])
    ordered = sorted(rows, key=lambda row: (row.kind == ConsensusKind.ADJUDICATED, row.revision))
    return {row.study_id: row.reader_class for row in ordered}


def _reviews(
    cases: Iterable[uuid.UUID], predictions: Iterable[uuid.UUID]
) -> dict[tuple[uuid.UUID, uuid.UUID], ErrorReview]:
    """The last review of each case and prediction, whoever gave it; the cases are visible ones already."""
    wanted = set(predictions)
    rows = ErrorReview.objects.filter(case__in=list(cases)).select_related("by").order_by("id")
    return {(row.case_id, row.prediction_id): row for row in rows if row.prediction_id in wanted}


def _overlaps(
    project: uuid.UUID | None, matched: Sequence[tuple[Case, Prediction, list[Read]]]
) -> dict[overlaps.Pair, MaskOverlap | None]:
    """Dice of every pair whose reader declared a frame; what is not known yet is asked of the light worker."""
    reads = [read.pk for _case, _prediction, own in matched for read in own]
    declared = FrameAnnotation.objects.filter(extent__in=DECLARED, read__in=reads).order_by()
    marked = set(declared.values_list("read_id", flat=True).distinct())
    pairs = {(read.pk, prediction.pk) for _case, prediction, own in matched for read in own if read.pk in marked}
    found = overlaps.known(pairs)
    missing = pairs - found.keys()
    if project is not None and missing:
        overlaps.want(project, missing)
    return {pair: found.get(pair) for pair in pairs}


@dataclass(frozen=True)
class ReasonCount:
    """How often a reason was given, for each pipeline of ``pipelines``."""

    reason: ErrorReason
    counts: list[int]

    @property
    def total(self) -> int:
        return sum(self.counts)


def latest_reviews(user: User, project: Project) -> list[ErrorReview]:
    """The last review of each case and prediction that the user may see, oldest case first."""
    rows = ErrorReview.objects.visible_to(user).filter(case__round__project=project)
    rows = rows.select_related("case__round", "case__study", "pipeline", "by").order_by("id")
    latest = {(row.case_id, row.prediction_id): row for row in rows}
    return sorted(latest.values(), key=lambda row: (row.case.round_id, row.case.number, row.pipeline_id))


def reason_counts(reviews: Sequence[ErrorReview]) -> tuple[list[Pipeline], list[ReasonCount]]:
    """Return the pipelines that were reviewed and how often each reason was given, the most frequent first."""
    pipelines = list({row.pipeline_id: row.pipeline for row in reviews}.values())
    counted = Counter((code, row.pipeline_id) for row in reviews for code in row.reasons)
    rows = [ReasonCount(reason, [counted[reason.value, row.pk] for row in pipelines]) for reason in ErrorReason]
    return pipelines, sorted((row for row in rows if row.total), key=lambda row: -row.total)


__all__ = [
    "ALL", "REVIEWED", "STATES", "WAITING", "ErrorQueue", "ErrorRow", "Filters", "ReasonCount", "error_case",
    "error_queue", "latest_reviews", "reason_counts",
]  # fmt: skip
