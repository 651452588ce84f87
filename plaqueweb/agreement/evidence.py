"""What the statistics work on: the rows that a manifest names, loaded in few queries. No user here: whoever froze the
manifest was allowed to see them.

A run loads only the parts that its board asks for (``PARTS``). Predictions come as one row a study; curves and masks of
single frames are opened in the worker, for the frames that a reader marked.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from statistics import median
from typing import Any

from plaqueweb.agreement import evidence_rows as rows
from plaqueweb.agreement.answers import Answer, Context, FramePair, Frames, ModelAt, Unit, majority_class
from plaqueweb.agreement.evidence_frames import load_frames, model_at
from plaqueweb.agreement.evidence_fused import FusedMask, fused_frames
from plaqueweb.agreement.evidence_lesions import Matches, load_matches
from plaqueweb.studies.models import Project, Study, study_label

Progress = Callable[[int, int], None]
"""Called with how much is done of how much; raises when the work was cancelled."""
READER = "reader:"
PARTS: tuple[str, ...] = ("frames", "pairs", "borders", "repeats", "pipelines", "curves", "lesions", "matches")
"""``frames``: Dice of the marked frames. ``pairs``: the same between each two readers. ``borders``: HD95, ASSD and NSD
of these frames too. ``repeats``: second readings.
``pipelines``: predictions of every visible pipeline. ``curves``: the model on the reader's key frame. ``lesions``: all
lesions of each read and prediction. ``matches``: these, and which of them are the same plaque."""


@dataclass(frozen=True)
class Evidence:
    """Everything the statistics need.

    ``reads`` hold the counted answers of each study, ``repeats`` second readings (repeat_no >= 1), ``predictions`` the
    answers of each pipeline by study, ``at`` the model on the reference's key frame by study.
    """

    units: list[Unit]
    reads: dict[uuid.UUID, list[Answer]]
    frames: Frames
    simulated: bool
    synthetic: bool
    contexts: dict[uuid.UUID, Context] = field(default_factory=dict)
    repeats: dict[uuid.UUID, list[Answer]] = field(default_factory=dict)
    predictions: dict[uuid.UUID, dict[uuid.UUID, Answer]] = field(default_factory=dict)
    at: dict[uuid.UUID, ModelAt] = field(default_factory=dict)
    names: dict[uuid.UUID, str] = field(default_factory=dict)
    """Names of readers and pipelines by id."""
    fused: tuple[FusedMask, ...] = ()
    """Masks made of several readers', where the model's were compared with these."""
    matches: Matches = field(default_factory=dict)
    """Which lesions of two answers are the same plaque, by their ids in both orders."""

    def context(self, study: uuid.UUID) -> Context:
        """What is known of a study besides its answers."""
        return self.contexts.get(study, Context())

    def restricted(self, options: Mapping[str, str]) -> Evidence:
        """Only the studies that the filters segment, quality, site, scanner and scale keep; "" keeps all."""
        wanted = {key: options.get(key, "") for key in ("segment", "quality", "site", "scanner", "scale")}
        if not any(wanted.values()):
            return self
        kept = {unit.study for unit in self.units if _fits(self.context(unit.study), wanted)}
        scores = {study: scored for study, scored in self.frames.scores.items() if study in kept}
        frames = replace(
            self.frames,
            scores=scores,
            pairs=[pair for pair in self.frames.pairs if pair.study in kept],
            unknown_of={study: n for study, n in self.frames.unknown_of.items() if study in kept},
            no_result_of={study: n for study, n in self.frames.no_result_of.items() if study in kept},
        )
        return replace(
            self,
            units=[unit for unit in self.units if unit.study in kept],
            reads={study: answers for study, answers in self.reads.items() if study in kept},
            frames=frames,
            repeats={study: answers for study, answers in self.repeats.items() if study in kept},
            predictions={
                key: {study: answer for study, answer in of.items() if study in kept}
                for key, of in self.predictions.items()
            },
            at={study: found for study, found in self.at.items() if study in kept},
        )


def _fits(context: Context, wanted: Mapping[str, str]) -> bool:
    scale = {"": True, "yes": context.scale, "no": not context.scale}
    return (
        (not wanted["segment"] or context.segment == wanted["segment"])
        and (not wanted["quality"] or context.quality == wanted["quality"])
        and (not wanted["site"] or context.site == wanted["site"])
        and (not wanted["scanner"] or context.scanner == wanted["scanner"])
        and scale[wanted["scale"]]
    )


def marking_reads(manifest: Mapping[str, Any]) -> list[uuid.UUID]:
    """The reads whose masks stand for the counted ones: those of a second stage where there was one."""
    given = manifest.get("same_frames", {})
    return [uuid.UUID(given.get(text, text)) for text in manifest["reads"]]


def load(
    manifest: dict[str, Any], progress: Progress | None = None, fused: Sequence[uuid.UUID] | None = None
) -> Evidence:
    """Read the rows of a manifest (see ``selectors.manifest``), narrowed to its options.

    ``fused`` are the masks made of several readers' with which the model's are compared instead of each reader's own.
    A reference or prediction that no longer exists stands as missing.
    """
    parts = set(manifest.get("parts", ("frames",)))
    read_ids = [uuid.UUID(text) for text in manifest["reads"]]
    units = [(uuid.UUID(a), uuid.UUID(b), _id(c), _id(d)) for a, b, c, d in manifest["units"]]
    lesions = bool(parts & {"lesions", "matches"})
    reads = rows.reads(read_ids, lesions=lesions, areas="curves" in parts)
    references: dict[uuid.UUID, Answer] = {pk: answer for pk, (_study, answer) in reads.items()}
    references |= rows.consensus([row[2] for row in units if row[2] is not None and row[2] not in references])
    predictions = rows.predictions([row[3] for row in units if row[3] is not None], lesions=lesions)
    by_study = _by_study(reads.values())
    build = _majority if manifest["against"] == "majority" else None
    made, prediction_of = [], {}
    for study, subject, reference, prediction in units:
        other = references.get(reference) if reference is not None else None
        answer = build(by_study.get(study, [])) if build else other
        made.append(Unit(study, subject, answer, predictions.get(prediction) if prediction else None))
        if prediction is not None:
            prediction_of[study] = prediction
    found = Evidence(
        units=made,
        reads=by_study,
        frames=Frames({}, 0, 0),
        simulated=rows.any_simulated(read_ids),
        synthetic=rows.any_synthetic([unit.study for unit in made]),
        contexts=rows.contexts(made, by_study, manifest.get("sites", {})),
        names=rows.names(by_study, manifest),
    )
    if "repeats" in parts:
        again = rows.reads([uuid.UUID(text) for text in manifest.get("repeats", [])], lesions=False, areas=False)
        found = replace(found, repeats=_by_study(again.values()))
    if "pipelines" in parts:
        found = replace(found, predictions=_all_predictions(manifest))
    found = found.restricted(manifest.get("options", {}))
    if "curves" in parts:
        found = replace(found, at=model_at(found.units, prediction_of))
    if "matches" in parts:
        said = {unit.study: unit.model for unit in found.units if unit.model is not None}
        found = replace(found, matches=load_matches(found.reads, said, manifest.get("links", []), progress))
    if parts & {"frames", "pairs"}:
        kept = {unit.study: unit.subject for unit in found.units}
        scored = _scored(manifest, reads, kept)
        every = [pk for pk, (study, _answer) in reads.items() if study in kept] if "pairs" in parts else []
        given = {uuid.UUID(first): uuid.UUID(pk) for first, pk in manifest.get("same_frames", {}).items()}
        scored, every = [given.get(pk, pk) for pk in scored], [given.get(pk, pk) for pk in every]
        borders = "borders" in parts
        found = replace(found, frames=load_frames(scored, every, prediction_of, kept, progress, borders=borders))
        if fused is not None:
            found = replace(found, **fused_frames(found.frames, fused, prediction_of, kept, borders=borders))
    return found


def _by_study(found: Iterable[tuple[uuid.UUID, Answer]]) -> dict[uuid.UUID, list[Answer]]:
    grouped: dict[uuid.UUID, list[Answer]] = defaultdict(list)
    for study, answer in found:
        grouped[study].append(answer)
    return dict(grouped)


def _scored(
    manifest: Mapping[str, Any], reads: Mapping[uuid.UUID, tuple[uuid.UUID, Answer]], kept: Mapping[uuid.UUID, Any]
) -> list[uuid.UUID]:
    """Reads whose marks are compared with the model: of the named reader, or of all."""
    against = str(manifest["against"])
    reader = against.removeprefix(READER) if against.startswith(READER) else ""
    return [
        pk for pk, (study, answer) in reads.items() if study in kept and (not reader or str(answer.rater) == reader)
    ]


def _majority(answers: Sequence[Answer]) -> Answer | None:
    """The class that more than half of at least two readers gave, and their median thickness; None without one."""
    klass = majority_class(answers)
    if klass is None:
        return None
    lengths = [answer.thickness_mm for answer in answers if answer.thickness_mm is not None]
    return Answer(klass, thickness_mm=median(lengths) if len(lengths) >= 2 else None)


def _all_predictions(manifest: Mapping[str, Any]) -> dict[uuid.UUID, dict[uuid.UUID, Answer]]:
    named = {
        uuid.UUID(key): {uuid.UUID(study): uuid.UUID(pk) for study, pk in of}
        for key, of in manifest["pipelines"].items()
    }
    answers = rows.predictions([pk for of in named.values() for pk in of.values()], lesions=False)
    return {key: {study: answers[pk] for study, pk in of.items() if pk in answers} for key, of in named.items()}


def _id(text: str) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None


def study_labels(project: Project, studies: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[str, str]]:
    """(label, subject's pseudonym) of a project's studies; the caller checked that the user may see them."""
    wanted = set(studies)
    found = Study.objects.filter(project=project)
    if len(wanted) <= rows.FEW:
        found = found.filter(pk__in=wanted)
    named = found.values_list("pk", "number", "subject__pseudonym")
    return {pk: (study_label(number), pseudonym) for pk, number, pseudonym in named if pk in wanted}


def week_of(day: date) -> str:
    """ISO week as "2026-W44"."""
    year, week, _weekday = day.isocalendar()
    return f"{year}-W{week:02d}"


__all__ = [
    "PARTS", "Answer", "Context", "Evidence", "FramePair", "Frames", "ModelAt", "Progress", "Unit", "load",
    "study_labels", "week_of",
]  # fmt: skip
