"""The wall of cases on which physician and model part: which there are, in which order, and why. Visible rows only."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.agreement import selectors
from plaqueweb.agreement.comparison import Choices, PrimaryRead, Selection
from plaqueweb.agreement.evidence import study_labels
from plaqueweb.core.errors import NotFound
from plaqueweb.reads.choices import Reason
from plaqueweb.reads.models import Lesion, Read
from plaqueweb.review.models import DifferenceNote, DifferenceReason
from plaqueweb.review.rules import THICKNESS_MM, thickness_difference
from plaqueweb.studies.choices import Segment
from plaqueweb.studies.models import DEFAULT_RULE, Project

PAGE = 9
NEAR_MM = 0.5
CLASSES = (0, 1)
KeyPlace = tuple[uuid.UUID, int, int]


@dataclass(frozen=True)
class Pair:
    """One study with the read and the prediction that are held against each other. Thickness in mm or None."""

    case: uuid.UUID
    number: int
    study: uuid.UUID
    subject: uuid.UUID
    read: uuid.UUID
    reader: str
    simulated: bool
    prediction: uuid.UUID
    read_class: int | None
    model_class: int | None
    read_mm: float | None
    model_mm: float | None
    probability: float | None
    threshold: float
    segment: str
    reasons: tuple[str, ...]
    read_key: KeyPlace | None
    model_key: KeyPlace | None
    note: str
    rule_mm: float = 4.0

    @property
    def class_differs(self) -> bool:
        """Both gave a class, and not the same one."""
        return self.read_class in CLASSES and self.model_class in CLASSES and self.read_class != self.model_class

    @property
    def one_without_class(self) -> bool:
        """One gave a class, the other cannot assess or has no result."""
        return (self.read_class in CLASSES) != (self.model_class in CLASSES)

    @property
    def gap_mm(self) -> float | None:
        """Model minus physician, as displayed."""
        return thickness_difference(self.read_mm, self.model_mm)

    @property
    def thickness_differs(self) -> bool:
        """More than a reader would accept of another reader."""
        return self.gap_mm is not None and abs(self.gap_mm) > THICKNESS_MM + 1e-6

    @property
    def differs(self) -> bool:
        """Belongs on the wall."""
        return self.class_differs or self.thickness_differs or self.one_without_class

    @property
    def near_rule(self) -> bool:
        """One of the two lies within 0.5 mm of the rule's thickness."""
        return any(mm is not None and abs(mm - self.rule_mm) <= NEAR_MM + 1e-9 for mm in (self.read_mm, self.model_mm))

    @property
    def score(self) -> tuple[bool, float, float]:
        """How far the two are apart: another class first, then the millimetres, then the distance from the cut-off."""
        apart = abs(self.probability - self.threshold) if self.probability is not None else 0.0
        return self.class_differs or self.one_without_class, abs(self.gap_mm or 0.0), apart


TABS: dict[str, tuple[Any, Callable[[Pair], bool]]] = {
    "": (gettext_lazy("All"), lambda pair: True),
    "class": (gettext_lazy("Class"), lambda pair: pair.class_differs),
    "thickness": (gettext_lazy("Thickness over 1.0 mm"), lambda pair: pair.thickness_differs),
    "one": (gettext_lazy("Only one gave a class"), lambda pair: pair.one_without_class),
    "no-reason": (gettext_lazy("No reason yet"), lambda pair: not pair.note),
}
ORDERS: dict[str, tuple[Any, Callable[[Pair], Any]]] = {
    "": (gettext_lazy("largest disagreement"), lambda pair: (*(-part for part in pair.score), str(pair.case))),
    "near": (
        gettext_lazy("nearest the cut-off"),
        lambda pair: (min((abs(mm - pair.rule_mm) for mm in (pair.read_mm, pair.model_mm) if mm is not None),
                          default=float("inf")), str(pair.case)),
    ),
    "case": (gettext_lazy("case number"), lambda pair: (pair.number, str(pair.case))),
}  # fmt: skip


