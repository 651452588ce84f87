"""What the label rule of another protocol version would say of signed reads and predictions. Nothing is written."""

from __future__ import annotations

import csv
import io
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.urls import reverse
from django.utils.translation import gettext as _

from inference.postprocess import displayed_mm, rule_verdict
from plaqueweb.accounts.models import User
from plaqueweb.predictions.models import Prediction
from plaqueweb.reads.answers import Verdict, label_verdict, reason_words, rule_agrees
from plaqueweb.reads.bundle import Bundle
from plaqueweb.reads.choices import Policy
from plaqueweb.reads.models import Lesion, Read, SegmentFinding
from plaqueweb.review.models import Case
from plaqueweb.studies.models import DEFAULT_RULE, Project, Protocol, Study

READ, PREDICTION = "read", "prediction"
COLUMNS = (
    "kind", "study", "subject", "who", "revision", "answered_under", "class_given", "rule_from", "ground_from",
    "rule_to", "ground_to", "from_version", "to_version", "notice",
)  # fmt: skip
NOTICE = "Research use only. Not for diagnosis."
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
Part = TypeVar("Part", SegmentFinding, Lesion)


@dataclass(frozen=True)
class Flip:
    """One signed read, or one prediction, whose derived verdict is another under the second rule."""

    kind: str
    study: Study
    who: str
    simulated: bool
    revision: int | None
    under: int | None  # protocol version that a read was signed under; None of a prediction
    given: int | None  # the class that the reader chose or the model gave: no rule touches it
    before: Verdict
    after: Verdict
    url: str


@dataclass
class Side:
    """How many were judged anew, what became of them, and how often class and rule agree, of those that both say."""

    judged: int = 0
    moves: Counter[tuple[int | None, int | None]] = field(default_factory=Counter)
    agree_before: int = 0
    told_before: int = 0
    agree_after: int = 0
    told_after: int = 0

    @property
    def flips(self) -> int:
        """How many verdicts differ."""
        return sum(count for (before, after), count in self.moves.items() if before != after)

    def add(self, given: int | None, before: int | None, after: int | None) -> bool:
        """Count one; tell whether it flips."""
        self.judged += 1
        self.moves[before, after] += 1
        for name, verdict in (("before", before), ("after", after)):
            same = rule_agrees(given, verdict)
            if same is not None:
                setattr(self, f"told_{name}", getattr(self, f"told_{name}") + 1)
                setattr(self, f"agree_{name}", getattr(self, f"agree_{name}") + int(same))
        return before != after


@dataclass
class Rederived:
    """What one viewer may know of a change of rules."""

    first: Protocol
    second: Protocol
    reads: Side
    predictions: Side
    flips: list[Flip]


def rule_of(protocol: Protocol) -> dict[str, Any]:
    """Return a protocol's label rule with what it leaves to the default."""
    return {**DEFAULT_RULE, **protocol.label_rule}


def rederive(*, project: Project, first: Protocol, second: Protocol, viewer: User) -> Rederived:
    """Judge what is signed and predicted by two rules; list what differs. Seven queries, and no row is touched.

    Only what the viewer may see: no study that the viewer still reads blind or decides on, no pipeline in shadow. Of
    reads the latest signed revision, without practice sets and the second stage; of predictions the newest of each
    pipeline and study.
    """
    found = Rederived(first, second, Side(), Side(), [])
    cases = _cases(project, viewer)
    for bundle in _bundles(project, viewer):
        read = bundle.read
        before, after = (label_verdict(bundle, rule_of(version)) for version in (first, second))
        if found.reads.add(read.reader_class, before.value, after.value):
            row = read.assignment
            found.flips.append(
                Flip(
                    READ, row.study, row.reader.name, row.reader.is_simulated, read.revision,
                    row.round.protocol.version, read.reader_class, before, after,
                    _url(project, row.study, cases.get((row.round_id, row.study_id))),
                )
            )  # fmt: skip
    by_study = {study: pk for (_round, study), pk in cases.items()}
    for prediction in _predictions(project, viewer):
        before, after = (prediction_verdict(prediction, rule_of(version)) for version in (first, second))
        if found.predictions.add(prediction.predicted_class, before.value, after.value):
            study = prediction.study
            found.flips.append(
                Flip(
                    PREDICTION, study, prediction.pipeline.name, False, None, None, prediction.predicted_class,
                    before, after, _url(project, study, by_study.get(study.pk)),
                )
            )  # fmt: skip
    found.flips.sort(key=lambda flip: (flip.study.number, flip.kind != READ, flip.who))
    return found


