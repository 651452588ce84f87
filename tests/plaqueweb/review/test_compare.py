from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plaqueweb.core.errors import NotFound
from plaqueweb.core.work import WorkState
from plaqueweb.predictions.models import ClipPrediction
from plaqueweb.reads.models import FrameMask
from plaqueweb.review import services
from plaqueweb.review.lesion_rows import lesions_payload
from plaqueweb.review.numbers import Row, numbers
from plaqueweb.review.payload import compare_payload
from plaqueweb.review.verdict import verdict
from plaqueweb.studies.models import Project
from tests.factories import InferenceJobFactory, PipelineFactory, PredictionFactory
from tests.plaqueweb.review.world import ALL, INDEX, NONE, NOWHERE, World, box

MINE, THEIRS = box(10, 10, 10, 10), box(10, 13, 10, 10)  # 100 px each, 70 in common: Dice 0.70, 25 mm² each


def table(world: World, **chosen: Any) -> dict[str, Row]:
    return {row.key: row for row in numbers(world.compare(**chosen))}


def usual(world: World, mine: int = 1, theirs: int = 1, a: float = 6.0, b: float = 5.6) -> None:
    world.read(world.reader_a, mine, a, marks={2: (ALL, MINE)}, active_seconds=134)
    world.predict(theirs, b, masks={2: THEIRS, 3: box(0, 0, 12, 12)})


def test_class_and_score_stand_in_the_first_line(world: World) -> None:
    usual(world, theirs=0)

    row = table(world)["class"]

    assert (row.left, row.right, row.difference) == ("1 complex", "0 not complex", "differs")
    assert row.how == "calibrated probability 0.83, cut-off 0.50"


def test_thickness_is_model_minus_physician_with_both_ways_of_measuring(world: World) -> None:
    usual(world)

    row = table(world)["thickness"]

    assert (row.left, row.right, row.difference) == ("6.0 mm", "5.6 mm", "−0.4 mm")
    assert row.how == "caliper against mask chord, frames 2 and 3"


def test_area_is_told_on_the_readers_key_frame_in_square_millimetres(world: World) -> None:
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, MINE)})
    world.predict(1, 5.6, masks={2: box(10, 10, 10, 8)})  # 80 px at 0.25 mm²

    row = table(world)["area"]

    assert (row.label, row.left, row.right, row.difference) == (
        "Area, frame 2",
        "25.0 mm²",
        "20.0 mm²",
        "−5.0 mm²",
    )
    assert row.how == "all marked by the reader"


def test_area_of_the_index_lesion_alone_is_not_subtracted_from_all_plaque(world: World) -> None:
    world.read(world.reader_a, 1, 6.0, marks={2: (INDEX, MINE)})
    world.predict(1, 5.6, masks={2: THEIRS})

    row = table(world)["area"]

    assert row.difference == ""
    assert row.how == "reader marked the index lesion only"


def test_a_frame_whose_mask_was_erased_is_unknown_and_not_empty(world: World) -> None:
    wall = [[4, 4], [44, 4], [44, 34], [4, 34]]
    read = world.read(world.reader_a, 1, 6.0, marks={1: (ALL, MINE), 2: (ALL, MINE)}, outline=wall)
    world.predict(1, 5.6, masks={1: MINE, 2: THEIRS}, aorta=box(4, 4, 25, 40))
    FrameMask.objects.filter(annotation__read=read, annotation__frame=2).update(rle=None)

    comparison = world.compare()
    rows = {row.key: row for row in numbers(comparison)}
    payload = compare_payload(comparison)

    assert (rows["dice"].label, rows["dice"].difference) == ("Dice, frame 1", "1.00")
    assert rows["dice"].how == "1 frame fully marked"
    assert "area" not in rows
    assert (rows["ratio"].left, rows["ratio"].difference) == ("–", "")
    assert [one["frame"] for one in payload["dice"]] == [1]
    assert [one["frame"] for one in payload["curve"][str(world.clip.pk)][0]["left"]["dots"]] == [1]
    assert payload["largest_difference"]["frame"] == 1


def test_area_uses_the_spacing_of_each_axis(project: Project) -> None:
    world = World(project, region__row_mm=0.2, region__col_mm=0.7)
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, MINE)})
    world.predict(1, 5.6, masks={2: MINE})

    assert table(world)["area"].left == "14.0 mm²"  # 100 × 0.2 × 0.7


