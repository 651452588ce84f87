"""The wall: which cases, in which order, with which outlines; and nothing for whoever reads blind."""

from __future__ import annotations

import csv
import io
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from inference.types import rle_decode
from plaqueweb.accounts.models import User
from plaqueweb.agreement import gallery
from plaqueweb.audit.models import AuditEvent
from plaqueweb.reads.choices import AssignmentState
from plaqueweb.reads.models import Round
from plaqueweb.reads.readset import freeze_read_sets
from plaqueweb.review.models import Case, DifferenceNote
from plaqueweb.studies.choices import ClipUse
from plaqueweb.studies.models import Clip, Study
from tests.factories import ClipFactory, ProjectFactory, member
from tests.plaqueweb.agreement.world import ALL, World, box

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]


def case(world: World, read: tuple[int | None, float | None], model: tuple[int | None, float | None]) -> Study:
    study = world.study()
    world.read(study, world.reader_a, *read)
    world.predict(study, *model)
    return study


@pytest.fixture
def full(world: World) -> World:
    """Agreeing, a little apart, 1.5 mm apart, another class 0.4 mm and 3 mm apart, and one without a result."""
    case(world, (1, 5.0), (1, 5.2))
    case(world, (1, 5.0), (1, 5.9))
    case(world, (1, 6.5), (1, 5.0))
    case(world, (0, 3.8), (1, 4.2))
    case(world, (0, 2.0), (1, 5.0))
    case(world, (1, 4.8), (None, None))
    return world


def wall(world: World, user: User | None = None, **asked: str) -> gallery.Wall:
    return gallery.wall(user or world.coordinator, world.project, asked)


def page(world: World, client: Client, name: str = "agreement-discordance", **query: str) -> Any:
    return client.get(reverse(name, args=[world.project.slug]), query)


def numbers(found: gallery.Wall) -> list[int]:
    return [pair.number for pair in found.shown]


def test_the_largest_disagreement_comes_first_and_agreement_is_left_out(full: World) -> None:
    found = wall(full)
    assert numbers(found) == [5, 4, 6, 3]
    assert (found.compared, found.subjects) == (6, 4)
    assert found.counts == {"": 4, "class": 2, "thickness": 2, "one": 1, "no-reason": 4}


def test_tabs_and_orders_narrow_and_sort(full: World) -> None:
    assert numbers(wall(full, show="class")) == [5, 4]
    assert numbers(wall(full, show="one")) == [6]
    assert numbers(wall(full, order="case")) == [3, 4, 5, 6]
    assert numbers(wall(full, order="near"))[0] == 4
    assert [pair.near_rule for pair in wall(full, order="case").shown] == [False, True, False, False]


def test_a_reason_counts_and_filters(full: World) -> None:
    pair = wall(full).shown[0]
    for reason in ("wall", "missed"):
        DifferenceNote.objects.create(
            case_id=pair.case, read_id=pair.read, prediction_id=pair.prediction, by=full.coordinator, reason=reason
        )
    assert wall(full).reasons == {"missed": 1}
    assert numbers(wall(full, reason="missed")) == [5]
    assert numbers(wall(full, reason="none")) == [4, 6, 3]
    assert numbers(wall(full, show="no-reason")) == [4, 6, 3]


def test_a_reader_and_a_segment_can_be_chosen(full: World) -> None:
    study = Case.objects.get(number=5).study
    full.read(study, full.reader_b, 1, 4.9)
    assert 5 not in numbers(wall(full, against=f"reader:{full.reader_b.pk}"))
    assert wall(full, against=f"reader:{full.reader_b.pk}").compared == 1
    assert numbers(wall(full, segment="arch")) == []


@pytest.mark.parametrize("asked", [{"show": "x"}, {"order": "x"}, {"segment": "x"}, {"reason": "x"}, {"round": "x"},
                                   {"pipeline": str(uuid.uuid4())}, {"against": "reader:x"}])  # fmt: skip
def test_a_filter_that_is_not_offered_is_not_found(full: World, browser_of: Browser, asked: dict[str, str]) -> None:
    assert page(full, browser_of(full.coordinator), **asked).status_code == 404


def test_nine_cards_a_page_and_older_goes_on_behind_them(world: World, browser_of: Browser) -> None:
    for i in range(11):
        case(world, (0, 2.0), (1, 4.0 + i / 10))
    client = browser_of(world.coordinator)

    first = page(world, client).content.decode()
    older = re.search(r'href="(\?[^"]*after=[^"]*)"[^>]*data-older', first)
    assert older is not None
    second = client.get(reverse("agreement-discordance", args=[world.project.slug]) + older[1].replace("&amp;", "&"))

    assert first.count("wall-card") == 9
    assert "1 to 9 of 11" in first
    assert second.content.decode().count("wall-card") == 2
    assert "10 to 11 of 11" in second.content.decode()
    assert page(world, client, after="gone").content.decode().count("wall-card") == 9


