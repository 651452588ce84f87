from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from inference.phantom import PhantomSpec, random_spec, simulate_clip
from inference.phantom.ink import Ink, text_mask
from inference.phantom.marks import (
    Caliper,
    DepthScale,
    EcgStrip,
    FocusMarker,
    GreyBar,
    Logo,
    Pointer,
    ProbeDial,
    SectorLine,
    TextBlock,
)
from inference.phantom.overlay import OverlaySpec, colour_overlay, draw_on_canvas, draw_overlay, random_overlay
from inference.phantom.simulate import spacing_of
from inference.preprocess import colour_share
from inference.types import RegionBox

SPEC = PhantomSpec(seed=3)
MARKS = {
    "ticks right": DepthScale(),
    "ticks left": DepthScale("left", "dots", 5.0),
    "numbers": DepthScale("right", "numbers"),
    "focus": FocusMarker(),
    "hourglass": FocusMarker("left", "hourglass"),
    "focus bar": FocusMarker(style="bar"),
    "grey bar": GreyBar(0.1, 0.95, 0.3, framed=True),
    "ecg inside": EcgStrip(inside=True),
    "ecg below": EcgStrip(cursor="line"),
    "ecg upside down": EcgStrip(inverted=True, cursor="dot"),
    "text": TextBlock(("TEE 62 Hz", "Gain 54"), 0.02, 0.02),
    "text in the sector": TextBlock(("MI 0.4",), 0.4, 0.4, "box", boxed=True),
    "blob": Logo("blob", 0.05, 0.95),
    "rings": Logo("rings", 0.05, 0.5),
    "wedge": Logo("wedge", 0.9, 0.1),
    "caliper": Caliper((-12.0, 0.0), (12.0, 0.0)),
    "crossed caliper": Caliper((0.0, 9.0), (0.0, 12.0), "x", "solid"),
    "round caliper": Caliper((0.0, 9.0), (3.0, 12.0), "circle", "none", label=None),
    "dial": ProbeDial(37, 0.1, 0.9),
    "sector line": SectorLine(),
    "arrow": Pointer("arrow", 0.5, 0.5),
    "cross-hair": Pointer("cross-hair", 0.3, 0.6),
}


def drawn(overlay: OverlaySpec, spec: PhantomSpec = SPEC, frame_number: int = 0, grey: int = 0) -> np.ndarray:
    picture = np.full((spec.rows, spec.columns), grey, dtype=np.uint8)
    draw_overlay(picture, spec, overlay, frame_number, spacing_of(spec))
    return picture


@pytest.mark.parametrize("name", MARKS)
def test_every_mark_is_visible_on_black_and_on_grey(name) -> None:
    overlay = OverlaySpec((MARKS[name],))

    assert (drawn(overlay) >= 90).sum() >= 4
    assert (drawn(overlay, grey=60) != 60).sum() >= 4


@pytest.mark.parametrize("name", MARKS)
@pytest.mark.parametrize("softness", [0.0, 0.7])
def test_a_mark_on_a_grey_colour_picture_stays_grey_and_equals_the_grey_one(name, softness) -> None:
    overlay = OverlaySpec((MARKS[name],), softness)
    colour = np.full((SPEC.rows, SPEC.columns, 3), 60, dtype=np.uint8)

    draw_overlay(colour, SPEC, overlay, 2, spacing_of(SPEC))

    assert np.array_equal(colour, np.repeat(drawn(overlay, frame_number=2, grey=60)[..., None], 3, axis=2))


def test_equal_seeds_give_equal_overlays_and_bytes_and_other_seeds_others() -> None:
    first, second, other = (random_overlay(np.random.default_rng(seed), amount=2.0) for seed in (8, 8, 9))

    assert first == second
    assert hash(first) == hash(second)
    assert first != other
    assert np.array_equal(drawn(first), drawn(second))
    assert not np.array_equal(drawn(first), drawn(other))


def test_labels_and_truth_stay_as_they_are_and_the_picture_changes() -> None:
    spec = random_spec(np.random.default_rng(4), "thick")
    crowded = random_overlay(np.random.default_rng(1), amount=5.0)

    bare = simulate_clip(replace(spec, overlay=None), 2)
    marked = simulate_clip(replace(spec, overlay=crowded), 2)

    assert np.array_equal(bare.labels, marked.labels)
    assert bare.truth == marked.truth
    assert bare.region == marked.region
    assert (bare.frames != marked.frames).any(axis=(1, 2)).all()


