"""The comparison as JSON: what the API answers and what the page's panes are built from."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from plaqueweb.accounts.roles import Capability
from plaqueweb.core.work import WorkState
from plaqueweb.jobs.models import LIVE
from plaqueweb.predictions.selectors import prediction_payload
from plaqueweb.reads.choices import Arm, Policy, Reveal
from plaqueweb.reads.models import Read
from plaqueweb.review import selectors
from plaqueweb.review.comments import threads_of
from plaqueweb.review.comparison import Comparison
from plaqueweb.review.corrections import revision_words
from plaqueweb.review.curve import curve_payload
from plaqueweb.review.lesion_rows import lesions_payload
from plaqueweb.review.masks import Place
from plaqueweb.review.model_words import model_words
from plaqueweb.review.models import Case, DifferenceReason
from plaqueweb.review.numbers import difference_words, numbers
from plaqueweb.review.selectors import Position
from plaqueweb.review.shown import read_payload
from plaqueweb.review.sides import (
    NONE,
    PIPELINE,
    READ,
    REFERENCE,
    ModelSide,
    ReadSide,
    Side,
    marks_of,
    read_name,
    reference_name,
)
from plaqueweb.review.verdict import noun, verdict
from plaqueweb.review.words import class_short, class_words
from plaqueweb.studies.selectors import clip_payload


def compare_payload(comparison: Comparison) -> dict[str, Any]:
    """Return everything of the compare document: the two sides, further reads, and what lies between them."""
    case, user = comparison.case, comparison.user
    place = selectors.position(user, case)
    said = verdict(comparison)
    sources = {pk for row in comparison.references for pk in row.source_reads}
    sees_studies = user.can(Capability.VIEW_STUDIES, case.round.project_id)
    reads, predictions = _shown_reads(comparison), [prediction_payload(side.prediction) for side in comparison.models]
    first = str(comparison.prediction.pk) if comparison.prediction is not None else None
    words = [model_words(side) for side in comparison.models]
    return {
        "case": {"id": str(case.pk), "number": place.number, "of": place.of, "state": case.state},
        "round": round_payload(case),
        "study": {"label": case.study.label if sees_studies else None},
        "clips": [clip_payload(clip) for clip in comparison.clips],
        "reads": [_read_choice(row, str(row.pk) in sources) for row in comparison.reads],
        "predictions": [{"id": str(p.pk), "pipeline": p.pipeline.name} for p in comparison.predictions],
        "choices": choices_payload(comparison),
        "left": side_payload(comparison, comparison.left),
        "right": side_payload(comparison, comparison.right),
        "more": [str(side.read.pk) for side in comparison.more],
        "query": query_of(comparison),
        "read": next((row for row in reads if row["id"] == _id(comparison.read)), None),
        "further_reads": [row for row in reads if row["id"] != _id(comparison.read)],
        "prediction": next((row for row in predictions if row["id"] == first), None),
        "further_predictions": [row for row in predictions if row["id"] != first],
        "model": words[-1] if words else None,
        "models": words,
        "model_hidden": comparison.model_hidden,
        "model_state": model_state(comparison),
        "verdict": said.text,
        "verdict_ground": said.ground,
        "numbers": [row.as_dict() for row in numbers(comparison)],
        "lesions": lesions_payload(comparison),
        "difference": difference_words(comparison),
        "open_at": _place(open_at(comparison)),
        "model_key": _place(comparison.models[-1].key_place if comparison.models else None),
        "largest_difference": _place(next(iter(comparison.differing), None)),
        "curve": {str(clip.pk): curve_payload(comparison, clip) for clip in comparison.clips},
        "dice": [
            {"clip": str(one.place[0]), "frame": one.place[1], "region": one.place[2], "dice": one.value}
            for one in comparison.dice
            if one.declared
        ],
        "differing": [_place(one) for one in comparison.differing],
        "comments": threads_of(user=user, case=case),
        "next_url": next_url(comparison, place),
        "reason": reason_payload(comparison),
    }


def query_of(comparison: Comparison) -> str:
    """Return the choice as it stands in an address, also where it was left open."""
    asked = [("left", comparison.left.key)] if comparison.left.kind != NONE else []
    if comparison.right.kind != NONE or comparison.model_hidden:
        asked.append(("right", comparison.right.key))
    return urlencode([*asked, *(("more", str(side.read.pk)) for side in comparison.more)])


def _id(row: Read | None) -> str | None:
    return str(row.pk) if row is not None else None


def _shown_reads(comparison: Comparison) -> list[dict[str, Any]]:
    """Every read whose marks are shown, once."""
    shown = [*(marks for side in comparison.pair if (marks := marks_of(side)) is not None), *comparison.more]
    return [read_payload(side) for side in {side.read.pk: side for side in shown}.values()]


def side_payload(comparison: Comparison, side: Side) -> dict[str, Any]:
    """What stands over a pane: who answers, the class, and which read or prediction below holds the marks."""
    marks = marks_of(side)
    distinct = comparison.left.role != comparison.right.role
    prediction = side.prediction if isinstance(side, ModelSide) else None
    signed = side.read.signed_at if isinstance(side, ReadSide) else None
    return {
        "key": side.key,
        "kind": side.kind,
        "role": side.role,
        "title": title_of(comparison, side),
        "short": title_of(comparison, side) if distinct else (_("Left") if side is comparison.left else _("Right")),
        "name": side.name,
        "noun": noun(comparison, side),
        "simulated": isinstance(side, ReadSide) and side.read.assignment.reader.is_simulated,
        "signed_at": signed.isoformat() if signed else None,
        "signed_time": f"{signed:%H:%M}" if signed else "",
        "class": side.plaque_class,
        "class_words": class_short(side.plaque_class)
        if side.plaque_class is not None or not prediction
        else class_words(None),
        "score": _score_words(side),
        "key_place": _place(side.key_place),
        "read": str(marks.read.pk) if marks is not None else None,
        "prediction": str(prediction.pk) if prediction is not None else None,
    }


def _score_words(side: Side) -> str:
    if not isinstance(side, ModelSide) or side.prediction.probability is None:
        return ""
    values = {"p": f"{side.prediction.probability:.2f}", "cut": f"{side.prediction.pipeline.threshold:.2f}"}
    return _("%(p)s, cut-off %(cut)s") % values


def title_of(comparison: Comparison, side: Side) -> str:
    """The heading of a pane: a role; an empty right side is where a model would stand."""
    known = {"physician": _("Physician"), "model": _("Model"), "reference": _("Reference")}
    return known.get(side.role, _("Physician") if side is comparison.left else _("Model"))


def choices_payload(comparison: Comparison) -> list[dict[str, Any]]:
    """What either side may be, in groups, with the key that an address takes."""
    reads = [(f"{READ}.{row.pk}", read_name(row), row.assignment.reader.is_simulated) for row in comparison.reads]
    references = [(f"{REFERENCE}.{row.kind}", reference_name(row), False) for row in comparison.references]
    models = [(f"{PIPELINE}.{row.pipeline_id}", row.pipeline.name, False) for row in comparison.predictions]
    groups = ((_("Reads"), reads), (_("Reference"), references), (_("Pipelines"), models))
    return [
        {"group": name, "rows": [{"key": key, "name": label, "simulated": sim} for key, label, sim in rows]}
        for name, rows in groups
        if rows
    ]


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
        "name": read_name(read),
        "simulated": reader.is_simulated,
        "signed_at": read.signed_at.isoformat() if read.signed_at else None,
        "class": read.reader_class,
        "arm": read.arm,
        "arm_words": "" if read.arm == Arm.BLIND else str(read.get_arm_display()),
        "is_reference": is_reference,
        "revision": read.revision,
        "revision_words": revision_words(read),
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
    """Return where the page opens: a marked key frame, a marked frame, the model's key frame, the first frame."""
    place = comparison.focus
    if place is not None and any(clip.pk == place[0] for clip in comparison.clips):
        return place
    return (comparison.clips[0].pk, 1, 1) if comparison.clips else None


