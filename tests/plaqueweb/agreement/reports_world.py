"""A round worth reporting, and a hand that reaches below the database's triggers."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from plaqueweb.agreement import freezing
from plaqueweb.agreement.models import FrozenReport
from plaqueweb.agreement.report_models import body_hash
from plaqueweb.agreement.services import canonical
from plaqueweb.agreement.tasks import compute_waiting
from plaqueweb.core.errors import Conflict
from plaqueweb.predictions.choices import NoResultReason
from plaqueweb.studies.choices import ListPurpose
from plaqueweb.studies.models import CaseList, Study
from plaqueweb.studies.services import freeze_case_list
from tests.factories import StudyFactory, SubjectFactory
from tests.plaqueweb.agreement.world import ALL, NONE, World, box, empty
from tests.triggers import lift

STUDIES = 20
TRUTH = {"against": "known_truth"}


def fill(world: World) -> World:
    """20 studies with a known truth: A and B differ on 3, the model is wrong on 2, has no aorta on 1, never ran on 1.

    One study has no truth, of one it is "cannot assess". Two frames of each study are marked.
    """
    for number in range(STUDIES):
        study, truth = world.study(), number % 2
        clip = world.clip(study)
        mask = box(clip, slice(10, 20), slice(10, 30))
        marks = {(clip, 1): (ALL, mask), (clip, 2): (NONE, empty(clip))}
        own = {"quality": "good" if number % 3 else "limited", "confidence": "sure"}
        world.read(study, world.reader_a, truth, 3.0 + number / 10, key=(clip, 1), marks=marks, **own)
        second = 1 - truth if number < 3 else truth
        world.read(study, world.reader_b, second, 3.2 + number / 10, key=(clip, 1), marks=marks, **own)
        if number != 19:
            world.truth(study, 9 if number == 18 else truth, 3.1 + number / 10)
        if number != 17:
            _predict(world, study, clip, truth, number)
    CaseList.objects.filter(pk=world.round.case_list_id).update(purpose=ListPurpose.TEST)
    world.round.case_list.refresh_from_db()
    freeze_case_list(case_list=world.round.case_list, by=None)
    world.close()
    return world


def late_study(world: World) -> Study:
    """A study that came after the case list was frozen."""
    row: Study = StudyFactory(subject=SubjectFactory(project=world.project))
    return row


def _predict(world: World, study: Any, clip: Any, truth: int, number: int) -> None:
    klass: int | None = 1 - truth if number in (4, 5) else truth
    why = {}
    if number == 6:
        klass, why = None, {"no_result_reason": NoResultReason.NO_AORTA, "probability": None}
    row = world.predict(study, klass, 3.3 + number / 9, key_clip=clip, key_frame=1, key_region=1, **why)
    world.model_masks(row, clip, {1: box(clip, slice(11, 20), slice(11, 30)), 2: empty(clip)})


def frozen(world: World, title: str = "First paper", **asked: str) -> FrozenReport:
    """A report over the round, by the coordinator."""
    wanted = {"round": str(world.round.pk)} | TRUTH | asked
    order = partial(freezing.freeze, user=world.coordinator, project=world.project, asked=wanted, title=title)
    try:
        return order()
    except Conflict as waits:
        if waits.rule != "report-waiting":
            raise
        compute_waiting()  # the worker
        return order()


def forge(report: FrozenReport, change: Any, *, rehash: bool = True) -> FrozenReport:
    """Change a manifest below the triggers, as somebody with the database's own password could."""
    body = json.loads(report.body)
    change(body)
    text = canonical(body)
    lift("agreement_frozenreport_no_update", table="agreement_frozenreport")
    digest = body_hash(text) if rehash else report.sha256
    FrozenReport.objects.filter(pk=report.pk).update(body=text, sha256=digest)
    return FrozenReport.objects.get(pk=report.pk)
