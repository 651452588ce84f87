"""Overview: is the model as good as a second reader, for whom not, and on how many subjects?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from plaqueweb.agreement import present
from plaqueweb.agreement.boards.base import Board, Results
from plaqueweb.agreement.boards.ceilings import ceiling_chart
from plaqueweb.agreement.boards.pairshown import bland_altman
from plaqueweb.agreement.boards.parts import Picks, pick_cells
from plaqueweb.agreement.boards.tables import ceiling_cases, ceiling_table, confusion_cells, confusion_chart
from plaqueweb.agreement.boards.trust import compute_trust, trust_chart
from plaqueweb.agreement.compute import chosen_units
from plaqueweb.agreement.compute import compute as figures
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.filters import AS_READ, NARROWING
from plaqueweb.agreement.stats.interchange import MARGIN

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report


def compute(evidence: Evidence, options: Mapping[str, Any]) -> Results:
    """The figures of the comparison, and the readers' beside them."""
    picks = Picks(evidence.units)
    trust = compute_trust(evidence, picks)
    cells = Picks(evidence.units, whole_subjects=options.get("unit") == "subject")
    pick_cells(cells, chosen_units(evidence, options))
    found = picks.found | cells.found
    return figures(options, evidence) | {"rule_mm": float(options["rule_mm"]), "trust": trust, "picks": found}


def show(report: Report) -> dict[str, Any]:
    """Words and charts of the page."""
    selection, results = report.selection, report.results
    found = results["class"]
    subjects = found["subjects"]
    accuracy = results["accuracy"] or {}
    # Against a reference the share of equal classes is the accuracy: it is said once.
    keys = [] if accuracy else ["observed"]
    keys += ["kappa", "ac1", "pabak", "positive", "negative"]
    kind = report.options.get("kind") or AS_READ
    pairs, trust = bland_altman(report, results["thickness"][kind], kind), trust_chart(report)
    beside = results["ceiling"]
    charts = [ceiling_table(report, beside)] if beside else []
    charts += [confusion_chart(report), pairs, trust]
    made = {chart.key: chart for chart in charts}
    return {
        "sentence": present.sentence(selection, results),
        "human": human_sentence(results["ceiling"]),
        "ground": present.ground(selection, results),
        "matrix": confusion_cells(report),
        "same": present.line("observed", found["observed"], subjects=subjects),
        "kappa": present.line("kappa", found["kappa"], subjects=subjects),
        "figures": [present.line(key, found[key], subjects=subjects) for key in keys],
        "accuracy": [present.line(key, figure, subjects=subjects) for key, figure in present.in_order(accuracy)],
        "coverage": [
            present.line(key, figure, subjects=results["n"]["subjects"])
            for key, figure in present.in_order(results["coverage"]["figures"])
        ],
        "no_result_words": present.no_result_words(results["coverage"]["no_result"]),
        "missing_words": present.missing_words(selection),
        "ceiling": ceiling_chart(beside, lambda key: ceiling_cases(report, key)),
        "confusion": made["confusion"],
        "pairs": pairs,
        "without_mm": {key: results["thickness"][key] for key in ("reference_without_mm", "model_without_mm")},
        "dice": present.dice_words(results["dice"]),
        "trust": trust,
        "charts": made,
    }


def human_sentence(ceiling: Mapping[str, Any] | None) -> dict[str, str] | None:
    """The model beside the readers in one sentence and its ground; None without two readers or without an interval.

    "As often" is said when the whole interval lies above minus the margin, "less often" when it lies below 0.
    """
    row = next((row for row in (ceiling or {}).get("rows", []) if row["key"] == "same_class"), None)
    if ceiling is None or row is None or row["difference"]["interval"] is None:
        return None
    found = row["difference"]
    if found["interval"]["high"] < 0:
        claim = _("The model agrees with a reader less often than two readers agree")
    elif found["interval"]["low"] > -MARGIN:
        claim = _("The model agrees with a reader as often as two readers agree")
    else:
        claim = _("Whether the model agrees with a reader as often as two readers agree cannot be told yet")
    parts = [
        _("95 %% CI %(interval)s") % {"interval": present.interval_words(found["interval"], share=True, sign=True)},
        ngettext("%(n)s subject", "%(n)s subjects", row["subjects"]) % {"n": row["subjects"]},
        ngettext("%(n)s reader", "%(n)s readers", ceiling["readers"]) % {"n": ceiling["readers"]},
        _("margin %(margin)s") % {"margin": present.percent(-MARGIN, sign=True)},
    ]
    index = ceiling["williams"]
    if index["value"] is not None:
        interval = present.interval_words(index["interval"], share=False)
        words = _("Williams’ index %(value)s") % {"value": present.number(index["value"], 2)}
        parts.append(f"{words} ({interval})" if interval else words)
    difference = present.percent(found["value"], sign=True)
    return {
        "text": _("%(claim)s: difference %(difference)s.") % {"claim": claim, "difference": difference},
        "ground": " · ".join(parts),
    }


BOARD = Board(
    slug="overview",
    title=gettext_lazy("Overview"),
    template="agreement/boards/overview.html",
    compute=compute,
    present=show,
    version=3,
    parts=("frames", "pairs", "curves", "matches"),
    filters=(*NARROWING, "kind", "unit"),
    defaults=(("unit", "subject"), ("kind", AS_READ)),
)
