"""Own questions of a protocol: what is stored was checked, whatever was sent, and what is asked follows the answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaqueweb.core import limits
from plaqueweb.core.errors import Invalid
from plaqueweb.studies.questions import answer_words, asked, checked_answer, parse_questions, range_words

ECHO: dict[str, Any] = {
    "key": "echo", "words": "Echogenicity", "kind": "choice", "required": True, "shown_if": None,
    "choices": [{"value": "low", "words": "Low"}, {"value": "high", "words": "High"}],
}  # fmt: skip
DEPTH: dict[str, Any] = {
    "key": "depth", "words": "Depth", "kind": "number", "required": False, "shown_if": None,
    "unit": "cm", "low": 0.0, "high": 20.0,
}  # fmt: skip
WHY: dict[str, Any] = {
    "key": "why", "words": "Why", "kind": "text", "required": True,
    "shown_if": {"question": "echo", "equals": "low"},
}  # fmt: skip


def assert_named(error: Invalid) -> None:
    assert error.rule
    assert error.detail


def refused(questions: Any) -> str:
    with pytest.raises(Invalid) as error:
        parse_questions(questions)
    return str(error.value.rule)


def test_what_is_right_is_stored_as_it_is() -> None:
    assert parse_questions([ECHO, DEPTH, WHY]) == [ECHO, DEPTH, WHY]
    assert parse_questions([]) == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"kind": "colour"}, "question-kind"),
        ({"kind": None}, "question-kind"),
        ({"extra": 1}, "question-field"),
        ({"required": "yes"}, "question-field"),
        ({"key": "Echo"}, "question-key"),
        ({"key": "9th"}, "question-key"),
        ({"key": "a" * 33}, "question-key"),
        ({"key": "echo\n"}, "question-key"),
        ({"key": "quality"}, "question-key"),
        ({"words": "  "}, "question-words"),
        ({"words": "a\nb"}, "question-words"),
        ({"words": "w" * (limits.QUESTION_CHARACTERS + 1)}, "question-words"),
        ({"choices": ECHO["choices"][:1]}, "question-choices"),
        ({"choices": [*ECHO["choices"], ECHO["choices"][0]]}, "question-choices"),
        ({"choices": [{"value": "low", "words": "Low", "x": 1}, ECHO["choices"][1]]}, "question-choices"),
        ({"choices": [{"value": "LOW", "words": "Low"}, ECHO["choices"][1]]}, "question-choices"),
        ({"choices": "low"}, "question-choices"),
        ({"shown_if": {"question": "later", "equals": "x"}}, "question-shown-if"),
        ({"shown_if": {"question": "quality", "equals": "superb"}}, "question-shown-if"),
        ({"shown_if": {"question": "echo", "equals": "low"}}, "question-shown-if"),
        ({"shown_if": {"question": "quality"}}, "question-shown-if"),
        ({"shown_if": {"question": ["quality"], "equals": "good"}}, "question-shown-if"),
    ],
)
def test_each_rule_is_named(change: dict[str, Any], rule: str) -> None:
    assert refused([ECHO | change]) == rule


@pytest.mark.parametrize(
    "change", [{"low": 5.0, "high": 5.0}, {"low": "5"}, {"low": True}, {"high": 1e12}, {"unit": "c" * 13}]
)
def test_a_range_has_numbers_in_order(change: dict[str, Any]) -> None:
    assert refused([DEPTH | change]) == "question-range"


def test_names_are_taken_once_and_lists_have_an_end() -> None:
    assert refused([ECHO, DEPTH | {"key": "echo"}]) == "question-key"
    many = [DEPTH | {"key": f"q{n}"} for n in range(limits.QUESTIONS + 1)]
    assert refused(many) == "questions-many"
    assert len(parse_questions(many[:-1])) == limits.QUESTIONS
    assert refused({"questions": []}) == refused([1]) == "questions-shape"


def test_a_question_cannot_depend_on_one_that_comes_later() -> None:
    assert refused([WHY, ECHO]) == "question-shown-if"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NEAR = st.builds(
    lambda base, key, value: base | {key: value},
    st.sampled_from([ECHO, DEPTH, WHY]), st.sampled_from([*ECHO, *DEPTH, "extra"]), ANYTHING,
)  # fmt: skip


@given(st.lists(NEAR | st.sampled_from([ECHO, DEPTH, WHY]), max_size=5) | ANYTHING)
def test_whatever_is_sent_is_refused_by_a_rule_or_stored_so_that_it_parses_again(sent: Any) -> None:
    try:
        stored = parse_questions(sent)
    except Invalid as error:
        assert_named(error)
        return
    assert parse_questions(json.loads(json.dumps(stored, allow_nan=False))) == stored
    keys = [row["key"] for row in stored]
    assert len(set(keys)) == len(keys)
    assert all(set(row) >= {"key", "words", "kind", "required", "shown_if"} for row in stored)
    assert {row["key"] for row in asked(stored, {})} <= set(keys)


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Choice questions, each shown always or after an answer to an earlier one, and answers to some."""
    count = draw(st.integers(1, 6))
    questions = []
    for n in range(count):
        on = draw(st.none() | st.integers(0, n - 1)) if n else None
        rule = None if on is None else {"question": f"q{on}", "equals": draw(st.sampled_from(["low", "high"]))}
        questions.append(ECHO | {"key": f"q{n}", "words": f"Q {n}", "shown_if": rule})
    answers = draw(st.dictionaries(st.sampled_from([f"q{n}" for n in range(count)]), st.sampled_from(["low", "high"])))
    return parse_questions(questions), answers


