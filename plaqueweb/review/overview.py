"""The list of cases of a project: what differs, why, and who has to decide."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.predictions.models import PipelineState, Prediction
from plaqueweb.reads.choices import PlaqueClass
from plaqueweb.reads.models import Read, Round
from plaqueweb.review.models import Case, CaseState, DifferenceNote, DifferenceReason
from plaqueweb.review.rules import THICKNESS_MM, thickness_difference
from plaqueweb.review.selectors import visible_cases
from plaqueweb.studies.models import Project

LIMIT = 2000
PAGE = 50


@dataclass(frozen=True)
class CaseRow:
    """One case in the list, with the read that stands for the physicians beside the active pipeline."""

    case: Case
    reads: list[Read]
    read: Read | None
    prediction: Prediction | None
    note: DifferenceNote | None

    @property
    def class_differs(self) -> bool:
        """Tell whether both gave a class 0 or 1, and not the same one."""
        if self.read is None or self.prediction is None or self.prediction.predicted_class is None:
            return False
        mine = self.read.reader_class
        return mine != PlaqueClass.CANNOT_ASSESS and mine != self.prediction.predicted_class

    @property
    def gap_mm(self) -> float | None:
        """Model − physician of the official thickness, as displayed."""
        if self.read is None or self.prediction is None:
            return None
        return thickness_difference(self.read.thickness_mm, self.prediction.thickness_mm)

    @property
    def thickness_differs(self) -> bool:
        """Tell whether the thickness differs by more than a reader would accept of another reader."""
        return self.gap_mm is not None and abs(self.gap_mm) > THICKNESS_MM + 1e-6

    @property
    def differs(self) -> bool:
        """Tell whether a reason is asked for."""
        return self.class_differs or self.thickness_differs

    @property
    def difference(self) -> str:
        """Return the difference in words."""
        gap = f"{abs(self.gap_mm):.1f}" if self.gap_mm is not None else ""
        if self.class_differs:
            return _("class differs, %(mm)s mm") % {"mm": gap} if gap else _("class differs")
        if self.thickness_differs:
            return _("thickness differs, %(mm)s mm") % {"mm": gap}
        if self.read is None or self.prediction is None:
            return ""
        return _("%(mm)s mm") % {"mm": gap} if gap else ""

    @property
    def reason(self) -> str:
        """Return the reason that was given, in words."""
        return str(DifferenceReason(self.note.reason).label) if self.note else ""


@dataclass(frozen=True)
class Tab:
    """A filter of the list with its count."""

    key: str
    label: str
    count: int


TABS: dict[str, Callable[[CaseRow], bool]] = {
    "": lambda row: True,
    "class": lambda row: row.class_differs,
    "thickness": lambda row: row.thickness_differs,
    "no-reason": lambda row: row.differs and row.note is None,
    "adjudicate": lambda row: row.case.state == CaseState.DISCORDANT,
}


def case_rows(*, user: User, project: Project, round_id: uuid.UUID | None = None) -> list[CaseRow]:
    """Return the visible cases of a project, newest round first, by number. Four queries, however many cases."""
    cases = visible_cases(user).filter(round__project=project)
    if round_id is not None:
        cases = cases.filter(round=round_id)
    found = list(cases.order_by("-round_id", "number", "id")[:LIMIT])
    reads = _reads(user, found)
    predictions = _predictions(user, found)
    notes = _notes(user, found)
    rows: list[CaseRow] = []
    for case in found:
        mine = reads[case.pk]
        read = mine[0] if mine else None
        prediction = predictions.get(case.study_id)
        note = notes.get((case.pk, read.pk, prediction.pk)) if read and prediction else None
        rows.append(CaseRow(case, mine, read, prediction, note))
    return rows


def _reads(user: User, cases: Iterable[Case]) -> dict[uuid.UUID, list[Read]]:
    by_pair = {(case.round_id, case.study_id): case.pk for case in cases}
    out: dict[uuid.UUID, list[Read]] = defaultdict(list)
    rows = (
        Read.objects.visible_to(user)
        .signed()
        .unaided()
        .filter(assignment__round__in={pair[0] for pair in by_pair}, assignment__repeat_no=0)
        .select_related("assignment__reader")
        .order_by("signed_at", "id")
    )
    for row in sorted(rows, key=lambda one: one.assignment.reader_id != user.pk):
        case = by_pair.get((row.assignment.round_id, row.assignment.study_id))
        if case is not None:
            out[case].append(row)
    return out


def _predictions(user: User, cases: Iterable[Case]) -> dict[uuid.UUID, Prediction]:
    rows = Prediction.objects.visible_to(user).filter(study__in={case.study_id for case in cases})
    out: dict[uuid.UUID, Prediction] = {}
    for row in rows.filter(pipeline__state=PipelineState.ACTIVE).order_by("content_no", "id"):
        out[row.study_id] = row
    return out


def _notes(user: User, cases: Iterable[Case]) -> dict[tuple[uuid.UUID, uuid.UUID, uuid.UUID], DifferenceNote]:
    rows = DifferenceNote.objects.visible_to(user).filter(case__in=[case.pk for case in cases]).order_by("id")
    return {(row.case_id, row.read_id, row.prediction_id): row for row in rows}


def tabs(rows: list[CaseRow]) -> list[Tab]:
    """Return the filters with their counts."""
    labels = {
        "": _("All"),
        "class": _("Class"),
        "thickness": _("Thickness over %(mm)s mm") % {"mm": f"{THICKNESS_MM:.1f}"},
        "no-reason": _("No reason yet"),
        "adjudicate": _("To adjudicate"),
    }
    return [Tab(key, labels[key], sum(1 for row in rows if test(row))) for key, test in TABS.items()]


def rounds_of(rows: list[CaseRow]) -> list[Round]:
    """Return the rounds that occur, newest first."""
    return list({row.case.round_id: row.case.round for row in rows}.values())