def _place(place: Place | None) -> dict[str, Any] | None:
    return None if place is None else {"clip": str(place[0]), "frame": place[1], "region": place[2]}


def reason_payload(comparison: Comparison) -> dict[str, Any]:
    """Return the list of reasons, and the one that was given."""
    read, prediction = comparison.read, comparison.prediction
    both = read is not None and prediction is not None and not read.is_replaced
    note = None
    if read is not None and prediction is not None:
        note = selectors.latest_note(user=comparison.user, case=comparison.case, read=read, prediction=prediction)
    return {
        "chosen": note.reason if note else None,
        "comment": note.comment if note else "",
        "by": note.by.name if note else None,
        "may_note": both,
        "why_not": "" if both else _why_no_reason(comparison),
        "choices": [{"key": value, "label": str(label)} for value, label in DifferenceReason.choices],
    }


def _why_no_reason(comparison: Comparison) -> str:
    if comparison.left.kind == NONE:
        return _("no read to compare")
    if comparison.right.kind == NONE:
        return _("no model result to compare")
    if comparison.read is not None and comparison.read.is_replaced:
        return _("this answer was corrected: the reason stands beside the correction")
    return _("for a read beside a model")


def next_url(comparison: Comparison, place: Position) -> str | None:
    """Return where "Next case" leads: a reader still reading goes on reading, anybody else to the next comparison."""
    case = comparison.case
    if place.next_assignment is not None:
        return reverse("read", args=[place.next_assignment])
    if place.next_case is not None:
        return reverse("compare", args=[case.round.project.slug, place.next_case])
    return None
