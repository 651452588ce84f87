"""The page, the lists behind its cells, the API and the CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.agreement import services
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.export import safe_cell
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.tasks import compute_waiting
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.models import WorkState
from plaqueweb.reads.choices import AssignmentState
from plaqueweb.review.models import Case
from tests.factories import ProjectFactory, SubjectFactory, member
from tests.plaqueweb.agreement.world import World

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
Api = Callable[[User | None], APIClient]


@pytest.fixture
def full(world: World) -> World:
    """Twelve studies: both readers, the model and the truth; the model is wrong on two."""
    for number in range(12):
        study, truth = world.study(), number % 2
        world.read(study, world.reader_a, truth, 4.0 + number / 4)
        world.read(study, world.reader_b, 9 if number == 3 else truth, 4.2 + number / 4)
        world.predict(study, 1 - truth if number < 2 else truth, 4.1 + number / 5)
        world.truth(study, truth, 4.0 + number / 4)
    return world


def small(monkeypatch: pytest.MonkeyPatch, studies: int) -> None:
    """Send comparisons of more studies than these to the worker."""
    boards = {slug: replace(board, inline=studies) for slug, board in registry._BY_SLUG.items()}
    monkeypatch.setattr(registry, "_BY_SLUG", boards)


def page(world: World, client: Client, name: str = "agreement", **query: str) -> Any:
    return client.get(reverse(name, args=[world.project.slug]), query)


def test_the_page_says_accuracy_against_the_known_truth(full: World, browser_of: Browser) -> None:
    text = page(full, browser_of(full.coordinator)).content.decode()

    assert "PlaqueNet 0.1 gives the class of the reference in 10 of 12 subjects (83.3 %)." in text
    assert "Sensitivity" in text
    assert "Specificity" in text
    assert "95 % CI 55.2 to 95.3 % · against: Known truth · 12 subjects · 12 studies · 0 frames · 0 missing" in text


def test_against_a_named_reader_the_page_says_agrees_with_and_never_accuracy(full: World, browser_of: Browser) -> None:
    response = page(full, browser_of(full.coordinator), against=f"reader:{full.reader_a.pk}")
    text = response.content.decode()

    assert "PlaqueNet 0.1 agrees with Reader A in 10 of 12 subjects (83.3 %)." in text
    assert "Accuracy" not in text
    assert "Sensitivity" not in text


def test_reads_of_simulated_readers_carry_their_badge(full: World, browser_of: Browser) -> None:
    text = page(full, browser_of(full.coordinator)).content.decode()
    assert "simulated readers" in text


def test_no_style_attribute_and_no_inline_script_is_on_the_page(full: World, browser_of: Browser) -> None:
    text = page(full, browser_of(full.coordinator)).content.decode()
    inside = text[text.index('<div class="agreement"') :]

    assert not re.search(r"\sstyle=|\son\w+=", inside)
    assert all('type="application/json"' in tag or "src=" in tag for tag in re.findall(r"<script[^>]*>", inside))


def test_every_filled_cell_of_the_confusion_table_leads_to_its_cases(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)
    text = page(full, client, against=f"reader:{full.reader_b.pk}").content.decode()
    table = text[text.index('<table class="confusion">') : text.index("</table>", text.index('class="confusion"'))]
    cells = re.findall(r'<a href="([^"]+)"[^>]*>(\d+)</a>', table)

    listed = []
    for href, _count in cells:
        rows = client.get(href.replace("&amp;", "&")).content.decode()
        listed.append(rows.count("<tr>") - 1)

    assert listed == [int(count) for _href, count in cells]
    assert sum(listed) == 12


def test_a_cell_of_subjects_lists_all_their_studies_and_no_other_subjects(world: World, browser_of: Browser) -> None:
    twice, once = SubjectFactory(project=world.project), SubjectFactory(project=world.project)
    for subject, reader, model in ((twice, 1, 0), (twice, 0, 1), (once, 0, 1)):
        study = world.study(subject=subject)
        world.read(study, world.reader_b, reader)
        world.predict(study, model)
    client = browser_of(world.coordinator)
    text = page(world, client, "agreement-classification", against=f"reader:{world.reader_b.pk}").content.decode()
    cells = re.findall(r'<a href="([^"]*pick=confusion[^"]*)"[^>]*>(\d+)</a>', text)

    listed = {}
    for href, count in cells:
        rows = client.get(href.replace("&amp;", "&")).content.decode()
        listed[re.search(r"confusion\.([\d-]+)", href)[1]] = (int(count), rows.count("<tr>") - 1)  # type: ignore[index]

    # The first subject is complex to both, on two studies that differ; the second is complex to the model alone.
    assert listed == {"0-0": (1, 2), "1-0": (1, 1)}


def test_a_case_row_leads_to_the_comparison_page(full: World, browser_of: Browser) -> None:
    case = Case.objects.get(round=full.round, number=1)
    text = page(full, browser_of(full.coordinator), "agreement-cases", ref="0", model="1").content.decode()

    assert reverse("compare", args=[full.project.slug, case.pk]) in text
    assert case.study.label in text
    assert "differs" in text


def test_an_unknown_cell_lists_nothing(full: World, browser_of: Browser) -> None:
    text = page(full, browser_of(full.coordinator), "agreement-cases", ref="4").content.decode()
    assert "No case here." in text


def test_a_project_without_reads_and_predictions_says_what_is_needed(world: World, browser_of: Browser) -> None:
    text = page(world, browser_of(world.coordinator)).content.decode()
    assert "No figure yet." in text
    assert AgreementRun.objects.count() == 0


def test_a_blinded_reader_gets_the_same_empty_page_with_and_without_the_answers_of_others(
    world: World, browser_of: Browser
) -> None:
    study = world.study()
    world.assign(study, world.reader_a, AssignmentState.OPENED)
    client = browser_of(world.reader_a)

    def body() -> str:
        text = page(world, client).content.decode()
        return re.sub(r'value="[^"]{64}"|nonce="[^"]+"|Server [\d:]+ UTC', "", text)

    before = body()
    world.read(study, world.reader_b, 1, 5.0)
    world.predict(study, 1)
    world.truth(study, 1)

    assert body() == before


def test_people_outside_the_project_get_404_and_visitors_the_login_page(full: World, browser_of: Browser) -> None:
    stranger = member(ProjectFactory(), "coordinator")
    for name in ("agreement", "agreement-cases", "agreement-csv"):
        assert page(full, browser_of(stranger), name).status_code == 404
        assert page(full, Client(), name).status_code == 302


def test_the_csv_has_one_row_a_study_and_leaves_an_audit_row(full: World, browser_of: Browser) -> None:
    response = page(full, browser_of(full.coordinator), "agreement-csv")
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))

    assert response["Content-Type"].startswith("text/csv")
    assert len(rows) == 12
    assert sum(row["reference_class"] == row["model_class"] for row in rows) == 10
    assert {row["notice"] for row in rows} == {"Research use only. Not for diagnosis."}
    assert AuditEvent.objects.filter(verb="agreement.exported", actor_id=full.coordinator.pk).count() == 1


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t=1", "  =1"])
def test_a_text_cell_that_a_spreadsheet_would_run_is_defused(text: str) -> None:
    assert safe_cell(text).startswith("'")


def test_names_reach_the_csv_defused(full: World, browser_of: Browser) -> None:
    full.reader_a.name = "=HYPERLINK(1)"
    full.reader_a.save(update_fields=["name"])
    response = page(full, browser_of(full.coordinator), "agreement-csv", against=f"reader:{full.reader_a.pk}")
    assert {row["reference"] for row in csv.DictReader(io.StringIO(response.content.decode()))} == {"'=HYPERLINK(1)"}


def test_the_api_gives_every_figure_with_its_n(full: World, api: Api) -> None:
    body = api(full.coordinator).get("/api/v1/agreement/", {"project": full.project.slug}).json()

    assert body["against"]["key"] == "known_truth"
    assert body["confusion"]["counts"][0][0] == 5
    assert (body["n"]["subjects"], body["n"]["studies"], body["class"]["observed"]["n"]) == (12, 12, 12)
    assert body["accuracy"]["sensitivity"]["interval"]["method"] == "wilson"
    assert len(body["thickness"]["as_read"]["points"]) == 12
    assert body["notice"] == "Research use only. Not for diagnosis."
    assert "study" not in body["cases"][0]


def test_the_api_refuses_filters_that_name_nothing_visible(full: World, api: Api) -> None:
    client = api(full.coordinator)
    for query in ({"project": "nowhere"}, {"round": "x"}, {"pipeline": "x"}, {"against": "reader:x"}):
        response = client.get("/api/v1/agreement/", {"project": full.project.slug, **query})
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"


def test_a_plain_reader_sees_cases_by_number_and_no_study_label_or_pseudonym(full: World, browser_of: Browser) -> None:
    case = Case.objects.get(round=full.round, number=5)
    full.disclose(case.study, full.reader_a)
    client = browser_of(full.reader_a)
    text = page(full, client).content.decode() + page(full, client, "agreement-csv").content.decode()

    assert "Case 5" in text
    assert case.study.label not in text
    assert case.study.subject.pseudonym not in text
    assert "in 1 of 1 subjects" in text


def test_the_same_rows_are_computed_once_and_a_new_read_makes_a_new_run(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)
    page(full, client)
    page(full, client)
    assert AgreementRun.objects.count() == 1

    study = full.study()
    full.truth(study, 1)
    full.predict(study, 1)
    page(full, client)

    assert AgreementRun.objects.count() == 2


def test_a_run_is_computed_again_from_its_manifest_alone(full: World, browser_of: Browser) -> None:
    page(full, browser_of(full.coordinator))
    run = AgreementRun.objects.get()
    assert services.recompute(run=run) == run.results


def test_a_large_comparison_is_queued_and_shown_when_the_worker_has_done_it(
    full: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, 5)
    client = browser_of(full.coordinator)

    waiting = page(full, client)
    finished = compute_waiting()
    fragment = page(full, client, fragment="run")
    done = page(full, client)

    assert "a worker computes it" in waiting.content.decode()
    assert finished == 1
    assert (fragment.status_code, fragment["HX-Refresh"]) == (286, "true")
    assert "in 10 of 12 subjects" in done.content.decode()


def test_a_failed_run_says_so_and_can_be_queued_again(
    full: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, 5)
    client = browser_of(full.coordinator)
    page(full, client)
    AgreementRun.objects.update(work_state=WorkState.FAILED, error_code="ValueError", failures=3)

    text = page(full, client).content.decode()
    client.post(reverse("agreement", args=[full.project.slug]))

    assert "The figures could not be computed." in text
    assert AgreementRun.objects.get().work_state == WorkState.QUEUED


def test_a_run_whose_manifest_is_broken_fails_for_good(full: World, browser_of: Browser) -> None:
    AgreementRun.objects.create(project=full.project, kind="model", input_hash="x", code_version="y", manifest={})
    assert compute_waiting() == 0
    run = AgreementRun.objects.get()
    assert (run.work_state, run.error_code) == (WorkState.FAILED, "KeyError")