def test_a_card_opens_its_own_read_and_pipeline_side_by_side(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)
    text = page(full, client).content.decode()
    href = re.findall(r'class="wall-link" href="([^"]+)"', text)[0].replace("&amp;", "&")

    assert f"pipeline={full.pipeline.pk}" in href
    assert client.get(href).status_code == 200
    assert "class differs, 3.0 mm" in text
    assert "only one gave a class" in text


def test_a_card_holds_both_outlines_on_the_part_of_the_picture_it_shows(world: World, browser_of: Browser) -> None:
    study = world.study()
    clip = world.clip(study)
    high, wide = clip.rows // 3, clip.columns // 3
    reader, model = (box(clip, slice(high, high + 9), slice(wide, wide + 12)),
                     box(clip, slice(high, high + 9), slice(wide + 6, wide + 18)))  # fmt: skip
    world.read(study, world.reader_a, 1, 5.0, key=(clip, 1), marks={(clip, 1): (ALL, reader)})
    prediction = world.predict(study, 0, 2.0, key_clip=clip, key_frame=1)
    world.model_masks(prediction, clip, {1: model})

    text = page(world, browser_of(world.coordinator)).content.decode()
    body = re.search(r'<script id="gallery-pictures"[^>]*>(.*?)</script>', text)
    assert body is not None
    card = next(iter(json.loads(body[1]).values()))

    x0, y0, x1, y1 = card["box"]
    size = (y1 - y0, x1 - x0)
    for key, mask in (("reader", reader), ("model", model)):
        assert np.array_equal(rle_decode(card[key], size), mask[y0:y1, x0:x1])
        assert rle_decode(card[key], size).sum() == mask.sum()
    assert "Dice 0.50" in text
    assert card["url"] == f"/api/v1/clips/{clip.pk}/frames/1/"


def test_a_card_shows_what_was_read_though_the_clip_was_set_aside_since(world: World, browser_of: Browser) -> None:
    study = world.study()
    clip = world.clip(study)
    freeze_read_sets(round_=world.round, studies=[study])
    world.read(study, world.reader_a, 1, 5.0, key=(clip, 1))
    world.predict(study, 0, 2.0)
    Clip.objects.filter(pk=clip.pk).update(use=ClipUse.REFERENCE)
    late = ClipFactory(study=study, number=2)

    text = page(world, browser_of(world.coordinator)).content.decode()

    assert f"/api/v1/clips/{clip.pk}/frames/1/" in text
    assert str(late.pk) not in text


def test_whoever_reads_blind_gets_the_same_empty_wall_with_and_without_the_answers(
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
    world.predict(study, 0, 2.0)

    assert body() == before
    assert "No case yet." in before


def test_a_disclosed_reader_sees_the_own_case_by_number_only(full: World, browser_of: Browser) -> None:
    row = Case.objects.get(number=5)
    full.disclose(row.study, full.reader_a)
    assert "No case yet." in page(full, browser_of(full.reader_a)).content.decode()  # the round still goes on
    Round.objects.update(closed_at=timezone.now())
    text = page(full, browser_of(full.reader_a)).content.decode()

    assert "Case 5" in text
    assert text.count("wall-card") == 1
    assert row.study.label not in text


def test_people_outside_get_404_and_visitors_the_login_page(full: World, browser_of: Browser) -> None:
    stranger = member(ProjectFactory(), "coordinator")
    for name in ("agreement-discordance", "agreement-discordance-csv"):
        assert page(full, browser_of(stranger), name).status_code == 404
        assert page(full, Client(), name).status_code == 302


def test_the_csv_has_the_wall_row_by_row_and_leaves_an_audit_row(full: World, browser_of: Browser) -> None:
    response = page(full, browser_of(full.coordinator), "agreement-discordance-csv", show="class")
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))

    assert [(row["reader_class"], row["model_class"], row["thickness_difference_mm"]) for row in rows] == [
        ("0", "1", "3"), ("0", "1", "0.4"),
    ]  # fmt: skip
    assert {row["notice"] for row in rows} == {"Research use only. Not for diagnosis."}
    assert AuditEvent.objects.filter(verb="discordance.exported").count() == 1


def test_more_cases_need_no_more_queries(world: World, browser_of: Browser, django_assert_max_num_queries: Any) -> None:
    client = browser_of(world.coordinator)
    for i in range(9):
        case(world, (0, 2.0), (1, 4.0 + i / 10))
    page(world, client)
    with django_assert_max_num_queries(40) as few:
        page(world, client)
    enough = len(few.captured_queries)
    for i in range(20):
        case(world, (0, 2.0), (1, 4.0 + i / 10))
    page(world, client)  # that new cases were shown is written down once
    with django_assert_max_num_queries(enough):
        page(world, client)
