"""A protocol's own questions: choice, number or text, required or not, shown always or only after another answer.

Stored as a list of plain objects in the protocol version; ``parse_questions`` is the only door to it. What a reader
answers is checked against them by ``checked_answer``; which are asked, given the answers so far, says ``asked``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.core import limits
from plaqueweb.core.errors import Invalid

KEY = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
BUILT_IN: dict[str, dict[str, Any]] = {
    "reader_class": {
        "words": gettext_lazy("Class"),
        "choices": {
            "0": gettext_lazy("Not complex"), "1": gettext_lazy("Complex"), "9": gettext_lazy("Can’t assess"),
        },
    },
    "quality": {
        "words": gettext_lazy("Quality"),
        "choices": {
            "good": gettext_lazy("Good"), "limited": gettext_lazy("Limited"), "unusable": gettext_lazy("Unusable"),
        },
    },
}  # fmt: skip
"""Answers of every protocol on which a question may depend, by the name they have in the API; values as texts."""


def built_in_sources() -> list[dict[str, Any]]:
    """Return the built-in answers for the editor, in words."""
    return [
        {
            "key": key, "words": str(row["words"]),
            "choices": [{"value": value, "words": str(words)} for value, words in row["choices"].items()],
        }
        for key, row in BUILT_IN.items()
    ]  # fmt: skip


class Kind(models.TextChoices):
    CHOICE = "choice", gettext_lazy("One of several")
    NUMBER = "number", gettext_lazy("Number")
    TEXT = "text", gettext_lazy("Text")


FIELDS = {
    Kind.CHOICE: ("choices",),
    Kind.NUMBER: ("unit", "low", "high"),
    Kind.TEXT: (),
}
COMMON = ("key", "words", "kind", "required", "shown_if")


def parse_questions(given: Any) -> list[dict[str, Any]]:
    """Return questions as they are stored, or say which one breaks which rule.

    Args:
        given: a list of objects: ``key`` (its name in exports), ``words``, ``kind`` (choice, number, text),
            ``required``, ``shown_if`` (null, or ``question`` and ``equals``); of a choice ``choices`` (``value``,
            ``words``), of a number ``unit``, ``low``, ``high``.

    Raises:
        Invalid: rules ``questions-shape``, ``questions-many``, ``question-field``, ``question-key``,
            ``question-words``, ``question-kind``, ``question-choices``, ``question-range``, ``question-shown-if``.
    """
    if not isinstance(given, list) or not all(isinstance(item, Mapping) for item in given):
        raise Invalid(_("Questions must be a list of objects."), rule="questions-shape")
    if len(given) > limits.QUESTIONS:
        raise Invalid(_("A protocol asks at most %(n)d questions of its own.") % {"n": limits.QUESTIONS},
                      rule="questions-many")  # fmt: skip
    found: list[dict[str, Any]] = []
    for number, item in enumerate(given, 1):
        found.append(_question(item, number, found))
    return found


def _question(item: Mapping[str, Any], number: int, before: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    kind = item.get("kind")
    if kind not in Kind.values:
        raise _wrong(number, _("choose one of: %(all)s") % {"all": ", ".join(Kind.values)}, "question-kind")
    unknown = sorted(str(key) for key in item if key not in (*COMMON, *FIELDS[Kind(kind)]))
    if unknown:
        raise _wrong(number, _("unknown field %(name)s") % {"name": ", ".join(unknown)[:100]}, "question-field")
    key = item.get("key")
    if not isinstance(key, str) or not KEY.match(key):
        words = _("its name in exports has a to z, 0 to 9 and _ only, begins with a letter, and has at most 32 of them")
        raise _wrong(number, words, "question-key")
    if key in BUILT_IN or key in {row["key"] for row in before}:
        raise _wrong(number, _("the name “%(name)s” is taken") % {"name": key}, "question-key")
    required = item.get("required", False)
    if not isinstance(required, bool):
        raise _wrong(number, _("required is true or false"), "question-field")
    question: dict[str, Any] = {
        "key": key, "words": _words(item.get("words"), number, limits.QUESTION_CHARACTERS), "kind": kind,
        "required": required, "shown_if": _shown_if(item.get("shown_if"), number, before),
    }  # fmt: skip
    if kind == Kind.CHOICE:
        question["choices"] = _choices(item.get("choices"), number)
    if kind == Kind.NUMBER:
        question |= _range(item, number)
    return question


def _words(given: Any, number: int, most: int) -> str:
    words = given.strip() if isinstance(given, str) else ""
    if not words or len(words) > most or not words.isprintable():
        raise _wrong(number, _("write 1 to %(n)d characters in one line") % {"n": most}, "question-words")
    return words


def _choices(given: Any, number: int) -> list[dict[str, str]]:
    if not isinstance(given, list) or not 2 <= len(given) <= limits.QUESTION_CHOICES:
        raise _wrong(number, _("give 2 to %(n)d answers to choose from") % {"n": limits.QUESTION_CHOICES},
                     "question-choices")  # fmt: skip
    found: list[dict[str, str]] = []
    for item in given:
        if not isinstance(item, Mapping) or set(item) != {"value", "words"}:
            raise _wrong(number, _("an answer has a value and words"), "question-choices")
        value = item["value"]
        if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_]{0,31}", value):
            raise _wrong(number, _("an answer’s value has a to z, 0 to 9 and _ only"), "question-choices")
        found.append({"value": value, "words": _words(item["words"], number, limits.CHOICE_CHARACTERS)})
    for name in ("value", "words"):
        if len({row[name] for row in found}) != len(found):
            raise _wrong(number, _("two answers are the same"), "question-choices")
    return found


def _range(item: Mapping[str, Any], number: int) -> dict[str, Any]:
    unit = item.get("unit") or ""
    if not isinstance(unit, str) or len(unit) > limits.UNIT_CHARACTERS or not unit.isprintable():
        raise _wrong(number, _("a unit has at most %(n)d characters") % {"n": limits.UNIT_CHARACTERS}, "question-range")
    low, high = (_bound(item.get(name), number) for name in ("low", "high"))
    if low is not None and high is not None and low >= high:
        raise _wrong(number, _("the lowest value must lie below the highest"), "question-range")
    return {"unit": unit.strip(), "low": low, "high": high}


def _bound(value: Any, number: int) -> float | None:
    if value is None:
        return None
    if not _is_number(value) or abs(value) > limits.NUMBER_MOST:
        raise _wrong(number, _("the lowest and highest value are numbers, or nothing"), "question-range")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown_if(given: Any, number: int, before: Sequence[Mapping[str, Any]]) -> dict[str, str] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) != {"question", "equals"}:
        raise _wrong(number, _("shown if names a question and its answer"), "question-shown-if")
    key, equals = given["question"], given["equals"]
    known = {name: list(row["choices"]) for name, row in BUILT_IN.items()}
    known |= {row["key"]: [one["value"] for one in row["choices"]] for row in before if row["kind"] == Kind.CHOICE}
    if not isinstance(key, str) or key not in known:
        words = _("it can depend on the class, the quality, or an earlier question with answers to choose from")
        raise _wrong(number, words, "question-shown-if")
    if not isinstance(equals, str) or equals not in known[key]:
        raise _wrong(number, _("“%(name)s” has no such answer") % {"name": key}, "question-shown-if")
    return {"question": key, "equals": equals}


def _wrong(number: int, words: str, rule: str) -> Invalid:
    return Invalid(
        _("Question %(n)d: %(words)s.") % {"n": number, "words": words}, rule=rule, extra={"question": number}
    )


def asked(questions: Sequence[Mapping[str, Any]], answers: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the questions that are asked, given answers by key (the built-in ones too).

    What depends on a question that is not asked is not asked either, whatever was answered there before.
    """
    shown: list[Mapping[str, Any]] = []
    keys: set[str] = set(BUILT_IN)
    for question in questions:
        rule = question["shown_if"]
        if rule is not None:
            answer = answers.get(rule["question"])
            if rule["question"] not in keys or answer is None or str(answer) != rule["equals"]:
                continue
        keys.add(question["key"])
        shown.append(question)
    return shown


