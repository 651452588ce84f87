"""Readers, Pipelines, Time, Subgroups: figures with known answers on the page, and what each person may see there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from plaqueweb.accounts.models import User
from plaqueweb.agreement.models import AgreementRun, Alarm, ComparisonPlan, ListLook
from plaqueweb.predictions.models import Pipeline
from plaqueweb.reads.choices import AssignmentState
from plaqueweb.reads.models import Assignment, Read, Round
from plaqueweb.studies.choices import ListPurpose
from plaqueweb.studies.models import CaseList, CaseListItem
from plaqueweb.studies.services import freeze_case_list
from tests.factories import PipelineFactory, PredictionFactory, ProjectFactory, member
from tests.plaqueweb.agreement.world import World

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
TABS = ("agreement-readers", "agreement-pipelines", "agreement-time", "agreement-subgroups")
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def full(world: World) -> World:
    """24 studies over 8 weeks: B differs from A on 4, the pipeline on 3, the second pipeline on 1; the list is frozen.

    A's thickness is 0.5 mm above B's.
    """
    second: Pipeline = PipelineFactory(project=world.project, name="PlaqueNet 0.2", state="evaluated")
    for number in range(24):
        study, klass = world.study(), number % 2
        at = MONDAY + timedelta(weeks=number // 3)
        own = {"quality": "good" if number < 12 else "limited", "confidence": "sure"}
        world.read(study, world.reader_a, klass, 4.5, signed_at=at, **own)
        world.read(study, world.reader_b, 1 - klass if number < 4 else klass, 4.0, signed_at=at, **own)
        Assignment.objects.filter(study=study).update(active_seconds=60 + number, order_no=number + 1)
        world.predict(study, 1 - klass if number < 3 else klass, 4.2)
        PredictionFactory(
            study=study, pipeline=second, predicted_class=1 - klass if number == 23 else klass, probability=0.6,
            thickness_mm=4.4,
        )  # fmt: skip
    freeze_case_list(case_list=world.round.case_list, by=None)
    world.second = second  # type: ignore[attr-defined]
    return world


def page(world: World, client: Client, name: str, **query: str) -> Any:
    return client.get(reverse(name, args=[world.project.slug]), query)


def text_of(world: World, client: Client, name: str, **query: str) -> str:
    response = page(world, client, name, **query)
    assert response.status_code == 200
    return str(response.content.decode())


def csv_of(world: World, client: Client, board: str, chart: str, **query: str) -> list[str]:
    response = page(world, client, "agreement-chart", board=board, chart=chart, **query)
    assert response.status_code == 200
    return [line for line in response.content.decode().splitlines() if line]


def against_a(world: World) -> dict[str, str]:
    return {"against": f"reader:{world.reader_a.pk}"}


def duel(world: World) -> dict[str, str]:
    return against_a(world) | {
        "round": str(world.round.pk), "pipeline": str(world.pipeline.pk), "second": str(world.second.pk),  # type: ignore[attr-defined]
    }  # fmt: skip


def set_margin(world: World, client: Client, margin: str = "5") -> Any:
    return client.post(reverse("agreement-margin", args=[world.project.slug]), duel(world) | {"margin": margin})


# Readers


def test_two_readers_have_their_kappa_their_bias_and_their_cases(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)
    text = text_of(full, client, "agreement-readers")
    kappa = csv_of(full, client, "readers", "kappa")
    bias = csv_of(full, client, "readers", "bias")

    assert "Reader A · Reader B" in kappa[1]
    assert "0.67" in kappa[1]
    assert any("Reader A" in line and "+0.50 mm" in line for line in bias)
    assert "Fleiss’ kappa" in text
    href = re.search(r'"href": "([^"]*pick=pairs\.0-1[^"]*)"', text)
    assert href is not None
    listed = client.get(href[1].replace("\\u0026", "&")).content.decode()
    assert listed.count("<tr>") - 1 == 4


def test_a_reader_gets_the_own_column_without_names_once_the_round_is_closed(full: World, browser_of: Browser) -> None:
    for study in CaseListItem.objects.filter(case_list=full.round.case_list):
        full.disclose(study.study, full.reader_a)
    client = browser_of(full.reader_a)
    before = text_of(full, client, "agreement-readers")
    assert "No figure yet." in before

    Round.objects.update(closed_at=timezone.now())
    text = text_of(full, client, "agreement-readers", own=str(full.reader_b.pk))

    assert "Your own column" in text
    figures = text[text.index("Your own column") :]
    assert "Reader A" in figures
    assert "Reader B" not in figures
    assert str(full.reader_b.pk) not in figures
    run = AgreementRun.objects.filter(kind="readers").get()
    assert run.results["own"] == str(full.reader_a.pk)
    assert str(full.reader_b.pk) not in str({key: run.results[key] for key in ("pairs", "people", "time", "bias")})
    assert [row["reader"] for row in run.results["time"]] == [str(full.reader_a.pk)]


def test_hidden_repeats_show_the_reader_against_him_or_herself(full: World, browser_of: Browser) -> None:
    for number, item in enumerate(CaseListItem.objects.filter(case_list=full.round.case_list).order_by("id")[:10]):
        again = Assignment.objects.create(
            round=full.round, study=item.study, reader=full.reader_a, order_no=100 + number, repeat_no=1,
            state=AssignmentState.SIGNED,
        )  # fmt: skip
        klass = number % 2
        read = Read.objects.create(
            assignment=again, reader_class=1 - klass if number == 0 else klass, thickness_mm=4.6, content_no=1
        )
        Read.objects.filter(pk=read.pk).update(state="signed", signed_at=MONDAY, payload_sha256="0" * 64)

    rows = csv_of(full, browser_of(full.coordinator), "readers", "repeats")

    assert len([line for line in rows if line.startswith("Reader")]) == 2  # the head and one reader
    assert any(line.startswith("Reader A,10,0.80") and "90.0 %" in line and "0.10 mm" in line for line in rows)


# Pipelines


def test_the_margin_comes_before_the_result(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)

    before = text_of(full, client, "agreement-pipelines", **duel(full))
    answer = set_margin(full, client)
    after = text_of(full, client, "agreement-pipelines", **duel(full))

    assert "First the margin, then the result." in before
    assert "McNemar" not in before
    assert AgreementRun.objects.filter(kind="pipelines").count() == 1
    assert answer.status_code == 302
    assert "margin 5.0 %, set before the result was shown" in after
    assert "PlaqueNet 0.2 is not inferior to PlaqueNet 0.1" in after or "Not shown" in after
    assert "difference +8.3 %" in after
    assert "<dd>3, 1</dd>" in after


def test_flips_lead_to_their_cases_both_ways(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)
    set_margin(full, client)
    text = text_of(full, client, "agreement-pipelines", **duel(full))
    counts = {}
    for key in ("gained", "lost"):
        href = re.search(rf'href="([^"]*pick=flips\.{key}[^"]*)"', text)
        assert href is not None
        counts[key] = client.get(href[1].replace("&amp;", "&")).content.decode().count("<tr>") - 1
    assert counts == {"gained": 3, "lost": 1}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"round": ""}, "Choose a round."),
        ({"second": ""}, "First the margin"),  # there is only one other
    ],
)
def test_what_is_missing_is_asked_for_first(
    full: World, browser_of: Browser, change: dict[str, str], words: str
) -> None:
    assert words in text_of(full, browser_of(full.coordinator), "agreement-pipelines", **(duel(full) | change))


def test_subjects_seen_in_training_refuse_the_comparison(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)
    train = CaseList.objects.create(project=full.project, name="for training", purpose=ListPurpose.TRAIN)
    item = CaseListItem.objects.filter(case_list=full.round.case_list).first()
    assert item is not None
    CaseListItem.objects.create(case_list=train, study=item.study)

    assert "This list cannot judge." in text_of(full, client, "agreement-pipelines", **duel(full))
    set_margin(full, client)
    assert ComparisonPlan.objects.count() == 0


def test_who_may_not_plan_is_told_who_does_and_cannot_post(full: World, browser_of: Browser) -> None:
    client = browser_of(member(full.project, "auditor"))
    assert "A coordinator or an engineer sets it." in text_of(full, client, "agreement-pipelines", **duel(full))
    set_margin(full, client)
    assert ComparisonPlan.objects.count() == 0


@pytest.mark.parametrize("margin", ["", "x", "0", "-3", "51", "nan"])
def test_a_margin_that_is_none_is_refused_and_nothing_is_stored(full: World, browser_of: Browser, margin: str) -> None:
    client = browser_of(full.coordinator)
    response = set_margin(full, client, margin)
    assert response.status_code == 302
    assert ComparisonPlan.objects.count() == 0


def test_looks_at_a_test_list_are_counted_on_the_page(full: World, browser_of: Browser) -> None:
    assert full.round.case_list.purpose == ListPurpose.TEST
    client = browser_of(full.coordinator)
    set_margin(full, client)
    text_of(full, client, "agreement-pipelines", **duel(full))
    text_of(full, client, "agreement-pipelines", **duel(full))
    other = browser_of(member(full.project, "engineer"))
    text = text_of(full, other, "agreement-pipelines", **duel(full))

    assert ListLook.objects.count() == 2
    assert "2 looks, 2 people" in text


# Time


def test_weeks_show_the_share_that_differs_and_lead_to_their_cases(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)
    rows = csv_of(full, client, "time", "weeks", period="1", **against_a(full))
    text = text_of(full, client, "agreement-time", period="1", **against_a(full))

    assert any(line.startswith("PlaqueNet 0.1,2026-03-02,3,3,100.0 %") for line in rows)
    assert any(line.startswith("PlaqueNet 0.1,2026-03-09,3,0,0.0 %") for line in rows)
    href = re.search(r'"href": "([^"]*pick=weeks\.0-0[^"]*)"', text)
    assert href is not None
    assert client.get(href[1].replace("\\u0026", "&")).content.decode().count("<tr>") - 1 == 3


def test_a_mark_of_another_pipeline_lists_its_answers_and_opens_it_beside_them(
    full: World, browser_of: Browser
) -> None:
    client, second = browser_of(full.coordinator), full.second  # type: ignore[attr-defined]
    text = text_of(full, client, "agreement-time", period="1", **against_a(full))
    href = re.search(rf'"href": "([^"]*pick=weeks\.1-7[^"]*of={second.pk}[^"]*)"', text)
    assert href is not None
    body = client.get(href[1].replace("\\u0026", "&")).content.decode()

    # Of the last week's three studies the second pipeline differs on one, the first on none.
    assert body.count("differs</span>") == 1
    assert "PlaqueNet 0.2" in body
    assert body.count(f"prefer=reader.{full.reader_a.pk}&amp;prefer=pipeline.{second.pk}") == 3
    assert "4.4" in body
    unknown = client.get(href[1].replace("\\u0026", "&").replace(str(second.pk), str(full.reader_a.pk)))
    assert unknown.status_code == 404


def test_an_alarm_stands_on_the_page_and_is_closed_on_its_own(full: World, browser_of: Browser) -> None:
    alarm = Alarm.objects.create(
        project=full.project, pipeline=full.pipeline, chart="p_chart", starts_on=MONDAY.date(), value=1, limit=0.4, n=3
    )
    client = browser_of(full.coordinator)
    text = text_of(full, client, "agreement-time")
    address = reverse("agreement-alarm", args=[full.project.slug, alarm.pk])

    assert address in text
    assert client.post(address, {"action": "take"}).status_code == 302
    assert client.post(address, {"action": "close", "cause": "", "decision": "watch"}).status_code == 302
    alarm.refresh_from_db()
    assert (alarm.state, alarm.owner) == ("owned", full.coordinator)
    client.post(address, {"action": "close", "cause": "gain preset", "decision": "data"})
    alarm.refresh_from_db()
    assert alarm.state == "closed"
    body = client.get(address).content.decode()
    assert "gain preset" in body
    assert "Take up again" in body
    client.post(address, {"action": "reopen"})
    alarm.refresh_from_db()
    assert alarm.state == "owned"


def test_an_alarm_is_404_for_readers_outsiders_and_who_reads_blind(full: World, browser_of: Browser) -> None:
    alarm = Alarm.objects.create(
        project=full.project, pipeline=full.pipeline, chart="cusum", starts_on=MONDAY.date(), value=3, limit=2, n=9
    )
    address = reverse("agreement-alarm", args=[full.project.slug, alarm.pk])
    blind = member(full.project, "coordinator", "reader")
    study = CaseListItem.objects.filter(case_list=full.round.case_list).first()
    assert study is not None
    full.assign(study.study, blind, AssignmentState.OPENED)
    for user in (blind, full.reader_a, member(ProjectFactory(), "coordinator")):
        assert browser_of(user).get(address).status_code == 404
    assert browser_of(full.coordinator).get(address).status_code == 200
    assert browser_of(member(full.project, "auditor")).post(address, {"action": "take"}).status_code == 302
    alarm.refresh_from_db()
    assert alarm.state == "open"


# Subgroups


def test_each_part_has_the_model_and_the_readers(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)
    rows = csv_of(full, client, "subgroups", "subgroups", **against_a(full))
    text = text_of(full, client, "agreement-subgroups", **against_a(full))

    good = next(line for line in rows if line.startswith("Quality: Good"))
    assert good.split(",")[:4] == ["Quality: Good", "12", "12", "66.7 %"]
    limited = next(line for line in rows if line.startswith("Quality: Limited"))
    assert "100.0 %" in limited
    assert "Not known of any study here" in text
    assert "sex" in text


# All of them


@pytest.mark.parametrize("name", TABS)
def test_outsiders_get_404_and_visitors_the_login_page(full: World, browser_of: Browser, name: str) -> None:
    assert page(full, browser_of(member(ProjectFactory(), "coordinator")), name).status_code == 404
    assert page(full, Client(), name).status_code == 302


@pytest.mark.parametrize("name", TABS)
def test_a_blinded_reader_gets_the_same_page_with_and_without_the_answers_of_others(
    world: World, browser_of: Browser, name: str
) -> None:
    study = world.study()
    world.assign(study, world.reader_a, AssignmentState.OPENED)
    client = browser_of(world.reader_a)

    def body() -> str:
        text = page(world, client, name).content.decode()
        return re.sub(r'value="[^"]{64}"|nonce="[^"]+"|Server [\d:]+ UTC', "", text)

    before = body()
    world.read(study, world.reader_b, 1, 5.0)
    world.predict(study, 1)
    Alarm.objects.create(
        project=world.project, pipeline=world.pipeline, chart="cusum", starts_on=MONDAY.date(), value=3, limit=2, n=9
    )

    assert body() == before


@pytest.mark.parametrize("name", TABS)
def test_more_studies_need_no_more_queries(
    full: World, browser_of: Browser, name: str, django_assert_max_num_queries: Any
) -> None:
    client = browser_of(full.coordinator)
    set_margin(full, client)
    query = duel(full) if name == "agreement-pipelines" else {}
    page(full, client, name, **query)
    with django_assert_max_num_queries(45):
        assert page(full, client, name, **query).status_code == 200


@pytest.mark.parametrize("name", TABS)
def test_no_style_attribute_and_no_inline_script(full: World, browser_of: Browser, name: str) -> None:
    client = browser_of(full.coordinator)
    set_margin(full, client)
    text = text_of(full, client, name, **duel(full))
    inside = text[text.index('<div class="agreement"') :]
    assert not re.search(r"\sstyle=|\son\w+=", inside)
    assert all('type="application/json"' in tag or "src=" in tag for tag in re.findall(r"<script[^>]*>", inside))
