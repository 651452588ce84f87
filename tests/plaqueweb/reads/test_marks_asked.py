"""What a protocol takes as official thickness, and which marks of the index lesion it asks for."""

from __future__ import annotations

from typing import Any

import pytest

from plaqueweb.core.errors import Invalid
from plaqueweb.reads.bundle import load_bundle, own_read
from plaqueweb.reads.models import Assignment, Read
from plaqueweb.reads.signing import payload_of
from plaqueweb.studies.models import Clip, Project
from plaqueweb.studies.services import create_protocol
from tests.factories import AssignmentFactory, ClipFactory, RoundFactory
from tests.plaqueweb.reads.helpers import COMPLETE, box_mask, caliper, complete, frame, lesion, opened, save

pytestmark = pytest.mark.django_db
PRESENT = COMPLETE | {"findings": COMPLETE["findings"] | {"descending": {"visibility": "well", "plaque": "present"}}}
WALL = [[2.0, 2.0], [40.0, 2.0], [40.0, 40.0], [2.0, 40.0]]


def case_under(project: Project, **asked: Any) -> tuple[Assignment, Clip]:
    protocol = create_protocol(project=project, by=None, **asked)
    row: Assignment = AssignmentFactory(round=RoundFactory(project=project, protocol=protocol))
    return row, ClipFactory(study=row.study)


def marked(row: Assignment, clip: Clip, **marks: Any) -> Read:
    """A draft whose lesion has its key frame 1, and these marks there."""
    read = opened(row)
    own = lesion(key_clip=str(clip.pk), key_frame=1, key_region=1)
    save(read, answers=PRESENT, lesions=[own], frames=[frame(clip, **marks)] if marks else [])
    return read


def missing(read: Read) -> list[str]:
    with pytest.raises(Invalid) as refused:
        complete(read)
    return [one["field"] for one in refused.value.extra["missing"]]


PAINTED = {"masks": {"1": box_mask(10, 14, 10, 30)}, "extent": "all_marked"}


@pytest.mark.parametrize(
    ("thickness_from", "source"),
    [(None, "caliper"), ("caliper_mask", "caliper"), ("caliper", "caliper"), ("mask", "mask")],
)
def test_the_official_thickness_comes_from_where_the_protocol_says(
    project: Project, thickness_from: str | None, source: str
) -> None:
    row, clip = case_under(project, thickness_from=thickness_from)
    read = marked(row, clip, calipers=[caliper(10, 5, 10, 16)], outline=WALL, **PAINTED)

    done = complete(read)
    assert done.thickness_source == source
    assert (done.thickness_mm == 5.5) == (source == "caliper")


def test_a_mask_does_not_count_where_only_a_caliper_does(project: Project) -> None:
    row, clip = case_under(project, thickness_from="caliper")

    assert complete(marked(row, clip, outline=WALL, **PAINTED)).thickness_source == ""


def test_asked_marks_are_missing_until_they_are_there(project: Project) -> None:
    row, clip = case_under(project, marks=["wall", "thickness", "mask"])
    read = marked(row, clip)
    assert missing(read) == ["lesions.1.thickness", "lesions.1.mask", "lesions.1.wall"]
    save(read, frames=[frame(clip, calipers=[caliper(10, 5, 10, 16)])])
    assert missing(read) == ["lesions.1.mask", "lesions.1.wall"]
    save(read, frames=[frame(clip, calipers=[caliper(10, 5, 10, 16)], **PAINTED)])
    assert missing(read) == ["lesions.1.wall"]
    save(read, frames=[frame(clip, calipers=[caliper(10, 5, 10, 16)], outline=WALL, **PAINTED)])
    assert complete(read).thickness_source == "caliper"


def test_a_case_without_lesion_is_asked_for_no_mark(project: Project) -> None:
    row, _clip = case_under(project, marks=["thickness", "mask", "wall"])
    read = opened(row)
    save(read, answers=COMPLETE)

    assert complete(read).state == "completed"


def test_a_caliper_is_no_thickness_where_only_masks_count(project: Project) -> None:
    row, clip = case_under(project, marks=["thickness"], thickness_from="mask")

    assert missing(marked(row, clip, calipers=[caliper(10, 5, 10, 16)])) == ["lesions.1.thickness"]


def test_what_was_asked_is_signed_only_where_it_was_chosen(project: Project) -> None:
    chosen, _clip = case_under(project, marks=["wall"], thickness_from="mask")
    plain, _other = case_under(project)
    payloads = [
        payload_of(
            load_bundle(own_read(user=row.reader, pk=opened(row).pk), masks=False),
            signed_at=row.created_at, signed_name="", meaning="",
        )
        for row in (chosen, plain)
    ]  # fmt: skip

    assert payloads[0]["marks"] == {"thickness_from": "mask", "asked": ["wall"]}
    assert "marks" not in payloads[1]


@pytest.mark.parametrize("asked", [{"marks": ["colour"]}, {"thickness_from": "guess"}])
def test_rubbish_is_refused(project: Project, asked: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        create_protocol(project=project, by=None, **asked)
    assert refused.value.rule == "protocol-marks"
