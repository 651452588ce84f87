"""Who reads what, and in which order: pure functions of the round's stored seed. No database here."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import combinations
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
R = TypeVar("R", bound=Hashable)

PART = 3
"""A repeat comes from the first third of a reader's cases and stands in the last third."""


def most_repeats(cases: int) -> int:
    """Return how many of a reader's cases can be repeated so that a third of them lies between both presentations."""
    return cases // PART


def share(cases: Sequence[K], readers: Sequence[R], each: int | None, *, seed: str) -> dict[R, list[K]]:
    """Deal the cases: every one to all readers, or to ``each`` of them.

    Loads differ by one case at most; among readers of equal load, the pair that shares fewest cases comes first, so
    that every pair of readers has cases to be compared on. Each reader's cases stay in the order given.

    Args:
        cases: without doubles.
        readers: without doubles.
        each: reads a case; None means full crossing.
        seed: text that fixes the draw.

    Raises:
        ValueError: ``each`` is below 1 or above the number of readers.
    """
    if each is None:
        return {reader: list(cases) for reader in readers}
    if not 1 <= each <= len(readers):
        raise ValueError("reads a case must lie between 1 and the number of readers")
    draw = random.Random(seed)  # order of reading, no secret
    dealt: dict[R, set[K]] = {reader: set() for reader in readers}
    shared: Counter[frozenset[R]] = Counter()
    for case in draw.sample(list(cases), len(cases)):
        chosen: list[R] = []
        for _place in range(each):
            free = [reader for reader in readers if reader not in chosen]
            chosen.append(min(free, key=lambda reader: _burden(reader, dealt, shared, chosen, draw)))
        for reader in chosen:
            dealt[reader].add(case)
        shared.update(frozenset(pair) for pair in combinations(chosen, 2))
    return {reader: [case for case in cases if case in dealt[reader]] for reader in readers}


def _burden(
    reader: R, dealt: dict[R, set[K]], shared: Counter[frozenset[R]], chosen: Sequence[R], draw: random.Random
) -> tuple[int, int, float]:
    pairs = sum(shared[frozenset((reader, other))] for other in chosen)
    return len(dealt[reader]), pairs, draw.random()


def sequence(cases: Sequence[K], *, repeats: int, seed: str) -> list[tuple[K, int]]:
    """Return a reader's order as (case, number of the presentation): 0 the first, 1 the hidden repeat.

    Repeated cases are drawn from the first third of the random order and stand, among the last third, in the end: at
    least ``len(cases) - 2 * most_repeats(len(cases))`` cases lie between both presentations.

    Raises:
        ValueError: more repeats than ``most_repeats``.
    """
    part = most_repeats(len(cases))
    if not 0 <= repeats <= part:
        raise ValueError(f"{len(cases)} cases allow {part} repeats")
    draw = random.Random(seed)  # order of reading, no secret
    order = list(cases)
    draw.shuffle(order)
    if not repeats:
        return [(case, 0) for case in order]
    again = [(case, 1) for case in draw.sample(order[:part], repeats)]
    tail = [(case, 0) for case in order[len(order) - part :]] + again
    draw.shuffle(tail)
    return [(case, 0) for case in order[: len(order) - part]] + tail


__all__ = ["most_repeats", "sequence", "share"]
