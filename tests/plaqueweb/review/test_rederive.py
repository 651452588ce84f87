"""Who would flip under another version's label rule: only what the viewer may see, and no row changes."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from inference.postprocess import displayed_mm
from plaqueweb.accounts.models import User
from plaqueweb.predictions.decision import rule_class
from plaqueweb.predictions.models import Prediction, Showing
from plaqueweb.reads.models import SegmentFinding
from plaqueweb.review.rederive import prediction_verdict, rederive
from plaqueweb.studies.models import DEFAULT_RULE, Project, Protocol
from plaqueweb.studies.services import create_protocol
from tests.factories import AssignmentFactory, member
from tests.plaqueweb.review.world import World

pytestmark = pytest.mark.django_db
ASKED = {"ulceration": "no", "mobile": "no", "thrombus": "no"}


@pytest.fixture
def world(project: Project) -> World:
    return World(project)


def rule(project: Project, mm: float, *reasons: str) -> Protocol:
    return create_protocol(
        project=project, by=None, label_rule={"version": f"{mm}", "thickness_mm": mm, "reasons": list(reasons)}
    )


def rows_of_every_table(*, but: type[Any] | None = None) -> dict[str, list[Any]]:
    kept = [model for model in apps.get_models() if model is not but and model._meta.label != "sessions.Session"]
    return {model._meta.label: sorted(map(repr, model._default_manager.values_list())) for model in kept}


def moved(found: Any) -> list[tuple[str, int | None, int | None]]:
    return [(flip.who, flip.before.value, flip.after.value) for flip in found.flips]


def test_reads_and_predictions_flip_where_the_limit_lies_between(world: World) -> None:
    first = world.round.protocol
    second = rule(world.project, 5.0, "ulceration", "mobile", "thrombus")
    world.read(world.reader_a, 1, 4.6, lesion=ASKED)
    world.read(world.reader_b, 1, 5.0, lesion=ASKED)
    world.predict(1, 4.96, reasons={"ulceration": "no", "mobile": "no"})  # shown as 5.0

    found = rederive(project=world.project, first=first, second=second, viewer=world.coordinator)

    assert moved(found) == [("Reader A", 1, 0)]
    assert (found.reads.judged, found.reads.flips, found.predictions.judged, found.predictions.flips) == (2, 1, 1, 0)
    assert (found.reads.agree_before, found.reads.agree_after, found.reads.told_after) == (2, 1, 2)
    assert found.flips[0].under == first.version
    assert "4.6 ≥ 4.0 mm" in found.flips[0].before.ground
    assert "4.6 < 5.0 mm" in found.flips[0].after.ground


def test_a_reason_that_no_longer_counts_flips_and_one_that_was_not_asked_makes_it_open(world: World) -> None:
    world.read(world.reader_a, 1, 2.0, lesion=ASKED | {"mobile": "yes"})
    world.read(world.reader_b, 0, 2.0, lesion=ASKED | {"ulceration": ""})
    world.predict(0, 2.0, reasons={"ulceration": "yes", "mobile": "no"})
    only_thick, all_three = rule(world.project, 4.0), rule(world.project, 4.0, *ASKED)

    found = rederive(project=world.project, first=only_thick, second=all_three, viewer=world.coordinator)

    assert sorted(moved(found)) == [("PlaqueNet 0.1", 0, 1), ("Reader A", 0, 1), ("Reader B", 0, None)]


def test_a_rule_flips_nobody_against_itself(world: World) -> None:
    world.read(world.reader_a, 1, 4.6, lesion=ASKED)
    same = world.round.protocol

    assert rederive(project=world.project, first=same, second=same, viewer=world.coordinator).flips == []


def test_without_lesion_the_findings_speak(world: World) -> None:
    read = world.read(world.reader_a, 0, None, key_frame=None)
    assert not SegmentFinding.objects.filter(read=read).exists()

    found = rederive(
        project=world.project, first=world.round.protocol, second=rule(world.project, 5.0), viewer=world.coordinator
    )

    assert found.reads.moves == {(None, None): 1}


def test_no_row_of_any_table_changes(world: World, browser_of: Callable[[User], Client]) -> None:
    rule(world.project, 5.0)
    world.read(world.reader_a, 1, 4.6, lesion=ASKED)
    world.predict(1, 4.2)
    url, client = f"/p/{world.project.slug}/protocol/", browser_of(world.coordinator)
    before = rows_of_every_table(but=Showing)

    first, second = Protocol.objects.filter(project=world.project).order_by("version")
    rederive(project=world.project, first=first, second=second, viewer=world.coordinator)
    assert not Showing.objects.exists()
    page, table = client.get(f"{url}rederive/?from=1&to=2"), client.get(f"{url}rederive.csv?from=1&to=2")

    assert (page.status_code, table.status_code) == (200, 200)
    assert rows_of_every_table(but=Showing) == before
    # That a model's answer was sent to somebody is kept, as at every other door.
    assert list(Showing.objects.values_list("user_id", "study_id")) == [(world.coordinator.pk, world.study.pk)]


def test_the_page_and_the_csv_name_the_same(world: World, browser_of: Callable[[User], Client]) -> None:
    rule(world.project, 5.0)
    world.read(world.reader_a, 1, 4.6, lesion=ASKED)
    world.predict(1, 4.2)
    case = world.case
    client, url = browser_of(world.coordinator), f"/p/{world.project.slug}/protocol/"

    page = client.get(f"{url}rederive/").content.decode()
    rows = list(csv.DictReader(io.StringIO(client.get(f"{url}rederive.csv").content.decode())))

    assert f'href="/p/{world.project.slug}/cases/{case.pk}/"' in page
    assert [(row["kind"], row["rule_from"], row["rule_to"]) for row in rows] == [
        ("read", "1", "0"), ("prediction", "1", "0"),
    ]  # fmt: skip
    assert "Reader A" in page
    assert client.get(f"{url}rederive/?from=9").status_code == 404
    assert f'href="{url}rederive/"' in client.get(url).content.decode()


def test_one_version_is_no_comparison(world: World, browser_of: Callable[[User], Client]) -> None:
    client, url = browser_of(world.coordinator), f"/p/{world.project.slug}/protocol/"

    assert "One version so far." in client.get(f"{url}rederive/").content.decode()
    assert client.get(f"{url}rederive.csv").status_code == 404


def test_who_still_reads_a_study_blind_learns_nothing_of_it(world: World, browser_of: Callable[[User], Client]) -> None:
    rule(world.project, 5.0)
    world.read(world.reader_a, 1, 4.6, lesion=ASKED)
    world.predict(1, 4.2)
    both = member(world.project, "coordinator", "reader")
    AssignmentFactory(round=world.round, study=world.study, reader=both, state="opened")
    client, url = browser_of(both), f"/p/{world.project.slug}/protocol/"

    page = client.get(f"{url}rederive/?from=1&to=2").content.decode()
    table = client.get(f"{url}rederive.csv?from=1&to=2").content.decode()

    assert "Reader A" not in page + table
    assert "4.6" not in page + table
    assert "of 0 that you may see" in page
    assert len(table.splitlines()) == 1


def test_only_who_makes_rounds_may(world: World, browser_of: Callable[[User], Client]) -> None:
    rule(world.project, 5.0)
    for person in (world.reader_a, member(world.project, "engineer"), world.adjudicator):
        for name in ("rederive/", "rederive.csv"):
            assert browser_of(person).get(f"/p/{world.project.slug}/protocol/{name}").status_code == 404


def test_queries_do_not_grow_with_the_reads(world: World, django_assert_num_queries: Any) -> None:
    second = rule(world.project, 5.0)
    first = world.round.protocol
    for n in range(5):
        world.study = world.add_study()
        world.read(world.reader_a, 1, 4.6 + n / 10, key_frame=None)
        world.read(world.reader_b, 1, 4.6 + n / 10, key_frame=None)

    with django_assert_num_queries(5):
        found = rederive(project=world.project, first=first, second=second, viewer=world.coordinator)
    assert found.reads.judged == 10


ANSWERS = st.sampled_from([None, "yes", "no", "cannot tell"])


@given(
    mm=st.none() | st.floats(0, 20, allow_nan=False), ulceration=ANSWERS, mobile=ANSWERS,
    limit=st.integers(1, 99).map(lambda tenths: tenths / 10),
)  # fmt: skip
def test_a_prediction_is_judged_as_its_worker_judged_it(
    mm: float | None, ulceration: Any, mobile: Any, limit: float
) -> None:
    said = {key: answer for key, answer in (("ulceration", ulceration), ("mobile", mobile)) if answer}
    prediction = Prediction(thickness_mm=mm, reasons=said or None)

    assert prediction_verdict(prediction, DEFAULT_RULE).value == rule_class(mm, ulceration=ulceration, mobile=mobile)
    other = prediction_verdict(prediction, {"thickness_mm": limit, "reasons": []}).value
    assert other == (None if mm is None else int(displayed_mm(mm) >= limit - 1e-6))
