"""Which lesions of two answers are the same plaque, for many studies at once.

By the rule of ``review.matching``, with what people had said when the manifest was frozen.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations

from plaqueweb.agreement.answers import Answer, LesionAnswer
from plaqueweb.review.links import Said, in_order, verdicts_of
from plaqueweb.review.matching import Matching, Plaque, assign, swapped
from plaqueweb.review.matching_store import Two, candidates_between

Matches = dict[Two, Matching]
"""Matching of each pair of answers, in both orders."""


def load_matches(
    reads: Mapping[uuid.UUID, Sequence[Answer]],
    predictions: Mapping[uuid.UUID, Answer],
    links: Iterable[Sequence[str]],
    progress: Callable[[int, int], None] | None = None,
) -> Matches:
    """The matching of each read with its study's prediction, and of each two reads of a study.

    Args:
        reads: answers by study, with all lesions. predictions: the answer of the model by study.
        links: what people said, [act, first, second, lesion, other lesion] in the order of time (``links.acts_on``).
    """
    answers: dict[uuid.UUID, Answer] = {}
    models: list[Two] = []
    readers: list[Two] = []
    for study, own in reads.items():
        known = [answer for answer in own if answer.id is not None]
        answers |= {answer.id: answer for answer in known if answer.id is not None}
        ids = [answer.id for answer in known if answer.id is not None]
        readers += [in_order(a, b) for a, b in combinations(ids, 2)]
        model = predictions.get(study)
        if model is not None and model.id is not None:
            answers[model.id] = model
            models += [(read, model.id) for read in ids]
    acts: dict[Two, list[Said]] = defaultdict(list)
    for act, first, second, a, b in links:
        acts[(uuid.UUID(first), uuid.UUID(second))].append(Said(act, a, b))
    both = [
        [pair for pair in pairs if answers[pair[0]].lesions and answers[pair[1]].lesions] for pairs in (models, readers)
    ]
    found = candidates_between(both[0], both[1], progress)
    made: Matches = {}
    for pair in [*models, *readers]:
        ours, theirs = (plaques(answers[pk].lesions) for pk in pair)
        matching = assign(ours, theirs, found.get(pair, ()), verdicts_of(acts.get(pair, ())))
        made[pair] = matching
        made[(pair[1], pair[0])] = swapped(matching)
    return made


def plaques(lesions: Iterable[LesionAnswer]) -> list[Plaque]:
    """Lesions of an answer as the rule wants them."""
    return [Plaque(one.ref, one.segment, one.clip, one.angle) for one in lesions]


def partner(matches: Matches, answer: Answer, lesion: LesionAnswer, other: Answer) -> LesionAnswer | None:
    """The lesion of another answer that is the same plaque; None where it has none, or the two were not matched."""
    if answer.id is None or other.id is None:
        return None
    matching = matches.get((answer.id, other.id))
    ref = matching.partner_of_a(lesion.ref) if matching is not None else None
    return next((one for one in other.lesions if one.ref == ref), None) if ref is not None else None


def index_lesion(answer: Answer) -> LesionAnswer | None:
    """The lesion that official thickness and class stand on: the index lesion, else the only one."""
    found = next((one for one in answer.lesions if one.is_index), None)
    return found or (answer.lesions[0] if len(answer.lesions) == 1 else None)
