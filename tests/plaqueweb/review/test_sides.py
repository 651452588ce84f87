"""Either side of a comparison may be any read, reference or pipeline that its user may see, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import Invalid, NotFound
from plaqueweb.predictions.models import Prediction, Showing
from plaqueweb.reads.models import Read
from plaqueweb.review import services
from plaqueweb.review.comparison import Chosen
from plaqueweb.review.numbers import Row, numbers
from plaqueweb.review.payload import compare_payload
from plaqueweb.review.verdict import verdict
from tests.factories import PipelineFactory, adjudicated, member
from tests.plaqueweb.review.world import ALL, INDEX, NOWHERE, World, box

Browser = Callable[[User], Client]
MINE, THEIRS = box(10, 10, 10, 10), box(10, 13, 10, 10)  # Dice 0.70


@pytest.fixture
def three(world: World) -> World:
    """Two reads and two predictions of one case."""
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, MINE)}, active_seconds=134)
    world.read(world.reader_b, 1, 5.2, marks={2: (ALL, THEIRS)}, key_frame=2)
    world.predict(1, 5.6, masks={2: THEIRS, 3: MINE}, thickness_sd_mm=0.31)
    first, world.pipeline = (
        world.pipeline,
        PipelineFactory(project=world.project, name="PlaqueNet 0.2", state="retired"),
    )
    world.predict(0, 3.1, masks={2: MINE})
    world.pipeline = first
    return world


def read_of(world: World, reader: User) -> str:
    return f"read.{Read.objects.get(assignment__reader=reader, assignment__round=world.round).pk}"


def pipeline_named(name: str) -> str:
    return f"pipeline.{Prediction.objects.get(pipeline__name=name).pipeline_id}"


def table(world: World, **chosen: Any) -> dict[str, Row]:
    return {row.key: row for row in numbers(world.compare(**chosen))}


def test_two_readers_stand_side_by_side_under_their_names(three: World) -> None:
    chosen = {"left": read_of(three, three.reader_a), "right": read_of(three, three.reader_b)}
    document = compare_payload(three.compare(**chosen))
    rows = table(three, **chosen)

    assert verdict(three.compare(**chosen)).text == "Same plaque, same class; Reader B 0.8 mm thinner."
    assert document["difference"] == "Right − left"
    assert (rows["thickness"].left, rows["thickness"].right, rows["thickness"].difference) == (
        "6.0 mm",
        "5.2 mm",
        "−0.8 mm",
    )
    assert rows["dice"].difference == "0.70"
    assert rows["area"].how == "all marked by the reader"
    assert (rows["time"].left, rows["time"].right) == ("2 min 14 s", "–")
    assert (document["prediction"], document["models"], document["model_key"]) == (None, [], None)
    assert document["reason"]["may_note"] is False


def test_two_pipelines_stand_side_by_side(three: World) -> None:
    chosen = {"left": pipeline_named("PlaqueNet 0.1"), "right": pipeline_named("PlaqueNet 0.2")}
    rows = table(three, **chosen)

    assert verdict(three.compare(**chosen)).text == "PlaqueNet 0.2: not complex (0) · PlaqueNet 0.1: complex (1)."
    assert (rows["thickness"].left, rows["thickness"].right) == ("5.6 ± 0.4 mm", "3.1 mm")
    assert rows["class"].how.startswith("PlaqueNet 0.1: calibrated probability")
    assert rows["dice"].how == "2 frames fully marked: 0.00 to 0.70, 2 examined, both without plaque"


def test_a_swapped_pair_says_the_same_the_other_way_round(three: World) -> None:
    chosen = {"left": pipeline_named("PlaqueNet 0.1"), "right": read_of(three, three.reader_a)}

    assert verdict(three.compare(**chosen)).text == "Same plaque, same class; physician 0.4 mm thicker."
    assert compare_payload(three.compare(**chosen))["difference"] == "Physician − model"
    assert table(three, **chosen)["thickness"].how == "mask chord against caliper, frames 3 and 2"
    assert compare_payload(three.compare(**chosen))["reason"]["may_note"] is True


def test_a_reference_without_a_read_behind_it_has_numbers_and_no_marks(three: World) -> None:
    services.record_known_truth(study=three.study, reader_class=1, thickness_mm=5.9, reasons={"mobile": True})
    rows = table(three, left="reference.known_truth")
    document = compare_payload(three.compare(left="reference.known_truth"))

    assert verdict(three.compare(left="reference.known_truth")).text == "Same class; model 0.3 mm thinner."
    assert (rows["thickness"].left, rows["reason"].left, rows["dice"].difference) == ("5.9 mm", "mobile part", "–")
    assert (document["left"]["name"], document["left"]["read"]) == ("Known truth of the phantom", None)
    assert "area" not in rows


def test_a_reference_that_took_a_read_shows_that_reads_marks(three: World) -> None:
    taken = Read.objects.get(assignment__reader=three.reader_b)
    adjudicated(
        three.case, three.adjudicator, reader_class=1, thickness_mm=5.2,
        source_reads=[str(taken.pk)], basis={"took": "read", "read": str(taken.pk)},
    )  # fmt: skip
    document = compare_payload(three.compare(left="reference.adjudicated"))

    assert document["left"]["read"] == str(taken.pk)
    assert [row["id"] for row in document["further_reads"]] == [str(taken.pk)]
    assert table(three, left="reference.adjudicated")["dice"].difference == "1.00"


def test_further_reads_come_with_their_marks_and_never_twice(three: World) -> None:
    first, second = read_of(three, three.reader_a)[5:], read_of(three, three.reader_b)[5:]
    document = compare_payload(three.compare(more=[first, second]))

    assert document["more"] == [second]
    assert [row["reader"] for row in document["further_reads"]] == ["Reader B"]
    assert document["further_reads"][0]["frames"][0]["masks"]["1"]["rle"]


def test_more_than_four_further_reads_cannot_be_told_apart(three: World) -> None:
    with pytest.raises(Invalid) as told:
        three.compare(more=[str(number) for number in range(5)])

    assert told.value.rule == "compare-more"


@pytest.mark.parametrize(
    "chosen",
    [
        {"left": f"read.{NOWHERE}"}, {"right": f"pipeline.{NOWHERE}"}, {"left": "reference.known_truth"}, {"left": "x"},
        {"more": [NOWHERE]}, {"left": "none"},
    ],
)  # fmt: skip
def test_what_is_not_offered_is_not_found(three: World, chosen: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        three.compare(**chosen)


def test_a_pipeline_in_shadow_is_on_neither_side(three: World) -> None:
    shadow = pipeline_named("PlaqueNet 0.2")
    Prediction.objects.get(pipeline__name="PlaqueNet 0.2").pipeline.__class__.objects.filter(
        name="PlaqueNet 0.2"
    ).update(state="shadow")

    for side in ("left", "right"):
        with pytest.raises(NotFound):
            three.compare(**{side: shadow})
    assert "PlaqueNet 0.2" not in str(compare_payload(three.compare())["choices"])


def test_who_has_to_decide_is_offered_no_reference_and_every_model_shown_is_kept(
    three: World, browser_of: Browser
) -> None:
    services.record_known_truth(study=three.study, reader_class=1, thickness_mm=5.9, reasons={})
    three.read(three.reader_b, 0, 2.0, supersedes=Read.objects.get(assignment__reader=three.reader_b))
    services.refresh_open_cases()
    both = member(three.project, "coordinator", "adjudicator")
    client, page = browser_of(both), f"/p/{three.project.slug}/cases/{three.case.pk}/"

    assert client.get(f"{page}?left=reference.known_truth").status_code == 404
    assert "Known truth" not in client.get(page).content.decode()
    assert not Showing.objects.filter(user=both).exists()
    client.get(f"{page}?left={pipeline_named('PlaqueNet 0.1')}")

    assert Showing.objects.get(user=both).study == three.study


def test_the_choice_stays_in_the_address_and_in_the_form(three: World, browser_of: Browser) -> None:
    right, more = read_of(three, three.reader_b), read_of(three, three.reader_a)[5:]
    left = pipeline_named("PlaqueNet 0.2")
    page = f"/p/{three.project.slug}/cases/{three.case.pk}/?left={left}&right={right}&more={more}"

    html = browser_of(three.coordinator).get(page).content.decode()

    assert f'<option value="{left}" selected>' in html
    assert f'<option value="{right}" selected>' in html
    assert f'name="more" value="{more}" checked' in html
    assert "Reader A, 1 complex, 6.0 mm" in html


def test_a_choice_left_open_is_spelled_out_for_what_else_the_page_asks(three: World) -> None:
    document = compare_payload(three.compare())
    left, right = read_of(three, three.reader_a), pipeline_named("PlaqueNet 0.1")

    assert document["query"] == f"left={left}&right={right}"
    assert compare_payload(three.compare(right="none"))["query"] == f"left={left}&right=none"


def test_the_api_takes_the_same_choice(three: World, api: Callable[[User], APIClient]) -> None:
    right = read_of(three, three.reader_b)

    document = api(three.coordinator).get(f"/api/v1/cases/{three.case.pk}/compare/?right={right}").json()

    assert (document["left"]["name"], document["right"]["name"]) == ("Reader A", "Reader B")


def test_index_lesions_alone_give_a_dice_that_no_figure_counts(three: World) -> None:
    third = three.read(member(three.project, "reader", name="Reader C"), 1, 5.0, marks={2: (INDEX, MINE)})

    row = table(three, right=f"read.{third.pk}")["dice"]

    assert (row.difference, row.how) == ("–", "no frame fully marked")


def test_old_addresses_still_name_left_and_right() -> None:
    old = Chosen.of([("read", "a"), ("pipeline", "b"), ("more", "c"), ("more", "c")])

    assert old == Chosen("read.a", "pipeline.b", ("c",))
    assert Chosen.of([("pipeline", "none")]) == Chosen("", "none")


def test_queries_do_not_grow_with_the_further_reads(three: World, django_assert_max_num_queries: Any) -> None:
    more = []
    for number in range(3):
        reader = member(three.project, "reader", name=f"Reader {number}")
        more.append(three.read(reader, 1, 5.0, marks={2: (ALL, MINE), 3: (ALL, THEIRS)}).pk)

    with django_assert_max_num_queries(26):
        compare_payload(three.compare(more=more))
