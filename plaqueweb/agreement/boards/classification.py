"""Classification: does the probability tell the classes apart, does it mean what it says, and at which threshold?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.agreement import present, stats
from plaqueweb.agreement.boards.base import Board, Results, common, klass, model_class
from plaqueweb.agreement.boards.classification_charts import charts_of, explorer_lines
from plaqueweb.agreement.boards.parts import Picks, ground, pick_cells, take
from plaqueweb.agreement.boards.tables import confusion_cells, confusion_chart
from plaqueweb.agreement.comparison import is_reference
from plaqueweb.agreement.compute import accuracy_figures, chosen_units, class_figures
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.figures.classification import Scored, compute_classification
from plaqueweb.agreement.filters import NARROWING

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report


def compute(evidence: Evidence, options: Mapping[str, Any]) -> Results:
    """Confusion, ROC, calibration and thresholds, one unit a subject or a study."""
    units = chosen_units(evidence, options)
    reference, model = [klass(unit.reference) for unit in units], [model_class(unit) for unit in units]
    subjects = [unit.subject for unit in units]
    table = stats.confusion(reference, model)
    scored = [
        Scored(
            str(unit.study),
            str(unit.subject),
            int(unit.reference.klass or 0),
            unit.model.probability if unit.model and unit.model.klass in (0, 1) else None,
        )
        for unit in units
        if unit.reference is not None and unit.reference.klass in (0, 1)
    ]
    thresholds = {unit.model.threshold for unit in units if unit.model and unit.model.threshold is not None}
    found = compute_classification(scored, thresholds.pop() if len(thresholds) == 1 else None)
    picks = Picks(evidence.units, whole_subjects=options.get("unit") == "subject")
    pick_cells(picks, units)
    for label in (1, 0):
        picks.add("labelled", label, [one.study for one in scored if one.label == label])
    picks.add("labelled", "all", [one.study for one in scored])
    for number, point in enumerate(found["roc"]):
        picks.add("roc", number, point["studies"])
    for number, made in enumerate(found["bins"]):
        picks.add("bins", number, made["studies"])
    for number, row in enumerate(found["thresholds"]):
        for side in ("missed", "false"):
            picks.add(side, number, row[side])
        picks.add("otherwise", number, [*row["missed"], *row["false"]])
    accuracy = is_reference(options["against"])
    return common(evidence, options) | {
        "unit": "subject" if options.get("unit") == "subject" else "study",
        "confusion": table.counts.tolist(),
        "class": class_figures(table, reference, model, subjects),
        "accuracy": accuracy_figures(table, reference, model, subjects) if accuracy else None,
        "scored": {
            **found,
            "roc": [{**take(point, "studies"), "count": len(point["studies"])} for point in found["roc"]],
            "bins": [{**take(made, "studies"), "count": len(made["studies"])} for made in found["bins"]],
            "thresholds": [take(row, "missed", "false") for row in found["thresholds"]],
        },
        "picks": picks.found,
    }


def show(report: Report) -> dict[str, Any]:
    """Charts, and the explorer at the threshold and prevalence of the address."""
    selection, results = report.selection, report.results
    subjects = results["class"]["subjects"]
    threshold, prevalence, problem = asked(report)
    charts = charts_of(report, threshold)
    confusion = confusion_chart(report)
    return {
        "charts": {chart.key: chart for chart in [confusion, *charts]},
        "ordered": charts,
        "matrix": confusion_cells(report),
        "confusion": confusion,
        "same": present.line("observed", results["class"]["observed"], subjects=subjects),
        "kappa": present.line("kappa", results["class"]["kappa"], subjects=subjects),
        "accuracy": results["accuracy"],
        "ground": ground(report),
        "kept_fields": [
            pair for pair in parse_qsl(present.query(selection)) if pair[0] not in ("threshold", "prevalence")
        ],
        "explorer": {
            "threshold": f"{threshold:.2f}",
            "prevalence": "" if prevalence is None else f"{prevalence * 100:g}",
            "lines": explorer_lines(report, threshold, prevalence),
            "problem": problem,
        },
    }


def asked(report: Report) -> tuple[float, float | None, str]:
    """Threshold and prevalence (a share) that the address asks for, and what is wrong with them, if anything.

    The nearest threshold that was counted; without one the frozen one, else 0.5. Prevalence None: that of these units.
    """
    scored = report.results["scored"]
    steps = [row["threshold"] for row in scored["thresholds"]]
    start = scored["threshold"] if scored["threshold"] is not None else 0.5
    wanted, problem = _number(report.views.get("threshold", "")), ""
    if wanted is not None and not 0 < wanted < 1:
        wanted, problem = None, _("A threshold lies between 0 and 1.")
    threshold = min(steps, key=lambda step: abs(step - (start if wanted is None else wanted)))
    share = _number(report.views.get("prevalence", ""))
    if share is not None and not 0 < share < 100:
        share, problem = None, _("A prevalence lies between 0 and 100 %.")
    if any(report.views.get(name) and _number(report.views[name]) is None for name in ("threshold", "prevalence")):
        problem = _("Threshold and prevalence are numbers.")
    return threshold, None if share is None else share / 100, problem


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


BOARD = Board(
    slug="classification",
    title=gettext_lazy("Classification"),
    template="agreement/boards/classification.html",
    compute=compute,
    present=show,
    version=3,
    parts=(),
    filters=(*NARROWING, "unit"),
    views=("threshold", "prevalence"),
)
