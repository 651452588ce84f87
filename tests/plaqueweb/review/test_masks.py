from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.types import rle_decode, rle_encode
from plaqueweb.reads.models import FrameAnnotation, FrameMask, Read
from plaqueweb.review.masks import ModelMasks, lesion_runs, marked_frames, polygon_mask
from tests.plaqueweb.review.world import ALL, World, box


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


@given(
    st.lists(
        st.tuples(st.integers(-16, 80), st.integers(-16, 64)).map(lambda p: [p[0] / 2, p[1] / 2]),
        min_size=3,
        max_size=9,
    )
)
def test_every_pixel_of_a_polygon_is_told_by_the_edges_on_its_left(points: list[list[float]]) -> None:
    rows, columns = 24, 32
    expected = np.zeros((rows, columns), dtype=bool)
    for row, column in np.ndindex(rows, columns):
        x, y = column + 0.5, row + 0.5
        for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
            if (y0 <= y) != (y1 <= y) and x0 + (y - y0) * (x1 - x0) / (y1 - y0) < x:
                expected[row, column] ^= True

    assert np.array_equal(polygon_mask(points, (rows, columns)), expected)


def test_a_mask_is_decoded_once_and_nobody_can_write_on_it(world: World) -> None:
    read = world.read(world.reader_a, 1, 5.0, marks={2: (ALL, box(3, 4, 5, 6))})
    prediction = world.predict(1, 5.0, masks={2: box(3, 4, 5, 6)}, aorta=box(0, 0, 20, 20))
    model = ModelMasks.of(prediction.clips.select_related("masks"))
    marked = marked_frames(FrameAnnotation.objects.filter(read=read).select_related("mask", "clip"))
    mine = marked[(world.clip.pk, 2, 1)]

    assert model.plaque(world.clip.pk, 2) is model.plaque(world.clip.pk, 2)
    assert mine.plaque is mine.plaque
    for mask in (mine.plaque, model.plaque(world.clip.pk, 2), model.aorta(world.clip.pk, 2)):
        assert mask is not None
        with pytest.raises(ValueError, match="read-only"):
            mask[0, 0] = True


def test_several_lesions_are_one_plaque(world: World) -> None:
    read = Read.objects.create(assignment=world.assign(world.reader_a), reader_class=1)
    row = FrameAnnotation.objects.create(read=read, clip=world.clip, frame=2, extent=ALL)
    packed = zlib.compress(json.dumps({"1": rle_encode(box(3, 4, 5, 6)), "2": rle_encode(box(6, 4, 5, 6))}).encode())
    FrameMask.objects.create(annotation=row, rows=48, columns=64, rle=packed, sha256="0" * 64)

    marked = marked_frames(FrameAnnotation.objects.filter(read=read).select_related("mask", "clip"))
    mine = marked[(world.clip.pk, 2, 1)]

    assert np.array_equal(mine.plaque, box(3, 4, 8, 6))
    assert (sorted(mine.lesions), mine.area_px) == ([1, 2], 48)


def test_masks_come_back_as_they_were_stored_and_erased_ones_are_empty(world: World) -> None:
    mask = box(3, 4, 5, 6)
    read = world.read(world.reader_a, 1, 5.0, marks={2: (ALL, mask)})
    row = FrameMask.objects.get(annotation__read=read)

    assert np.array_equal(rle_decode(lesion_runs(row)[1], (48, 64)), mask)

    row.rle = None
    assert lesion_runs(row) == {}
