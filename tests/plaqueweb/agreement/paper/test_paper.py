"""The printed report: the flow adds up, both checklists are whole, and what is not known is left to the authors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from plaqueweb.accounts.models import User
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.paper import printed
from plaqueweb.agreement.paper.blocks import Figure, Paragraph, Section, Table, numbered
from plaqueweb.agreement.paper.checklists import AUTHORS, CLAIM, TRIPOD, filled
from plaqueweb.agreement.paper.drawing import Drawing
from plaqueweb.agreement.paper.facts import Facts
from plaqueweb.agreement.paper.flow import draw_flow, flow_of
from plaqueweb.agreement.paper.printed import paper_of
from plaqueweb.agreement.paper.rebuilt import tabs_of
from plaqueweb.agreement.plans import set_margin
from plaqueweb.predictions.models import Pipeline, Prediction
from plaqueweb.studies.choices import ListPurpose
from plaqueweb.studies.models import CaseList, CaseListItem
from tests.factories import PipelineFactory, PredictionFactory
from tests.plaqueweb.agreement.reports_world import fill, forge, frozen, late_study
from tests.plaqueweb.agreement.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def full(world: World) -> World:
    return fill(world)


def test_a_result_that_came_between_two_tabs_leaves_the_paper_whole(
    full: World, browser_of: Callable[[User], Client]
) -> None:
    """Then tabs rest on other rows, and what they shared is each one's own."""
    report = frozen(full)
    before = flow_of(report.manifest)

    def apart(body: dict[str, Any]) -> None:
        for name in ("units", "reads", "counts"):
            value = body["inputs"].pop(name)
            for tab in body["tabs"]:
                tab["own"].setdefault(name, value)

    mended = forge(report, apart)
    page = browser_of(full.coordinator).get(reverse("agreement-report", args=[full.project.slug, mended.pk]))

    assert flow_of(mended.manifest) == before
    assert page.status_code == 200


def test_every_study_stands_in_exactly_one_box(full: World) -> None:
    body = frozen(full).manifest
    flow = flow_of(body)

    assert flow.adds_up
    assert (flow.of, flow.outside, flow.filtered, flow.without_reference, flow.cannot_assess) == (20, 0, 0, 1, 1)
    assert dict(flow.no_result) == {"no aorta": 1, "not run": 1}
    assert dict(flow.cells) == {(0, 0): 7, (0, 1): 1, (1, 1): 7, (1, 0): 1}
    assert (flow.answered, flow.analysed, flow.subjects) == (19, 16, 16)
    texts = [mark.text for mark in draw_flow(flow, "Known truth").marks]
    for told in (
        "20 studies", "without an answer of: Known truth: 1", "can’t assess: Known truth: 1",
        "model: no aorta found: 1", "model: not run on this content: 1", "16 studies, 16 subjects",
        "Reference complex: 8", "model complex 7, not complex 1",
    ):  # fmt: skip
        assert told in texts


def test_what_the_filters_leave_out_stands_in_the_flow(full: World) -> None:
    flow = flow_of(frozen(full, quality="limited").manifest)

    assert flow.filtered == 13
    assert flow.adds_up


def test_without_a_round_the_flow_starts_at_the_project(full: World) -> None:
    late_study(full)  # neither read nor predicted, and of no round
    flow = flow_of(frozen(full, round="").manifest)

    assert (flow.of, flow.outside, flow.bounded_by) == (21, 1, "project")
    assert flow.adds_up


def test_both_checklists_have_every_item_once() -> None:
    assert [number for number, _asked, _facts in CLAIM] == [str(number) for number in range(1, 45)]
    numbers = [re.sub(r"[a-z]$", "", number) for number, _asked, _facts in TRIPOD]
    assert sorted(set(map(int, numbers))) == list(range(1, 28))
    assert len({number for number, _asked, _facts in TRIPOD}) == len(TRIPOD) == 52


def test_no_item_asks_for_a_fact_that_does_not_exist_and_no_fact_goes_unused() -> None:
    asked = {name for items in (CLAIM, TRIPOD) for _number, _words, names in items for name in names}
    known = {
        name
        for name, member in inspect.getmembers(Facts, inspect.isfunction)
        if not name.startswith("_") and name != "has"
    }
    used = asked | {name for name in known if f'"{name}"' in inspect.getsource(printed)} | {"over_time"}

    assert asked <= known
    assert known <= used


