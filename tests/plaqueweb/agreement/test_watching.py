"""The watch over a project: alarms are raised by the worker, once, and told to those who see every result."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from plaqueweb.agreement import watching
from plaqueweb.agreement.models import AgreementRun, Alarm, Watch
from plaqueweb.agreement.tasks import watch_waiting
from plaqueweb.audit.models import AuditEvent
from plaqueweb.ops.programme.draw import Programme, draw
from plaqueweb.ops.programme.parameters import PIPELINES, READERS, Parameters
from plaqueweb.predictions.models import Pipeline
from plaqueweb.reads.choices import AssignmentState
from plaqueweb.studies.models import Study
from tests.factories import PipelineFactory, PredictionFactory, StudyFactory, SubjectFactory, member
from tests.plaqueweb.agreement.world import World

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
DRIFTS_IN_WEEK = 10
PROGRAMME = Parameters(
    studies=160, weeks=16, seed=4, follow_ups=0.0, readers=READERS[:1],
    pipelines=(PIPELINES[0], replace(PIPELINES[1], drift_mm=-0.8, drift_from=DRIFTS_IN_WEEK)),
)  # fmt: skip
"""From its eleventh week on the second pipeline measures 0.8 mm less with every week."""


def arrive(world: World, drawn: Programme, indices: range, pipelines: list[Pipeline]) -> None:
    """Studies of a drawn programme with their known truth and what both pipelines say."""
    for index in indices:
        at = MONDAY + timedelta(weeks=int(drawn.studies.week[index]), days=index % 5)
        study = StudyFactory(subject=SubjectFactory(project=world.project), ready_at=at)
        world.truth(study, int(drawn.studies.complex[index]), float(drawn.studies.thickness_mm[index]))
        for pipeline, said in zip(pipelines, drawn.predictions, strict=True):
            klass, mm = int(said.klass[index]), float(said.thickness_mm[index])
            probability = float(said.probability[index])
            PredictionFactory(
                study=study, pipeline=pipeline, predicted_class=klass if klass in (0, 1) else None,
                probability=None if np.isnan(probability) else probability, thickness_mm=mm if mm > 0 else None,
            )  # fmt: skip


def once(world: World) -> int:
    """One round of the sweeper and of the light worker; returns how many alarms are new."""
    watching.queue_changed()
    return watch_waiting()


def told(pipeline: Pipeline) -> set[tuple[str, date]]:
    return set(Alarm.objects.filter(pipeline=pipeline).values_list("chart", "starts_on"))


def test_only_the_pipeline_that_drifts_raises_alarms_and_each_of_them_once(world: World) -> None:
    drawn = draw(PROGRAMME)
    before = int(np.searchsorted(drawn.studies.week, DRIFTS_IN_WEEK))
    stable, drifting = (
        PipelineFactory(project=world.project, name=name, state="registered") for name in ("Stable", "Drifting")
    )
    arrive(world, drawn, range(before), [stable, drifting])

    assert once(world) == 0
    assert Alarm.objects.count() == 0

    arrive(world, drawn, range(before, PROGRAMME.studies), [stable, drifting])
    assert once(world) == Alarm.objects.count()
    change, last = date(2026, 3, 16), date(2026, 4, 13)
    assert told(drifting) == {
        ("thickness", change), ("probability", change), ("bias", change),
        ("thickness", last), ("probability", last), ("bias", last),
    }  # fmt: skip
    assert told(stable) == set()

    raised = AuditEvent.objects.filter(verb="alarm.raised")
    assert raised.count() == Alarm.objects.count()
    assert set(raised.values_list("actor_id", flat=True)) == {None}
    assert once(world) == 0
    Watch.objects.update(seen="")
    assert once(world) == 0
    assert raised.count() == Alarm.objects.count() == 6


def test_a_site_that_drifts_is_told_by_its_name_and_its_neighbour_is_left_alone(world: World, browser_of: Any) -> None:
    drawn = draw(replace(PROGRAMME, studies=320))
    steady, drifting = drawn.predictions
    pipeline = PipelineFactory(project=world.project, name="Everywhere", state="registered")
    for part, site in ((steady, "North"), (drifting, "South")):
        before = set(Study.objects.filter(project=world.project).values_list("pk", flat=True))
        arrive(world, replace(drawn, predictions=[part]), range(site == "South", 320, 2), [pipeline])
        Study.objects.filter(project=world.project).exclude(pk__in=before).update(site=site)

    once(world)

    told_of = {(row.split, row.part) for row in Alarm.objects.all()}
    assert ("site", "South") in told_of
    assert ("site", "North") not in told_of
    assert min(Alarm.objects.filter(part="South").values_list("starts_on", flat=True)) >= date(2026, 3, 16)
    runs = set(AgreementRun.objects.values_list("pk", flat=True))
    assert {options.get("split", "") for (options,) in AgreementRun.objects.values_list("manifest__options").all()} == {
        "", "site",
    }  # fmt: skip
    browser = browser_of(world.coordinator)
    text = browser.get(reverse("agreement-time", args=[world.project.slug]), {"split": "site"}).content.decode()
    assert set(AgreementRun.objects.values_list("pk", flat=True)) == runs
    assert "Everywhere, South" in text
    assert "watched as a whole, in each of 2 sites" in text
    row = Alarm.objects.filter(part="South").order_by("starts_on")[0]
    page = browser.get(reverse("agreement-alarm", args=[world.project.slug, row.pk])).content.decode()
    assert "<dt>Pipeline, site</dt><dd>Everywhere, South</dd>" in page
    assert f"<dt>Value</dt><dd>{row.value:.3f}</dd>".replace("-", "−") in page
    assert once(world) == 0


def one_study(world: World) -> Study:
    study: Study = world.study()
    world.truth(study, 1)
    world.predict(study, 1)
    return study


def test_a_project_is_looked_at_only_after_something_came_in(world: World) -> None:
    one_study(world)
    once(world)
    row = Watch.objects.get()
    assert (row.work_state, row.project) == ("done", world.project)

    watching.queue_changed()
    row.refresh_from_db()
    assert row.work_state == "done"

    one_study(world)
    watching.queue_changed()
    row.refresh_from_db()
    assert row.work_state == "queued"


def test_what_the_worker_computed_is_what_the_plain_page_shows(world: World, browser_of: Any) -> None:
    one_study(world)
    once(world)
    run = AgreementRun.objects.get()

    response = browser_of(world.coordinator).get(reverse("agreement-time", args=[world.project.slug]))

    assert response.status_code == 200
    assert AgreementRun.objects.get() == run


def test_nothing_is_looked_at_where_nobody_could_be_told(world: World) -> None:
    study = one_study(world)
    world.assign(study, world.coordinator, AssignmentState.ASSIGNED)

    watching.queue_changed()

    assert Watch.objects.count() == 0
    assert watching.watcher_of(world.project.pk) is None


def test_opening_the_page_writes_no_alarm(world: World, browser_of: Any) -> None:
    drawn = draw(PROGRAMME)
    stable, drifting = (
        PipelineFactory(project=world.project, name=name, state="registered") for name in ("Stable", "Drifting")
    )
    arrive(world, drawn, range(100, PROGRAMME.studies), [stable, drifting])

    assert browser_of(world.coordinator).get(reverse("agreement-time", args=[world.project.slug])).status_code == 200

    assert Alarm.objects.count() == 0


def test_every_tab_says_how_many_alarms_wait_but_not_to_who_reads_blind(world: World, browser_of: Any) -> None:
    study = one_study(world)
    for chart, state in (("ewma", "open"), ("cusum", "open")):
        Alarm.objects.create(
            project=world.project, pipeline=world.pipeline, chart=chart, starts_on=MONDAY.date(), value=3, limit=2,
            n=9, state=state,
        )  # fmt: skip
    both = member(world.project, "coordinator", "reader")

    def page(client: Client) -> str:
        return client.get(reverse("agreement", args=[world.project.slug])).content.decode()

    assert "2 alarms wait for a decision" in page(browser_of(world.coordinator))
    assert "2 alarms wait for a decision" in page(browser_of(both))
    world.assign(study, both, AssignmentState.ASSIGNED)
    assert "wait for a decision" not in page(browser_of(both))
