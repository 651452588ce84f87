"""Order and crossing: who reads what, how often, and how far apart a case's two presentations lie, for any shape."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaqueweb.reads.rounds_order import most_repeats, sequence, share

SEEDS = st.text(alphabet="0123456789abcdef", min_size=1, max_size=8)


@given(cases=st.integers(0, 60), readers=st.integers(1, 8), each=st.integers(1, 8), seed=SEEDS)
def test_every_case_gets_its_reads_and_loads_differ_by_one_at_most(
    cases: int, readers: int, each: int, seed: str
) -> None:
    each = min(each, readers)

    dealt = share(range(cases), range(readers), each, seed=seed)

    reads = Counter(case for mine in dealt.values() for case in mine)
    assert all(reads[case] == each for case in range(cases))
    loads = [len(mine) for mine in dealt.values()]
    assert max(loads) - min(loads) <= 1
    assert all(mine == sorted(set(mine)) for mine in dealt.values())
    assert dealt == share(range(cases), range(readers), each, seed=seed)


@given(cases=st.integers(40, 80), readers=st.integers(3, 5), seed=SEEDS)
def test_every_pair_of_readers_shares_cases(cases: int, readers: int, seed: str) -> None:
    dealt = share(range(cases), range(readers), 2, seed=seed)

    shared = [len(set(dealt[a]) & set(dealt[b])) for a, b in combinations(range(readers), 2)]
    assert min(shared) > 0


def test_full_crossing_gives_everybody_everything() -> None:
    assert share("abc", "XY", None, seed="1") == {"X": ["a", "b", "c"], "Y": ["a", "b", "c"]}


@pytest.mark.parametrize("each", [0, 3])
def test_more_reads_than_readers_cannot_be_dealt(each: int) -> None:
    with pytest.raises(ValueError, match="reads a case"):
        share("abc", "XY", each, seed="1")


@given(cases=st.integers(0, 80), share_of=st.floats(0, 1), seed=SEEDS)
def test_repeats_are_the_same_cases_once_more_and_far_apart(cases: int, share_of: float, seed: str) -> None:
    repeats = int(share_of * most_repeats(cases))

    order = sequence(range(cases), repeats=repeats, seed=seed)

    first = {case: at for at, (case, no) in enumerate(order) if no == 0}
    second = {case: at for at, (case, no) in enumerate(order) if no == 1}
    assert (set(first), len(second), len(order)) == (set(range(cases)), repeats, cases + repeats)
    between = [second[case] - first[case] - 1 for case in second]
    assert all(gap >= cases - 2 * most_repeats(cases) >= cases / 3 for gap in between)
    assert order == sequence(range(cases), repeats=repeats, seed=seed)


def test_another_seed_gives_another_order() -> None:
    orders = {tuple(sequence(range(30), repeats=3, seed=str(n))) for n in range(20)}

    assert len(orders) == 20


@pytest.mark.parametrize("cases, repeats", [(2, 1), (9, 4), (9, -1)])
def test_more_than_a_third_cannot_be_far_apart(cases: int, repeats: int) -> None:
    with pytest.raises(ValueError, match="repeats"):
        sequence(range(cases), repeats=repeats, seed="1")
