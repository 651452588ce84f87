"""Drafts: what may be saved, what the server works out, and that nothing is lost or stored twice."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from plaqueweb.audit.models import AuditEvent
from plaqueweb.core import limits
from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed, NotFound, Stale
from plaqueweb.reads import services
from plaqueweb.reads.bundle import own_read
from plaqueweb.reads.measure import masks_text
from plaqueweb.reads.models import FrameAnnotation, FrameMask, Lesion, Read
from plaqueweb.reads.selectors import read_payload
from plaqueweb.studies.models import Region
from tests.factories import ClipFactory, member
from tests.plaqueweb.reads.helpers import COLUMNS, ROWS, box_mask, caliper, case, frame, lesion, opened, save

pytestmark = pytest.mark.django_db


def rule_of(read: Read, **body: Any) -> str:
    with pytest.raises(Invalid) as caught:
        save(read, **body)
    return caught.value.rule


def test_opening_makes_one_draft_and_says_when() -> None:
    assignment, _ = case()

    first, again = opened(assignment), opened(assignment)

    assert first.pk == again.pk
    assert assignment.state == "opened"
    assert assignment.opened_at is not None
    assert AuditEvent.objects.filter(verb="assignment.opened").count() == 1


def test_only_its_reader_opens_a_case() -> None:
    assignment, _ = case()

    with pytest.raises(NotAllowed):
        services.open_assignment(assignment=assignment, by=member(assignment.round.project, "reader"))


def test_answers_merge_and_the_draft_number_counts() -> None:
    read = opened(case()[0])

    save(read, answers={"reader_class": 1, "findings": {"arch": {"visibility": "partly"}}})
    bundle = save(read, answers={"findings": {"arch": {"plaque": "present"}}})

    stored = Read.objects.get()
    found = stored.findings.get()
    assert (stored.reader_class, stored.draft_no, bundle.read.draft_no) == (1, 2, 2)
    assert (found.segment, found.visibility, found.plaque) == ("arch", "partly", "present")


def test_an_answer_can_be_taken_back() -> None:
    read = opened(case()[0])
    save(read, answers={"reader_class": 1, "quality": "good", "findings": {"arch": {"plaque": "present"}}})

    save(read, answers={"reader_class": None, "quality": None, "findings": {"arch": {"plaque": None}}})

    stored = Read.objects.get()
    assert (stored.reader_class, stored.quality, stored.findings.get().plaque) == (None, "", "")


def test_the_same_save_again_stores_nothing_twice() -> None:
    assignment, clip = case()
    read = opened(assignment)
    body = {
        "save_id": str(uuid4()), "lesions": [lesion()], "frames": [frame(clip, calipers=[caliper(1, 1, 5, 4)])],
    }  # fmt: skip
    services.save_draft(read=own_read(user=assignment.reader, pk=read.pk), by=assignment.reader, draft_no=0, body=body)
    events = AuditEvent.objects.count()

    bundle, keys = services.save_draft(
        read=own_read(user=assignment.reader, pk=read.pk), by=assignment.reader, draft_no=0, body=body
    )

    assert bundle.read.draft_no == 1
    assert keys == {(str(clip.pk), 1, 1)}
    assert (FrameAnnotation.objects.count(), AuditEvent.objects.count()) == (1, events)


def test_a_write_on_an_older_draft_is_refused_with_the_current_one() -> None:
    assignment, clip = case()
    read = opened(assignment)
    save(read, lesions=[lesion()], frames=[frame(clip, masks={"1": box_mask(0, 2, 0, 2)}, extent="all_marked")])

    with pytest.raises(Stale) as caught:
        services.save_draft(
            read=own_read(user=assignment.reader, pk=read.pk), by=assignment.reader, draft_no=0,
            body={"save_id": str(uuid4()), "answers": {"note": "lost?"}},
        )  # fmt: skip

    assert caught.value.extra["draft_no"] == 1
    assert caught.value.extra["current"]["frames"][0]["masks"]["1"] == box_mask(0, 2, 0, 2)
    assert Read.objects.get().note == ""


def test_a_refused_save_changes_nothing() -> None:
    assignment, clip = case()
    read = opened(assignment)

    rule = rule_of(read, answers={"note": "kept?"}, frames=[frame(clip, 5)])

    stored = Read.objects.get()
    assert rule == "frame-number"
    assert (stored.note, stored.draft_no) == ("", 0)


def test_another_readers_draft_is_not_there() -> None:
    read = opened(case()[0])

    with pytest.raises(NotFound):
        own_read(user=member(read.assignment.round.project, "reader", "coordinator"), pk=read.pk)


def test_who_may_no_longer_read_has_no_drafts() -> None:
    read = opened(case()[0])
    read.assignment.round.project.memberships.all().delete()

    with pytest.raises(NotFound):
        own_read(user=read.assignment.reader, pk=read.pk)


def test_a_skipped_case_takes_no_answers_until_it_is_opened() -> None:
    assignment, _ = case()
    read = opened(assignment)
    services.skip_assignment(assignment=assignment, by=assignment.reader, reason="no aorta")

    with pytest.raises(InvalidTransition):
        save(read, answers={"note": "x"})


# --- lengths and areas ---


def test_lengths_follow_the_spacing_of_each_axis() -> None:
    assignment, clip = case(region__row_mm=0.5, region__col_mm=0.25)

    save(opened(assignment), lesions=[lesion()], frames=[frame(clip, calipers=[caliper(10, 10, 18, 13)])])

    stored = FrameAnnotation.objects.get().calipers[0]
    assert stored["px"] == pytest.approx((8**2 + 3**2) ** 0.5)
    assert stored["mm"] == pytest.approx(((8 * 0.25) ** 2 + (3 * 0.5) ** 2) ** 0.5)


def test_lengths_a_client_sends_are_ignored() -> None:
    assignment, clip = case()

    save(opened(assignment), lesions=[lesion(thickness_mm=99.0)],
         frames=[frame(clip, calipers=[caliper(0, 0, 4, 0, mm=77.0, px=1.0)])])  # fmt: skip

    assert FrameAnnotation.objects.get().calipers[0]["mm"] == pytest.approx(2.0)
    assert Lesion.objects.get().thickness_mm == pytest.approx(2.0)


@pytest.mark.parametrize("source, valid", [("none", True), ("us_region", False)])
def test_without_a_scale_there_are_pixels_and_the_reason(source: str, valid: bool) -> None:
    assignment, clip = case(region__source=source, region__valid=valid)

    save(opened(assignment), lesions=[lesion()], frames=[frame(clip, calipers=[caliper(0, 0, 3, 4)],
         masks={"1": box_mask(0, 2, 0, 5)})])  # fmt: skip

    stored = FrameAnnotation.objects.get()
    assert stored.calipers[0]["mm"] is None
    assert stored.calipers[0]["px"] == pytest.approx(5.0)
    assert stored.calipers[0]["why_no_mm"] == "no scale in the file"
    assert stored.mask.areas == {"1": {"px": 10, "mm2": None, "source": "drawn"}}


def test_a_clip_without_regions_is_measured_in_pixels() -> None:
    assignment, clip = case(region=False)

    save(opened(assignment), lesions=[lesion()], frames=[frame(clip, calipers=[caliper(0, 0, 3, 4)])])

    assert FrameAnnotation.objects.get().calipers[0]["mm"] is None


def two_regions() -> Any:
    assignment, clip = case(region__x1=31)
    Region.objects.create(clip=clip, number=2, x0=32, y0=0, x1=COLUMNS - 1, y1=ROWS - 1, row_mm=1.0, col_mm=1.0,
                          source="us_region")  # fmt: skip
    return assignment, clip


def test_each_region_has_its_own_scale() -> None:
    assignment, clip = two_regions()

    save(opened(assignment), lesions=[lesion()],
         frames=[frame(clip, calipers=[caliper(2, 2, 6, 2), caliper(40, 2, 44, 2)])])  # fmt: skip

    assert [row["mm"] for row in FrameAnnotation.objects.get().calipers] == pytest.approx([2.0, 4.0])


def test_a_caliper_over_two_regions_is_refused() -> None:
    assignment, clip = two_regions()

    rule = rule_of(opened(assignment), lesions=[lesion()], frames=[frame(clip, calipers=[caliper(20, 2, 40, 2)])])

    assert rule == "caliper-two-regions"


def test_a_mask_that_leaves_its_region_has_no_square_millimetres() -> None:
    assignment, clip = two_regions()

    save(opened(assignment), lesions=[lesion()], frames=[frame(clip, masks={"1": box_mask(0, 2, 30, 34)})])

    assert FrameMask.objects.get().areas == {"1": {"px": 8, "mm2": None, "source": "drawn"}}


def test_masks_are_stored_with_areas_and_come_back_as_sent() -> None:
    assignment, clip = case(region__row_mm=0.5, region__col_mm=0.25)
    masks = {"1": box_mask(2, 6, 3, 9), "2": box_mask(10, 11, 0, 64)}

    save(opened(assignment), lesions=[lesion(), lesion(2)], frames=[frame(clip, masks=masks, extent="all_marked")])

    stored = FrameMask.objects.get()
    assert stored.areas["1"] == {"px": 24, "mm2": pytest.approx(24 * 0.125), "source": "drawn"}
    assert json.loads(masks_text(stored.rle)) == {number: mask["rle"] for number, mask in masks.items()}


def test_leaving_masks_out_keeps_the_stored_ones() -> None:
    assignment, clip = case()
    read = opened(assignment)
    save(read, lesions=[lesion()], frames=[frame(clip, masks={"1": box_mask(0, 2, 0, 5)})])
    only_extent = frame(clip, extent="all_marked")
    del only_extent["masks"]

    save(read, frames=[only_extent])

    assert FrameAnnotation.objects.get().extent == "all_marked"
    assert FrameMask.objects.get().areas["1"]["px"] == 10


def test_a_repainted_frame_holds_only_the_new_mask() -> None:
    assignment, clip = case()
    read = opened(assignment)
    save(read, lesions=[lesion()], frames=[frame(clip, masks={"1": box_mask(0, 2, 0, 5)})])
    save(read, frames=[frame(clip, masks={"1": box_mask(0, 1, 0, 3)}, extent="all_marked")])

    assert FrameMask.objects.get().areas["1"]["px"] == 3


def test_an_emptied_frame_is_gone() -> None:
    assignment, clip = case()
    read = opened(assignment)
    save(read, lesions=[lesion()], frames=[frame(clip, masks={"1": box_mask(0, 2, 0, 5)})])

    bundle = save(read, frames=[frame(clip)])

    assert not FrameAnnotation.objects.exists()
    assert not FrameMask.objects.exists()
    assert bundle.annotations == {}


# --- refusals, by rule ---


@pytest.mark.parametrize(
    "change, rule",
    [
        ({"frame": 0}, "fields"),
        ({"frame": 5}, "frame-number"),
        ({"region": 2}, "region-number"),
        ({"clip": str(uuid4())}, "clip-not-in-case"),
        ({"extent": "some"}, "fields"),
        ({"source": "simulated"}, "fields"),
        ({"colour": "red"}, "unknown-field"),
        ({"outline": [[0, 0], [1, 1]]}, "fields"),
        ({"outline": [[0, 0], [1, 1], [65, 0]]}, "point-outside"),
        ({"calipers": [caliper(0, 0, 1, float("inf"))]}, "fields"),
        ({"calipers": [caliper(0, 0, -1, 0)]}, "point-outside"),
        ({"calipers": [caliper(0, 0, 1, 0, lesion=2)]}, "lesion-unknown"),
        ({"calipers": [caliper(0, 0, 1, 0, lesion=None)]}, "caliper-lesion"),
        ({"calipers": [caliper(0, 0, 1, 0, kind="length")]}, "fields"),
        ({"calipers": [caliper(0, 0, 1, 0)] * (limits.CALIPERS_PER_FRAME + 1)}, "too-many-items"),
        ({"masks": {"1": {"size": [ROWS, COLUMNS], "rle": [5]}}}, "mask-rle"),
        ({"masks": {"1": {"size": [ROWS, COLUMNS], "rle": [-1, ROWS * COLUMNS + 1]}}}, "mask-rle"),
        ({"masks": {"1": {"size": [ROWS, COLUMNS], "rle": ["x"]}}}, "mask-rle"),
        ({"masks": {"1": {"size": [10, 10], "rle": [100]}}}, "mask-size"),
        ({"masks": {"2": box_mask(0, 1, 0, 1)}}, "lesion-unknown"),
        ({"masks": {"one": box_mask(0, 1, 0, 1)}}, "fields"),
        ({"masks": {"1": box_mask(0, 1, 0, 1)}, "extent": "no_plaque"}, "extent-no-plaque"),
    ],
)
def test_a_frame_against_a_rule_is_refused(change: dict[str, Any], rule: str) -> None:
    assignment, clip = case()

    assert rule_of(opened(assignment), lesions=[lesion()], frames=[{**frame(clip), **change}]) == rule


def test_masks_of_one_frame_do_not_overlap() -> None:
    assignment, clip = case()
    masks = {"1": box_mask(0, 4, 0, 4), "2": box_mask(3, 6, 3, 6)}

    rule = rule_of(opened(assignment), lesions=[lesion(), lesion(2)], frames=[frame(clip, masks=masks)])

    assert rule == "mask-overlap"


@pytest.mark.parametrize(
    "lesions, rule",
    [
        ([lesion(0)], "fields"),
        ([lesion(limits.LESIONS_PER_READ + 1)], "fields"),
        ([lesion(1), lesion(1)], "lesion-number"),
        ([lesion(1), lesion(2, is_index=True)], "lesion-one-index"),
        ([lesion(1, segment="abdominal")], "fields"),
        ([lesion(1, mobile="maybe")], "fields"),
        ([lesion(1, key_frame=1)], "lesion-key-frame"),
        ([lesion(1, key_clip=str(uuid4()), key_frame=1)], "clip-not-in-case"),
        ("none", "fields"),
    ],
)
def test_lesions_against_a_rule_are_refused(lesions: Any, rule: str) -> None:
    assert rule_of(opened(case()[0]), lesions=lesions) == rule


def test_a_lesion_with_marks_cannot_go() -> None:
    assignment, clip = case()
    read = opened(assignment)
    save(read, lesions=[lesion()], frames=[frame(clip, calipers=[caliper(0, 0, 1, 0)])])

    assert rule_of(read, lesions=[]) == "lesion-unknown"


@pytest.mark.parametrize(
    "body, rule",
    [
        ({"answers": {"reader_class": 2}}, "fields"),
        ({"answers": {"reader_class": True}}, "fields"),
        ({"answers": {"grade": 3}}, "unknown-field"),
        ({"answers": {"findings": {"root": {"plaque": "none"}}}}, "fields"),
        ({"answers": {"note": "x" * (limits.NOTE_CHARACTERS + 1)}}, "too-long"),
        ({"answers": {"note": "a\x00b"}}, "fields"),
        ({"save_id": "7"}, "fields"),
        ({"extra": 1}, "unknown-field"),
    ],
)
def test_a_body_against_a_rule_is_refused(body: dict[str, Any], rule: str) -> None:
    assert rule_of(opened(case()[0]), **body) == rule


def test_a_note_at_the_limit_is_kept() -> None:
    read = opened(case()[0])

    save(read, answers={"note": "x" * limits.NOTE_CHARACTERS})

    assert len(Read.objects.get().note) == limits.NOTE_CHARACTERS


def test_a_frame_comes_once_in_a_save() -> None:
    assignment, clip = case()

    assert rule_of(opened(assignment), frames=[frame(clip, extent="no_plaque")] * 2) == "frame-twice"


def test_more_frames_than_the_limit_are_refused() -> None:
    assignment, _ = case()
    long = ClipFactory(study=assignment.study, frames=limits.DRAFT_FRAMES_PER_SAVE + 1)
    frames = [frame(long, n + 1, extent="no_plaque") for n in range(limits.DRAFT_FRAMES_PER_SAVE + 1)]

    assert rule_of(opened(assignment), frames=frames) == "too-many-items"


def test_saving_costs_the_same_statements_for_one_and_for_many_frames(django_assert_max_num_queries: Any) -> None:
    assignment, _ = case()
    long = ClipFactory(study=assignment.study, frames=60)
    read = opened(assignment)
    save(read, lesions=[lesion()])
    marks = [frame(long, n + 1, masks={"1": box_mask(0, 2, 0, 5)}, extent="all_marked") for n in range(50)]
    fresh = own_read(user=assignment.reader, pk=read.pk)

    with django_assert_max_num_queries(12):
        services.save_draft(
            read=fresh, by=assignment.reader, draft_no=1, body={"save_id": str(uuid4()), "frames": marks}
        )

    assert FrameMask.objects.count() == 50


@pytest.mark.parametrize("source", ["drawn", "copied", "interpolated", "threshold", "grown"])
def test_every_way_of_making_a_mask_is_stored(source: str) -> None:
    assignment, clip = case()
    read = opened(assignment)

    save(read, lesions=[lesion()], frames=[frame(clip, 3, masks={"1": box_mask(2, 6, 2, 6)}, source=source)])

    mask = FrameMask.objects.get()
    assert (mask.source, mask.areas["1"]["source"]) == (source, source)


def test_each_lesion_of_a_frame_keeps_the_source_of_its_own_mask() -> None:
    assignment, clip = case()
    read = opened(assignment)
    masks = {"1": box_mask(2, 6, 2, 6), "2": box_mask(10, 16, 10, 16)}

    bundle = save(
        read, lesions=[lesion(1), lesion(2)],
        frames=[frame(clip, 3, masks=masks, sources={"1": "drawn", "2": "interpolated"})],
    )  # fmt: skip

    shown = read_payload(bundle)["frames"][0]
    assert shown["source"] == "mixed"
    assert shown["sources"] == {"1": "drawn", "2": "interpolated"}
    assert "source" not in shown["masks"].text


@pytest.mark.parametrize("given", [{"1": "simulated"}, {"1": "mixed"}, {"one": "drawn"}, ["drawn"]])
def test_a_source_that_is_not_the_readers_is_refused(given: Any) -> None:
    assignment, clip = case()

    body = frame(clip, 3, masks={"1": box_mask(2, 6, 2, 6)}, sources=given)

    assert rule_of(opened(assignment), lesions=[lesion()], frames=[body]) == "fields"
