"""What follows the reads: cases compared, some adjudicated, reasons for differences, the round closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import transaction

from plaqueweb.accounts.models import User
from plaqueweb.ops.programme.draw import LEAST_MM, Programme
from plaqueweb.ops.programme.geometry import aorta, chord
from plaqueweb.ops.programme.parameters import REASONS as QUESTIONS
from plaqueweb.predictions.models import Prediction
from plaqueweb.reads.choices import PlaqueClass
from plaqueweb.reads.models import Read, Round
from plaqueweb.reads.rounds import close_round
from plaqueweb.review.adjudication import OWN, Finding, answer_blind, begin, decide
from plaqueweb.review.models import UNDECIDED, AdjudicationState, Case, DifferenceNote, DifferenceReason
from plaqueweb.review.services import note_difference, refresh_cases
from plaqueweb.studies.models import Clip, Study
from plaqueweb.studies.services import freeze_case_list

DECIDED = 0.8
"""Share of the differing cases that were adjudicated; the others wait."""
UNUSABLE, ERROR_MM = 0.4, 0.3
"""What the adjudicator cannot assess of the unusable pictures (a share), and the error of thickness (SD)."""
NOTED = 0.5
"""Share of the differences between model and readers that were given a reason."""
REASONS = (
    DifferenceReason.FRAME, DifferenceReason.QUALITY, DifferenceReason.NO_FAULT, DifferenceReason.WALL,
    DifferenceReason.MISSED,
)  # fmt: skip


def settle(
    programme: Programme, round_: Round, studies: Sequence[Study], *, adjudicator: User, engineer: User, say: Any
) -> None:
    """Compare the cases, adjudicate most of those that differ, note reasons, freeze the list and close the round.

    The engineer notes why the model differs: an adjudicator may not see the cases that still wait.
    """
    refresh_cases(round=round_)
    _adjudicate(programme, round_, studies, adjudicator)
    say("cases in review", len(studies), len(studies))
    _note(programme, round_, studies, engineer)
    if round_.case_list.frozen_at is None:
        freeze_case_list(case_list=round_.case_list, by=None)
    if round_.closed_at is None:
        close_round(round_=round_, by=None)
    say("round closed", 1, 1)


def _adjudicate(programme: Programme, round_: Round, studies: Sequence[Study], by: User) -> None:
    """The adjudicator answers blind, sees the truth through a small error, and keeps to the own answer."""
    index = {study.pk: number for number, study in enumerate(studies)}
    clips = {row.study_id: str(row.pk) for row in Clip.objects.filter(study__project=round_.project_id)}
    waiting = Case.objects.queued().filter(round=round_, state__in=UNDECIDED)
    for case in waiting.select_related("study", "round").order_by("number"):
        n = index[case.study_id]
        rng = np.random.default_rng((programme.parameters.seed, 4, n))
        draw, code = rng.random(), int(rng.integers(len(REASONS)))
        if draw >= DECIDED:
            continue
        with transaction.atomic():
            begun = begin(case=case, by=by)
            if begun.state == AdjudicationState.BEGUN:
                answer_blind(adjudication=begun, finding=_finding(programme, n, clips[case.study_id], rng), by=by)
            decide(adjudication=begun, take=OWN, reason_code=REASONS[code], by=by)


def _finding(programme: Programme, n: int, clip: str, rng: np.random.Generator) -> Finding:
    s = programme.studies
    reasons = {name: "yes" if there else "no" for name, there in zip(QUESTIONS, s.reasons[n], strict=True)}
    if int(s.quality[n]) == 2 and rng.random() < UNUSABLE:
        return Finding(PlaqueClass.CANNOT_ASSESS, {})
    if not s.plaque[n]:
        return Finding(int(s.complex[n]), reasons)
    mm = max(float(s.thickness_mm[n]) + float(rng.normal(0, ERROR_MM)), LEAST_MM)
    points = chord(aorta(s.centre[n]), mm, float(s.angle[n]))
    caliper = {"clip": clip, "frame": int(s.peak[n]), "region": 1, "points": points}
    return Finding(int(s.complex[n]), reasons, caliper)


@transaction.atomic
def _note(programme: Programme, round_: Round, studies: Sequence[Study], by: User) -> None:
    """Give a reason to about half of the cases in which the first pipeline and the first reader differ."""
    if DifferenceNote.objects.filter(case__round=round_).exists():
        return
    one, model = programme.first[0].klass, programme.predictions[0].klass
    differing = np.flatnonzero((one != model) & np.isin(one, (0, 1)) & np.isin(model, (0, 1)))
    name = programme.parameters.pipelines[0].name
    reader = programme.parameters.readers[0].name
    for n in (int(value) for value in differing):
        rng = np.random.default_rng((programme.parameters.seed, 5, n))
        if rng.random() >= NOTED:
            continue
        study = studies[n]
        mine = {"assignment__round": round_, "assignment__study": study, "assignment__repeat_no": 0}
        read = Read.objects.select_related("assignment").get(**mine, assignment__reader__name=reader)
        prediction = Prediction.objects.get(study=study, pipeline__name__startswith=name)
        note_difference(
            case=Case.objects.select_related("round").get(round=round_, study=study), read=read, prediction=prediction,
            reason=REASONS[int(rng.integers(len(REASONS)))], comment="", by=by,
        )  # fmt: skip
