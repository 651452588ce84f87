"""Frozen reports: who may freeze, what a manifest holds, that nothing changes it, and the pages around it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from plaqueweb.accounts.models import User
from plaqueweb.accounts.services import set_roles
from plaqueweb.agreement import freezing, services
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.models import AgreementRun, FrozenReport, ListLook
from plaqueweb.agreement.tasks import compute_waiting
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Conflict, Invalid, NotAllowed
from plaqueweb.predictions.models import Prediction, Showing
from plaqueweb.reads.choices import AssignmentState
from plaqueweb.reads.models import Read, ReaderProfile, Round
from plaqueweb.review.models import Case, Consensus, QueueEntry
from plaqueweb.studies.models import Study
from tests.factories import ProjectFactory, RoundFactory, member
from tests.plaqueweb.agreement.reports_world import STUDIES, TRUTH, fill, forge, frozen, late_study
from tests.plaqueweb.agreement.world import World

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]


@pytest.fixture
def full(world: World) -> World:
    return fill(world)


def reports_page(world: World, client: Client, **query: str) -> Any:
    return client.get(reverse("agreement-reports", args=[world.project.slug]), query)


def post(world: World, client: Client, title: str) -> Any:
    address = reverse("agreement-reports", args=[world.project.slug])
    return client.post(f"{address}?round={world.round.pk}&against=known_truth", {"title": title})


def opened(world: World, client: Client, report: FrozenReport, name: str = "agreement-report") -> Any:
    return client.get(reverse(name, args=[world.project.slug, report.pk]))


# Who may, and under which title


@pytest.mark.parametrize("role", ["data_steward", "adjudicator", "auditor", "reader", "administrator"])
def test_freezing_takes_the_right_to_see_and_to_download_results(full: World, role: str) -> None:
    person = member(full.project, role)
    with pytest.raises(NotAllowed) as refused:
        freezing.freeze(user=person, project=full.project, asked=TRUTH, title="Mine")
    assert refused.value.rule == "report-right"
    assert not FrozenReport.objects.exists()


def test_who_still_reads_blind_freezes_nothing_and_sees_no_report(full: World, browser_of: Browser) -> None:
    report = frozen(full)
    both = member(full.project, "reader")
    set_roles(project=full.project, user=both, roles=["coordinator", "reader"], by=None)
    client = browser_of(both)
    assert opened(full, client, report).status_code == 200

    Round.objects.update(closed_at=None)
    full.round = RoundFactory(project=full.project)
    full.assign(full.study(), both, AssignmentState.OPENED)

    assert [opened(full, client, report, name).status_code for name in ("agreement-report", "agreement-manifest")] == [
        404, 404,
    ]  # fmt: skip
    assert "First paper" not in reports_page(full, client).content.decode()
    with pytest.raises(NotAllowed) as refused:
        freezing.freeze(user=both, project=full.project, asked=TRUTH, title="Mine")
    assert refused.value.rule == "report-blind"


def test_an_adjudicator_sees_no_report_while_cases_wait_for_a_decision(full: World, browser_of: Browser) -> None:
    report, judge = frozen(full), member(full.project, "adjudicator")
    client = browser_of(judge)
    before = opened(full, client, report).status_code

    case = Case.objects.filter(round=full.round).first()
    assert case is not None
    Case.objects.filter(pk=case.pk).update(state="discordant")
    QueueEntry.objects.create(case=case, trigger="rules", rules=["class"])

    assert (before, opened(full, client, report).status_code) == (200, 404)


@pytest.mark.parametrize(
    ("title", "rule"), [("", "report-title"), (" \n ", "report-title"), ("x" * 121, "report-title")]
)
def test_a_title_has_words_and_an_end(full: World, title: str, rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        frozen(full, title)
    assert refused.value.rule == rule


def test_a_title_stands_once_in_a_project(full: World) -> None:
    frozen(full, "First  paper ")
    with pytest.raises(Conflict) as refused:
        frozen(full, "First paper")
    assert refused.value.rule == "report-title-taken"
    assert FrozenReport.objects.count() == 1


def test_without_a_comparison_there_is_nothing_to_report(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        freezing.freeze(user=world.coordinator, project=world.project, asked={}, title="Empty")
    assert refused.value.rule == "report-empty"


def test_a_report_waits_for_the_worker_and_keeps_the_title(
    full: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    boards = tuple(replace(board, inline=0) for board in registry.BOARDS)
    monkeypatch.setattr(registry, "BOARDS", boards)
    monkeypatch.setattr(registry, "_BY_SLUG", {board.slug: board for board in boards})
    monkeypatch.setattr(freezing, "OVERVIEW", boards[0])
    client = browser_of(full.coordinator)

    early = post(full, client, "Too early")
    waiting = reports_page(full, client, round=str(full.round.pk), against="known_truth", fragment="parts")
    compute_waiting()
    done = reports_page(full, client, round=str(full.round.pk), against="known_truth", fragment="parts")
    late = post(full, client, "Too early")

    assert early.status_code == 409
    assert 'value="Too early"' in early.content.decode()
    assert "A worker still computes: Overview" in early.content.decode()
    assert (waiting.status_code, done.status_code) == (200, 286)
    assert late.status_code == 302
    assert FrozenReport.objects.get().title == "Too early"


def arrivals(monkeypatch: pytest.MonkeyPatch, arrive: Callable[[], Any]) -> None:
    """Let something arrive each time that the tab Segmentation, the third, is asked for its rows."""

    def check(_report: Any) -> dict[str, str]:
        arrive()
        return {}

    monkeypatch.setattr(services, "MOST_FRAMES", 1000)  # every tab is counted at once
    boards = tuple(replace(one, check=check) if one.slug == "segmentation" else one for one in registry.BOARDS)
    monkeypatch.setattr(registry, "BOARDS", boards)
    monkeypatch.setattr(registry, "_BY_SLUG", {board.slug: board for board in boards})


def test_a_result_that_comes_between_two_tabs_is_in_all_of_them(full: World, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen(full, "Before")
    unread = Study.objects.exclude(pk__in=Prediction.objects.values("study")).get()
    arrivals(monkeypatch, lambda: Prediction.objects.filter(study=unread).exists() or full.predict(unread, 1, 4.0))

    report = frozen(full, "After")

    new = str(Prediction.objects.get(study=unread).pk)
    assert new in {row["id"] for row in report.manifest["made_of"]["predictions"]}
    assert new in {prediction for _study, _subject, _reference, prediction in report.manifest["inputs"]["units"]}
    assert all({"units", "reads", "counts"}.isdisjoint(tab["own"]) for tab in report.manifest["tabs"])
    assert {len(tab["results"]["units"]) for tab in report.manifest["tabs"]} == {STUDIES}


def test_while_results_keep_coming_no_report_is_frozen(full: World, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen(full, "Before")
    wanted = {"round": str(full.round.pk)} | TRUTH
    with monkeypatch.context() as moment:
        study = Study.objects.filter(consensus__isnull=False).earliest("pk")
        arrivals(moment, lambda: full.truth(study, 1, revision=Consensus.objects.filter(study=study).count() + 1))
        with pytest.raises(Conflict) as refused:
            freezing.freeze(user=full.coordinator, project=full.project, asked=wanted, title="Mixed")
    assert refused.value.rule == "report-waiting"
    assert "Overview" in refused.value.detail
    assert list(FrozenReport.objects.values_list("title", flat=True)) == ["Before"]

    report = frozen(full, "Calm")
    assert "units" in report.manifest["inputs"]


# What it holds, and that it stays


def test_the_database_refuses_every_change(full: World) -> None:
    report = frozen(full)
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        FrozenReport.objects.filter(pk=report.pk).update(title="Better paper")
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        FrozenReport.objects.filter(pk=report.pk).delete()
    assert FrozenReport.objects.get().title == "First paper"


def test_the_manifest_names_every_row_weight_seed_and_version(full: World) -> None:
    ReaderProfile.objects.create(user=full.reader_a, speciality="cardiology", years=12, tee_count=3000)
    body = frozen(full).manifest

    reads = {row["id"]: row for row in body["made_of"]["reads"]}
    assert set(reads) == {str(pk) for pk in Read.objects.values_list("pk", flat=True)}
    assert set(body["inputs"]["reads"]) == set(reads)
    assert all(row["sha256"] == "0" * 64 and row["revision"] == 1 for row in reads.values())
    assert len(body["made_of"]["predictions"]) == STUDIES - 1
    assert len(body["made_of"]["consensus"]) == STUDIES - 1
    line = body["made_of"]["pipelines"][0]
    assert line["classifier"]["sha256"] == full.pipeline.classifier.sha256
    assert line["segmenter"]["sha256"] == full.pipeline.segmenter.sha256
    assert line["hash"] == full.pipeline.hash
    round_ = next(row for row in body["made_of"]["rounds"] if row["id"] == str(full.round.pk))
    assert (round_["seed"], round_["case_list"]["hash"]) == (full.round.seed, full.round.case_list.hash)
    assert body["statistics"] == {
        "seed": 20210609, "resamples": 2000, "fewest_subjects": 10, "share_of_resamples_defined": 0.9,
    }  # fmt: skip
    assert len(body["code"]["sources"]) == len(body["code"]["lock"]) == 64
    assert body["code"]["packages"]["numpy"]
    assert len(body["dataset"]["studies"]) == body["dataset"]["of"] == STUDIES
    people = {row["name"]: row for row in body["made_of"]["readers"]}
    assert (people["Reader A"]["years"], people["Reader A"]["tee_count"]) == (12, 3000)
    assert [tab["tab"] for tab in body["tabs"]] == [
        "overview", "classification", "segmentation", "measurement", "readers", "time", "subgroups",
    ]  # fmt: skip
    assert body["left_out"] == [{"tab": "pipelines", "needs": "pipelines"}]


def test_rows_that_all_tabs_share_stand_once(full: World) -> None:
    body = frozen(full).manifest

    assert {"units", "reads", "against", "rule_mm"} <= set(body["inputs"])
    for tab in body["tabs"]:
        assert "units" not in tab["own"]
        run = AgreementRun.objects.get(input_hash=tab["input_hash"])
        assert {**body["inputs"], **tab["own"]} == run.manifest


def test_the_downloaded_file_has_the_hash_that_the_report_shows(full: World, browser_of: Browser) -> None:
    report, client = frozen(full), browser_of(full.coordinator)

    answer = opened(full, client, report, "agreement-manifest")

    assert hashlib.sha256(answer.content).hexdigest() == report.sha256
    assert json.loads(answer.content)["notice"] == "Research use only. Not for diagnosis."
    assert "attachment" in answer["Content-Disposition"]
    event = AuditEvent.objects.get(verb="report.downloaded")
    assert (event.actor_id, event.diff["sha256"]) == (full.coordinator.pk, report.sha256)


def test_freezing_leaves_a_trace_and_counts_as_a_look_at_a_test_list(full: World) -> None:
    report = frozen(full)

    event = AuditEvent.objects.get(verb="report.frozen")
    assert (event.object_id, event.diff["sha256"]) == (str(report.pk), report.sha256)
    assert ListLook.objects.filter(by=full.coordinator).count() == len(report.manifest["tabs"])


def test_who_opens_a_report_was_shown_the_models_answers(full: World, browser_of: Browser) -> None:
    report, auditor = frozen(full), member(full.project, "auditor")
    assert not Showing.objects.filter(user=auditor).exists()

    opened(full, browser_of(auditor), report)

    assert Showing.objects.filter(user=auditor, door="report").count() == STUDIES - 1
    assert ListLook.objects.filter(by=auditor).count() == len(report.manifest["tabs"])


def test_a_round_that_goes_on_makes_the_report_interim_for_good(full: World, browser_of: Browser) -> None:
    Round.objects.update(closed_at=None)
    report = frozen(full)
    Round.objects.update(closed_at=timezone.now())

    text = opened(full, browser_of(full.coordinator), report).content.decode()

    assert report.interim
    assert "Interim: a round still went on." in text
    assert "interim" in reports_page(full, browser_of(full.coordinator)).content.decode()


# Pages


def test_the_dashboard_leads_to_the_form_and_the_form_to_the_report(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)
    asked = {"round": str(full.round.pk), "against": "known_truth"}
    client.get(reverse("agreement", args=[full.project.slug]), TRUTH)
    reports_page(full, client, **asked, fragment="parts")
    compute_waiting()
    board = client.get(reverse("agreement", args=[full.project.slug]), TRUTH).content.decode()
    form = reports_page(full, client, **asked).content.decode()
    tabs = reports_page(full, client, **asked, fragment="parts").content.decode()
    made = post(full, client, "First paper")
    text = client.get(made["Location"]).content.decode()

    assert f"/p/{full.project.slug}/agreement/reports/?" in board
    assert "PlaqueNet 0.1 against Known truth, " in " ".join(form.split())
    assert "no: there are no two pipelines" in tabs
    assert tabs.count('data-state="done"') == 7
    assert made.status_code == 302
    assert "<h1>First paper</h1>" in text
    assert "PlaqueNet 0.1 gives the class of the reference in 14 of 16 subjects (87.5 %)." in text


def test_a_refused_title_keeps_what_was_typed(full: World, browser_of: Browser) -> None:
    frozen(full)
    answer = post(full, browser_of(full.coordinator), "First paper")

    assert answer.status_code == 409
    assert 'value="First paper"' in answer.content.decode()
    assert "a frozen one is never replaced" in answer.content.decode()


def test_the_paper_shows_frozen_numbers_whatever_comes_later(full: World, browser_of: Browser) -> None:
    report, client = frozen(full), browser_of(full.coordinator)
    before = opened(full, client, report).content.decode()
    for number in range(4):
        study = late_study(full)
        full.truth(study, 1)
        full.predict(study, number % 2, 5.0)
    AgreementRun.objects.all().delete()

    after = opened(full, client, report).content.decode()

    def plain(text: str) -> str:
        return re.sub(r'nonce="[^"]+"|value="[^"]{64}"', "", text[text.index('<main id="content"') :])

    assert plain(after) == plain(before)


def test_the_paper_has_no_style_attribute_and_no_inline_script(full: World, browser_of: Browser) -> None:
    text = opened(full, browser_of(full.coordinator), frozen(full)).content.decode()
    inside = text[text.index('<main id="content"') :]
    inside = inside[: inside.index("</main>")]

    assert not re.search(r"\sstyle=|\son\w+=|<script", inside)
    assert inside.count("<svg") > 10
    for number in range(1, 8):
        assert f"Figure {number}." in inside
        assert f"Table {number}." in inside


def test_people_outside_and_people_without_results_get_404(full: World, browser_of: Browser) -> None:
    report = frozen(full)
    for person in (member(ProjectFactory(), "coordinator"), full.reader_a, member(full.project, "data_steward")):
        client = browser_of(person)
        assert reports_page(full, client).status_code == 404
        assert opened(full, client, report).status_code == 404
        assert opened(full, client, report, "agreement-manifest").status_code == 404
    assert reports_page(full, Client()).status_code == 302


def test_who_may_not_download_sees_the_paper_without_the_manifest(full: World, browser_of: Browser) -> None:
    report, auditor = frozen(full), member(full.project, "auditor")
    client = browser_of(auditor)

    page, answer = opened(full, client, report), opened(full, client, report, "agreement-manifest")

    assert page.status_code == 200
    assert reverse("agreement-manifest", args=[full.project.slug, report.pk]) not in page.content.decode()
    assert answer.status_code == 403


def test_the_list_says_who_when_hash_and_whether_it_is_intact(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)
    empty = reports_page(full, client).content.decode()
    report = frozen(full)
    whole = reports_page(full, client).content.decode()
    forge(report, lambda body: body.update(title="Another"), rehash=False)
    broken = reports_page(full, client).content.decode()

    assert "No report yet." in empty
    assert "First paper" in whole
    assert "C. Coordinator" in whole
    assert report.sha256[:12] in whole
    assert "not intact" not in whole
    assert "not intact" in broken
    assert "not intact: the text does not fit its hash" in opened(full, client, report).content.decode()


def test_more_reports_need_no_more_queries(
    full: World, browser_of: Browser, django_assert_max_num_queries: Any
) -> None:
    auditor = member(full.project, "auditor")
    client = browser_of(auditor)
    frozen(full)
    with django_assert_max_num_queries(25) as few:
        reports_page(full, client)
    for number in range(3):
        frozen(full, f"Paper {number}")
    with django_assert_max_num_queries(len(few.captured_queries)):
        assert reports_page(full, client).content.decode().count("<code") == 4


def test_an_older_page_follows_by_key(full: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    from plaqueweb.agreement import report_views

    monkeypatch.setattr(report_views, "PAGE", 2)
    for number in range(3):
        frozen(full, f"Paper {number}")
    client = browser_of(full.coordinator)
    first = reports_page(full, client).content.decode()
    key = re.search(r"before=([0-9a-f-]{36})", first)
    assert key is not None
    second = reports_page(full, client, before=key[1]).content.decode()

    assert ("Paper 2" in first, "Paper 0" in first, "Paper 0" in second) == (True, False, True)
    assert reports_page(full, client, before="nonsense").status_code == 404
