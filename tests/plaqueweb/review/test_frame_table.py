from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.predictions.models import Showing
from plaqueweb.reads.models import FrameMask
from plaqueweb.review.frame_table import FrameRow, frame_rows
from plaqueweb.review.payload import compare_payload
from plaqueweb.review.sides import marks_of
from plaqueweb.studies.models import Project
from tests.factories import PipelineFactory, UserFactory
from tests.plaqueweb.review.world import ALL, INDEX, NONE, UNUSABLE, World, box

Browser = Callable[[User], Client]
Api = Callable[[User], APIClient]
MINE, THEIRS = box(10, 10, 10, 10), box(10, 13, 10, 10)  # 100 px each, 25 mm², Dice 0.70


def table(world: World, **chosen: Any) -> dict[int, FrameRow]:
    return {row.frame: row for row in frame_rows(world.compare(**chosen))}


@pytest.fixture
def compared(world: World) -> World:
    """A read that says something else of each frame but the last, and a prediction with plaque on three of four."""
    world.read(world.reader_a, 1, 6.0, marks={1: (NONE, None), 2: (ALL, MINE), 3: (INDEX, MINE)})
    world.predict(1, 5.6, masks={2: THEIRS, 3: THEIRS, 4: MINE})
    return world


def test_a_frame_without_an_annotation_is_unknown_and_never_nought(compared: World) -> None:
    row = table(compared)[4]

    assert (row.left.px, row.left.mm, row.left.words) == (None, None, "not marked: unknown")
    assert (row.right.px, row.right.mm2) == (100, 25.0)
    assert (row.area, row.thickness, row.dice, row.compared) == (None, None, None, False)


def test_a_frame_examined_without_plaque_is_nought_because_the_reader_said_so(compared: World) -> None:
    row = table(compared)[1]

    assert (row.left.px, row.left.words, row.area, row.area_unit) == (0, "examined, no plaque", 0.0, "mm²")
    assert (row.dice, row.compared) == (None, True)  # both empty: no Dice, but agreement


def test_areas_and_dice_stand_where_both_declared_all(compared: World) -> None:
    rows = table(compared)

    assert (rows[2].left.mm2, rows[2].right.mm2, rows[2].area) == (25.0, 25.0, 0.0)
    assert rows[2].dice == pytest.approx(0.7)
    assert (rows[3].left.px, rows[3].left.words) == (100, "index lesion only")
    assert (rows[3].area, rows[3].dice) == (None, None)


def test_a_caliper_on_the_frame_comes_before_the_chord_of_its_mask(compared: World) -> None:
    calipers = [
        {"id": "a", "kind": "thickness", "lesion": 1, "mm": 4.2, "px": 8.4, "points": [[0, 0], [1, 1]]},
        {"id": "b", "kind": "diameter", "lesion": None, "mm": 30.0, "px": 60.0, "points": [[0, 0], [1, 1]]},
    ]
    comparison = compared.compare()
    marks = marks_of(comparison.left)
    assert marks is not None
    next(one for one in marks.annotations if one.frame == 2).calipers = calipers

    rows = {one.frame: one for one in frame_rows(comparison)}

    assert (rows[2].left.mm, rows[2].left.source) == (4.2, "caliper")
    assert rows[3].left.source == "from mask"


def test_the_model_tells_thickness_where_it_found_plaque_and_its_uncertainty_on_the_key_frame(world: World) -> None:
    prediction = world.predict(1, 5.6, masks={2: MINE, 3: MINE}, key_frame=3)
    part = prediction.clips.get()
    curves = np.frombuffer(bytes(part.curves), dtype="<f4").reshape(4, 4).copy()
    curves[3] = [0, 5.1, 5.6, np.nan]
    comparison = world.compare()
    (mine,) = comparison.models[0].parts
    mine.curves, mine.thickness_sd_mm, mine.key_frame = curves.tobytes(), 0.31, 3

    rows = {row.frame: row for row in frame_rows(comparison)}

    assert [rows[n].right.mm for n in (1, 2, 3, 4)] == [None, pytest.approx(5.1), pytest.approx(5.6), None]
    assert [rows[n].right.sd_mm for n in (2, 3)] == [None, 0.31]


def test_a_clip_without_a_result_says_why_on_every_frame(compared: World) -> None:
    comparison = compared.compare()
    for part in comparison.models[0].parts:
        part.no_result_reason = "colour"

    rows = frame_rows(comparison)

    assert {row.right.words for row in rows} == {"no result: colour Doppler covers the picture"}
    assert {row.right.px for row in rows} == {None}


