"""How often the model answers, and its figures once more with no result counted as not correct.

Whoever answers seldom is seldom wrong: a share among answered studies alone would make a model win by abstaining.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from plaqueweb.agreement import stats
from plaqueweb.agreement.answers import Unit
from plaqueweb.predictions.choices import NoResultReason

NOT_RUN, UNNAMED = "not run", "not named"
"""No prediction of this content exists; there is one without a class and without a reason."""
REASONS: tuple[str, ...] = (*NoResultReason.values, UNNAMED, NOT_RUN)


def coverage(units: Sequence[Unit], *, accuracy: bool) -> dict[str, Any]:
    """Figures over every study to which the other side gave class 0 or 1; none of them is dropped.

    ``answered`` is the share to which the model gave a class, ``observed_all`` the share of equal classes (no result is
    never equal). With ``accuracy`` also ``accuracy_all``, ``sensitivity_all`` and ``specificity_all``. ``no_result``
    counts the studies without a class of the model, by reason.
    """
    known = [unit for unit in units if unit.reference is not None and unit.reference.klass in (0, 1)]
    figures = {"answered": _share([_class(unit) is not None for unit in known], known)}
    parts = {"observed_all": known}
    if accuracy:
        parts = {
            "accuracy_all": known,
            "sensitivity_all": [unit for unit in known if _truth(unit) == 1],
            "specificity_all": [unit for unit in known if _truth(unit) == 0],
        }
    for name, part in parts.items():
        figures[name] = _share([_class(unit) == _truth(unit) for unit in part], part)
    counted = Counter(reason_of(unit) for unit in known if _class(unit) is None)
    return {
        "figures": {name: figure.as_dict() for name, figure in figures.items()},
        "no_result": {reason: counted[reason] for reason in REASONS if counted[reason]},
    }


def reason_of(unit: Unit) -> str:
    """Why the model gave a study no class: one of ``REASONS``, "" where it gave one."""
    if unit.model is None:
        return NOT_RUN
    if unit.model.klass is not None:
        return ""
    return unit.model.no_result if unit.model.no_result in NoResultReason.values else UNNAMED


def _class(unit: Unit) -> int | None:
    return unit.model.klass if unit.model is not None else None


def _truth(unit: Unit) -> int | None:
    return unit.reference.klass if unit.reference is not None else None


def _share(right: Sequence[bool], units: Sequence[Unit]) -> stats.Figure:
    """Wilson's interval where each subject has one study, else resampled subjects; none below ten subjects."""
    subjects = [unit.subject for unit in units]
    figure = stats.proportion(sum(right), len(right))
    count = len(set(subjects))
    if figure.value is None:
        return figure
    if count < stats.MIN_SUBJECTS:
        return stats.Figure(figure.value, figure.n, reason="too-few", count=figure.count)
    if count == len(subjects):
        return figure
    values = np.asarray(right, dtype=np.float64)
    return stats.with_interval(figure, lambda weights: weights @ values / weights.sum(axis=1), subjects)
