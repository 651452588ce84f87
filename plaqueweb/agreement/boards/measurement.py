"""Measurement: how far do model and reference differ in millimetres, and does it move plaques across the rule?

Every figure belongs to one named comparison (``pairs``): same frame, same lesion, or as read.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy

from plaqueweb.agreement import stats
from plaqueweb.agreement.answers import Answer
from plaqueweb.agreement.boards.base import Board, Results, common
from plaqueweb.agreement.boards.measurement_shown import show
from plaqueweb.agreement.compute import pair_part
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.filters import AS_READ, NARROWING, SAME_FRAME, SAME_LESION
from plaqueweb.agreement.pairs import Pair, displayed, measured_pairs, same_lesion

NEAR_MM = 0.5
"""Last digits are looked at within this distance of the rule."""
MANY_PAIRS = 1000
"""Passing and Bablok's line needs all pairs of pairs; above this number Deming's stands alone."""


def compute(evidence: Evidence, options: Mapping[str, Any]) -> Results:
    """Thickness and area of one comparison with their lines and coefficients, crossings, digits and frame choice."""
    rule, kind = float(options["rule_mm"]), str(options.get("kind") or AS_READ)
    thickness = measured_pairs(evidence, evidence.units, kind)
    area = measured_pairs(evidence, evidence.units, kind, "area")
    part = pair_part(thickness, rule)
    return common(evidence, options) | {
        "rule_mm": rule,
        "kind": kind,
        "thickness": part | _lines(thickness),
        "area": pair_part(area, math.inf) | _lines(area),
        "frame_choice": frame_choice(evidence),
        "readers": between_readers(evidence, kind),
        "straddle": _straddle(part["points"], rule),
        "digits": digits(evidence, rule),
        "without": _without(evidence),
        "picks": _picks(evidence, part["points"], rule),
    }


def _lines(pairs: Sequence[Pair]) -> dict[str, Any]:
    """ICC, proportional bias, Deming and Passing-Bablok: reference on the x axis, model on the y axis."""
    model = [pair.model for pair in pairs]
    reference = [pair.reference for pair in pairs]
    subjects = [pair.unit.subject for pair in pairs]
    table = np.column_stack([reference, model]) if pairs else np.zeros((0, 2))
    found = stats.proportional_bias(model, reference, subjects)
    deming = stats.deming(reference, model, subjects=subjects)
    alone = len(set(subjects)) == len(subjects) and len(pairs) <= MANY_PAIRS
    robust = stats.passing_bablok(reference, model) if alone else None
    repeated = stats.repeated_limits(model, reference, subjects) if len(set(subjects)) < len(subjects) else None
    return {
        "icc_agreement": stats.icc(table, "agreement", subjects=subjects).as_dict(),
        "icc_consistency": stats.icc(table, "consistency", subjects=subjects).as_dict(),
        "proportional": {
            "slope": found.slope.as_dict(),
            "intercept": found.intercept.as_dict(),
            "p_value": found.p_value,
        },
        "deming": {"slope": deming.slope.as_dict(), "intercept": deming.intercept.as_dict()},
        "passing_bablok": (
            {"slope": robust.slope.as_dict(), "intercept": robust.intercept.as_dict()} if robust else None
        ),
        "repeated": _plain(asdict(repeated)) if repeated else None,
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not isinstance(value, dict)}


def frame_choice(evidence: Evidence) -> dict[str, Any]:
    """How much of the error as read comes from measuring on another frame.

    On studies with both measurements: f = model on its own frame - model on the reference's frame, so that the
    difference as read is the difference on the same frame + f. ``share`` is the part of the mean squared difference as
    read that is gone on the same frame: 1 - E(d_same²) / E(d_read²), below 0 where frame choice happened to help.
    """
    pairs = [pair for pair in measured_pairs(evidence, evidence.units, SAME_FRAME) if pair.as_read is not None]
    read = np.asarray([float(pair.as_read or 0.0) - pair.reference for pair in pairs])
    same = np.asarray([pair.model - pair.reference for pair in pairs])
    subjects = [pair.unit.subject for pair in pairs]
    n = len(pairs)
    if n == 0:
        nothing = stats.Figure(None, 0, reason="no-units").as_dict()
        return {"n": 0, "subjects": 0, "share": nothing, "shift": nothing, "mae_read": nothing, "mae_same": nothing}
    index, count = stats.clusters_of(n, subjects)
    columns = np.column_stack([np.ones(n), read**2, same**2, read - same, np.abs(read), np.abs(same)])
    sums = stats.subject_sums(columns, index, count)

    def figure(value: Any) -> dict[str, Any]:
        with np.errstate(divide="ignore", invalid="ignore"):
            point = float(value(sums.sum(axis=0, keepdims=True))[0])
            if not math.isfinite(point):
                return stats.Figure(None, n, reason="no-spread").as_dict()
            return stats.interval_from_sums(stats.Figure(point, n), sums, value).as_dict()

    return {
        "n": n,
        "subjects": count,
        "share": figure(lambda s: 1 - s[:, 2] / s[:, 1]),
        "shift": figure(lambda s: s[:, 3] / s[:, 0]),
        "mae_read": figure(lambda s: s[:, 4] / s[:, 0]),
        "mae_same": figure(lambda s: s[:, 5] / s[:, 0]),
    }


def between_readers(evidence: Evidence, kind: str) -> dict[str, Any]:
    """The same comparison between each two readers, on studies where the model measured too: the human ceiling.

    Mean absolute difference, share within 1.0 mm, and the standard deviation of the differences, all pairs together.
    """
    rows: list[tuple[float, Any]] = []
    for unit in evidence.units:
        if unit.model is None or unit.model.thickness_mm is None:
            continue
        for a, b in combinations(evidence.reads.get(unit.study, []), 2):
            rows += [(first - second, unit.subject) for first, second in _alike(evidence, a, b, kind)]
    n = len(rows)
    if n == 0:
        return {"n": 0, "subjects": 0, "mae": stats.Figure(None, 0, reason="no-units").as_dict(), "sd": None}
    d = np.asarray([row[0] for row in rows])
    index, count = stats.clusters_of(n, [row[1] for row in rows])
    sums = stats.subject_sums(np.column_stack([np.ones(n), np.abs(d)]), index, count)
    mae = stats.Figure(float(np.abs(d).mean()), n)
    return {
        "n": n,
        "subjects": count,
        "mae": stats.interval_from_sums(mae, sums, lambda s: s[:, 1] / s[:, 0]).as_dict(),
        # The order of two readers is arbitrary: their differences are spread about zero.
        "sd": float(np.sqrt((d**2).mean())),
    }


def _alike(evidence: Evidence, a: Answer, b: Answer, kind: str) -> list[tuple[float, float]]:
    """Thicknesses of two readers that may be compared; the index lesions of both may be two plaques."""
    if kind == SAME_LESION:
        one, other = same_lesion(evidence, a, b), same_lesion(evidence, b, a)
        back = (other[1], other[0]) if other is not None else None
        return [pair for pair in dict.fromkeys((one, back)) if pair is not None]
    if a.thickness_mm is None or b.thickness_mm is None:
        return []
    if kind == SAME_FRAME and (a.key is None or a.key != b.key):
        return []
    return [(a.thickness_mm, b.thickness_mm)]


def _side(point: Mapping[str, Any], rule: float) -> str:
    reference, model = displayed(point["reference"]) >= rule, displayed(point["model"]) >= rule
    return f"{'at_least' if reference else 'below'}-{'at_least' if model else 'below'}"


def _straddle(points: Sequence[Mapping[str, Any]], rule: float) -> dict[str, int]:
    """Pairs by the side of the rule on which each thickness, as displayed, lies: reference first, model second."""
    counted = Counter(_side(point, rule) for point in points)
    return {f"{a}-{b}": counted[f"{a}-{b}"] for a in ("at_least", "below") for b in ("at_least", "below")}


def _picks(evidence: Evidence, points: Sequence[Mapping[str, Any]], rule: float) -> dict[str, dict[str, list[int]]]:
    place = {str(unit.study): number for number, unit in enumerate(evidence.units)}
    found: dict[str, list[int]] = {"all": [place[point["study"]] for point in points]}
    for point in points:
        found.setdefault(_side(point, rule), []).append(place[point["study"]])
    shown: dict[str, list[int]] = {}
    for number, unit in enumerate(evidence.units):
        said = {"readers": _lengths(evidence.reads.get(unit.study, [])), "model": _lengths([unit.model])}
        keys = {f"{mm:.1f}{who}" for key, lengths in said.items() for mm in lengths for who in ("", f"-{key}")}
        for key in sorted(keys):
            shown.setdefault(key, []).append(number)
    return {"straddle": found, "digits": shown}


def _lengths(answers: Sequence[Answer | None]) -> list[float]:
    return [
        displayed(answer.thickness_mm) for answer in answers if answer is not None and answer.thickness_mm is not None
    ]


def digits(evidence: Evidence, rule: float) -> dict[str, Any]:
    """How often each thickness near the rule was given, as displayed, by all readers and by the model.

    Where a rule decides, readers may round towards it. ``share_at``: of the values just below and at the rule, those at
    it; without a preference about a half.
    """
    readers = [mm for unit in evidence.units for mm in _lengths(evidence.reads.get(unit.study, []))]
    model = [mm for unit in evidence.units for mm in _lengths([unit.model])]
    steps = [round(rule - NEAR_MM + step / 10, 1) for step in range(round(20 * NEAR_MM) + 1)]
    below = round(rule - 0.1, 1)

    def side(values: Sequence[float]) -> dict[str, Any]:
        counted = Counter(values)
        at, all_ = counted[rule], counted[rule] + counted[below]
        return {"counts": [counted[step] for step in steps], "share_at": stats.proportion(at, all_).as_dict()}

    return {"steps": steps, "readers": side(readers), "model": side(model)}


def _without(evidence: Evidence) -> dict[str, int]:
    compared = [unit for unit in evidence.units if unit.reference is not None and unit.model is not None]
    return {
        "reference": sum(unit.reference is not None and unit.reference.thickness_mm is None for unit in compared),
        "model": sum(unit.model is not None and unit.model.thickness_mm is None for unit in compared),
    }


BOARD = Board(
    slug="measurement",
    title=gettext_lazy("Measurement"),
    template="agreement/boards/measurement.html",
    compute=compute,
    present=show,
    version=2,
    parts=("curves", "matches"),
    filters=(*NARROWING, "kind"),
    defaults=(("kind", AS_READ),),
    inline=1000,
)
