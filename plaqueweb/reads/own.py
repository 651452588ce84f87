"""Answers to a protocol's own questions: checked at saving, asked for at completion, kept only where asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from plaqueweb.core.errors import Invalid
from plaqueweb.reads.models import Read
from plaqueweb.studies.models import Protocol
from plaqueweb.studies.questions import answer_words, asked, checked_answer


def protocol_of(read: Read) -> Protocol:
    """Return the protocol a read is answered under."""
    protocol: Protocol = read.assignment.round.protocol
    return protocol


def merged(read: Read, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a read's own answers with what was sent laid over them; None takes one back.

    Raises:
        Invalid: no such question (``own-unknown``), or a value that is no answer to it (``own-choice``,
            ``own-number``, ``own-range``, ``own-text``).
    """
    questions = {row["key"]: row for row in protocol_of(read).own_questions}
    found = dict(read.own or {})
    for key, value in given.items():
        if key not in questions:
            raise Invalid(_("The protocol does not ask “%(key)s”.") % {"key": str(key)[:40]}, rule="own-unknown")
        answer = checked_answer(questions[key], value)
        found.pop(key, None)
        if answer is not None:
            found[key] = answer
    return found or None


def asked_of(read: Read) -> Sequence[Mapping[str, Any]]:
    """Return the own questions that are asked, given the read's answers."""
    built_in = {"reader_class": read.reader_class, "quality": read.quality or None}
    return asked(protocol_of(read).own_questions, {**(read.own or {}), **built_in})


def kept(read: Read) -> dict[str, Any] | None:
    """Return the answers to what is asked: one given before another answer hid its question does not count."""
    answers = read.own or {}
    return {row["key"]: answers[row["key"]] for row in asked_of(read) if row["key"] in answers} or None


def unanswered(read: Read) -> list[Mapping[str, Any]]:
    """Return the required questions that are asked and not answered."""
    answers = read.own or {}
    return [row for row in asked_of(read) if row["required"] and row["key"] not in answers]


def in_words(read: Read) -> list[tuple[str, str, str]]:
    """Return (key, question, answer) of each own question that is asked; the answer is "" where none was given."""
    answers = read.own or {}
    return [(row["key"], row["words"], answer_words(row, answers.get(row["key"]))) for row in asked_of(read)]
