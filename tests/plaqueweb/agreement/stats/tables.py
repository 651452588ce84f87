"""Published tables and worked examples that several tests read."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TABLES = Path(__file__).resolve().parents[5] / "shared" / "data" / "agreement_tables"

# A busy machine is no fault of a rule.
unhurried = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

THICKNESS_A = [2.1, 3.4, 4.2, 5, 6.3, 1.8, 3.9, 4.4, 7.2, 2.7]
THICKNESS_B = [2.3, 3.1, 4.5, 5.6, 6, 1.7, 4.1, 4, 7.9, 2.9]
GRADES_A = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 3, 2]
GRADES_B = [1, 2, 2, 3, 3, 4, 4, 5, 5, 4, 3, 2]
LABELS = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1]
PROBABILITIES = [0.1, 0.4, 0.35, 0.2, 0.8, 0.7, 0.65, 0.9, 0.3, 0.55, 0.45, 0.6]
THREE_RATERS = [
    [1, 1, 1],
    [1, 1, 0],
    [0, 0, 0],
    [0, 1, 0],
    [1, 1, 1],
    [0, 0, 0],
    [1, 0, 1],
    [0, 0, 1],
    [1, 1, 1],
    [0] * 3,
]
MODEL = [1, 1, 0, 0, 1, 0, 1, 0, 1, 1]
TWO_RATERS = [(1, 1)] * 40 + [(1, 0)] * 9 + [(0, 1)] * 6 + [(0, 0)] * 45


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a published table; skips where it is not on this machine."""
    path = TABLES / name
    if not path.exists():
        pytest.skip(f"the published table {name} is not on this machine")
    with path.open() as handle:
        return list(csv.DictReader(handle))


def numbers(name: str, *fields: str) -> list[list[float | None]]:
    """Rows of the named columns (all of them without a name); an empty cell is None."""
    return [[float(row[f]) if row[f] else None for f in fields or row] for row in rows(name)]
