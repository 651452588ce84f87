"""One-to-one assignment of the few lesions of a study, exactly: scipy.optimize stays out of the web process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Pair = tuple[str, str]


def heaviest(edges: Mapping[Pair, int], *, key: Callable[[str], Any]) -> list[Pair]:
    """The pairs, each name once at most on either side, whose weights sum to the most.

    With a cost of ``1 - weight`` a pair and one half a name left alone this is the assignment of least total cost. Of
    equal ones the same is found whatever the order of the names.

    Args:
        edges: weight (a whole number above 0) of each pair that is possible.
        key: sort key of a name.

    Source: Kuhn 1955 with potentials (Jonker, Volgenant 1987), O(n² m); whole numbers, so no rounding.
    """
    rows, columns = sorted({a for a, _b in edges}, key=key), sorted({b for _a, b in edges}, key=key)
    turned = len(rows) > len(columns)
    if turned:
        rows, columns = columns, rows

    def weight(row: str, column: str) -> int:
        return edges.get((column, row) if turned else (row, column), 0)

    at = _least([[-weight(row, column) for column in columns] for row in rows])
    chosen = [(row, columns[at[place]]) for place, row in enumerate(rows)]
    pairs = [(column, row) if turned else (row, column) for row, column in chosen if weight(row, column) > 0]
    return sorted(pairs, key=lambda pair: (key(pair[0]), key(pair[1])))


def _least(cost: list[list[int]]) -> list[int]:
    """The column of each row in the assignment of least total cost; at most as many rows as columns."""
    n, m = len(cost), len(cost[0]) if cost else 0
    of_row, of_column = [0] * (n + 1), [0] * (m + 1)  # potentials
    row_at = [0] * (m + 1)  # row (from 1) assigned to each column, 0: none
    for row in range(1, n + 1):
        row_at[0] = row
        least: list[float] = [float("inf")] * (m + 1)
        before, used = [0] * (m + 1), [False] * (m + 1)
        column = 0
        while True:
            used[column] = True
            current, step, following = row_at[column], float("inf"), 0
            for j in range(1, m + 1):
                if used[j]:
                    continue
                reduced = cost[current - 1][j - 1] - of_row[current] - of_column[j]
                if reduced < least[j]:
                    least[j], before[j] = reduced, column
                if least[j] < step:
                    step, following = least[j], j
            for j in range(m + 1):
                if used[j]:
                    of_row[row_at[j]] += int(step)
                    of_column[j] -= int(step)
                else:
                    least[j] -= step
            column = following
            if row_at[column] == 0:
                break
        while column:
            row_at[column], column = row_at[before[column]], before[column]
    found = [0] * n
    for j in range(1, m + 1):
        if row_at[j]:
            found[row_at[j] - 1] = j - 1
    return found