@dataclass(frozen=True)
class Wall:
    """The pairs under the filters, in order, and what the filters offer."""

    selection: Selection
    choices: Choices
    pairs: tuple[Pair, ...]
    shown: tuple[Pair, ...]
    compared: int
    subjects: int
    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    asked: Mapping[str, str]
    interim: bool

    def page(self, after: str) -> tuple[list[Pair], int, str]:
        """Nine cards behind the case ``after``, how many stand before them, and the case to go on from ("" at the end).

        A case that has left the wall meanwhile starts from the beginning.
        """
        keys = [str(pair.case) for pair in self.shown]
        start = keys.index(after) + 1 if after in keys else 0
        cards = list(self.shown[start : start + PAGE])
        more = start + PAGE < len(self.shown)
        return cards, start, keys[start + PAGE - 1] if more else ""


def wall(user: User, project: Project, asked: Mapping[str, str]) -> Wall:
    """Read the wall for a user.

    Raises:
        NotFound: a filter names something the user may not see, or that is not offered.
    """
    round_ = selectors.find_round(user, project, asked.get("round", ""))
    found = selectors.scope(user, project, round_)
    against = asked.get("against", "")
    selection = selectors.select(project, round_, found, pipeline=asked.get("pipeline", ""), against=against)
    _check(asked)
    every = pairs(user, selection, found.reads, named=bool(against))
    differing = [pair for pair in every if pair.differs]
    segment, reason, tab = (asked.get(key, "") for key in ("segment", "reason", "show"))
    kept = [pair for pair in differing if not segment or pair.segment == segment]
    kept = [pair for pair in kept if not reason or pair.note == ("" if reason == "none" else reason)]
    shown = sorted((pair for pair in kept if TABS[tab][1](pair)), key=ORDERS[asked.get("order", "")][1])
    return Wall(
        selection=selection,
        choices=found.choices,
        pairs=tuple(kept),
        shown=tuple(shown),
        compared=len({pair.subject for pair in every}),
        subjects=len({pair.subject for pair in kept}),
        counts={key: sum(test(pair) for pair in kept) for key, (_label, test) in TABS.items()},
        reasons=dict(Counter(pair.note for pair in differing if pair.note)),
        asked={key: value for key, value in asked.items() if value},
        interim=found.interim,
    )


def _check(asked: Mapping[str, str]) -> None:
    offered: dict[str, Iterable[str]] = {
        "show": TABS,
        "order": ORDERS,
        "segment": ("", *Segment.values),
        "reason": ("", "none", *DifferenceReason.values),
    }
    for name, values in offered.items():
        if asked.get(name, "") not in values:
            raise NotFound(_("There is no such %(what)s that you may see.") % {"what": name}, rule="agreement-filter")


def pairs(user: User, selection: Selection, reads: Sequence[PrimaryRead], *, named: bool) -> list[Pair]:
    """A pair for each study with a case, a read and a prediction on the content that was read.

    ``named``: the read of the selection's reader; else the first that was signed.
    """
    chosen = _reads_of(selection, reads, named)
    predictions = _predictions(user, selection)
    cases = selectors.case_ids(user, selection.project, chosen, selection.round)
    joined = {
        study: (read, predictions[study, read.content_no])
        for study, read in chosen.items()
        if study in cases and (study, read.content_no) in predictions
    }
    answers = _answers([read.id for read, _row in joined.values()])
    notes = _notes(user, [cases[study][0] for study in joined])
    rule_mm = _rule_mm(selection)
    made = []
    for study, (read, row) in joined.items():
        case, number = cases[study]
        answer = answers[read.id]
        made.append(
            Pair(
                case=case, number=number, study=study, subject=read.subject_id, read=read.id, reader=read.reader_name,
                simulated=read.simulated, prediction=row["pk"], read_class=answer["class"],
                model_class=row["predicted_class"], read_mm=answer["mm"], model_mm=row["thickness_mm"],
                probability=row["probability"], threshold=row["pipeline__threshold"],
                segment=answer["segment"] or row["key_clip__segment"] or "", reasons=answer["reasons"],
                read_key=answer["key"], model_key=place(row["key_clip_id"], row["key_frame"], row["key_region"]),
                note=notes.get((case, read.id, row["pk"]), ""), rule_mm=rule_mm,
            )
        )  # fmt: skip
    return made


