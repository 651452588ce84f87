"""The human ceiling, the sentence on it, and the card of conditions, on evidence made by hand."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from plaqueweb.agreement.answers import Answer, Context, FramePair, Frames, Unit
from plaqueweb.agreement.boards.overview import human_sentence
from plaqueweb.agreement.boards.parts import Picks
from plaqueweb.agreement.boards.trust import compute_trust
from plaqueweb.agreement.ceiling import ceiling
from plaqueweb.agreement.evidence import Evidence

A, B = uuid.UUID(int=1), uuid.UUID(int=2)
START = datetime(2026, 3, 2, tzinfo=UTC)


def evidence(answers: list[tuple[int, int, int]], pairs: list[FramePair] | None = None) -> Evidence:
    """Studies, one a subject, in the order of their arrival: (reader A, reader B, model)."""
    units, reads, contexts = [], {}, {}
    for number, (a, b, model) in enumerate(answers):
        study = uuid.UUID(int=1000 + number)
        reads[study] = [Answer(a, rater=A), Answer(b, rater=B)]
        units.append(Unit(study, study, reads[study][0], Answer(model)))
        segment = "arch" if number % 2 else "descending"
        contexts[study] = Context(segment=segment, quality="good", arrived=START + timedelta(days=number))
    return Evidence(units, reads, Frames({}, 0, 0, pairs or []), True, True, contexts=contexts)


def test_dice_of_readers_stands_beside_dice_of_the_model_on_the_same_frames() -> None:
    def pair(frame: int, other: uuid.UUID | None, dice: float | None) -> FramePair:
        study = uuid.UUID(int=1000)
        return FramePair(study, study, (study, frame, 1), A, other, "scored", dice, 9, 9)

    alone = pair(3, None, 0.1)  # only one reader marked this frame: no place beside two readers
    empty = [pair(4, None, None), pair(4, B, None)]  # both saw nothing: no Dice
    found = ceiling(
        evidence([(1, 1, 1)], [pair(1, None, 0.6), pair(1, B, 0.8), pair(2, None, 0.7), pair(2, B, 0.9), alone, *empty])
    )

    assert found is not None
    row = next(row for row in found["rows"] if row["key"] == "dice")
    assert row["n"] == 2
    assert row["readers"]["value"] == pytest.approx(0.85)
    assert row["model"]["value"] == pytest.approx(0.65)
    assert row["difference"]["value"] == pytest.approx(-0.2)


def test_the_sentence_claims_no_more_than_the_interval_allows() -> None:
    alike = ceiling(evidence([(1, 1, 1), (0, 0, 0)] * 60 + [(1, 0, 1), (0, 1, 1)] * 5))
    worse = ceiling(evidence([(1, 1, 0), (0, 0, 1)] * 20 + [(1, 1, 1)] * 5))
    unsure = ceiling(evidence([(1, 1, 1), (0, 0, 0), (1, 1, 0), (1, 0, 1)] * 3))
    few = ceiling(evidence([(1, 1, 1)] * 5))

    said = [human_sentence(found) for found in (alike, worse, unsure)]

    assert all(said)
    assert "as often as two readers agree: difference +3.8 %" in (said[0] or {})["text"]
    assert "less often" in (said[1] or {})["text"]
    assert "cannot be told yet" in (said[2] or {})["text"]
    assert "130 subjects" in (said[0] or {})["ground"]
    assert human_sentence(few) is None
    assert human_sentence(None) is None


def test_conditions_count_their_own_studies_and_the_run_since_the_last_disagreement() -> None:
    # Ten studies: the model differs from reader A on the third (descending) and the sixth (arch).
    answers = [(1, 1, 0 if number in (2, 5) else 1) for number in range(10)]
    made = evidence(answers)
    picks = Picks(made.units)

    found = compute_trust(made, picks)

    rows = {(row["dimension"], row["level"]): row for row in found["rows"]}
    assert rows[("all", "")]["figure"]["value"] == pytest.approx(0.8)
    assert rows[("segment", "arch")]["figure"]["value"] == pytest.approx(0.8)
    assert rows[("segment", "arch")]["count"] == 5
    assert ("scale", "no") in rows
    assert ("scale", "yes") not in rows
    assert found["since"] == {"subjects": 4, "last": True, "n": 10}
    assert picks.found["trust"]["last"] == [5]


def test_without_any_disagreement_the_run_is_all_subjects_and_opens_no_case() -> None:
    made = evidence([(1, 1, 1)] * 3)
    found = compute_trust(made, Picks(made.units))
    assert found["since"] == {"subjects": 3, "last": False, "n": 3}