def test_dice_counts_fully_marked_frames_and_gives_their_range(world: World) -> None:
    world.read(world.reader_a, 1, 6.0, marks={1: (ALL, MINE), 2: (ALL, MINE), 3: (INDEX, MINE), 4: (NONE, None)})
    world.predict(1, 5.6, masks={1: MINE, 2: THEIRS, 3: box(30, 30, 5, 5)})

    row = table(world)["dice"]

    assert (row.label, row.difference) == ("Dice, frame 2", "0.70")
    assert row.how == "2 frames fully marked: 0.70 to 1.00, 1 examined, both without plaque"


def test_plaque_the_model_sees_on_a_frame_examined_without_plaque_counts_as_no_overlap(world: World) -> None:
    world.read(world.reader_a, 0, marks={4: (NONE, None)})
    world.predict(0, None, masks={4: THEIRS})

    row = table(world)["dice"]

    assert (row.label, row.difference, row.how) == ("Dice, frame 4", "0.00", "1 frame fully marked")


def test_without_a_fully_marked_frame_there_is_no_dice(world: World) -> None:
    world.read(world.reader_a, 1, 6.0, marks={2: (INDEX, MINE)})
    world.predict(1, 5.6, masks={2: THEIRS})

    assert (table(world)["dice"].difference, table(world)["dice"].how) == ("–", "no frame fully marked")


def test_plaque_share_of_the_aorta_needs_an_outer_wall(world: World) -> None:
    wall = [[4, 4], [44, 4], [44, 34], [4, 34]]  # 40 × 30 = 1200 px
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, box(10, 10, 12, 10))}, outline=wall)  # 120 px: 10 %
    world.predict(1, 5.6, masks={2: box(10, 10, 9, 10)}, aorta=box(4, 4, 25, 40))  # 90 of 1000 px: 9 %

    row = table(world)["ratio"]

    assert (row.left, row.right, row.difference) == ("10 %", "9 %", "−1 points")


def test_the_models_aorta_holds_its_wall_where_it_was_stored(world: World) -> None:
    outer = [[4, 4], [44, 4], [44, 34], [4, 34]]
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, box(10, 10, 12, 10))}, outline=outer)  # 120 px: 10 %
    lumen, aorta = box(5, 5, 20, 40), box(4, 4, 25, 40) | box(5, 5, 20, 40)
    world.predict(1, 5.6, masks={2: box(10, 10, 5, 10)}, aorta=lumen, wall=aorta & ~lumen)  # 50 px of 1020

    row = table(world)["ratio"]

    assert (row.right, row.how) == ("5 %", "area in outer wall")


def test_masks_stored_before_the_wall_was_say_what_the_share_is_of(world: World) -> None:
    outer = [[4, 4], [44, 4], [44, 34], [4, 34]]
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, box(10, 10, 12, 10))}, outline=outer)
    world.predict(1, 5.6, masks={2: box(10, 10, 5, 10)}, aorta=box(5, 5, 20, 40))  # 50 px of 800

    row = table(world)["ratio"]

    assert (row.right, row.how) == ("6 %", "in outer wall; model: lumen and plaque")


def test_times_stand_beside_the_published_mark(world: World) -> None:
    usual(world)

    row = table(world)["time"]

    assert (row.left, row.right) == ("2 min 14 s", "1.3 s")
    assert row.how.startswith("published: 30 min")


def test_reasons_are_the_readers_alone(world: World) -> None:
    world.read(world.reader_a, 1, 3.0, lesion={"ulceration": "yes", "mobile": "unclear", "thrombus": "no"})
    world.predict(1, 3.0)

    row = table(world)["reason"]

    assert (row.left, row.right, row.how) == ("ulceration", "not given", "model has no reasons")


def test_without_a_scale_there_are_pixels_and_no_millimetres_anywhere(project: Project) -> None:
    world = World(project, region__row_mm=None, region__col_mm=None, region__source="none")
    world.read(world.reader_a, 1, px=60.2, marks={2: (ALL, MINE)})
    world.predict(1, None, thickness_px=52.4, masks={2: THEIRS})

    comparison = world.compare()
    rows = {row.key: row for row in numbers(comparison)}

    assert (rows["thickness"].left, rows["thickness"].right, rows["thickness"].difference) == (
        "60 px",
        "52 px",
        "−8 px",
    )
    assert "no scale in the file" in rows["thickness"].how
    assert (rows["area"].left, rows["area"].difference) == ("100 px", "0 px")
    assert not any("mm" in text for row in rows.values() for text in (row.left, row.right, row.difference))
    assert verdict(comparison).text == "Same plaque, same class; model 8 px thinner."
    assert compare_payload(comparison)["curve"][str(world.clip.pk)][0]["unit"] == "px"


