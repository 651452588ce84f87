from __future__ import annotations

import numpy as np
import pytest

from plaqueweb.reads.models import FrameAnnotation, FrameMask
from plaqueweb.review.masks import ModelMasks, frame_dice, lesion_masks, marked_frames, polygon_mask
from tests.plaqueweb.review.world import ALL, INDEX, NONE, UNUSABLE, World, box


def test_a_polygon_holds_the_pixels_whose_centres_lie_within() -> None:
    square = polygon_mask([[10, 5], [20, 5], [20, 9], [10, 9]], (48, 64))

    assert square.sum() == 10 * 4
    assert square[5, 10]
    assert square[8, 19]
    assert not square[9, 10]
    assert not square[5, 20]


def test_a_polygon_that_leaves_the_picture_is_cut_and_a_line_holds_nothing() -> None:
    assert polygon_mask([[-10, -10], [100, -10], [100, 100], [-10, 100]], (48, 64)).all()
    assert not polygon_mask([[1, 1], [20, 20]], (48, 64)).any()


def test_a_circle_has_the_area_of_a_circle() -> None:
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    circle = [[32 + 20 * np.cos(a), 24 + 20 * np.sin(a)] for a in angles]

    assert polygon_mask(circle, (48, 64)).sum() == pytest.approx(np.pi * 400, rel=0.01)


def test_masks_come_back_as_they_were_stored_and_erased_ones_are_empty(world: World) -> None:
    mask = box(3, 4, 5, 6)
    read = world.read(world.reader_a, 1, 5.0, marks={2: (ALL, mask)})
    row = FrameMask.objects.get(annotation__read=read)

    assert np.array_equal(lesion_masks(row)[1], mask)

    row.rle = None
    assert lesion_masks(row) == {}


def test_dice_is_told_for_marked_frames_only_and_says_which_were_declared(world: World) -> None:
    mine, theirs = box(10, 10, 10, 10), box(10, 13, 10, 10)  # 2·70 / 200
    empty = np.zeros((48, 64), dtype=bool)
    marks = {1: (ALL, mine), 2: (INDEX, mine), 3: (NONE, None), 4: (UNUSABLE, None)}
    read = world.read(world.reader_a, 1, 5.0, marks=marks)
    prediction = world.predict(1, 5.0, masks={1: theirs, 2: empty, 3: empty, 4: theirs})
    annotations = FrameAnnotation.objects.filter(read=read).select_related("mask", "clip")
    model = ModelMasks.of(prediction.clips.select_related("masks"))

    found = frame_dice(marked_frames(annotations), model, {world.clip.pk: world.clip})

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
    read = world.read(world.reader_a, 1, 5.0, marks={1: (ALL, left)})
    prediction = world.predict(1, 5.0, masks={1: left | right})
    annotations = FrameAnnotation.objects.filter(read=read).select_related("mask", "clip")

    found = frame_dice(
        marked_frames(annotations), ModelMasks.of(prediction.clips.select_related("masks")), {world.clip.pk: world.clip}
    )

    assert found[0].value == 1.0