def test_what_the_platform_knows_is_filled_in_and_the_rest_is_the_authors(full: World) -> None:
    facts = Facts(frozen(full).manifest)

    claim = {item.number: item for item in filled(CLAIM, facts)}
    tripod = {item.number: item for item in filled(TRIPOD, facts)}

    assert (claim["2"].answer, claim["2"].known) == (str(AUTHORS), False)
    assert "20 studies of 20 subjects, 20 clips, 80 frames" in claim["7"].answer
    assert full.round.case_list.hash[:16] in claim["8"].answer
    assert "2 readers: Reader A (no profile filled in); Reader B (simulated reader)" in claim["16"].answer
    assert "no subject of this list is known to have been seen in training" in claim["19"].answer
    assert "2000 resamples of whole subjects (percentile, seed 20210609)" in claim["29"].answer
    assert claim["37"].answer.startswith("Accuracy 87.5 % (")
    assert claim["44"].answer == str(AUTHORS)
    assert "thickness of 4.0 mm or more or ulceration" in tripod["8a"].answer
    assert "50.0 % of the analysed studies are complex" in tripod["13"].answer
    assert full.pipeline.classifier.sha256[:16] in tripod["22"].answer
    assert all(item.answer for item in [*claim.values(), *tripod.values()])


def test_a_leak_from_training_is_told(full: World) -> None:
    train = CaseList.objects.create(project=full.project, name="for training", purpose=ListPurpose.TRAIN)
    item = CaseListItem.objects.filter(case_list=full.round.case_list).first()
    assert item is not None
    CaseListItem.objects.create(case_list=train, study=item.study)

    told = Facts(frozen(full).manifest).partitions()
    assert told == "1 subjects of this list were seen in training or tuning (for training)."


def test_against_a_reader_no_accuracy_is_claimed(full: World) -> None:
    body = frozen(full, against=f"reader:{full.reader_a.pk}").manifest
    facts = Facts(body)

    assert "no accuracy is claimed" in facts.reference()
    assert facts.performance().startswith("Same class ")
    assert "ccuracy" not in facts.measures()


def test_the_paper_holds_every_tab_with_numbered_figures_and_tables(full: World) -> None:
    second: Pipeline = PipelineFactory(project=full.project, name="PlaqueNet 0.2", state="evaluated")
    for row in Prediction.objects.filter(pipeline=full.pipeline):
        PredictionFactory(study=row.study, pipeline=second, predicted_class=1, probability=0.9, thickness_mm=4.4)
    set_margin(
        case_list=full.round.case_list, first=full.pipeline, second=second, against="known_truth", margin=0.05,
        by=full.coordinator,
    )  # fmt: skip
    report = frozen(full, pipeline=str(full.pipeline.pk), second=str(second.pk))

    paper = paper_of(report, full.coordinator)

    assert report.manifest["left_out"] == []
    assert [section.key for section in paper.sections] == [
        "summary", "methods", "material", "overview", "classification", "segmentation", "measurement", "readers",
        "pipelines", "time", "subgroups", "behind",
    ]  # fmt: skip
    blocks = [block for section in paper.sections for block in section.blocks]
    figures = [block for block in blocks if isinstance(block, Figure)]
    tables = [block for block in blocks if isinstance(block, Table)]
    assert [figure.number for figure in figures] == list(range(1, len(figures) + 1))
    assert [table.number for table in tables] == list(range(1, len(tables) + 1))
    assert figures[0].title == "Flow of the studies (STARD)"
    assert tables[0].title == "Subjects and studies of the comparison"
    assert len(figures) > 15
    for table in tables:
        assert all(len(row) == len(table.columns) for row in table.rows), table.title
    assert [(one.key, len(one.items)) for one in paper.checklists] == [("claim", 44), ("tripod", 52)]
    assert any(report.sha256 in row for table in tables for row in table.rows)


def test_every_tab_is_arranged_and_any_other_prints_all_its_charts(full: World) -> None:
    report = frozen(full)
    tab = tabs_of(report, full.coordinator)["classification"]

    blocks = printed._charts(tab, tab.board.present(tab))

    assert set(printed.BLOCKS) == {board.slug for board in registry.BOARDS}
    titles = [block.title for block in blocks if isinstance(block, Figure)]
    assert len(titles) == len(tab.board.present(tab)["charts"]) == sum(isinstance(block, Table) for block in blocks)
    assert any(title.startswith("Reliability") for title in titles)


def test_numbers_of_tables_and_figures_run_through_all_sections() -> None:
    drawn, listed = Figure("f", "", Drawing(1, 1)), Table("t", [("a", False)], [("x",)])
    made = numbered([Section("a", "A", [listed, drawn]), Section("b", "B", [Paragraph("p"), drawn, listed])])
    assert [block.number for section in made for block in section.blocks if not isinstance(block, Paragraph)] == [
        1, 1, 2, 2,
    ]  # fmt: skip