@pytest.mark.parametrize(
    ("b", "tail"),
    [
        (5.6, "model 0.4 mm thinner"),
        (6.44, "model 0.4 mm thicker"),
        (6.04, "same thickness"),
        (None, "no thickness to compare"),
    ],
)
def test_the_verdict_says_by_how_much(world: World, b: float | None, tail: str) -> None:
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, MINE)})
    world.predict(1, b, masks={2: THEIRS})

    assert verdict(world.compare()).text == f"Same plaque, same class; {tail}."


def test_the_verdict_tells_another_plaque_from_the_same_one(world: World) -> None:
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, MINE)})
    world.predict(1, 6.0, masks={2: box(35, 45, 8, 8)})

    assert verdict(world.compare()).text == "Different plaque, same class; same thickness."


def test_without_masks_the_verdict_claims_no_plaque_at_all(world: World) -> None:
    world.read(world.reader_a, 1, 6.0)
    world.predict(1, 6.0)

    assert verdict(world.compare()).text == "Same class; same thickness."


def test_both_without_plaque(world: World) -> None:
    world.read(world.reader_a, 0, plaque_present=False)
    world.predict(0, None)

    assert verdict(world.compare()).text == "Same class; both see no plaque."


@pytest.mark.parametrize(
    ("mine", "theirs", "text"),
    [
        (0, 1, "Model: complex (1) · Physician: not complex (0)."),
        (1, 0, "Model: not complex (0) · Physician: complex (1)."),
        (9, 1, "Model: complex (1) · Physician: can’t assess."),
        (1, None, "Model: no result · Physician: complex (1)."),
    ],
)
def test_two_classes_are_both_named(world: World, mine: int, theirs: int | None, text: str) -> None:
    world.read(world.reader_a, mine)
    world.predict(theirs, None, no_result_reason="no aorta" if theirs is None else "")

    found = verdict(world.compare())

    assert found.text == text
    assert ("no aorta found" in found.ground) == (theirs is None)


@pytest.mark.parametrize(
    ("a", "b", "ground"),
    [
        (6.0, 5.6, "Both are 4.0 mm or more."),
        (2.0, 2.5, "Both are below 4.0 mm."),
        (3.95, 3.96, "Both are 4.0 mm or more."),  # as displayed
        (3.9, 4.0, "On two sides of 4.0 mm. Near 4.0 mm."),
        (2.0, 6.0, "On two sides of 4.0 mm."),
    ],
)
def test_the_ground_names_the_cut_off_of_the_rule(world: World, a: float, b: float, ground: str) -> None:
    usual(world, a=a, b=b)

    assert verdict(world.compare()).ground == f"{ground} Descending aorta, lesion 1, matched on frame 2."


def test_without_a_prediction_the_page_says_where_it_is(world: World) -> None:
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, MINE)})
    InferenceJobFactory(study=world.study, pipeline=world.pipeline, work_state=WorkState.QUEUED)

    comparison = world.compare()
    payload = compare_payload(comparison)

    assert payload["prediction"] is None
    assert payload["model_state"] == {"state": "queued", "live": True, "words": "model: queued"}
    assert verdict(comparison).text == "Physician: complex (1). No model result yet."
    assert payload["reason"]["may_note"] is False


def test_the_page_opens_on_the_readers_key_frame_and_knows_the_models(world: World) -> None:
    usual(world)

    payload = compare_payload(world.compare())

    place = {"clip": str(world.clip.pk), "region": 1}
    assert payload["open_at"] == place | {"frame": 2}
    assert payload["model_key"] == place | {"frame": 3}


def test_the_largest_difference_is_the_worst_declared_frame(world: World) -> None:
    world.read(world.reader_a, 1, 6.0, marks={1: (ALL, MINE), 2: (ALL, MINE), 3: (INDEX, MINE)})
    world.predict(1, 5.6, masks={1: THEIRS, 2: MINE, 3: box(40, 40, 4, 4)})

    payload = compare_payload(world.compare())

    assert payload["largest_difference"]["frame"] == 1
    assert [(one["frame"], one["dice"]) for one in payload["dice"]] == [(1, pytest.approx(0.7)), (2, 1.0)]


