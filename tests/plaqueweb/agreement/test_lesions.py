"""Lesions found, missed and extra, and lengths of one and the same plaque, as the dashboard counts them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from plaqueweb.agreement import selectors, services
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.report import Report, build
from plaqueweb.predictions.models import Prediction
from plaqueweb.reads.models import Read
from plaqueweb.review.links import judge_pair
from plaqueweb.review.matching import RULE_VERSION
from plaqueweb.review.models import Case, Consensus
from plaqueweb.studies.models import Clip, Project, Study
from tests.plaqueweb.agreement.world import World, box

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(project: Project) -> World:
    return World(project)


def listed(number: int, mm: float, key: int = 2, angle: float | None = None) -> dict[str, Any]:
    return {
        "number": number, "key_frame": key, "frames": [[1, 4]], "thickness_mm": mm, "area_mm2": 10.0 * mm,
        "angle": angle, "reasons": {},
    }  # fmt: skip


class Two:
    """One study: two readers mark the plaque on the left, the model two plaques, of which the other is the thicker."""

    def __init__(self, world: World) -> None:
        self.study: Study = world.study()
        self.clip: Clip = world.clip(self.study, segment="descending")
        left, right = (box(self.clip, slice(10, 20), slice(at, at + 8)) for at in (4, 40))
        marks = {(self.clip, 2): ("all_marked", left)}
        self.a = world.read(self.study, world.reader_a, 1, 6.0, key=(self.clip, 2), marks=marks)
        self.b = world.read(self.study, world.reader_b, 1, 5.0, key=(self.clip, 2), marks=marks)
        self.said = world.predict(self.study, 1, 8.0, key_clip=self.clip, key_frame=2, key_region=1)
        own = [listed(1, 8.0, angle=0.0), listed(2, 5.5, angle=3.1)]
        world.model_masks(self.said, self.clip, {2: left | right}, own)


@pytest.fixture
def two(world: World) -> Two:
    world.close()
    return Two(world)


def tab(world: World, slug: str, **asked: str) -> Report:
    return build(world.coordinator, world.project, asked, registry.board_of(slug))


def reader(world: World) -> str:
    return f"reader:{world.reader_a.pk}"


def test_same_lesion_takes_the_partner_of_the_index_lesion_and_not_the_thickest(world: World, two: Two) -> None:
    found = tab(world, "measurement", against=reader(world), kind="same_lesion").results
    read = tab(world, "measurement", against=reader(world), kind="as_read").results

    assert [(point["reference"], point["model"]) for point in found["thickness"]["points"]] == [(6.0, 5.5)]
    assert [(point["reference"], point["model"]) for point in read["thickness"]["points"]] == [(6.0, 8.0)]
    assert (found["readers"]["n"], found["readers"]["mae"]["value"]) == (1, 1.0)


def test_missed_and_extra_lesions_stand_beside_two_readers(world: World, two: Two) -> None:
    report = tab(world, "segmentation", against=reader(world))

    model, readers = report.results["lesions"]["model"], report.results["lesions"]["readers"]
    assert (model["reference"], model["other"], model["matched"]) == (1, 2, 1)
    assert (model["sensitivity"]["value"], model["extra"]["value"]) == (1.0, 1.0)
    assert (readers["sensitivity"]["value"], readers["extra"]["value"], readers["studies"]) == (1.0, 0.0, 2)
    assert report.results["picks"]["lesions"] == {"missed": [], "extra": [0]}


def test_who_could_not_assess_has_listed_no_lesions_for_another_reason(world: World) -> None:
    world.close()
    study = world.study()
    clip = world.clip(study)
    world.read(study, world.reader_a, 9)
    world.model_masks(world.predict(study, 1, 8.0), clip, {2: box(clip, slice(1, 9), slice(1, 9))}, [listed(1, 8.0)])

    found = tab(world, "segmentation", against=reader(world)).results["lesions"]["model"]

    assert (found["studies"], found["extra"]["value"]) == (0, None)


def test_what_people_say_makes_a_new_figure_and_the_old_one_can_be_computed_again(world: World, two: Two) -> None:
    before = tab(world, "segmentation", against=reader(world))
    case = Case.objects.get(study=two.study)

    judge_pair(
        case=case, act_id=uuid.uuid4(), act="unlink", read=two.a, lesion="1", other=two.said,
        other_lesion=f"{two.clip.pk}.1.2", reason="", by=world.coordinator,
    )  # fmt: skip
    after = tab(world, "segmentation", against=reader(world))

    assert before.run is not None
    assert after.run is not None
    assert before.run.input_hash != after.run.input_hash
    assert [report.results["lesions"]["model"]["matched"] for report in (before, after)] == [1, 0]
    assert services.recompute(run=before.run)["lesions"] == before.results["lesions"]
    assert not Consensus.objects.exists()


def test_a_manifest_holds_what_was_said_of_its_own_answers_alone(world: World, two: Two) -> None:
    other = Two(world)
    judge_pair(
        case=Case.objects.get(study=other.study), act_id=uuid.uuid4(), act="link", read=other.a, lesion="1",
        other=other.said, other_lesion=f"{other.clip.pk}.1.1", reason="", by=world.coordinator,
    )  # fmt: skip
    found = selectors.scope(world.coordinator, world.project, None)
    selection = selectors.select(world.project, None, found, against=reader(world))

    made = selectors.manifest(world.coordinator, selection, found, kind="segmentation", parts=("matches",))

    assert made["links"] == [["link", str(other.a.pk), str(other.said.pk), "1", f"{other.clip.pk}.1.1"]]
    assert "links" not in selectors.manifest(world.coordinator, selection, found, parts=("frames",))


def test_matching_many_studies_asks_no_query_for_each(world: World, django_assert_max_num_queries: Any) -> None:
    from plaqueweb.review.matching_store import candidates_between

    world.close()
    for _ in range(6):
        Two(world)
    said = dict(Prediction.objects.values_list("study_id", "pk"))
    reads = Read.objects.values_list("pk", "assignment__study_id")

    with django_assert_max_num_queries(8):
        found = candidates_between([(pk, said[study]) for pk, study in reads], [])

    assert len(found) == 12
    assert all(len(rows) == 1 for rows in found.values())


def test_the_tab_says_lesion_sensitivity_and_the_cases_behind(world: World, two: Two, client: Any) -> None:
    client.force_login(world.coordinator)

    html = client.get(f"/p/{world.project.slug}/agreement/segmentation/?against={reader(world)}").content.decode()

    for words in (
        "Lesions found",
        "Lesion sensitivity",
        "Extra lesions a study",
        "cases with an extra lesion",
        f"by rule, version {RULE_VERSION.removeprefix('lesions-')}, corrected",
    ):
        assert words in html
    assert "cases with a missed lesion" not in html
