from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from inference.types import rle_encode
from plaqueweb.review.overlap import FrameDice, frame_dice, overlap_px
from tests.factories import PipelineFactory
from tests.plaqueweb.review.world import ALL, INDEX, NONE, UNUSABLE, World, box

GRID = arrays(np.bool_, (5, 7))


@given(GRID, GRID)
def test_pixels_in_common_are_counted_from_run_lengths_as_on_the_grid(a: np.ndarray, b: np.ndarray) -> None:  # type: ignore[type-arg]
    assert overlap_px(rle_encode(a), rle_encode(b)) == (a.sum(), b.sum(), (a & b).sum())


def compared(world: World) -> list[FrameDice]:
    return frame_dice(*world.compare().pair)


def test_dice_is_told_for_marked_frames_only_and_says_which_were_declared(world: World) -> None:
    mine, theirs = box(10, 10, 10, 10), box(10, 13, 10, 10)  # 2·70 / 200
    empty = np.zeros((48, 64), dtype=bool)
    marks = {1: (ALL, mine), 2: (INDEX, mine), 3: (NONE, None), 4: (UNUSABLE, None)}
    world.read(world.reader_a, 1, 5.0, marks=marks)
    world.predict(1, 5.0, masks={1: theirs, 2: empty, 3: empty, 4: theirs})

    found = compared(world)

    assert [(one.place[1], one.value, one.declared) for one in found] == [
        (1, pytest.approx(0.7), True),
        (2, 0.0, False),
        (3, None, True),
    ]


def test_with_two_regions_only_the_annotated_one_is_compared(world: World) -> None:
    world.clip.regions.all().delete()
    for number, (x0, x1) in enumerate([(0, 31), (32, 63)], start=1):
        world.clip.regions.create(number=number, x0=x0, x1=x1, y0=0, y1=47, row_mm=0.5, col_mm=0.5, source="us_region")
    left, right = box(10, 10, 10, 10), box(10, 40, 10, 10)
    world.read(world.reader_a, 1, 5.0, marks={1: (ALL, left)})
    world.predict(1, 5.0, masks={1: left | right})

    found = compared(world)

    assert found[0].value == 1.0


def test_two_reads_are_compared_on_frames_that_both_marked(world: World) -> None:
    mine, theirs = box(10, 10, 10, 10), box(10, 13, 10, 10)
    world.read(world.reader_a, 1, 5.0, marks={1: (ALL, mine), 2: (ALL, mine), 3: (NONE, None)})
    second = world.read(world.reader_b, 1, 5.0, marks={2: (ALL, theirs), 3: (INDEX, mine), 4: (ALL, mine)})

    found = frame_dice(*world.compare(right=f"read.{second.pk}").pair)

    assert [(one.place[1], one.value, one.declared) for one in found] == [
        (2, pytest.approx(0.7), True),
        (3, 0.0, False),
    ]


def test_two_pipelines_are_compared_on_every_frame_region_by_region(world: World) -> None:
    mine, theirs = box(10, 10, 10, 10), box(10, 13, 10, 10)
    world.predict(1, 5.0, masks={1: mine, 2: mine})
    world.pipeline = PipelineFactory(project=world.project, name="PlaqueNet 0.2", state="retired")
    world.predict(1, 5.0, masks={2: theirs})

    found = frame_dice(*world.compare(left=f"pipeline.{world.pipeline.pk}").pair)

    assert [(one.place[1], one.value) for one in found] == [(1, 0.0), (2, pytest.approx(0.7)), (3, None), (4, None)]
    assert (found[0].left_px, found[0].right_px) == (0, 100)
