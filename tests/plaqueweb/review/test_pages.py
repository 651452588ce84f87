from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from django.test import Client

from plaqueweb.accounts.models import User
from plaqueweb.predictions.models import Showing
from plaqueweb.review import services
from tests.factories import UserFactory, member
from tests.plaqueweb.review.world import ALL, World, box

Browser = Callable[[User], Client]


@pytest.fixture
def compared(world: World) -> World:
    """A case with one read and one prediction that differ in class."""
    world.read(world.reader_a, 0, 2.0, marks={2: (ALL, box(10, 10, 10, 10))})
    world.predict(1, 5.6, masks={2: box(10, 13, 10, 10)})
    services.refresh_open_cases()
    return world


def page(world: World, tail: str = "") -> str:
    return f"/p/{world.project.slug}/cases/{world.case.pk}/{tail}"


def test_the_page_says_verdict_numbers_and_reasons_in_words(compared: World, browser_of: Browser) -> None:
    html = browser_of(compared.coordinator).get(page(compared)).content.decode()

    for words in (
        "Model: complex (1) · Physician: not complex (0).",
        "On two sides of 4.0 mm.",
        "0 not complex",
        "+3.6 mm",
        "0.83, cut-off 0.50",
        "Wall taken for plaque",
        "Research use only. Not for diagnosis.",
    ):
        assert words in html
    assert "style=" not in html


@pytest.mark.parametrize("tail", ["", "numbers.csv"])
def test_who_is_blinded_or_a_stranger_or_undisclosed_finds_nothing(
    compared: World, browser_of: Browser, tail: str
) -> None:
    compared.assign(compared.coordinator, state="opened")

    for user in (compared.coordinator, compared.reader_b, UserFactory()):
        assert browser_of(user).get(page(compared, tail)).status_code == 404


def test_a_case_is_found_under_its_own_project_only(compared: World, browser_of: Browser) -> None:
    other = World(compared.project.__class__.objects.create(slug="other", name="Other"))

    assert browser_of(compared.coordinator).get(f"/p/{other.project.slug}/cases/{compared.case.pk}/").status_code == 404


def test_the_demo_round_says_why_a_real_one_would_wait(compared: World, browser_of: Browser) -> None:
    compared.project.is_demo = True
    compared.project.save()

    html = browser_of(compared.coordinator).get(page(compared)).content.decode()

    assert "demo round: revealed after each case" in html
    assert "A blinded round therefore reveals when a reader has signed all cases" in html


def test_reads_of_simulated_readers_say_so(compared: World, browser_of: Browser) -> None:
    compared.read(compared.reader_b, 1, 5.0)

    html = browser_of(compared.coordinator).get(page(compared)).content.decode()

    assert "Reader B (simulated)" in html


def test_a_clips_synthetic_origin_is_said(world: World, browser_of: Browser) -> None:
    world.clip.__class__.objects.filter(pk=world.clip.pk).update(synthetic=True)
    world.read(world.reader_a, 0, 2.0)

    assert "synthetic" in browser_of(world.coordinator).get(page(world)).content.decode()


def test_who_has_to_decide_meets_the_case_in_the_queue_only(compared: World, browser_of: Browser) -> None:
    client = browser_of(compared.adjudicator)
    assert client.get(page(compared)).status_code == 200
    compared.read(compared.reader_b, 1, 5.0)
    services.refresh_open_cases()

    assert client.get(page(compared)).status_code == 404
    assert str(compared.case.pk) not in client.get(f"/p/{compared.project.slug}/review/").content.decode()
    assert "1 case waits" in client.get(f"/p/{compared.project.slug}/adjudication/").content.decode()


def test_a_second_role_opens_a_waiting_case_without_the_model_until_it_is_asked_for(
    compared: World, browser_of: Browser
) -> None:
    both = member(compared.project, "coordinator", "adjudicator")
    compared.read(compared.reader_b, 1, 5.0)
    services.record_known_truth(study=compared.study, reader_class=1, thickness_mm=5.4, reasons={})
    services.refresh_open_cases()
    client = browser_of(both)

    first = client.get(page(compared)).content.decode()
    assert "cut-off" not in first
    assert "5.4 mm" not in first
    assert "Waits for your decision" in first
    assert not Showing.objects.filter(user=both).exists()

    assert "cut-off" in client.get(f"{page(compared)}?right=pipeline.{compared.pipeline.pk}").content.decode()
    assert Showing.objects.get(user=both).study == compared.study


def test_the_csv_has_a_line_a_number_and_no_formula(compared: World, browser_of: Browser) -> None:
    answer = browser_of(compared.coordinator).get(page(compared, "numbers.csv"))

    rows = list(csv.reader(io.StringIO(answer.content.decode())))
    assert rows[0] == ["number", "physician", "model", "model minus physician", "how"]
    assert rows[1][:4] == ["Class", "0 not complex", "1 complex", "differs"]
    assert rows[3][3] == "'+3.6 mm"
    assert not any(cell[:1] in {"=", "+", "-", "@"} for row in rows for cell in row)


def test_the_list_shows_cases_with_their_difference_and_filters_them(compared: World, browser_of: Browser) -> None:
    client = browser_of(compared.coordinator)
    url = f"/p/{compared.project.slug}/review/"

    assert "class differs, 3.6 mm" in client.get(url).content.decode()
    assert "no reason yet" in client.get(f"{url}?show=no-reason").content.decode()
    assert "No case in this filter." in client.get(f"{url}?show=adjudicate").content.decode()


def test_an_empty_list_says_what_is_missing(world: World, browser_of: Browser) -> None:
    html = browser_of(world.reader_a).get(f"/p/{world.project.slug}/review/").content.decode()

    assert "Nothing yet." in html


def test_a_reader_finds_only_disclosed_cases_in_the_list(compared: World, browser_of: Browser) -> None:
    client = browser_of(compared.reader_b)
    url = f"/p/{compared.project.slug}/review/"
    assert str(compared.case.pk) not in client.get(url).content.decode()
    compared.disclose(compared.reader_b)

    html = client.get(url).content.decode()

    assert str(compared.case.pk) in html
    assert compared.study.label not in html


def test_the_list_takes_the_same_queries_for_more_cases(
    compared: World, browser_of: Browser, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    client, url = browser_of(compared.coordinator), f"/p/{compared.project.slug}/review/"
    first = compared.study
    for _ in range(5):
        compared.study = compared.add_study()
        compared.read(compared.reader_a, 1, 4.0, key_frame=None)
    compared.study = first
    client.get(url)

    with django_assert_max_num_queries(25):  # type: ignore[attr-defined]
        assert client.get(url).content.decode().count("data-row=") == 6


def test_a_signed_case_leads_its_reader_to_the_comparison_once_disclosed(compared: World, browser_of: Browser) -> None:
    assignment = compared.assign(compared.reader_b)
    client = browser_of(compared.reader_b)
    assert client.get(f"/read/{assignment.public_id}/compare/").status_code == 404
    compared.disclose(compared.reader_b)

    answer = client.get(f"/read/{assignment.public_id}/compare/")

    assert (answer.status_code, answer["Location"]) == (302, page(compared))