def place(clip: uuid.UUID | None, frame: int | None, region: int | None) -> KeyPlace | None:
    """A key frame, None where it is not known."""
    return (clip, frame, region or 1) if clip is not None and frame is not None else None


def _rule_mm(selection: Selection) -> float:
    rule = selection.round.protocol.label_rule if selection.round else {}
    return float(rule.get("thickness_mm", DEFAULT_RULE["thickness_mm"]))


def _reads_of(selection: Selection, reads: Sequence[PrimaryRead], named: bool) -> dict[uuid.UUID, PrimaryRead]:
    wanted = selection.reader.id if named and selection.reader is not None else None
    found: dict[uuid.UUID, PrimaryRead] = {}
    for read in reads:
        if wanted is None or read.reader_id == wanted:
            found.setdefault(read.study_id, read)
    return found


def _predictions(user: User, selection: Selection) -> dict[tuple[uuid.UUID, int], dict[str, Any]]:
    """The pipeline's prediction of each study and content."""
    if selection.pipeline is None:
        return {}
    rows = selectors.visible_predictions(user, selection.project).filter(pipeline_id=selection.pipeline.id)
    fields = (
        "pk", "study_id", "content_no", "predicted_class", "thickness_mm", "probability", "pipeline__threshold",
        "key_clip_id", "key_frame", "key_region", "key_clip__segment",
    )  # fmt: skip
    return {(row["study_id"], row["content_no"]): row for row in rows.values(*fields)}


def _answers(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    found: dict[uuid.UUID, dict[str, Any]] = {}
    for pk, klass, mm in _in_parts(ids, lambda part: Read.objects.filter(pk__in=part).values_list(
        "pk", "reader_class", "thickness_mm"
    )):  # fmt: skip
        found[pk] = {"class": klass, "mm": mm, "segment": "", "reasons": (), "key": None}
    rows = _in_parts(ids, lambda part: Lesion.objects.filter(read_id__in=part, is_index=True).values_list(
        "read_id", "segment", "key_clip_id", "key_frame", "key_region", "ulceration", "mobile", "thrombus"
    ))  # fmt: skip
    for read, segment, clip, frame, region, *given in rows:
        names = (_("ulcer"), _("mobile"), _("thrombus"))
        said = tuple(name for name, answer in zip(names, given, strict=True) if answer == Reason.YES)
        found[read].update(segment=segment, reasons=said, key=place(clip, frame, region))
    return found


def _in_parts(ids: Sequence[uuid.UUID], rows: Callable[[Sequence[uuid.UUID]], Iterable[Any]]) -> list[Any]:
    """Rows of many ids: databases bound the number of parameters."""
    return [row for start in range(0, len(ids), 5_000) for row in rows(ids[start : start + 5_000])]


def _notes(user: User, cases: Sequence[uuid.UUID]) -> dict[tuple[uuid.UUID, uuid.UUID, uuid.UUID], str]:
    """The last reason of each case, read and prediction."""
    if not cases:
        return {}
    rows = DifferenceNote.objects.visible_to(user).filter(case__round__project__memberships__user=user).order_by("id")
    wanted = set(cases)
    fields = rows.values_list("case_id", "read_id", "prediction_id", "reason")
    return {(case, read, prediction): reason for case, read, prediction, reason in fields if case in wanted}


def names(user: User, selection: Selection, shown: Sequence[Pair]) -> dict[uuid.UUID, str]:
    """What each study is called: its label only for people who may see studies, else the case's number."""
    labels = (
        study_labels(selection.project, [pair.study for pair in shown])
        if user.can(Capability.VIEW_STUDIES, selection.project.pk)
        else {}
    )
    return {
        pair.study: labels[pair.study][0] if pair.study in labels else _("Case %(number)s") % {"number": pair.number}
        for pair in shown
    }
