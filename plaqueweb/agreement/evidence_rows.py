"""One query a table: reads, references, predictions, and the studies around them, as plain answers."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from plaqueweb.accounts.models import User
from plaqueweb.agreement.answers import Answer, Context, KeyPlace, LesionAnswer, Unit
from plaqueweb.predictions.models import ClipPrediction, Pipeline, Prediction
from plaqueweb.reads.choices import Quality
from plaqueweb.reads.models import FrameMask, Lesion, Read
from plaqueweb.review.lesion_sides import model_ref
from plaqueweb.review.models import Consensus
from plaqueweb.studies.choices import ClipState
from plaqueweb.studies.models import Clip, Region, Study

_WORST = (Quality.UNUSABLE, Quality.LIMITED, Quality.GOOD)
_BATCH = 5_000
"""Ids named in one query: databases bound the number of parameters."""
FEW = 200
"""So many ids are named in a query of a page; with more, the project's rows are read and chosen from here, which is
quicker than naming them."""


def batches(ids: Iterable[uuid.UUID]) -> Iterable[list[uuid.UUID]]:
    """Ids in lists short enough for one query."""
    every = list(ids)
    for start in range(0, len(every), _BATCH):
        yield every[start : start + _BATCH]


def place(clip: uuid.UUID | None, frame: int | None, region: int | None) -> KeyPlace | None:
    """A key frame, None where it is not known; region 1 stands for none named."""
    return (clip, frame, region or 1) if clip is not None and frame is not None else None


def reads(ids: list[uuid.UUID], *, lesions: bool, areas: bool) -> dict[uuid.UUID, tuple[uuid.UUID, Answer]]:
    """(study, answer) by read: the official thickness stands on the read, its place on the index lesion."""
    found: dict[uuid.UUID, tuple[uuid.UUID, Answer]] = {}
    for part in batches(ids):
        marked, own_areas = _marked_areas(part) if areas or lesions else ({}, {})
        of_lesions = _lesions(part, own_areas, every=lesions)
        fields = (
            "pk", "assignment__study_id", "assignment__reader_id", "reader_class", "thickness_mm", "quality",
            "confidence", "thickness_source", "signed_at", "assignment__order_no", "assignment__repeat_no",
            "assignment__active_seconds", "assignment__round_id",
        )  # fmt: skip
        for row in Read.objects.filter(pk__in=part).order_by("pk").values_list(*fields):
            pk, study, reader, klass, mm, quality, confidence, source, at, order_no, repeat_no, seconds, round_ = row
            own = of_lesions.get(pk, [])
            index = next((lesion for lesion in own if lesion.is_index), None)
            key = index.key if index else None
            answer = Answer(
                klass, mm, key, rater=reader, id=pk, segment=index.segment if index else "", quality=quality,
                confidence=confidence, area_mm2=marked.get((pk, *key)) if key and areas else None,
                thickness_source=source, at=at,
                order_no=order_no, repeat_no=repeat_no, active_seconds=seconds, round=round_,
                lesions=tuple(own) if lesions else (),
            )  # fmt: skip
            found[pk] = (study, answer)
    return found


def _lesions(
    read_ids: list[uuid.UUID], areas: Mapping[tuple[uuid.UUID, KeyPlace, str], float], *, every: bool
) -> dict[uuid.UUID, list[LesionAnswer]]:
    rows = Lesion.objects.filter(read_id__in=read_ids).order_by("read_id", "number")
    if not every:
        rows = rows.filter(is_index=True)
    fields = (
        "read_id", "number", "segment", "is_index", "key_clip_id", "key_frame", "key_region", "thickness_mm",
        "ulceration", "mobile", "thrombus",
    )  # fmt: skip
    found: dict[uuid.UUID, list[LesionAnswer]] = defaultdict(list)
    for read, number, segment, index, clip, frame, region, mm, *reasons in rows.values_list(*fields):
        key = place(clip, frame, region)
        area = areas.get((read, key, str(number))) if key is not None else None
        said = (reasons[0], reasons[1], reasons[2])
        found[read].append(LesionAnswer(number, segment, index, key, mm, said, str(number), area))
    return found


def _marked_areas(
    read_ids: list[uuid.UUID],
) -> tuple[dict[tuple[uuid.UUID, uuid.UUID, int, int], float], dict[tuple[uuid.UUID, KeyPlace, str], float]]:
    """Marked plaque in mm² by (read, clip, frame, region), where every lesion there has a scale; and of each lesion."""
    found = {}
    single: dict[tuple[uuid.UUID, KeyPlace, str], float] = {}
    rows = FrameMask.objects.filter(annotation__read_id__in=read_ids, rle__isnull=False).values_list(
        "annotation__read_id", "annotation__clip_id", "annotation__frame", "annotation__region", "areas"
    )
    for read, clip, frame, region, areas in rows:
        values = [part.get("mm2") for part in areas.values()]
        if values and None not in values:
            found[(read, clip, frame, region)] = float(sum(values))
        single |= {
            (read, (clip, frame, region), number): float(one["mm2"])
            for number, one in areas.items()
            if one.get("mm2") is not None
        }
    return found, single


def consensus(ids: list[uuid.UUID]) -> dict[uuid.UUID, Answer]:
    """References by id."""
    found = {}
    for part in batches(ids):
        for pk, klass, mm, at in Consensus.objects.filter(pk__in=part).values_list(
            "pk", "reader_class", "thickness_mm", "created_at"
        ):
            found[pk] = Answer(klass, thickness_mm=mm, id=pk, at=at)
    return found


def predictions(ids: list[uuid.UUID], *, lesions: bool) -> dict[uuid.UUID, Answer]:
    """Predictions by id; the segment is that of the key clip."""
    found = {}
    fields = (
        "pk", "predicted_class", "thickness_mm", "key_clip_id", "key_frame", "key_region", "probability",
        "no_result_reason", "key_clip__segment", "area_mm2", "created_at", "pipeline__threshold", "ood_score",
        "quality", "pipeline_id",
    )  # fmt: skip
    for part in batches(ids):
        own = _model_lesions(part) if lesions else {}
        for row in Prediction.objects.filter(pk__in=part).values_list(*fields):
            pk, klass, mm, clip, frame, region, probability, reason, segment, area, at, cut, odd, quality, line = row
            found[pk] = Answer(
                klass, mm, place(clip, frame, region), probability, rater=line, no_result=reason, id=pk,
                segment=segment or "", area_mm2=area, at=at, threshold=cut, out_of_distribution=odd,
                picture_quality=quality, lesions=tuple(own.get(pk, ())),
            )  # fmt: skip
    return found


def _model_lesions(ids: list[uuid.UUID]) -> dict[uuid.UUID, list[LesionAnswer]]:
    found: dict[uuid.UUID, list[LesionAnswer]] = defaultdict(list)
    rows = ClipPrediction.objects.filter(prediction_id__in=ids, no_result_reason="").order_by("prediction_id", "id")
    for prediction, clip, region, segment, listed in rows.values_list(
        "prediction_id", "clip_id", "region_number", "clip__segment", "lesions"
    ):
        for one in listed or []:
            reasons = one.get("reasons", {})
            found[prediction].append(
                LesionAnswer(
                    number=int(one["number"]),
                    segment=segment,
                    is_index=False,
                    key=place(clip, one.get("key_frame"), region),
                    thickness_mm=one.get("thickness_mm"),
                    reasons=(reasons.get("ulceration", ""), reasons.get("mobile", ""), reasons.get("thrombus", "")),
                    ref=model_ref(clip, region, int(one["number"])),
                    area_mm2=one.get("area_mm2"),
                    clip=clip,
                    angle=one.get("angle"),
                )
            )
    return found


def any_simulated(read_ids: list[uuid.UUID]) -> bool:
    """Tell whether a simulated reader is among the reads."""
    return any(
        Read.objects.filter(pk__in=part, assignment__reader__is_simulated=True).exists() for part in batches(read_ids)
    )


def any_synthetic(studies: list[uuid.UUID]) -> bool:
    """Tell whether a study holds a synthetic clip."""
    return any(Clip.objects.filter(study_id__in=part, synthetic=True).exists() for part in batches(studies))


def names(answers: Mapping[uuid.UUID, Sequence[Answer]], manifest: Mapping[str, Any]) -> dict[uuid.UUID, str]:
    """Names of the readers of these answers and of the manifest's pipelines."""
    readers = {answer.rater for own in answers.values() for answer in own if answer.rater}
    lines = {uuid.UUID(text) for text in [manifest.get("pipeline"), *manifest.get("pipelines", {})] if text}
    found = dict(User.objects.filter(pk__in=readers).values_list("pk", "name"))
    return found | dict(Pipeline.objects.filter(pk__in=lines).values_list("pk", "name"))


