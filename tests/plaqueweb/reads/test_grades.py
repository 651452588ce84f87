"""The grade of a read: derived, overruled, both stored, signed, exported and compared."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import Invalid
from plaqueweb.reads import services
from plaqueweb.reads.bundle import load_bundle, own_read
from plaqueweb.reads.models import Assignment, Lesion, Read
from plaqueweb.reads.signing import payload_of, verify_read
from plaqueweb.review.comparison import compare
from plaqueweb.review.numbers import numbers
from plaqueweb.review.selectors import visible_case
from plaqueweb.review.services import case_for
from plaqueweb.studies.grading import scheme_of
from plaqueweb.studies.models import Clip, Project
from plaqueweb.studies.services import create_protocol
from tests.factories import AssignmentFactory, ClipFactory, RoundFactory, member
from tests.plaqueweb.reads.helpers import COMPLETE, caliper, complete, frame, lesion, opened, save, sign

pytestmark = pytest.mark.django_db
PRESENT = COMPLETE | {
    "reader_class": 1,
    "findings": COMPLETE["findings"] | {"descending": {"visibility": "well", "plaque": "present"}},
}


@pytest.fixture
def graded(project: Project) -> Assignment:
    protocol = create_protocol(project=project, by=None, grading=scheme_of("common_5mm"))
    row: Assignment = AssignmentFactory(round=RoundFactory(project=project, protocol=protocol, reveal="after_each"))
    ClipFactory(study=row.study)
    return row


def measured(row: Assignment, mm: float, **more: Any) -> Read:
    """A draft with one lesion of so many mm (0.5 mm a pixel)."""
    clip = Clip.objects.get(study=row.study)
    read = opened(row)
    own = lesion(key_clip=str(clip.pk), key_frame=1, key_region=1, **more)
    save(read, answers=PRESENT, lesions=[own], frames=[frame(clip, calipers=[caliper(10, 5, 10, 5 + 2 * mm)])])
    return read


def grades(read: Read) -> tuple[int | None, int | None]:
    row = Lesion.objects.get(read=read)
    return row.grade, row.grade_given


def test_it_follows_thickness_and_reasons_at_every_save(graded: Assignment) -> None:
    read = measured(graded, 4.5)
    assert grades(read) == (3, None)
    clip = Clip.objects.get(study=graded.study)
    save(read, frames=[frame(clip, calipers=[caliper(10, 5, 10, 16)])])
    assert grades(read) == (4, None)
    save(read, lesions=[lesion(key_clip=str(clip.pk), key_frame=1, key_region=1, mobile="yes")])
    assert grades(read) == (5, None)
    save(read, lesions=[lesion(key_clip=str(clip.pk), key_frame=1, key_region=1, mobile="unclear")])
    assert grades(read) == (None, None)


def test_overruled_both_are_stored_and_signed(graded: Assignment, api: Callable[[User], APIClient]) -> None:
    read = measured(graded, 4.5, grade_given=2)
    shown = api(graded.reader).get(f"/api/v1/reads/{read.pk}/").json()["lesions"][0]
    assert (shown["grade"], shown["grade_given"]) == (3, 2)
    assert grades(read) == (3, 2)

    assert complete(read).grade == 2
    services.reopen_read(read=own_read(user=graded.reader, pk=read.pk), by=graded.reader)
    assert Read.objects.get(pk=read.pk).grade is None
    complete(read)
    signed = sign(read)[0]
    bundle = load_bundle(own_read(user=graded.reader, pk=read.pk), masks=False)
    payload = payload_of(bundle, signed_at=signed.signed_at, signed_name="", meaning="")
    assert payload["lesions"][0]["grade"] == {"derived": 3, "given": 2}
    assert payload["grade"] == {"scheme": graded.round.protocol.grading, "study": 2}
    assert verify_read(signed)


def test_a_lesion_that_is_not_measured_keeps_its_grade_open(graded: Assignment) -> None:
    read = opened(graded)
    save(read, answers=PRESENT, lesions=[lesion()])

    assert grades(read) == (None, None)
    assert complete(read).grade is None


def test_no_plaque_is_the_lowest_grade(graded: Assignment) -> None:
    read = opened(graded)
    save(read, answers=COMPLETE)

    assert complete(read).grade == 1


def test_only_grades_of_the_scheme_are_taken(graded: Assignment, project: Project) -> None:
    with pytest.raises(Invalid) as refused:
        measured(graded, 4.5, grade_given=6)
    assert refused.value.rule == "grade-unknown"
    plain = AssignmentFactory(round=RoundFactory(project=project, protocol=create_protocol(project=project, by=None)))
    ClipFactory(study=plain.study)
    with pytest.raises(Invalid) as refused:
        measured(plain, 4.5, grade_given=3)
    assert refused.value.rule == "grade-not-asked"


def test_a_protocol_without_grading_signs_as_before(project: Project) -> None:
    plain = AssignmentFactory(round=RoundFactory(project=project))
    ClipFactory(study=plain.study)
    read = measured(plain, 4.5)

    payload = payload_of(load_bundle(read, masks=False), signed_at=plain.created_at, signed_name="", meaning="")
    assert "grade" not in payload
    assert "grade" not in payload["lesions"][0]


def test_the_schemes_reasons_are_asked_where_the_rule_does_not_count_them(project: Project) -> None:
    rule = {"version": "thick", "thickness_mm": 4.0, "reasons": []}
    protocol = create_protocol(project=project, by=None, label_rule=rule, grading=scheme_of("common_5mm"))
    row = AssignmentFactory(round=RoundFactory(project=project, protocol=protocol))
    ClipFactory(study=row.study)
    read = measured(row, 4.5, mobile=None, ulceration=None)

    with pytest.raises(Invalid) as refused:
        complete(read)
    assert [one["field"] for one in refused.value.extra["missing"]] == ["lesions.1.mobile"]


def test_it_is_exported_and_compared(
    graded: Assignment, project: Project, browser_of: Callable[[User], Client]
) -> None:
    read = measured(graded, 5.0, grade_given=5)
    complete(read)
    sign(read)
    coordinator = member(project, "coordinator")

    answer = browser_of(coordinator).get(f"/p/{project.slug}/rounds/{graded.round_id}/reads.csv")
    [row] = csv.DictReader(io.StringIO(answer.content.decode()))
    assert row["grade"] == "5"
    case = case_for(round=graded.round, study=graded.study)
    rows = numbers(compare(user=coordinator, case=visible_case(coordinator, case.pk)))
    [told] = [one for one in rows if one.key == "grade"]
    assert (told.left, told.how) == ("5, mobile", "overruled; by the scheme: 4, protruding 5 mm or more")
