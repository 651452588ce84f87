"""Grading schemes: shipped and own ones, what follows from them, and that rubbish is refused by its rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaqueweb.core.errors import Invalid
from plaqueweb.studies.grading import (
    OWN,
    REASONS,
    SCHEMES,
    choices,
    derived_grade,
    grade_words,
    own_grades,
    parse_grades,
    scheme_name,
    scheme_of,
)

NO = dict.fromkeys(REASONS, "no")
OWN_GRADES: list[dict[str, Any]] = [
    {"words": "below", "from_mm": 0.0, "reasons": []},
    {"words": "from 4", "from_mm": 4.0, "reasons": []},
    {"words": "ulcerated, from 2", "from_mm": 2.0, "reasons": ["ulceration"]},
]


@pytest.mark.parametrize(
    ("scheme", "mm", "reasons", "grade"),
    [
        ("common_5mm", 4.94, NO, 3),
        ("common_5mm", 4.95, NO, 4),  # as displayed: 5.0
        ("common_5mm", 1.0, NO | {"mobile": "yes"}, 5),
        ("common_5mm", None, NO | {"mobile": "yes"}, 5),
        ("common_5mm", 9.0, NO | {"ulceration": "yes"}, 4),  # this scheme does not know ulceration
        ("common_5mm", 9.0, NO | {"mobile": "unclear"}, None),  # it could be 5
        ("common_5mm", 9.0, NO | {"mobile": ""}, None),
        ("common_5mm", None, NO, None),
        ("montgomery1996", 5.0, NO, 4),
        ("epiaortic_4mm", 3.9, NO, 3),
        ("epiaortic_4mm", 4.0, NO, 4),
        ("epiaortic_4mm", 0.5, NO | {"ulceration": "yes"}, 5),
        ("ase2015", 1.9, NO, 1),
        ("ase2015", 2.0, NO, 2),
        ("ase2015", 3.0, NO, 2),
        ("ase2015", 3.1, NO, 3),
        ("ase2015", 5.0, NO, 3),
        ("ase2015", 5.1, NO, 4),
        ("ase2015", 1.9, NO | {"mobile": "yes"}, 1),
        ("ase2015", 2.0, NO | {"mobile": "yes"}, 5),
        ("ase2015", None, NO | {"mobile": "yes"}, None),  # its fifth grade needs 2 mm
        ("ase2015", 1.0, NO | {"mobile": "unclear"}, 1),  # below 2 mm it cannot be 5
    ],
)
def test_the_shipped_schemes(scheme: str, mm: float | None, reasons: dict[str, str], grade: int | None) -> None:
    assert derived_grade(scheme_of(scheme), thickness_mm=mm, reasons=reasons) == grade


def test_an_own_scheme_is_stored_numbered_and_derives() -> None:
    scheme = scheme_of(OWN, OWN_GRADES)

    assert scheme is not None
    assert [row["grade"] for row in scheme["grades"]] == [1, 2, 3]
    found = [
        derived_grade(scheme, thickness_mm=mm, reasons=NO | {"ulceration": ulcer})
        for mm, ulcer in ((1.0, "yes"), (2.0, "yes"), (2.0, "no"), (4.0, "no"), (4.0, "yes"))
    ]
    assert found == [1, 3, 1, 2, 3]
    assert own_grades(scheme) == OWN_GRADES
    assert grade_words(scheme, 2) == "2, from 4"
    assert scheme_name(scheme) == "own scheme, 3 grades"


def test_no_grading_grades_nothing() -> None:
    assert scheme_of("none") is None
    assert derived_grade(None, thickness_mm=9.0, reasons=NO) is None
    assert grade_words(None, None) == ""
    assert own_grades(scheme_of("ase2015")) == []
    assert [row["id"] for row in choices()] == list(SCHEMES)


@pytest.mark.parametrize(
    ("grades", "rule"),
    [
        (None, "grading-shape"),
        (OWN_GRADES[:1], "grading-shape"),
        ([*OWN_GRADES] * 4, "grading-shape"),
        ([OWN_GRADES[0], {"words": "x", "mm": 3}], "grading-shape"),
        ([OWN_GRADES[0], {"words": " ", "from_mm": 3.0}], "grading-words"),
        ([OWN_GRADES[0], {"words": "x", "from_mm": 3.05}], "grading-limit"),
        ([OWN_GRADES[0], {"words": "x", "from_mm": "3"}], "grading-limit"),
        ([OWN_GRADES[0], {"words": "x", "from_mm": 100.0}], "grading-limit"),
        ([OWN_GRADES[0], {"words": "x", "from_mm": float("nan")}], "grading-limit"),
        ([OWN_GRADES[1], OWN_GRADES[0]], "grading-order"),
        ([OWN_GRADES[0], {"words": "x", "from_mm": 3.0, "reasons": ["colour"]}], "grading-reasons"),
        ([OWN_GRADES[0], {"words": "x", "reasons": [["mobile"]]}], "grading-reasons"),
        ([{"words": "a"}, {"words": "b"}], "grading-limit"),
    ],
)
def test_each_rule_is_named(grades: Any, rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_grades(grades)
    assert refused.value.rule == rule


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        scheme_of("best")
    assert refused.value.rule == "grading-scheme"


@given(
    key=st.sampled_from(sorted(SCHEMES)), mm=st.floats(0, 20, allow_nan=False), more=st.floats(0, 20, allow_nan=False),
    answers=st.fixed_dictionaries(dict.fromkeys(REASONS, st.sampled_from(["yes", "no"]))),
)  # fmt: skip
def test_more_thickness_never_lowers_a_grade_and_an_answered_one_is_told(
    key: str, mm: float, more: float, answers: dict[str, str]
) -> None:
    scheme = scheme_of(key)
    low = derived_grade(scheme, thickness_mm=mm, reasons=answers)
    high = derived_grade(scheme, thickness_mm=mm + more, reasons=answers)

    assert low is not None
    assert high is not None
    assert low <= high
