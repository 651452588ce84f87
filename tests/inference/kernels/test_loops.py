"""Every compiled loop gives what plain numpy gives, on masks of any kind and on drawn vessels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy import ndimage

from inference import border, outer, thickness, walls
from inference.kernels import grid, oval, paint, rays
from inference.preprocess import Canvas
from inference.profiles import _ALL, _ANY, _SOLID, STALK_MM, _free_mask, _free_parts, measure_vessel
from inference.thickness import FREE_REACH_MM, WallProfile
from inference.types import LUMEN, PLAQUE, RegionBox, Spacing, rle_encode
from inference.vessel import _MARGIN, Vessel, least_area_px
from tests.inference.kernels import drawn, plain

seeds = st.integers(0, 2**20)
spacings = st.tuples(st.floats(0.15, 0.5), st.floats(0.15, 0.5)) | st.just((1.0, 1.0))
labels_of_any_kind = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=20), elements=st.integers(0, 3))
lines = arrays(np.float64, st.just(walls.RAYS), elements=st.floats(0, 9) | st.just(0.0))
quick = settings(max_examples=40, deadline=None)


def wall_of(labels: NDArray[np.uint8], spacing: Spacing) -> tuple[NDArray[np.float64], ...]:
    """Curve, normals and arcs of a drawn vessel by plain numpy."""
    curve = walls.outline_of(labels > 0, spacing)
    return curve, walls.inward_normals(curve), walls.arc_steps(curve)


def spans_of(mask: NDArray[np.bool_], spacing: Spacing) -> NDArray[np.float64]:
    return np.array([float(span[0]) for span in walls._spans(mask[None], spacing)])


def chords_of(mask: NDArray[np.bool_], curve: NDArray[np.float64], spacing: Spacing) -> tuple[NDArray[np.float64], ...]:
    """Begin and length of the chords along a wall by plain numpy."""
    normal = walls.inward_normals(curve)[None]
    begin, end = walls.first_runs(walls.stacked([mask]), curve[None], normal, spacing)
    return begin[0], walls.across_wall(curve[None], normal, end, end - begin, spacing)[0]


@quick
@given(labels_of_any_kind, st.floats(0.05, 2.0))
def test_pieces_are_numbered_and_freed_of_specks_and_pinholes(labels: NDArray[np.uint8], pixel: float) -> None:
    pieces, areas, small, box = grid.pieces_of(labels, PLAQUE, 1.0 / pixel, 2.0 / pixel)

    expected, expected_areas, expected_small = plain.plaque_pieces(labels == PLAQUE, (pixel, 1.0), 1.0)
    assert np.array_equal(pieces, expected)
    assert (areas.tolist(), small) == (expected_areas.tolist(), expected_small)
    rows, columns = np.nonzero(pieces)
    corners = [rows.min(), rows.max() + 1, columns.min(), columns.max() + 1] if rows.size else [0, 0, 0, 0]
    assert box.tolist() == corners


@quick
@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)), st.sampled_from([0, 1]))
def test_joined_runs_are_the_components_of_scipy(mask: NDArray[np.bool_], reach: int) -> None:
    first, start, stop = grid.runs_of(mask.view(np.uint8))
    piece, count = grid.joined(first, start, stop, reach)

    out = np.zeros(mask.shape, dtype=np.int64)
    for row in range(mask.shape[0]):
        for run in range(first[row], first[row + 1]):
            out[row, start[run] : stop[run]] = piece[run]
    expected, expected_count = ndimage.label(mask, structure=np.ones((3, 3)) if reach else None)
    assert count == expected_count
    assert np.array_equal(out, expected)


@quick
@given(labels_of_any_kind, seeds, st.tuples(*[st.integers(0, 3)] * 4))
def test_run_lengths_are_those_of_the_whole_picture(
    labels: NDArray[np.uint8], seed: int, around: tuple[int, int, int, int]
) -> None:
    pieces = np.where(np.random.default_rng(seed).random(labels.shape) < 0.3, 7, 0).astype(np.uint8)
    above, below, left, right = around
    size = (labels.shape[0] + above + below, labels.shape[1] + left + right)

    found = grid.rle_of(labels, pieces, np.array((above, left)), np.array(size))

    plaque = pieces > 0
    lumen = (labels == LUMEN) & ~plaque
    for runs, mask in zip(found, (plaque, lumen, (labels > 0) & ~plaque & ~lumen), strict=True):
        assert runs.tolist() == rle_encode(np.pad(mask, ((above, below), (left, right))))


@quick
@given(labels_of_any_kind)
def test_what_is_counted(labels: NDArray[np.uint8]) -> None:
    size, sums, boxes = paint.counted(labels)

    assert size.tolist() == [int((labels == label).sum()) for label in range(4)]
    assert sums.tolist() == [float(line.sum()) for line in np.nonzero(labels)]
    for box, mask in zip(boxes, (labels > 0, labels > 1), strict=True):
        rows, columns = np.nonzero(mask)
        corners = [rows.min(), rows.max() + 1, columns.min(), columns.max() + 1] if rows.size else [0, 0, 0, 0]
        assert box.tolist() == corners


@quick
@given(seeds, st.sampled_from([0.0, 2.0, 5.0]))
def test_the_largest_vessel_is_cut_out_of_the_outputs(seed: int, noise: float) -> None:
    canvas = Canvas(RegionBox(1, 0, 0, 499, 399, 0.2, 0.2, "us_region"))
    logits = drawn.outputs(seed, noise=noise)

    finite, box, part = grid.cut_vessel(logits, least_area_px(canvas), _MARGIN)

    expected = plain.part_of(logits, canvas)
    assert finite
    assert (part.size == 0) == (expected is None)
    if expected is not None:
        assert box.tolist() == [
            expected.box[0].start,
            expected.box[0].stop,
            expected.box[1].start,
            expected.box[1].stop,
        ]
        assert np.array_equal(part, expected.margins)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_outputs_that_are_no_numbers_give_no_vessel(odd: float) -> None:
    logits = drawn.outputs(4)
    logits[2, 190, 3] = odd

    finite, _, part = grid.cut_vessel(logits, 1.0, _MARGIN)

    assert not finite
    assert part.size == 0


@quick
@given(seeds, st.floats(0.08, 0.8), st.floats(0.08, 0.8), st.booleans())
def test_labels_on_the_source_grid(seed: int, down: float, across: float, calibrated: bool) -> None:
    spacing = (down, across) if calibrated else (None, None)
    canvas = Canvas(RegionBox(1, 3, 5, 402, 304, *spacing, "us_region"))
    found = plain.part_of(drawn.outputs(seed), canvas)
    assert found is not None
    rows, columns = canvas.source_box(found.box)
    box = np.array([found.box[0].start, found.box[0].stop, found.box[1].start, found.box[1].stop])
    source = np.array([rows.start, rows.stop, columns.start, columns.stop])

    labels, lumen = paint.paint(found.margins, box, source, *canvas.way_back, canvas.size)

    expected = plain.arg_largest(canvas.back(found.margins, found.box))
    assert np.array_equal(labels, expected)
    assert lumen == bool((expected == LUMEN).any())


@quick
@given(seeds, st.floats(0.05, 1.2), st.floats(0.05, 1.2), st.sampled_from(["grey", "colour", "strided", "no scale"]))
def test_the_way_to_the_canvas_is_the_product_of_two_matrices(seed: int, down: float, across: float, kind: str) -> None:
    rng = np.random.default_rng(seed)
    height, width, x0, y0 = (int(value) for value in (*rng.integers(30, 300, 2), *rng.integers(0, 9, 2)))
    picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture = {"colour": picture, "strided": picture[..., 0]}.get(kind, np.ascontiguousarray(picture[..., 0]))
    spacing = (None, None) if kind == "no scale" else (down, across)
    canvas = Canvas(RegionBox(1, x0, y0, width - 1, height - 1, *spacing, "us_region"))

    assert np.array_equal(canvas.frame(picture), plain.on_canvas(canvas, picture))


@quick
@given(seeds, st.sampled_from([0.3, 0.45, None]), st.booleans())
def test_the_oval_and_its_cut(seed: int, px_mm: float | None, shown: bool) -> None:
    canvas = Canvas(RegionBox(1, 0, 0, 499, 399, 0.2, 0.2, "us_region"))
    found = plain.part_of(drawn.outputs(seed), canvas)
    assert found is not None
    picture = np.random.default_rng(seed).integers(0, 20, found.margins.shape[1:], dtype=np.uint8)
    picture[:, : picture.shape[1] // 3] = 0
    ours, theirs = found.margins.copy(), found.margins.copy()

    outer.trim(ours, px_mm, picture if shown else None)

    plain.trim([theirs], px_mm, [picture] if shown else None)
    assert np.allclose(ours, theirs, atol=1e-4, rtol=1e-5)
    assert np.array_equal(ours > 0, theirs > 0)


@quick
@given(st.lists(st.floats(5, 20), min_size=outer.RAYS, max_size=outer.RAYS), seeds)
def test_the_fit_of_an_oval(radius: list[float], seed: int) -> None:
    weight = np.random.default_rng(seed).choice([0.0, 0.2, 1.0], outer.RAYS)
    expected, found = plain.ovals(np.array([radius]), weight[None])

    ours = outer.oval(np.array(radius), weight)

    assert (ours is not None) == bool(found[0])
    if ours is not None:
        assert ours == pytest.approx(expected[0], abs=1e-6)


@quick
@given(seeds, spacings, st.sampled_from([0.0, 0.05]))
def test_the_outline_and_its_normals(seed: int, spacing: Spacing, noise: float) -> None:
    labels, scale = drawn.vessel(seed, noise), np.array(spacing)
    centre = walls.centre_of(labels > 0, spacing)

    curve, normal, arc, radius = rays.outline(
        labels, _ANY, centre, spans_of(labels > 0, spacing), scale, walls.directions(walls.RAYS)
    )

    expected, normals, arcs = wall_of(labels, spacing)
    assert np.allclose(curve, expected, atol=1e-9)
    assert np.allclose(normal, normals, atol=1e-9)
    assert np.allclose(arc, arcs, atol=1e-9)
    assert np.allclose(radius, np.hypot(*(expected - centre).T), atol=1e-9)


@quick
@given(seeds, spacings, st.sampled_from([0.0, 0.05]), st.booleans())
def test_chords_of_plaque_and_of_all_that_is_no_blood(seed: int, spacing: Spacing, noise: float, solid: bool) -> None:
    labels = drawn.vessel(seed, noise)
    curve, normal, _ = wall_of(labels, spacing)
    mask = labels > 1 if solid else labels == PLAQUE
    shown, table = (labels, _SOLID) if solid else (np.where(mask, 9, 0).astype(np.uint8), _ANY)

    begin, length = rays.chords(shown, table, spans_of(mask, spacing), curve, normal, _ALL, np.array(spacing))

    expected_begin, expected = chords_of(mask, curve, spacing)
    assert np.allclose(begin, expected_begin, atol=1e-9)
    assert np.allclose(length, expected, atol=1e-9)


@quick
@given(seeds)
def test_rays_that_are_not_looked_at_have_no_chord(seed: int) -> None:
    labels = drawn.vessel(seed)
    curve, normal, _ = wall_of(labels, (0.3, 0.3))
    look = np.arange(walls.RAYS) % 3 == 0
    spans = spans_of(labels > 1, (0.3, 0.3))

    begin, length = rays.chords(labels, _SOLID, spans, curve, normal, look, np.array((0.3, 0.3)))

    assert not begin[~look].any()
    assert not length[~look].any()
    assert length[look].any()


@quick
@given(lines, st.floats(0.1, 2.0), st.sampled_from([0.5, 1.5, 6.0]))
def test_the_running_median(line: NDArray[np.float64], arc: float, width: float) -> None:
    count = max(3, 2 * round((width / arc - 1) / 2) + 1)

    assert np.array_equal(rays.median_of(line, count), walls.running_median(line, arc, width))


@quick
@given(lines, st.sampled_from([1, 3, 9, 31]))
def test_the_greatest_and_the_least_value_around(line: NDArray[np.float64], size: int) -> None:
    assert np.array_equal(rays.spread(line, size, True), ndimage.maximum_filter1d(line, size, mode="wrap"))
    assert np.array_equal(rays.spread(line, size, False), ndimage.minimum_filter1d(line, size, mode="wrap"))


@quick
@given(lines, st.floats(0.2, 1.0), st.integers(0, 4000))
def test_the_quick_look_for_a_mobile_part(line: NDArray[np.float64], arc: float, pixels: int) -> None:
    mask = np.zeros((64, 64), dtype=np.bool_)
    mask.ravel()[:pixels] = True
    arcs, unit = np.full(line.size, arc), 1.3
    limits = (thickness.SPIKE_WIDTH_MM * unit, thickness.SPIKE_MM * unit, thickness.UNEXPLAINED_MM2 * unit**2)

    found = rays.may_hold_free_part(line, arcs, pixels * 0.09 if pixels <= 4096 else 0.0, *limits)

    assert found == thickness._may_hold_free_part(mask, line, arcs, (0.3, 0.3), unit)


@quick
@given(seeds, st.tuples(st.floats(0.15, 0.5), st.floats(0.15, 0.5)), st.sampled_from([0.0, 0.02]))
def test_mobile_parts_and_what_is_told_of_them(seed: int, spacing: Spacing, noise: float) -> None:
    labels, scale = drawn.vessel(seed, noise), np.array(spacing)
    pieces = np.where(labels == PLAQUE, 1, 0).astype(np.uint8)
    curve, normal, arc = wall_of(labels, spacing)
    begin, raw = chords_of(pieces > 0, curve, spacing)
    centre = walls.centre_of(labels > 0, spacing)

    free = _free_mask(labels, pieces, scale, STALK_MM, FREE_REACH_MM)

    expected = walls.mobile_part(pieces > 0, labels > 0, spacing, STALK_MM, FREE_REACH_MM)
    assert (free is None) == (expected is None)
    if free is None or expected is None:
        return
    assert free.steps == expected.steps
    assert np.array_equal(free.mask, expected.mask)
    assert np.allclose(free.away[free.mask], expected.away[free.mask], atol=1e-9)
    ours = rays.bridged(raw, begin, curve, normal, free.mask.view(np.uint8), scale * free.steps)
    assert np.allclose(ours, thickness._without_free(raw, begin, curve, normal, expected, spacing), atol=1e-9)
    told = _free_parts(WallProfile(curve, normal, begin, raw, raw, arc, free), centre, scale, 1.0)
    wanted = plain.free_parts(WallProfile(curve, normal, begin, raw, raw, arc, expected), centre, spacing, 1.0)
    assert len(told) == len(wanted)
    for one, other in zip(told, wanted, strict=True):
        assert one.ray == other.ray
        assert (*one.head, *one.foot) == pytest.approx((*other.head, *other.foot), abs=1e-9)
        assert (one.area, one.protrusion) == pytest.approx((other.area, other.protrusion), abs=1e-5)


@quick
@given(seeds, st.booleans())
def test_the_grey_along_the_wall_and_its_quality(seed: int, calibrated: bool) -> None:
    spacing = (0.3, 0.25) if calibrated else None
    canvas = Canvas(RegionBox(1, 4, 6, 203, 185, *(spacing or (None, None)), "us_region"))
    image = np.random.default_rng(seed).integers(0, 256, (192, 192), dtype=np.uint8)
    image[:, :40] = 0
    labels = drawn.vessel(seed)
    found = measure_vessel(Vessel(labels, 30, 40), 1, canvas, image)
    unit = 1.0 if calibrated else float(found.profile.radius.mean()) / 12.0

    grey = border.read(image, Vessel(labels, 30, 40), canvas, found.wall, found.profile.solid.astype(float), unit)

    solids = found.profile.solid[None].astype(float)
    (wanted,) = plain.grey_of(image[None], [Vessel(labels, 30, 40)], canvas, [found.wall], solids, np.array([unit]))
    assert grey.keys() == wanted.keys()
    for name, values in grey.items():
        assert np.allclose(values, wanted[name], atol=1e-4, equal_nan=True), name
    assert border.quality_of(grey) == pytest.approx(plain.quality_of(wanted), abs=0.02)


def test_no_pixel_shown_is_no_quality() -> None:
    nothing = np.full((6, walls.RAYS), np.nan, dtype=np.float32)

    assert rays.clear_share(nothing, 10.0) == 0.0
    nothing[1] = 50.0
    assert rays.clear_share(nothing, 10.0) == 1.0


@quick
@given(lines, arrays(np.uint8, st.just(walls.RAYS), elements=st.integers(0, 5)))
def test_the_longest_chord_of_each_piece(length: NDArray[np.float64], owner: NDArray[np.uint8]) -> None:
    best = rays.longest(owner, length, 4)

    for number in range(1, 5):
        mine = np.where(owner == number, length, 0.0)
        assert best[number] == (int(mine.argmax()) if mine.max() > 0 else -1)


@quick
@given(seeds, spacings)
def test_owners_are_looked_up_in_the_chords(seed: int, spacing: Spacing) -> None:
    labels = drawn.vessel(seed)
    pieces = grid.pieces_of(labels, PLAQUE, 3.0, 6.0)[0]
    curve, normal, _ = wall_of(labels, spacing)
    begin, length = chords_of(pieces > 0, curve, spacing)

    owner = rays.owners(pieces, curve, normal, begin, length, np.array(spacing))

    wanted = np.zeros(walls.RAYS, dtype=np.uint8)
    for share in (0.6, 0.3):
        place = (curve + normal * (begin + share * length)[:, None]) / spacing
        here = walls.nearest(pieces[None], np.zeros(1, dtype=np.intp), place[:, 0], place[:, 1])
        wanted = np.where(here > 0, here, wanted)
    assert np.array_equal(owner, np.where(length > 0, wanted, 0))


def test_an_oval_cut_leaves_what_lies_inside() -> None:
    part = np.full((3, 40, 40), 5.0, dtype=np.float32)

    oval.cap(part, np.array([20.0, 20.0]), np.array([10.0, 0, 0, 0, 0]), 0.5, 6.0)

    assert (part[:, 20, 20] == 5.0).all()
    assert (part[:, 20, 32] < 0).all()