def test_without_a_key_frame_the_page_opens_on_the_first_marked_one_else_on_the_models(world: World) -> None:
    world.predict(0, None, key_frame=3)
    assert compare_payload(world.compare())["open_at"]["frame"] == 3

    world.read(world.reader_a, 0, marks={4: (NONE, None)})
    assert compare_payload(world.compare())["open_at"]["frame"] == 4


def test_the_curve_has_the_model_on_every_frame_and_the_reader_where_marked(world: World) -> None:
    usual(world)

    (curve,) = compare_payload(world.compare())["curve"][str(world.clip.pk)]

    assert curve == {
        "region": 1,
        "view": "unknown",
        "unit": "mm²",
        "left": {"line": [], "dots": [{"frame": 2, "area": 25.0, "extent": "all_marked"}]},
        "right": {"line": [0.0, 25.0, 36.0, 0.0], "dots": []},
    }


def two_views(world: World, view: str) -> list[dict[str, Any]]:
    """Halve the clip, let the model mark 100 px on every frame of the right half too."""
    usual(world)
    world.clip.regions.update(x1=31)
    right = world.clip.regions.get()
    right.pk, right.number, right.x0, right.x1, right.view, right.row_mm = None, 2, 32, 63, view, 1.0
    right.save(force_insert=True)
    part = ClipPrediction.objects.get()
    curves = np.array([[0.5] * 4, [100.0] * 4, [50.0] * 4, [3.0] * 4], dtype="<f4")
    ClipPrediction.objects.create(
        prediction=part.prediction, clip=world.clip, region_number=2, key_frame=1, curves=curves.tobytes()
    )
    found: list[dict[str, Any]] = compare_payload(world.compare())["curve"][str(world.clip.pk)]
    return found


def test_the_areas_of_two_regions_stand_apart_and_are_never_added(world: World) -> None:
    left, right = two_views(world, "SAX")

    assert (left["region"], left["right"]["line"], [dot["frame"] for dot in left["left"]["dots"]]) == (
        1, [0.0, 25.0, 36.0, 0.0], [2],
    )  # fmt: skip
    assert (right["region"], right["right"]["line"]) == (2, [50.0] * 4)
    assert right["left"]["dots"] == []


def test_a_region_in_long_axis_has_no_area(world: World) -> None:
    left, right = two_views(world, "LAX")

    assert left["right"]["line"] == [0.0, 25.0, 36.0, 0.0]
    assert (right["view"], right["right"], right["left"]) == ("LAX", {"line": [], "dots": []}, {"line": [], "dots": []})


def test_masks_travel_as_run_lengths_that_fill_the_picture(world: World) -> None:
    usual(world)

    payload = compare_payload(world.compare())

    mask = payload["read"]["frames"][0]["masks"]["1"]
    assert mask["size"] == [48, 64]
    assert sum(mask["rle"]) == 48 * 64
    assert sum(mask["rle"][1::2]) == 100
    assert payload["prediction"]["clips"][0]["masks_url"].endswith(f"/clips/{world.clip.pk}/masks/")


def test_one_may_choose_the_read_and_the_pipeline_or_hide_the_model(world: World) -> None:
    usual(world)
    second = world.read(world.reader_b, 0, 2.0)
    other = PipelineFactory(project=world.project, name="PlaqueNet 0.2", state="retired")
    PredictionFactory(study=world.study, pipeline=other, predicted_class=0, thickness_mm=3.0)

    assert world.compare(read=second.pk).read == second
    assert [row.pipeline.name for row in world.compare().predictions] == ["PlaqueNet 0.1", "PlaqueNet 0.2"]
    assert table(world, pipeline=other.pk)["thickness"].right == "3.0 mm"
    hidden = world.compare(pipeline="none")
    assert (hidden.prediction, hidden.models, hidden.right.kind) == (None, [], "none")
    assert verdict(hidden).text == "Reader A: complex (1) · Reader B: not complex (0)."


