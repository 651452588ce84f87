"""Cases through the predictor, one after the other, while the next are made in other processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inference.evaluation.cases import Source, stream
from inference.evaluation.figures import Evaluation, summarise
from inference.evaluation.gallery import Gallery, Picture
from inference.evaluation.score import row_of

if TYPE_CHECKING:
    from inference.predictor import Predictor


@dataclass(frozen=True)
class Outcome:
    """Figures, the rows they were made from, the worst cases, what could not be read, and what the data were.

    ``engine`` is what the networks ran on: another engine or precision may move the last digits.
    """

    evaluation: Evaluation
    rows: list[dict[str, Any]]
    pictures: list[Picture]
    unreadable: list[str]
    data: dict[str, Any]
    engine: str = ""


def evaluate(
    predictor: Predictor,
    source: Source,
    *,
    processes: int = 1,
    worst: int = 6,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Run every case of ``source`` through the predictor and compare with the truth.

    A clip that the predictor refuses counts as "failed". ``progress`` is called with (done, all). Equal source,
    weights, engine and machine give equal figures. Raises ValueError when there is no case to evaluate.
    """
    jobs = source.jobs()
    gallery = Gallery(predictor.threshold, worst)
    rows: list[dict[str, Any]] = []
    unreadable: list[str] = []
    engine = ""
    for number, case in enumerate(stream(jobs, processes), start=1):
        if isinstance(case, ValueError):
            unreadable.append(str(case))
        else:
            result, error = None, ""
            try:
                result = predictor.predict_clip(case.frames, case.regions)
                engine = result.engine
            except ValueError as refusal:
                error = str(refusal)
            row = row_of(case, result, error)
            gallery.look(case, result, row)
            rows.append(row)
        if progress is not None:
            progress(number, len(jobs))
    if not rows:
        raise ValueError(f"No case could be read: {'; '.join(unreadable[:3]) or 'there is none'}.")
    evaluation = summarise(rows, predictor.threshold)
    return Outcome(evaluation, rows, gallery.pictures(), unreadable, source.describe(), engine)
