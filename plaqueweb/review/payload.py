"""The comparison as JSON: what the API answers and what the page's panes are built from."""

from __future__ import annotations

import math
import uuid
from typing import Any

import numpy as np
from django.urls import reverse
from django.utils.translation import gettext as _

from plaqueweb.accounts.roles import Capability
from plaqueweb.core.work import WorkState
from plaqueweb.jobs.models import LIVE
from plaqueweb.predictions.models import ClipPrediction
from plaqueweb.predictions.selectors import prediction_payload
from plaqueweb.reads.choices import Arm, Policy, Reveal
from plaqueweb.reads.models import Read
from plaqueweb.review import selectors
from plaqueweb.review.masks import Place, area
from plaqueweb.review.model_words import model_words
from plaqueweb.review.models import Case, DifferenceReason
from plaqueweb.review.numbers import numbers
from plaqueweb.review.selectors import Comparison, Position
from plaqueweb.review.shown import read_payload
from plaqueweb.review.verdict import verdict
from plaqueweb.studies.selectors import clip_payload

AREA_PX, AREA_MM2 = 1, 2
"""Rows of ``ClipPrediction.curves``."""


def compare_payload(comparison: Comparison) -> dict[str, Any]:
    """Return everything of SPEC's compare document."""
    case, user = comparison.case, comparison.user
    place = selectors.position(user, case)
    said = verdict(comparison)
    sources = {pk for row in comparison.references for pk in row.source_reads}
    sees_studies = user.can(Capability.VIEW_STUDIES, case.round.project_id)
    return {
        "case": {"id": str(case.pk), "number": place.number, "of": place.of, "state": case.state},
        "round": round_payload(case),
        "study": {"label": case.study.label if sees_studies else None},
        "clips": [clip_payload(clip) for clip in comparison.clips],
        "reads": [_read_choice(row, str(row.pk) in sources) for row in comparison.reads],
        "read": read_payload(comparison),
        "predictions": [{"id": str(p.pk), "pipeline": p.pipeline.name} for p in comparison.predictions],
        "prediction": prediction_payload(comparison.prediction) if comparison.prediction else None,
        "model": model_words(comparison),
        "model_hidden": comparison.model_hidden,
        "model_state": model_state(comparison),
        "verdict": said.text,
        "verdict_ground": said.ground,
        "numbers": [row.as_dict() for row in numbers(comparison)],
        "open_at": _place(open_at(comparison)),
        "model_key": _place(comparison.model_key),
        "largest_difference": _place(largest_difference(comparison)),
        "curve": {str(clip.pk): _curve(comparison, clip.pk, clip.frames) for clip in comparison.clips},
        "dice": [
            {"clip": str(one.place[0]), "frame": one.place[1], "region": one.place[2], "dice": one.value}
            for one in comparison.dice
            if one.declared
        ],
        "next_url": next_url(comparison, place),
        "reason": reason_payload(comparison),
    }


def round_payload(case: Case) -> dict[str, Any]:
    """Return what the header says about the round, and why it was revealed."""
    row = case.round
    demo = row.project.is_demo
    return {
        "name": row.name,
        "policy": row.policy,
        "reveal": row.reveal,
        "reveal_words": str(Reveal(row.reveal).label),
        "demo": demo,
        "badge": _badge(demo, row.policy, row.reveal),
        "why": reveal_words(demo, row.reveal),
    }


def _badge(demo: bool, policy: str, reveal: str) -> str:
    if policy == Policy.OPEN:
        return _("imported, blinding unknown")
    shown = {
        Reveal.AFTER_EACH.value: _("revealed after each case"),
        Reveal.ALL_SIGNED.value: _("revealed when all cases are signed"),
        Reveal.ROUND_CLOSED.value: _("revealed when the round is closed"),
        Reveal.NEVER.value: _("never revealed to readers"),
    }[reveal]
    return _("demo round: %(words)s") % {"words": shown} if demo else shown


def reveal_words(demo: bool, reveal: str) -> str:
    """Return why this case may be seen now, and why a real blinded round would wait."""
    if reveal != Reveal.AFTER_EACH:
        return ""
    why = _(
        "Who has seen the model’s answer on one case reads the next one differently: agreement would then measure how "
        "well readers learn from the model. A blinded round therefore reveals when a reader has signed all cases, or "
        "when the round is closed."
    )
    if not demo:
        return why
    return _("This round shows the model after each case, so that you can look around. %(why)s") % {"why": why}


