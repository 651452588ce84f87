"""Completion: nothing missing, the official thickness, the rule's verdict beside the reader's class."""

from __future__ import annotations

from typing import Any

import pytest

from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed, Stale
from plaqueweb.reads import services
from plaqueweb.reads.answers import label_verdict, missing_answers
from plaqueweb.reads.bundle import Bundle, own_read
from plaqueweb.reads.models import Lesion, Read
from plaqueweb.studies.models import Clip, Protocol, Region
from tests.factories import member
from tests.plaqueweb.reads.helpers import (
    CLEAR,
    COMPLETE,
    box_mask,
    caliper,
    case,
    complete,
    frame,
    lesion,
    opened,
    save,
)

pytestmark = pytest.mark.django_db


def words(bundle: Bundle) -> list[str]:
    return [item.words for item in missing_answers(bundle)]


def test_an_untouched_draft_lacks_everything_in_the_order_of_the_page() -> None:
    bundle = save(opened(case()[0]))

    assert words(bundle) == [
        "Ascending seen", "Ascending plaque", "Arch seen", "Arch plaque", "Descending seen", "Descending plaque",
        "Class", "Quality", "Confidence",
    ]  # fmt: skip


def test_a_segment_that_was_not_seen_needs_no_plaque_answer() -> None:
    bundle = save(opened(case()[0]), answers={**COMPLETE, "findings": {**CLEAR, "arch": {"visibility": "not"}}})

    assert words(bundle) == []


def test_the_protocol_says_what_is_required() -> None:
    assignment, _ = case()
    Protocol.objects.filter(pk=assignment.round.protocol_id).update(required=["class"])

    assert words(save(opened(assignment))) == ["Class"]


def test_the_index_lesion_needs_each_reason() -> None:
    bundle = save(opened(case()[0]), answers=COMPLETE, lesions=[lesion(mobile=None, thrombus=None)])

    assert words(bundle) == ["Lesion 1: Mobile part", "Lesion 1: Thrombus"]


def test_of_several_lesions_one_is_the_index() -> None:
    bundle = save(opened(case()[0]), answers=COMPLETE, lesions=[lesion(1, is_index=False), lesion(2)])

    assert words(bundle) == ["Index lesion"]


def test_a_single_lesion_is_the_index() -> None:
    save(opened(case()[0]), answers=COMPLETE, lesions=[lesion(3)])

    assert Lesion.objects.get().is_index


def test_a_painted_frame_needs_its_extent() -> None:
    assignment, clip = case()
    mark = frame(clip, 2, masks={"1": box_mask(0, 2, 0, 2)})

    bundle = save(opened(assignment), answers=COMPLETE, lesions=[lesion()], frames=[mark])

    assert words(bundle) == [f"Clip {clip.number}, frame 2: extent"]


def test_a_frame_said_to_be_marked_needs_its_paint() -> None:
    assignment, clip = case()

    bundle = save(opened(assignment), answers=COMPLETE, frames=[frame(clip, 2, extent="all_marked")])

    assert words(bundle) == [f"Clip {clip.number}, frame 2: no plaque is painted"]


def test_an_incomplete_read_stays_a_draft() -> None:
    read = opened(case()[0])

    with pytest.raises(Invalid) as caught:
        complete(read)

    assert caught.value.rule == "read-incomplete"
    assert len(caught.value.extra["missing"]) == 9
    assert Read.objects.get().state == "draft"


def test_completing_needs_the_current_draft() -> None:
    read = opened(case()[0])
    save(read, answers=COMPLETE)

    with pytest.raises(Stale):
        services.complete_read(
            read=own_read(user=read.assignment.reader, pk=read.pk), by=read.assignment.reader, draft_no=0
        )


def test_another_reader_cannot_complete() -> None:
    read = opened(case()[0])

    with pytest.raises(NotAllowed):
        services.complete_read(read=read, by=member(read.assignment.round.project, "reader"), draft_no=0)


