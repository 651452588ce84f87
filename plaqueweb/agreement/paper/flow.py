"""The way of the studies through a comparison, as STARD asks for: every study stands in exactly one box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plaqueweb.agreement.coverage import NOT_RUN, REASONS, UNNAMED
from plaqueweb.agreement.paper.charts import WIDE
from plaqueweb.agreement.paper.drawing import LETTER, Drawing
from plaqueweb.agreement.report_models import inputs_of, tab_of
from plaqueweb.agreement.stats import CANNOT_ASSESS
from plaqueweb.predictions.choices import NoResultReason

CLASSES = (0, 1)


@dataclass(frozen=True)
class Flow:
    """Counts of studies. ``of``: in the list or project; ``outside``: neither read nor predicted.

    ``filtered`` left out by the filters, ``without_reference`` not answered by the other side, ``cannot_assess`` it
    could not assess; ``no_result`` by reason, where the model gave no class. ``cells`` are the rest by (reference,
    model).
    """

    of: int
    bounded_by: str
    outside: int
    filtered: int
    without_reference: int
    cannot_assess: int
    no_result: Mapping[str, int]
    cells: Mapping[tuple[int, int], int]
    subjects: int

    @property
    def eligible(self) -> int:
        """Studies of the comparison."""
        return self.of - self.outside

    @property
    def answered(self) -> int:
        """Studies with an answer of the other side."""
        return self.eligible - self.filtered - self.without_reference

    @property
    def analysed(self) -> int:
        """Studies with a class of both."""
        return sum(self.cells.values())

    @property
    def adds_up(self) -> bool:
        """Tell whether every study stands in one box."""
        gone = self.outside + self.filtered + self.without_reference + self.cannot_assess
        return self.of == gone + sum(self.no_result.values()) + self.analysed


def flow_of(body: Mapping[str, Any]) -> Flow:
    """The counts of a report, study by study from the rows of its overview."""
    overview = tab_of(body, "overview")
    units: Sequence[Mapping[str, Any]] = overview["results"]["units"]
    listed = len(inputs_of(body, overview)["units"])
    answered = [unit for unit in units if unit["reference"] in (*CLASSES, CANNOT_ASSESS)]
    known = [unit for unit in answered if unit["reference"] in CLASSES]
    both = [unit for unit in known if unit["model"] in CLASSES]
    reasons = Counter(_reason(unit) for unit in known if unit["model"] not in CLASSES)
    return Flow(
        of=body["dataset"]["of"],
        bounded_by=body["dataset"]["bounded_by"],
        outside=body["dataset"]["of"] - listed,
        filtered=listed - len(units),
        without_reference=len(units) - len(answered),
        cannot_assess=len(answered) - len(known),
        no_result={reason: reasons[reason] for reason in REASONS if reasons[reason]},
        cells=Counter((unit["reference"], unit["model"]) for unit in both),
        subjects=len({unit["subject"] for unit in both}),
    )


def _reason(unit: Mapping[str, Any]) -> str:
    return str(unit["no_result"]) if unit["no_result"] in REASONS else UNNAMED


def reason_words(reason: str) -> str:
    """Why the model gave no class, in words."""
    named = {**dict(NoResultReason.choices), UNNAMED: _("no reason given"), NOT_RUN: _("not run on this content")}
    return str(named.get(reason, reason))


def studies(n: int) -> str:
    """ "n = 1 study"."""
    return ngettext("%(n)s study", "%(n)s studies", n) % {"n": n}


LEFT, MIDDLE, SIDE, STEP = 12.0, 330.0, 372.0, 22.0


def draw_flow(flow: Flow, other: str) -> Drawing:
    """Boxes from above downwards, what leaves at the right."""
    made = Drawing(WIDE, 10)
    first = _("Studies of the case list") if flow.bounded_by == "case list" else _("Studies of the project")
    y = _box(made, 6, [first, studies(flow.of)])
    y = _leaves(
        made, y, [(_("neither read nor predicted"), flow.outside), (_("left out by the filters"), flow.filtered)]
    )
    y = _box(made, y, [_("Eligible for this comparison"), studies(flow.eligible - flow.filtered)])
    y = _leaves(made, y, [(_("without an answer of: %(other)s") % {"other": other}, flow.without_reference)])
    y = _box(made, y, [_("Answered by: %(other)s") % {"other": other}, studies(flow.answered)])
    told = [(_("can’t assess: %(other)s") % {"other": other}, flow.cannot_assess)]
    told += [(_("model: %(reason)s") % {"reason": reason_words(key)}, n) for key, n in flow.no_result.items()]
    y = _leaves(made, y, told)
    text = ngettext("%(n)s subject", "%(n)s subjects", flow.subjects) % {"n": flow.subjects}
    y = _box(made, y, [_("Analysed: a class of both"), f"{studies(flow.analysed)}, {text}"])
    y = _leaves(made, y, [])
    _cells(made, y, flow)
    return made


def _box(made: Drawing, y: float, rows: Sequence[str], *, x: float = LEFT, wide: float = MIDDLE - LEFT) -> float:
    height = 12 + 16 * len(rows)
    made.add("rect", x=x, y=y, width=wide, height=height, cls="box")
    for number, text in enumerate(rows):
        made.words(x + wide / 2, y + 18 + 16 * number, text, "strong" if number == 0 else "ink", "middle")
    made.height = int(y + height + 8)
    return y + height


def _leaves(made: Drawing, y: float, told: Sequence[tuple[str, int]]) -> float:
    """An arrow downwards, and at the right what leaves there, where anything does."""
    rows = [f"{words}: {n}" for words, n in told if n]
    height = STEP if not rows else 16 * len(rows) + 18
    centre = (LEFT + MIDDLE) / 2
    made.line(centre, y, centre, y + height - 2, "arrow")
    made.add("path", d=f"M{centre - 4:.1f} {y + height - 7:.1f}l4 6l4 -6z", cls="f-ink")
    if rows:
        middle = y + height / 2 - 1
        made.line(centre, middle, SIDE - 2, middle, "arrow")
        made.add("path", d=f"M{SIDE - 7:.1f} {middle - 4:.1f}l6 4l-6 4z", cls="f-ink")
        tall = 16 * len(rows) + 6
        made.add("rect", x=SIDE, y=middle - tall / 2, width=WIDE - SIDE - 4, height=tall, cls="box")
        for number, text in enumerate(rows):
            at = middle - tall / 2 + 15 + 16 * number
            made.words(SIDE + 8, at, text[: int((WIDE - SIDE - 16) / LETTER)], "ink")
    return y + height


def _cells(made: Drawing, y: float, flow: Flow) -> None:
    """The last row: what the other side said, and what the model said to it."""
    wide, names = (WIDE - 2 * LETTER - LEFT - 4) / 2, {1: _("complex"), 0: _("not complex")}
    for number, reference in enumerate((1, 0)):
        x = LEFT + number * (wide + 2 * LETTER)
        total = sum(flow.cells.get((reference, model), 0) for model in CLASSES)
        yes, no = flow.cells.get((reference, 1), 0), flow.cells.get((reference, 0), 0)
        rows = [
            _("Reference %(class)s: %(n)s") % {"class": names[reference], "n": total},
            _("model complex %(yes)s, not complex %(no)s") % {"yes": yes, "no": no},
        ]
        bottom = _box(made, y, rows, x=x, wide=wide)
    made.height = int(bottom + 6)
