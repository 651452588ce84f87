"""Overview: is the model as good as a second reader, for whom not, and on how many subjects?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy

from plaqueweb.agreement import present
from plaqueweb.agreement.boards.base import Board, Results
from plaqueweb.agreement.boards.ceilings import ceiling_chart
from plaqueweb.agreement.boards.pairshown import bland_altman
from plaqueweb.agreement.compute import compute as figures
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.filters import AS_READ, NARROWING

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report


def compute(evidence: Evidence, options: Mapping[str, Any]) -> Results:
    """The figures of the comparison, and the readers' beside them."""
    return figures(options, evidence) | {"rule_mm": float(options["rule_mm"])}


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
    pairs = bland_altman(report, results["thickness"][kind], kind)
    return {
        "sentence": present.sentence(selection, results),
        "ground": present.ground(selection, results),
        "matrix": present.matrix(selection.project, selection, results["confusion"]),
        "same": present.line("observed", found["observed"], subjects=subjects),
        "kappa": present.line("kappa", found["kappa"], subjects=subjects),
        "figures": [present.line(key, found[key], subjects=subjects) for key in keys],
        "accuracy": [present.line(key, figure, subjects=subjects) for key, figure in accuracy.items()],
        "coverage": [
            present.line(key, figure, subjects=results["n"]["subjects"])
            for key, figure in results["coverage"]["figures"].items()
        ],
        "no_result_words": present.no_result_words(results["coverage"]["no_result"]),
        "missing_words": present.missing_words(selection),
        "ceiling": ceiling_chart(results["ceiling"]),
        "pairs": pairs,
        "without_mm": {key: results["thickness"][key] for key in ("reference_without_mm", "model_without_mm")},
        "dice": present.dice_words(results["dice"]),
        "charts": {pairs.key: pairs},
    }


BOARD = Board(
    slug="overview",
    title=gettext_lazy("Overview"),
    template="agreement/boards/overview.html",
    compute=compute,
    present=show,
    parts=("frames", "curves"),
    filters=(*NARROWING, "kind", "unit"),
    defaults=(("unit", "subject"), ("kind", AS_READ)),
)
