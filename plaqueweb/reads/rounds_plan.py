"""What a round will take, before it starts: reads and hours, and how wide the intervals of its agreement will be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import DomainError
from plaqueweb.reads.choices import AssignmentState, Policy
from plaqueweb.reads.models import Assignment
from plaqueweb.reads.rounds_rules import Design, check_design
from plaqueweb.reads.rounds_washout import GONE
from plaqueweb.studies.blinding import BLINDED_POLICIES, UNSIGNED_STATES
from plaqueweb.studies.models import CaseList, CaseListItem, Disclosure, Project

Z = 1.959963984540054
"""97.5 % point of the normal distribution."""
AGREEMENT = 0.86
"""Two physicians agree on the class at 4 mm in 84 to 88 % (published)."""
COMPLEX = 0.3
LEAST_EARLIER = 5
"""Signed cases below which a median time says nothing."""


def kappa_half_width(n: int, *, agreement: float, share: float) -> float | None:
    """Return half the width of the 95 % interval of Cohen's kappa that ``n`` subjects read by two will give.

    Formula: ``z * sqrt(po (1 - po) / (n (1 - pe)^2))`` with ``pe = p^2 + (1 - p)^2``: both readers call the share ``p``
    complex. None below two subjects.

    Args:
        n: subjects.
        agreement: expected share of equal classes, po, in (0, 1).
        share: expected share of complex, p, in (0, 1).

    Source:
        Cohen 1960, Educ Psychol Meas 20:37 (standard error of kappa).
    """
    if n < 2:
        return None
    chance = share**2 + (1 - share) ** 2
    return Z * math.sqrt(agreement * (1 - agreement) / (n * (1 - chance) ** 2))


def limits_half_width(n: int) -> float | None:
    """Return half the width of the 95 % interval of a limit of agreement, in standard deviations of the differences.

    Formula: ``z * sqrt(1/n + z^2 / (2 (n - 1)))``; None below two subjects.

    Source:
        Bland and Altman 1999, Stat Methods Med Res 8:135.
    """
    return None if n < 2 else Z * math.sqrt(1 / n + Z**2 / (2 * (n - 1)))


@dataclass(frozen=True)
class Width:
    """Expected intervals of one comparison."""

    words: str
    subjects: int
    kappa: float | None
    limits: float | None


@dataclass(frozen=True)
class Plan:
    """What the page shows before a round starts."""

    cases: int
    subjects: int
    readers: int
    reads_least: int
    reads_most: int
    reads: int
    minutes: float | None
    earlier: int
    widths: tuple[Width, ...]
    agreement: float
    share: float
    refusal: str
    informed: int = 0
    known: int = 0

    @property
    def hours_a_reader(self) -> float | None:
        """Hours for the reader with most cases."""
        return None if self.minutes is None else self.reads_most * self.minutes / 60

    @property
    def hours(self) -> float | None:
        """Hours of all readers together."""
        return None if self.minutes is None else self.reads * self.minutes / 60


def plan(
    *,
    project: Project,
    design: Design,
    readers: Sequence[User],
    case_list: CaseList | None,
    studies: Sequence[Any],
    by: User,
    agreement: float = AGREEMENT,
    share: float = COMPLEX,
) -> Plan:
    """Return what a round over a case list, or over studies that will become one, takes and gives."""
    subjects = _subjects(case_list, studies)
    cases, count = len(subjects), len(readers)
    each = min(design.reads_per_case or count, count) if count else 0
    first = cases * each
    least, most = (first // count, -(-first // count)) if count else (0, 0)
    second = 2 if design.policy == Policy.AI_ASSISTED else 1
    reads = first * second + design.repeats * count
    pairs = count * (count - 1) // 2
    compared = round(len(set(subjects)) * each * (each - 1) / 2 / pairs) if pairs else 0
    shared = round(len(set(subjects)) * each / count) if count else 0
    minutes, earlier = median_minutes(project=project, readers=[reader.pk for reader in readers], by=by)
    widths = [Width(_("two readers"), compared, *_widths(compared, agreement, share))]
    widths.append(Width(_("model and one reader"), shared, *_widths(shared, agreement, share)))
    if design.repeats:
        again = min(design.repeats, shared)
        widths.append(Width(_("a reader with the own repeat"), again, *_widths(again, agreement, share)))
    return Plan(
        cases=cases, subjects=len(set(subjects)), readers=count, reads_least=least * second + design.repeats,
        reads_most=most * second + design.repeats, reads=reads, minutes=minutes, earlier=earlier, widths=tuple(widths),
        agreement=agreement, share=share, refusal=_refusal(project, design, case_list, count),
        informed=_informed(design, case_list, readers), known=_known(design, project, case_list, studies, readers),
    )  # fmt: skip


def _subjects(case_list: CaseList | None, studies: Sequence[Any]) -> list[UUID]:
    if case_list is None:
        return [study.subject_id for study in studies]
    items = CaseListItem.objects.filter(case_list=case_list)
    return list(items.values_list("study__subject_id", flat=True))


def _widths(n: int, agreement: float, share: float) -> tuple[float | None, float | None]:
    return kappa_half_width(n, agreement=agreement, share=share), limits_half_width(n)


def median_minutes(*, project: Project, readers: Sequence[UUID], by: User) -> tuple[float | None, int]:
    """Return the median active minutes of signed cases of the project, of these readers where they have enough.

    Simulated readers state their time; they count only where nobody else has read. Rounds in which ``by`` still reads
    blind are left out: how many cases others signed there is not to be known.

    Returns:
        the median, None where too few cases were read, and how many it stands on.
    """
    rows = Assignment.objects.filter(
        round__project=project, state=AssignmentState.SIGNED, active_seconds__gt=0, stage_no=1
    )
    blind = Assignment.objects.filter(reader=by, state__in=UNSIGNED_STATES, round__policy__in=BLINDED_POLICIES)
    rows = rows.exclude(round__in=blind.values("round"))
    for kept in (
        rows.filter(reader__in=readers, reader__is_simulated=False),
        rows.filter(reader__is_simulated=False),
        rows,
    ):
        seconds = list(kept.order_by("-id").values_list("active_seconds", flat=True)[:2000])
        if len(seconds) >= LEAST_EARLIER:
            return median(seconds) / 60, len(seconds)
    return None, 0


def _informed(design: Design, case_list: CaseList | None, readers: Sequence[User]) -> int:
    """How many second readings of a repeated round would count as informed: their study was disclosed already."""
    if design.repeat_of is None or case_list is None:
        return 0
    studies = CaseListItem.objects.filter(case_list=case_list).values("study")
    shown = Disclosure.objects.filter(user__in=readers, study__in=studies)
    return shown.values("user", "study").distinct().count()


def _known(
    design: Design, project: Project, case_list: CaseList | None, studies: Sequence[Any], readers: Sequence[User]
) -> int:
    """How many reads would be of cases that their reader has in another round, without a washout between."""
    if design.repeat_of is not None:
        return 0
    keys = [study.pk for study in studies]
    if case_list is not None:
        keys = list(CaseListItem.objects.filter(case_list=case_list).values_list("study_id", flat=True))
    rows = Assignment.objects.filter(round__project=project, reader__in=readers, study__in=keys)
    rows = rows.exclude(state__in=GONE).exclude(round__policy__in=[Policy.OPEN, Policy.PRACTICE])
    return rows.values("reader", "study").distinct().count()


def _refusal(project: Project, design: Design, case_list: CaseList | None, readers: int) -> str:
    """Why the round could not start as it is, in words; empty where it can."""
    if case_list is None:
        return ""
    try:
        check_design(design, project=project, case_list=case_list, readers=readers)
    except DomainError as error:
        return error.detail
    return ""