def contexts(
    units: Sequence[Unit], answers: Mapping[uuid.UUID, Sequence[Answer]], sites: Mapping[str, str]
) -> dict[uuid.UUID, Context]:
    """The conditions of each study; ``sites`` by study, as the manifest froze them."""
    studies = [unit.study for unit in units]
    clips: dict[uuid.UUID, list[tuple[str, str, str, int]]] = defaultdict(list)
    sizes: dict[uuid.UUID, str] = {}
    scaled: set[uuid.UUID] = set()
    people: dict[uuid.UUID, tuple[str, str, Any]] = {}
    for part in batches(studies):
        stored = Clip.objects.filter(study_id__in=part, state=ClipState.STORED).order_by("study_id", "number")
        fields = ("study_id", "manufacturer", "scanner_model", "segment", "frames", "columns", "rows")
        for study, *rest in stored.values_list(*fields):
            clips[study].append((rest[0], rest[1], rest[2], rest[3]))
            sizes.setdefault(study, f"{rest[4]}x{rest[5]}")
        known = Region.objects.filter(clip__study_id__in=part, row_mm__isnull=False, valid=True)
        scaled.update(known.values_list("clip__study_id", flat=True).distinct())
        of_people = ("pk", "subject__sex", "subject__age_band", "ready_at")
        people.update(
            {pk: (sex, band, at) for pk, sex, band, at in Study.objects.filter(pk__in=part).values_list(*of_people)}
        )
    made = {}
    for unit in units:
        own = answers.get(unit.study, ())
        sex, band, at = people.get(unit.study, ("", "", None))
        made[unit.study] = Context(
            segment=_segment(unit, own),
            quality=_quality(unit, own),
            scanner=scanner_name(clips[unit.study][0][:2]) if clips.get(unit.study) else "",
            site=sites.get(str(unit.study), ""),
            scale=unit.study in scaled,
            sex=sex,
            age_band=band,
            arrived=at,
            frames=sum(clip[3] for clip in clips.get(unit.study, ())),
            picture=sizes.get(unit.study, ""),
        )
    return made


def scanner_name(parts: tuple[str, str]) -> str:
    """Manufacturer and model as one name; "" where neither is known."""
    maker, model = (part.strip() for part in parts)
    return model if maker and model.lower().startswith(maker.lower()) else f"{maker} {model}".strip()


def _segment(unit: Unit, answers: Sequence[Answer]) -> str:
    if unit.reference is not None and unit.reference.segment:
        return unit.reference.segment
    named = Counter(answer.segment for answer in answers if answer.segment)
    if named:
        return named.most_common(1)[0][0]
    return unit.model.segment if unit.model is not None else ""


def _quality(unit: Unit, answers: Sequence[Answer]) -> str:
    if unit.reference is not None and unit.reference.quality:
        return unit.reference.quality
    given = {answer.quality for answer in answers}
    return next((str(quality) for quality in _WORST if quality in given), "")