def test_an_erased_mask_and_an_unusable_frame_have_no_numbers(world: World) -> None:
    read = world.read(world.reader_a, 1, 6.0, marks={1: (ALL, MINE), 2: (UNUSABLE, None)})
    world.predict(1, 5.6, masks={1: MINE})
    FrameMask.objects.filter(annotation__read=read).update(rle=None)

    rows = table(world)

    assert (rows[1].left.px, rows[1].left.words) == (None, "mask was erased: unknown")
    assert (rows[2].left.px, rows[2].left.words) == (None, "unusable")


def test_without_a_scale_there_are_pixels_alone(project: Project) -> None:
    world = World(project, region__row_mm=None, region__col_mm=None, region__source="none")
    world.read(world.reader_a, 1, px=60.0, marks={2: (ALL, MINE)})
    world.predict(1, None, thickness_px=52.0, masks={2: box(10, 10, 10, 12)})

    row = table(world)[2]

    assert (row.left.px, row.left.mm2, row.right.px, row.right.mm2) == (100, None, 120, None)
    assert (row.area, row.area_unit) == (20, "px")


def test_two_pipelines_are_told_frame_by_frame(world: World) -> None:
    world.predict(1, 5.6, masks={2: MINE})
    first, world.pipeline = (
        world.pipeline,
        PipelineFactory(project=world.project, name="PlaqueNet 0.2", state="retired"),
    )
    world.predict(1, 5.6, masks={2: THEIRS})

    rows = table(world, left=f"pipeline.{first.pk}", right=f"pipeline.{world.pipeline.pk}")

    assert rows[2].dice == pytest.approx(0.7)
    assert [rows[n].compared for n in (1, 2, 3, 4)] == [True, True, True, True]


def test_chords_of_a_signed_read_are_measured_once(compared: World, django_assert_num_queries: Any) -> None:
    cache.clear()
    first = table(compared)[2].left

    again = table(compared)[2].left

    assert first == again
    assert first.mm is not None
    assert cache.get(f"mask-lengths:{compared.compare().read.pk}")  # type: ignore[union-attr]


def test_the_walk_goes_from_the_largest_disagreement_to_the_smallest(world: World) -> None:
    marks = {1: (ALL, MINE), 2: (ALL, MINE), 3: (INDEX, MINE), 4: (ALL, MINE)}
    world.read(world.reader_a, 1, 6.0, marks=marks)
    world.predict(1, 5.6, masks={1: THEIRS, 2: box(40, 40, 4, 4), 3: box(40, 40, 4, 4), 4: MINE})

    document = compare_payload(world.compare())

    assert [place["frame"] for place in document["differing"]] == [2, 1, 4, 3]
    assert document["largest_difference"] == document["differing"][0]


def test_the_csv_leaves_empty_what_is_unknown(compared: World, browser_of: Browser) -> None:
    url = f"/p/{compared.project.slug}/cases/{compared.case.pk}/frames.csv"

    rows = list(csv.DictReader(io.StringIO(browser_of(compared.coordinator).get(url).content.decode())))

    assert (rows[3]["left area px"], rows[3]["left says"], rows[3]["dice"]) == ("", "not marked: unknown", "")
    assert (rows[1]["left area mm2"], rows[1]["dice"], rows[1]["area difference"]) == ("25.0", "0.70", "0.0 mm²")
    assert rows[0]["left area px"] == "0"


def test_the_frames_are_hidden_from_whom_the_case_is_hidden_from_and_a_model_shown_is_kept(
    compared: World, api: Api, browser_of: Browser
) -> None:
    path, page = (
        f"/api/v1/cases/{compared.case.pk}/frames/",
        f"/p/{compared.project.slug}/cases/{compared.case.pk}/frames.csv",
    )
    assert api(compared.coordinator).get(path).json()[3]["left"] == {"words": "not marked: unknown"}
    assert Showing.objects.get(user=compared.coordinator).study == compared.study
    compared.assign(compared.coordinator, state="opened")

    for user in (compared.coordinator, compared.reader_b, UserFactory()):
        assert api(user).get(path).status_code == 404
        assert browser_of(user).get(page).status_code == 404


def test_queries_do_not_grow_with_the_frames(compared: World, django_assert_max_num_queries: Any) -> None:
    comparison = compared.compare()
    frame_rows(comparison)

    with django_assert_max_num_queries(2):
        frame_rows(comparison)
