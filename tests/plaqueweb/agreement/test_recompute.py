"""Recomputing gives the same numbers from the same rows, and finds a number or a row that is not the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.recomputing import close, differences, recompute_report, recompute_run
from plaqueweb.predictions.models import Pipeline
from plaqueweb.reads.models import Read
from plaqueweb.studies.models import Clip
from tests.factories import RoundFactory
from tests.plaqueweb.agreement.reports_world import fill, forge, frozen
from tests.plaqueweb.agreement.world import START, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def full(world: World) -> World:
    return fill(world)


def overview(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(tab for tab in body["tabs"] if tab["tab"] == "overview")
    return found["results"]


def test_later_reads_predictions_and_references_change_no_number(full: World) -> None:
    report = frozen(full)
    first_round, full.round = full.round, RoundFactory(project=full.project)
    study = full.study()
    full.read(study, full.reader_a, 1, 6.0)
    full.predict(study, 0, 1.0)
    full.truth(study, 1, 6.0)
    full.round = first_round
    first = Read.objects.filter(assignment__reader=full.reader_a).order_by("pk")[0]
    full.read(first.assignment.study, full.reader_a, 1 - (first.reader_class or 0), 9.0, revision=2, signed_at=START)
    AgreementRun.objects.all().delete()

    outcome = recompute_report(report)

    assert outcome.exact
    assert outcome.same
    assert outcome.changed_rows == ()
    assert [len(tab.moved) for tab in outcome.tabs] == [0] * len(report.manifest["tabs"])
    assert all(tab.numbers > 50 for tab in outcome.tabs)


def test_a_tampered_number_is_found_though_its_hash_was_made_to_fit(full: World) -> None:
    report = frozen(full)

    def better(body: dict[str, Any]) -> None:
        overview(body)["accuracy"]["accuracy"]["value"] = 0.99

    outcome = recompute_report(forge(report, better))

    assert outcome.intact
    assert not outcome.same
    beyond = [one for tab in outcome.tabs for one in tab.beyond]
    assert [(one.where, one.was, one.now) for one in beyond] == [("accuracy.accuracy.value", 0.99, 0.875)]


def test_a_body_that_does_not_fit_its_hash_is_not_the_same(full: World) -> None:
    report = forge(frozen(full), lambda body: body.update(title="Another"), rehash=False)
    outcome = recompute_report(report)
    assert (outcome.intact, outcome.same) == (False, False)


def test_rows_of_a_tab_that_were_exchanged_are_found(full: World) -> None:
    def fewer(body: dict[str, Any]) -> None:
        body["inputs"]["units"] = body["inputs"]["units"][:-1]

    outcome = recompute_report(forge(frozen(full), fewer))
    assert all(tab.beyond[0].where == "inputs" for tab in outcome.tabs)


@pytest.mark.parametrize(("factor", "same"), [(1 + 5e-13, True), (1 + 1e-9, False)])
def test_other_code_may_move_a_number_by_the_twelfth_digit_and_no_more(full: World, factor: float, same: bool) -> None:
    def elsewhere(body: dict[str, Any]) -> None:
        body["code"]["lock"] = "f" * 64
        overview(body)["class"]["kappa"]["value"] *= factor

    outcome = recompute_report(forge(frozen(full), elsewhere))

    assert not outcome.exact
    assert outcome.same is same
    assert sum(len(tab.moved) for tab in outcome.tabs) == 1


def test_under_the_same_code_not_even_the_last_digit_may_move(full: World) -> None:
    def slightly(body: dict[str, Any]) -> None:
        overview(body)["class"]["kappa"]["value"] *= 1 + 5e-13

    assert not recompute_report(forge(frozen(full), slightly)).same


def test_what_was_changed_behind_a_report_is_named(full: World) -> None:
    report = frozen(full)
    Clip.objects.update(manufacturer="Another maker")
    Pipeline.objects.update(hash="f" * 64)

    outcome = recompute_report(report)

    assert outcome.changed_rows == (f"pipelines {full.pipeline.pk}: changed",)
    assert any(
        "scanner" in str((one.was, one.now)) or "Another" in str(one.now) for tab in outcome.tabs for one in tab.moved
    )
    assert not outcome.same


def test_a_person_may_change_the_name_without_changing_a_number(full: World) -> None:
    report = frozen(full)
    full.reader_a.name = "Reader A, married"
    full.reader_a.save()
    assert recompute_report(report).same


def test_the_command_takes_what_the_page_shows(full: World, capsys: pytest.CaptureFixture[str]) -> None:
    report = frozen(full)
    run = AgreementRun.objects.get(kind="overview")
    for asked in (report.sha256, report.sha256[:12], str(report.pk), run.input_hash[:12], str(run.pk)):
        call_command("recompute", asked)
    out = capsys.readouterr().out

    assert out.count("First paper") == 3
    assert out.count(f"run {run.input_hash[:12]}, overview") == 2
    assert "every number must be equal" in out
    assert "differs" not in out
    call_command("recompute", report.sha256, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["same"], told["exact"], len(told["tabs"])) == (True, True, 7)


def test_the_command_fails_and_names_the_number(full: World, capsys: pytest.CaptureFixture[str]) -> None:
    report = forge(frozen(full), lambda body: overview(body)["n"].update(subjects=21))
    with pytest.raises(CommandError, match="not the same"):
        call_command("recompute", report.sha256)
    assert "n.subjects: 21 is now 19" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "says"),
    [("abc", "first 8 digits"), ("deadbeef", "no report and no run"), ("0" * 32, "no report and no run")],
)
def test_the_command_says_what_it_cannot_find(full: World, asked: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("recompute", asked)


def test_a_stored_run_is_checked_the_same_way(full: World) -> None:
    frozen(full)
    run = AgreementRun.objects.get(kind="subgroups")
    assert recompute_run(run).same
    run.results["readers"] = 9
    assert [one.where for tab in recompute_run(run).tabs for one in tab.beyond] == ["readers"]


def test_leaves_are_compared_by_kind_and_value() -> None:
    was = {"a": [1, 2.0, None], "b": {"c": "x"}, "name": "old", "gone": 1}
    now = {"a": [1.0, 2.0, 0], "b": {"c": "y"}, "name": "new", "came": 1}

    assert [one.where for one in differences(was, now)] == ["a[2]", "b.c", "gone", "came"]
    assert [one.where for one in differences([1, 2], [1])] == [""]
    assert [one.where for one in differences({"a": True}, {"a": 1})] == ["a"]
    assert close(1.0, 1.0 + 1e-13)
    assert close(0.0, 1e-13)
    assert not close(1.0, 1.0 + 1e-11)
    assert not close(1.0, None)