def checked_answer(question: Mapping[str, Any], value: Any) -> str | float | None:
    """Return an answer as it is stored; None (also of an empty text) is unanswered.

    Raises:
        Invalid: rules ``own-choice``, ``own-number``, ``own-range``, ``own-text``.
    """
    if value is None or value == "":
        return None
    name = {"words": question["words"]}
    if question["kind"] == Kind.CHOICE:
        if value not in [row["value"] for row in question["choices"]]:
            raise Invalid(_("“%(words)s”: choose one of its answers.") % name, rule="own-choice")
        return str(value)
    if question["kind"] == Kind.NUMBER:
        if not _is_number(value) or abs(value) > limits.NUMBER_MOST:
            raise Invalid(_("“%(words)s”: give a number.") % name, rule="own-number")
        low, high = question["low"], question["high"]
        if (low is not None and value < low) or (high is not None and value > high):
            words = name | {"range": range_words(question)}
            raise Invalid(_("“%(words)s”: %(range)s.") % words, rule="own-range")
        return float(value)
    if not isinstance(value, str) or "\x00" in value or len(value) > limits.ANSWER_CHARACTERS:
        words = name | {"n": limits.ANSWER_CHARACTERS}
        raise Invalid(_("“%(words)s”: a text of at most %(n)d characters.") % words, rule="own-text")
    return value.strip() or None


def range_words(question: Mapping[str, Any]) -> str:
    """Return a number's range in words, e.g. “0 to 20 mm”; "" where every number will do."""
    low, high = (
        None if question[name] is None else f"{question[name]:g}".replace("-", "−") for name in ("low", "high")
    )
    unit = f" {question['unit']}" if question["unit"] else ""
    if low is None and high is None:
        return ""
    if low is None:
        return _("at most %(high)s%(unit)s") % {"high": high, "unit": unit}
    if high is None:
        return _("at least %(low)s%(unit)s") % {"low": low, "unit": unit}
    return _("%(low)s to %(high)s%(unit)s") % {"low": low, "high": high, "unit": unit}


def answer_words(question: Mapping[str, Any], value: Any) -> str:
    """Return a stored answer in words: the words of a choice, a number with its unit; "" where there is none."""
    if value is None:
        return ""
    if question["kind"] == Kind.CHOICE:
        return next((row["words"] for row in question["choices"] if row["value"] == value), str(value))
    if question["kind"] == Kind.NUMBER:
        unit = f" {question['unit']}" if question["unit"] else ""
        return f"{value:g}".replace("-", "−") + unit
    return str(value)