def test_what_an_address_prefers_is_taken_where_the_case_offers_it(world: World) -> None:
    usual(world)
    second = world.read(world.reader_b, 0, 2.0)
    other = PipelineFactory(project=world.project, name="PlaqueNet 0.2", state="retired")
    theirs = PredictionFactory(study=world.study, pipeline=other, predicted_class=0, thickness_mm=3.0)
    first = world.compare().prediction
    assert first is not None
    of_b, of_other = f"reader.{world.reader_b.pk}", f"pipeline.{other.pk}"

    def opened(*keys: str, **chosen: Any) -> tuple[Any, Any]:
        comparison = world.compare(prefer=keys, **chosen)
        return comparison.read, comparison.prediction

    assert opened(of_b, of_other) == (second, theirs)
    assert opened(f"reader.{NOWHERE}", "reference.known_truth", of_b) == (second, first)
    assert opened(f"pipeline.{NOWHERE}")[1] == first
    assert opened(of_other, pipeline="none")[1] is None
    two = world.compare(prefer=[f"pipeline.{first.pipeline_id}", of_other])
    assert [side.name for side in two.pair] == ["PlaqueNet 0.1", "PlaqueNet 0.2"]
    assert (
        lesions_payload(two)["why"]
        == "No pairs of lesions: there is no list of PlaqueNet 0.1, PlaqueNet 0.2 on this study."
    )
    assert lesions_payload(world.compare(pipeline="none"))["why"] == ""


@pytest.mark.parametrize("chosen", [{"read": NOWHERE}, {"pipeline": NOWHERE}, {"read": "x"}])
def test_a_read_or_pipeline_that_is_not_there_is_not_found(world: World, chosen: dict[str, Any]) -> None:
    usual(world)

    with pytest.raises(NotFound):
        world.compare(**chosen)


def test_a_shadow_pipeline_is_never_shown(world: World) -> None:
    world.read(world.reader_a, 1, 6.0)
    shadow = PipelineFactory(project=world.project, state="shadow")
    PredictionFactory(study=world.study, pipeline=shadow)

    assert world.compare().predictions == []


def test_ones_own_read_comes_first(world: World) -> None:
    world.read(world.reader_a, 1, 5.0)
    own = world.read(world.reader_b, 0, 2.0)
    world.disclose(world.reader_b)

    assert world.compare(world.reader_b).read == own
    assert [row.assignment.reader for row in world.compare(world.reader_b).reads] == [world.reader_b, world.reader_a]


def test_a_plain_reader_never_learns_the_study_label(world: World) -> None:
    usual(world)
    world.disclose(world.reader_a)

    assert compare_payload(world.compare(world.reader_a))["study"] == {"label": None}
    assert compare_payload(world.compare())["study"] == {"label": world.study.label}


def test_a_reader_counts_cases_by_the_own_order_and_goes_on_reading(world: World) -> None:
    own = world.assign(world.reader_a)
    waiting = world.assign(world.reader_a, study=world.add_study(), state="assigned")
    world.read(world.reader_a, 1, 5.0)
    world.disclose(world.reader_a)

    payload = compare_payload(world.compare(world.reader_a))

    assert (payload["case"]["number"], payload["case"]["of"]) == (own.order_no, 2)
    assert payload["next_url"] == f"/read/{waiting.public_id}/"


def test_the_last_reason_given_is_shown(world: World) -> None:
    usual(world)
    comparison = world.compare()
    for reason in ("missed", "frame"):
        services.note_difference(
            case=comparison.case, read=comparison.read, prediction=comparison.prediction,  # type: ignore[arg-type]
            reason=reason, comment="", by=world.coordinator,
        )  # fmt: skip

    assert compare_payload(world.compare())["reason"]["chosen"] == "frame"


def test_a_study_without_clips_and_reads_still_has_a_page(world: World) -> None:
    world.clip.regions.all().delete()
    world.clip.delete()

    payload = compare_payload(world.compare())

    assert (payload["clips"], payload["open_at"], payload["verdict"]) == ([], None, "No signed read yet.")


def test_a_comparison_takes_few_queries_however_many_frames_are_marked(
    world: World, django_assert_max_num_queries: Any
) -> None:
    marks = {frame: (ALL, np.roll(MINE, frame, axis=1)) for frame in (1, 2, 3, 4)}
    world.read(world.reader_a, 1, 6.0, marks=marks)
    world.predict(1, 5.6, masks=dict.fromkeys((1, 2, 3, 4), THEIRS))

    with django_assert_max_num_queries(24):
        compare_payload(world.compare())