@pytest.mark.parametrize(
    "findings, present",
    [
        (CLEAR, False),
        ({**CLEAR, "arch": {"visibility": "well", "plaque": "present"}}, True),
        ({**CLEAR, "arch": {"visibility": "partly", "plaque": "unclear"}}, None),
        ({**CLEAR, "arch": {"visibility": "not", "plaque": None}}, False),
        ({segment: {"visibility": "not", "plaque": None} for segment in CLEAR}, None),
    ],
)
def test_plaque_present_follows_from_the_findings(findings: dict[str, Any], present: bool | None) -> None:
    read = opened(case()[0])
    save(read, answers={**COMPLETE, "findings": findings})

    assert complete(read).plaque_present is present


# --- the official thickness ---


def key(clip: Clip, number: int) -> dict[str, Any]:
    return {"key_clip": str(clip.pk), "key_frame": number, "key_region": 1}


def test_the_caliper_on_the_key_frame_is_official() -> None:
    assignment, clip = case()
    read = opened(assignment)
    frames = [frame(clip, 1, calipers=[caliper(0, 0, 20, 0)]), frame(clip, 2, calipers=[caliper(0, 0, 11, 0)])]
    save(read, answers=COMPLETE, lesions=[lesion(**key(clip, 2))], frames=frames)

    done = complete(read)

    assert (done.thickness_mm, done.thickness_px, done.thickness_source) == (5.5, 11.0, "caliper")


def test_other_kinds_and_other_lesions_do_not_count() -> None:
    assignment, clip = case()
    read = opened(assignment)
    calipers = [caliper(0, 0, 4, 0), caliper(0, 0, 30, 0, kind="protrusion"), caliper(0, 9, 40, 9, lesion=2)]
    save(read, answers=COMPLETE, lesions=[lesion(**key(clip, 1)), lesion(2)], frames=[frame(clip, calipers=calipers)])

    assert complete(read).thickness_mm == 2.0


def test_without_a_key_frame_the_longest_caliper_makes_one() -> None:
    assignment, clip = case()
    read = opened(assignment)
    frames = [frame(clip, 1, calipers=[caliper(0, 0, 6, 0)]), frame(clip, 3, calipers=[caliper(0, 0, 9, 0)])]
    save(read, answers=COMPLETE, lesions=[lesion()], frames=frames)

    done = complete(read)

    stored = Lesion.objects.get()
    assert done.thickness_mm == 4.5
    assert (stored.key_clip_id, stored.key_frame, stored.key_region) == (clip.pk, 3, 1)


def test_without_a_caliper_the_mask_gives_the_thickness_and_says_so() -> None:
    assignment, clip = case(rows=96, columns=128)
    read = opened(assignment)
    band = box_mask(40, 52, 10, 110, rows=96, columns=128)
    wall = [[0, 52], [128, 52], [128, 0], [0, 0]]  # the outer edge runs along the lower side of the band
    mark = frame(clip, 1, masks={"1": band}, extent="all_marked", outline=wall)
    save(read, answers=COMPLETE, lesions=[lesion(**key(clip, 1))], frames=[mark])

    done = complete(read)

    assert done.thickness_source == "mask"
    assert done.thickness_mm == pytest.approx(6.0, abs=0.4)


def test_without_a_scale_the_official_thickness_is_in_pixels() -> None:
    assignment, clip = case(region__source="none", region__row_mm=None, region__col_mm=None)
    read = opened(assignment)
    save(read, answers={**COMPLETE, "reader_class": 1}, lesions=[lesion(**key(clip, 1))],
         frames=[frame(clip, calipers=[caliper(0, 0, 20, 0)])])  # fmt: skip

    done = complete(read)

    assert (done.thickness_mm, done.thickness_px) == (None, 20.0)
    assert (done.rule_class, done.rule_reason) == (None, "no scale in the file")


# --- the label rule ---