def _read_choice(read: Read, is_reference: bool) -> dict[str, Any]:
    reader = read.assignment.reader
    return {
        "id": str(read.pk),
        "reader": reader.name,
        "simulated": reader.is_simulated,
        "signed_at": read.signed_at.isoformat() if read.signed_at else None,
        "class": read.reader_class,
        "arm": read.arm,
        "arm_words": "" if read.arm == Arm.BLIND else str(read.get_arm_display()),
        "is_reference": is_reference,
    }


def model_state(comparison: Comparison) -> dict[str, Any] | None:
    """Return where the missing prediction is, so that a page can wait for it; None when there is one."""
    job = comparison.job
    if comparison.prediction is not None or comparison.model_hidden:
        return None
    if job is None:
        return {"state": "none", "live": False, "words": _("no model has run")}
    word = str(WorkState(job.work_state).label)
    words = {"state": word, "done": job.progress_done, "total": job.progress_total}
    running = job.work_state == WorkState.RUNNING and job.progress_total
    text = _("model: %(done)d / %(total)d frames") % words if running else _("model: %(state)s") % words
    return {"state": job.work_state, "live": job.work_state in LIVE, "words": text}


def open_at(comparison: Comparison) -> Place | None:
    """Return where the page opens: the reader's key frame, a marked frame, the model's key frame, the first frame."""
    place = comparison.key or comparison.model_key
    if place is not None and comparison.clip(place[0]) is not None:
        return place
    return (comparison.clips[0].pk, 1, 1) if comparison.clips else None


def largest_difference(comparison: Comparison) -> Place | None:
    """Return the marked frame where reader and model differ most: lowest Dice, then the largest gap of areas."""
    compared = [one for one in comparison.dice if one.value is not None]
    pool = [one for one in compared if one.declared] or compared
    if not pool:
        return None
    worst = min(pool, key=lambda one: (round(one.value or 0.0, 4), -abs(one.model_px - one.reader_px)))
    return worst.place


def _place(place: Place | None) -> dict[str, Any] | None:
    return None if place is None else {"clip": str(place[0]), "frame": place[1], "region": place[2]}


def _curve(comparison: Comparison, clip: uuid.UUID, frames: int) -> dict[str, Any]:
    """Return plaque area by frame: the model's on every frame, the reader's where marked. One unit for both."""
    parts = [part for part in comparison.parts if part.clip_id == clip]
    rows = [_curves(part, frames) for part in parts]
    marked = [one for place, one in comparison.frames.items() if place[0] == clip and not one.erased]
    areas = [_marked_area(comparison, one.place) for one in marked]
    scaled = all(mm2 is not None for _px, mm2 in areas) and all(not np.isnan(r[AREA_MM2]).all() for r in rows)
    unit = "mm²" if scaled and (rows or marked) else "px"
    values = np.sum([row[AREA_MM2 if unit == "mm²" else AREA_PX] for row in rows], axis=0) if rows else []
    points = [
        {"frame": one.place[1], "area": mm2 if unit == "mm²" else px, "extent": one.extent}
        for one, (px, mm2) in zip(marked, areas, strict=True)
    ]
    return {
        "model_area": [None if math.isnan(value) else round(float(value), 2) for value in values],
        "unit": unit,
        "marked": sorted(points, key=lambda point: point["frame"]),
    }


def _curves(part: ClipPrediction, frames: int) -> np.ndarray[Any, Any]:
    """Unpack (4, frames) float32: probability, area px, area mm² or NaN, thickness mm or NaN."""
    return np.frombuffer(bytes(part.curves), dtype="<f4").reshape(4, frames)


def _marked_area(comparison: Comparison, place: Place) -> tuple[int, float | None]:
    return area(comparison.frames[place].area_px, comparison.region(place))


def reason_payload(comparison: Comparison) -> dict[str, Any]:
    """Return the list of reasons, and the one that was given."""
    note = selectors.latest_note(comparison)
    both = comparison.read is not None and comparison.prediction is not None
    return {
        "chosen": note.reason if note else None,
        "comment": note.comment if note else "",
        "by": note.by.name if note else None,
        "may_note": both,
        "choices": [{"key": value, "label": str(label)} for value, label in DifferenceReason.choices],
    }


def next_url(comparison: Comparison, place: Position) -> str | None:
    """Return where "Next case" leads: a reader still reading goes on reading, anybody else to the next comparison."""
    case = comparison.case
    if place.next_assignment is not None:
        return reverse("read", args=[place.next_assignment])
    if place.next_case is not None:
        return reverse("compare", args=[case.round.project.slug, place.next_case])
    return None