def test_without_an_overlay_nothing_stands_outside_the_region() -> None:
    clip = simulate_clip(replace(random_spec(np.random.default_rng(4), "none"), overlay=None), 1)
    r = clip.region
    outside = clip.frames[0].copy()

    outside[r.y0 : r.y1 + 1, r.x0 : r.x1 + 1] = 0

    assert outside.max() == 0


@pytest.mark.parametrize("seed", range(12))
def test_crowded_overlays_fit_small_large_and_narrow_pictures(seed) -> None:
    rng = np.random.default_rng(seed)
    sizes = ((64, 80, 6, 4, 50, 60), (1080, 1920, 90, 400, 900, 1100), (480, 300, 0, 0, 480, 300))

    for rows, columns, top, left, box_rows, box_columns in sizes:
        spec = replace(SPEC, rows=rows, columns=columns, top=top, left=left, box_rows=box_rows, box_columns=box_columns)
        picture = drawn(random_overlay(rng, amount=9.0), spec, frame_number=seed)
        assert picture.shape == (rows, columns)
        assert picture.any()


def test_what_stands_beyond_one_edge_does_not_come_back_at_the_other() -> None:
    beyond = OverlaySpec((Pointer("cross-hair", -2.0, -2.0), Logo("blob", -0.5, 0.5), Pointer("arrow", 3.0, 0.5)))

    assert drawn(beyond).max() == 0


def test_text_is_moved_so_that_it_stands_whole_in_the_picture() -> None:
    ink = Ink(60, 100)
    picture = np.zeros((60, 100), dtype=np.uint8)
    ink.text((58, 97), "HR 71", 255)
    ink.blend(picture)

    assert (picture > 0).sum() == (np.asarray(text_mask("HR 71", 1.0)) > 0).sum()


def test_the_first_letter_of_a_line_is_whole() -> None:
    first, between = np.asarray(text_mask("T", 1.0)), np.asarray(text_mask("  T  ", 1.0))

    assert (first > 0).sum() == (between > 0).sum()


def test_the_sector_line_stays_below_the_probe() -> None:
    rows = np.nonzero(drawn(OverlaySpec((SectorLine(),)), replace(SPEC, apex_mm=10.0)))[0]

    assert rows.min() >= SPEC.top


def test_the_ecg_runs_with_the_time_and_repeats_with_the_heart() -> None:
    overlay = OverlaySpec((EcgStrip(inside=True, sweep_s=2.0),))
    spec = replace(SPEC, heart_rate=75.0, frame_time_ms=40.0)

    start, later, five_beats_later = (drawn(overlay, spec, number) for number in (10, 60, 110))

    assert not np.array_equal(start, later)
    # Rounding may move single samples; the trace as a whole is the same again.
    assert (start != five_beats_later).sum() < 0.1 * (start != later).sum()


def test_an_ecg_inside_stays_in_the_box_and_one_below_leaves_it() -> None:
    bottom = SPEC.top + SPEC.box_rows

    inside = np.nonzero(drawn(OverlaySpec((EcgStrip(inside=True),))))[0]
    below = np.nonzero(drawn(OverlaySpec((EcgStrip(),)), replace(SPEC, box_rows=380)))[0]

    assert inside.max() < bottom
    assert inside.min() > SPEC.top + 0.8 * SPEC.box_rows
    assert below.min() >= SPEC.top + 380


def test_ticks_stand_at_whole_centimetres() -> None:
    rows = np.nonzero(drawn(OverlaySpec()).any(axis=1))[0]
    row_mm = spacing_of(SPEC)[0]

    depths = (rows - SPEC.top) * row_mm

    assert rows.size == 7
    assert depths == pytest.approx(np.arange(7) * 10.0, abs=row_mm)


def test_a_caliper_ends_on_the_aorta_and_names_its_true_distance() -> None:
    caliper = Caliper((-SPEC.radius, 0.0), (SPEC.radius, 0.0), label=None, line="none", glyph="+")

    rows, columns = np.nonzero(drawn(OverlaySpec((caliper,))))
    row_mm, col_mm = spacing_of(SPEC)

    assert caliper.text == "+ 2.40 cm"
    assert np.median(rows) == pytest.approx(SPEC.top + SPEC.centre[1] / row_mm, abs=1.0)
    assert columns.max() - columns.min() - 2 * caliper.reach == pytest.approx(24.0 / col_mm, abs=2.0)


def test_no_text_holds_a_name_a_date_or_a_time() -> None:
    lines = {
        line
        for seed in range(300)
        for mark in random_overlay(np.random.default_rng(seed), amount=9.0).marks
        if isinstance(mark, TextBlock)
        for line in mark.lines
    }

    assert len(lines) > 100
    assert not [line for line in lines if re.search(r"\d[/:-]\d|\d{4}|name|born|\bID\b", line, re.IGNORECASE)]