@pytest.mark.parametrize(
    "width, reasons, value, ground",
    [
        (8, {}, 1, "4.0 ≥ 4.0 mm"),
        (7.9, {}, 1, "4.0 ≥ 4.0 mm"),  # 3.95 is displayed as 4.0
        (7.88, {}, 0, "3.9 < 4.0 mm"),
        (4, {"ulceration": "yes"}, 1, "ulceration"),
        (4, {"mobile": "yes", "thrombus": "yes"}, 1, "mobile part, thrombus"),
        (12, {"thrombus": "yes"}, 1, "6.0 ≥ 4.0 mm, thrombus"),
        (4, {"mobile": "unclear"}, None, "2.0 < 4.0 mm, mobile part open"),
        (None, {}, None, "no thickness measured"),
        (None, {"ulceration": "yes"}, 1, "ulceration"),
    ],
)
def test_the_rule_on_one_lesion(width: float | None, reasons: dict[str, str], value: int | None, ground: str) -> None:
    assignment, clip = case()
    frames = [] if width is None else [frame(clip, calipers=[caliper(0, 0, width, 0)])]

    verdict = label_verdict(save(opened(assignment), lesions=[lesion(**reasons)], frames=frames))

    assert (verdict.value, verdict.ground) == (value, ground)


def test_one_complex_lesion_makes_the_study_complex() -> None:
    assignment, clip = case()
    calipers = [caliper(0, 0, 4, 0), caliper(0, 9, 10, 9, lesion=2)]

    verdict = label_verdict(
        save(opened(assignment), lesions=[lesion(), lesion(2)], frames=[frame(clip, calipers=calipers)])
    )

    assert (verdict.value, verdict.ground) == (1, "5.0 ≥ 4.0 mm")


def test_the_rule_never_overwrites_the_reader() -> None:
    assignment, clip = case()
    read = opened(assignment)
    save(read, answers={**COMPLETE, "reader_class": 0}, lesions=[lesion()],
         frames=[frame(clip, calipers=[caliper(0, 0, 20, 0)])])  # fmt: skip

    done = complete(read)

    assert (done.reader_class, done.rule_class) == (0, 1)


def test_cannot_assess_is_an_answer() -> None:
    read = opened(case()[0])
    unseen = {segment: {"visibility": "not", "plaque": None} for segment in CLEAR}
    save(read, answers={**COMPLETE, "reader_class": 9, "quality": "unusable", "findings": unseen})

    done = complete(read)

    assert (done.reader_class, done.rule_class) == (9, None)


# --- reopening ---


def test_reopening_clears_what_was_derived_and_counts_on() -> None:
    assignment, clip = case()
    read = opened(assignment)
    save(read, answers=COMPLETE, lesions=[lesion()], frames=[frame(clip, calipers=[caliper(0, 0, 20, 0)])])
    complete(read)

    services.reopen_read(read=own_read(user=assignment.reader, pk=read.pk), by=assignment.reader)

    stored = Read.objects.get()
    assert (stored.state, stored.rule_class, stored.thickness_mm, stored.completed_at) == ("draft", None, None, None)
    assert stored.draft_no == 3
    assignment.refresh_from_db()
    assert assignment.state == "opened"


def test_a_completed_read_takes_no_saves() -> None:
    read = opened(case()[0])
    save(read, answers=COMPLETE)
    complete(read)

    with pytest.raises(InvalidTransition):
        save(read, answers={"note": "late"})


def test_on_a_biplane_picture_the_key_region_gives_the_thickness() -> None:
    assignment, clip = case(region__x1=31)
    Region.objects.create(
        clip=clip, number=2, x0=32, y0=0, x1=63, y1=47, row_mm=1.0, col_mm=1.0, source="us_region"
    )  # fmt: skip
    read = opened(assignment)
    key = {"key_clip": str(clip.pk), "key_frame": 1, "key_region": 1}
    halves = [
        frame(clip, calipers=[caliper(4, 4, 4, 14)]),
        frame(clip, region=2, calipers=[caliper(40, 4, 40, 12)]),
    ]  # fmt: skip

    save(read, lesions=[lesion(**key)], frames=halves)
    assert Lesion.objects.get().thickness_mm == pytest.approx(5.0)
    save(read, lesions=[lesion(**key | {"key_region": 2})])

    assert Lesion.objects.get().thickness_mm == pytest.approx(8.0)