def prediction_verdict(prediction: Prediction, rule: Mapping[str, Any]) -> Verdict:
    """Return what a label rule says of a prediction, as the worker derives it: an unknown reason is neither yes nor no.

    The model looks for no thrombus; a rule that counts it finds none said.
    """
    if prediction.no_result_reason:
        return Verdict(None, _("no result"))
    said, limit = prediction.reasons or {}, float(rule["thickness_mm"])
    counted = {key: said[key] for key in ("ulceration", "mobile") if key in rule["reasons"] and key in said}
    verdict = rule_verdict(prediction.thickness_mm, threshold_mm=limit, **counted)
    grounds = []
    if prediction.thickness_mm is not None:
        shown = displayed_mm(prediction.thickness_mm)
        sign = "≥" if shown >= limit - 1e-6 else "<"
        grounds.append(_("%(mm).1f %(sign)s %(limit).1f mm") % {"mm": shown, "sign": sign, "limit": limit})
    else:
        grounds.append(_("no thickness in mm"))
    grounds += [reason_words(key).lower() for key, answer in counted.items() if answer == "yes"]
    return Verdict(None if verdict is None else int(verdict), ", ".join(grounds))


def _bundles(project: Project, viewer: User) -> Iterable[Bundle]:
    """Reads with what their verdict stands on; no clip, frame or mask is loaded."""
    rows = Read.objects.visible_to(viewer).signed().answers().filter(assignment__round__project=project)
    rows = rows.exclude(assignment__round__policy=Policy.PRACTICE).defer("note")
    reads = list(rows.select_related("assignment__reader", "assignment__round__protocol", "assignment__study__subject"))
    keys = rows.order_by().values("pk")
    findings = _by_read(SegmentFinding.objects.filter(read__in=keys).order_by())
    lesions = _by_read(Lesion.objects.filter(read__in=keys).order_by("number"))
    for read in reads:
        own = {row.segment: row for row in findings[read.pk]}
        yield Bundle(read=read, clips={}, findings=own, lesions=lesions[read.pk], annotations={})


def _by_read(rows: Iterable[Part]) -> dict[uuid.UUID, list[Part]]:
    grouped: dict[uuid.UUID, list[Part]] = defaultdict(list)
    for row in rows:
        grouped[row.read_id].append(row)
    return grouped


def _predictions(project: Project, viewer: User) -> Sequence[Prediction]:
    rows = Prediction.objects.visible_to(viewer).filter(study__project=project).order_by("content_no", "id")
    newest = {(row.pipeline_id, row.study_id): row for row in rows.select_related("pipeline", "study__subject")}
    return list(newest.values())


def _cases(project: Project, viewer: User) -> dict[tuple[uuid.UUID, uuid.UUID], uuid.UUID]:
    rows = Case.objects.visible_to(viewer).filter(round__project=project).order_by("id")
    return {(round_, study): pk for round_, study, pk in rows.values_list("round_id", "study_id", "pk")}


def _url(project: Project, study: Study, case: uuid.UUID | None) -> str:
    """The comparison where there is a case in review; one is not made for the sake of a link."""
    if case is not None:
        return reverse("compare", args=[project.slug, case])
    return reverse("study", args=[project.slug, study.pk])


def verdict_words(value: int | None) -> str:
    """Return a verdict in words."""
    return _("open") if value is None else _("complex") if value else _("not complex")


def to_csv(found: Rederived) -> str:
    """Return the flips as RFC 4180 text; classes as 1, 0, 9 (cannot assess), an open verdict empty."""
    handle = io.StringIO()
    writer = csv.writer(handle, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for flip in found.flips:
        writer.writerow(
            [
                flip.kind, _cell(flip.study.label), _cell(flip.study.subject.pseudonym), _cell(flip.who),
                _plain(flip.revision), _plain(flip.under), _plain(flip.given),
                _plain(flip.before.value), _cell(flip.before.ground), _plain(flip.after.value),
                _cell(flip.after.ground), found.first.version, found.second.version, NOTICE,
            ]
        )  # fmt: skip
    return handle.getvalue()


def _plain(value: int | None) -> str:
    return "" if value is None else str(value)


def _cell(text: str) -> str:
    """Keep a spreadsheet from taking a cell for a formula (CWE-1236)."""
    return f"'{text}" if text.startswith(FORMULA) else text