def test_calipers_are_as_frequent_with_plaque_as_without() -> None:
    """The overlay is drawn from the generator alone: it cannot know the plaque."""
    counts = [
        sum(isinstance(mark, Caliper) for mark in random_overlay(np.random.default_rng(seed)).marks)
        for seed in range(400)
    ]

    assert 0.15 < np.mean([count > 0 for count in counts]) < 0.4


def test_an_amount_of_zero_draws_nothing_and_a_bad_one_is_refused() -> None:
    assert random_overlay(np.random.default_rng(0), amount=0.0).marks == ()
    for amount in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="amount"):
            random_overlay(np.random.default_rng(0), amount=amount)


def test_other_pictures_than_the_spec_describes_are_refused() -> None:
    with pytest.raises(ValueError, match="480 x 640"):
        draw_overlay(np.zeros((100, 100), dtype=np.uint8), SPEC, OverlaySpec(), 0, (0.1, 0.1))
    with pytest.raises(ValueError, match="uint8"):
        draw_overlay(np.zeros((480, 640)), SPEC, OverlaySpec(), 0, (0.1, 0.1))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rows, columns, 3"):
        draw_overlay(np.zeros((480, 640, 4), dtype=np.uint8), SPEC, OverlaySpec(), 0, (0.1, 0.1))


def test_a_colour_box_makes_a_colour_frame_and_leaves_the_rest_grey() -> None:
    clip = simulate_clip(random_spec(np.random.default_rng(2), "none"), 1)
    grey = clip.frames[0]
    r = clip.region
    box = (r.y0 + 20, r.x0 + 60, r.y1 - 60, r.x1 - 60)

    colour = colour_overlay(grey, box=box)

    outside = np.ones(grey.shape, dtype=bool)
    outside[box[0] : box[2] + 1, box[1] : box[3] + 1] = False
    outside[: grey.shape[0] // 5, :10] = False
    assert colour_share(colour, clip.region) > 0.05
    assert colour_share(np.repeat(grey[..., None], 3, axis=2), clip.region) == 0.0
    assert (colour[outside] == grey[outside][:, None]).all()
    assert np.array_equal(colour, colour_overlay(grey, box=box))
    assert not np.array_equal(colour, colour_overlay(grey, box=box, seed=1))


def test_flow_is_shown_in_the_sector_only() -> None:
    grey = np.zeros((120, 160), dtype=np.uint8)
    grey[20:100, 40:120] = 80
    grey[40:80, 60:100] = 0

    colour = colour_overlay(grey, box=(5, 20, 115, 140)).astype(int)

    spread = colour.max(axis=2) - colour.min(axis=2)
    region = RegionBox(number=1, x0=60, y0=40, x1=99, y1=79)
    assert colour_share(colour.astype(np.uint8), region) > 0.3
    spread[20:100, 40:120] = 0
    spread[:24, :10] = 0
    assert spread.max() == 0


@pytest.mark.parametrize("box", [(-1, 0, 10, 10), (5, 5, 5, 20), (0, 0, 10, 60), (20, 5, 10, 8)])
def test_a_colour_box_outside_the_picture_is_refused(box) -> None:
    with pytest.raises(ValueError, match="colour box"):
        colour_overlay(np.zeros((50, 60), dtype=np.uint8), box=box)


def test_canvas_marks_are_seeded_change_the_picture_and_only_a_small_part_of_it() -> None:
    canvas = np.random.default_rng(0).integers(0, 200, (192, 192)).astype(np.uint8)
    shares = []
    for seed in range(200):
        first, second = canvas.copy(), canvas.copy()
        draw_on_canvas(first, np.random.default_rng(seed))
        draw_on_canvas(second, np.random.default_rng(seed))
        assert np.array_equal(first, second)
        shares.append(float(np.mean(first != canvas)))

    assert np.mean([share > 0 for share in shares]) > 0.95
    assert max(shares) < 0.12


def test_canvas_marks_work_on_any_grey_picture_and_refuse_others() -> None:
    for shape in ((192, 192), (64, 96), (12, 12)):
        for seed in range(60):
            draw_on_canvas(np.zeros(shape, dtype=np.uint8), np.random.default_rng(seed))
    for wrong in (np.zeros((192, 192, 3), dtype=np.uint8), np.zeros((192, 192), dtype=np.float32)):
        with pytest.raises(ValueError):
            draw_on_canvas(wrong, np.random.default_rng(0))  # type: ignore[arg-type]