@given(chains())
def test_what_is_asked_has_an_unbroken_line_of_answers(made: tuple[list[dict[str, Any]], dict[str, str]]) -> None:
    questions, answers = made
    by_key = {row["key"]: row for row in questions}

    def holds(row: dict[str, Any]) -> bool:
        rule = row["shown_if"]
        return rule is None or (answers.get(rule["question"]) == rule["equals"] and holds(by_key[rule["question"]]))

    assert [row["key"] for row in asked(questions, answers)] == [row["key"] for row in questions if holds(row)]


def test_a_question_may_wait_for_the_class() -> None:
    rule = {"question": "reader_class", "equals": "1"}
    questions = parse_questions([DEPTH | {"shown_if": rule}])

    assert [len(asked(questions, {"reader_class": value})) for value in (1, 0, 9, None)] == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("question", "value", "rule"),
    [
        (ECHO, "medium", "own-choice"), (ECHO, 1, "own-choice"), (ECHO, ["low"], "own-choice"),
        (DEPTH, "3", "own-number"), (DEPTH, True, "own-number"), (DEPTH, float("nan"), "own-number"),
        (DEPTH, 20.5, "own-range"), (DEPTH, -1, "own-range"),
        (WHY, 4, "own-text"), (WHY, "a\x00", "own-text"), (WHY, "w" * 501, "own-text"),
    ],
)  # fmt: skip
def test_an_answer_fits_its_question(question: dict[str, Any], value: Any, rule: str) -> None:
    with pytest.raises(Invalid) as error:
        checked_answer(question, value)
    assert error.value.rule == rule


def test_answers_are_stored_plainly_and_said_in_words() -> None:
    assert [checked_answer(ECHO, "low"), checked_answer(DEPTH, 20), checked_answer(WHY, " dark ")] == [
        "low",
        20.0,
        "dark",
    ]
    assert [checked_answer(row, value) for row, value in ((ECHO, None), (DEPTH, None), (WHY, "  "))] == [None] * 3
    assert [answer_words(ECHO, "low"), answer_words(DEPTH, -2.5), answer_words(WHY, None)] == ["Low", "−2.5 cm", ""]
    assert range_words(DEPTH) == "0 to 20 cm"
    assert range_words(DEPTH | {"low": None}) == "at most 20 cm"
    assert range_words(DEPTH | {"high": None, "unit": ""}) == "at least 0"
