"""What is read in a round is frozen when the case is given out: preparation afterwards does not reach it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import Invalid
from plaqueweb.ingest.preparation import finish_preparation, prepare_clip
from plaqueweb.reads.models import Assignment, Read, ReadSet, ReadSetClip, Round
from plaqueweb.reads.readset import clips_of_assignment
from plaqueweb.reads.rounds import add_reader, create_round
from plaqueweb.reads.signing import verify_read
from plaqueweb.studies.models import Clip, Project, Protocol, Study
from plaqueweb.studies.services import create_case_list
from tests.factories import ClipFactory, StudyFactory, member
from tests.plaqueweb.reads.helpers import COMPLETE, caliper, complete, frame, lesion, opened, save, sign

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(project: Project) -> Study:
    row = StudyFactory(subject__project=project)
    for number, segment in ((1, "arch"), (2, "descending"), (3, "")):
        ClipFactory(study=row, number=number, segment=segment)
    Clip.objects.filter(study=row, number=3).update(use="reference", calipers=True)
    return row


def round_of(project: Project, study: Study, **more: Any) -> Round:
    cases = create_case_list(project=project, name="List", purpose="test", studies=[study], by=None)
    return create_round(
        project=project, protocol=Protocol.objects.get(project=project), case_list=cases, name="Round",
        readers=[member(project, "reader")], policy="blinded", reveal="never", seed=1, by=None, **more,
    )  # fmt: skip


def numbers(assignment: Assignment, **more: Any) -> list[int]:
    return [clip.number for clip in clips_of_assignment(assignment, **more)]


def test_a_round_keeps_clips_use_segment_view_and_a_hash(project: Project, study: Study) -> None:
    round_ = round_of(project, study)

    kept = ReadSet.objects.get(round=round_)
    assert len(kept.sha256) == 64
    assert round_.read_set_sha256 is not None
    assert round_.read_set_sha256 != kept.sha256
    rows = ReadSetClip.objects.filter(read_set=kept).order_by("clip__number")
    assert list(rows.values_list("clip__number", "use", "segment", "view")) == [
        (1, "read", "arch", "unknown"), (2, "read", "descending", "unknown"), (3, "reference", "", "unknown"),
    ]  # fmt: skip


def test_a_later_change_does_not_reach_a_running_round(
    project: Project, study: Study, api: Callable[..., APIClient]
) -> None:
    round_ = round_of(project, study)
    assignment, coordinator = round_.assignments.get(), member(project, "coordinator")
    second = Clip.objects.select_related("study").get(study=study, number=2)
    prepare_clip(clip=second, by=coordinator, changes={"use": "aside", "use_reason": "x", "segment": "arch"})
    ClipFactory(study=study, number=4)
    finish_preparation(study=study, by=coordinator)
    opened(assignment)

    answer = api(assignment.reader).get(f"/api/v1/assignments/{assignment.public_id}/").json()

    assert [(clip["number"], clip["segment"]) for clip in answer["clips"]] == [(1, "arch"), (2, "descending")]
    assert api(assignment.reader).get(answer["clips"][1]["cine_url"]).status_code == 200
    rows = api(assignment.reader).get("/api/v1/assignments/").json()["results"]
    assert rows[0]["clips"] == 2
    study.refresh_from_db()
    assert study.content_no == 2
    assert Read.objects.get().content_no == 1  # the content that is read, whatever the study holds now


def test_two_rounds_on_one_study_read_what_each_froze(project: Project, study: Study) -> None:
    first = round_of(project, study).assignments.get()
    Clip.objects.filter(study=study, number=1).update(use="reference")
    listed = create_case_list(project=project, name="Second", purpose="test", studies=[study], by=None)
    second = create_round(
        project=project, protocol=first.round.protocol, case_list=listed, name="Second", readers=[first.reader],
        policy="blinded", reveal="never", seed=1, by=None,
    ).assignments.get()  # fmt: skip

    assert (numbers(first), numbers(second)) == ([1, 2], [2])
    assert ReadSet.objects.get(round=first.round).sha256 != ReadSet.objects.get(round=second.round).sha256


def test_a_clip_with_a_measurement_is_hidden_until_signing_and_shown_after(
    project: Project, study: Study, api: Callable[[User], APIClient]
) -> None:
    assignment = round_of(project, study).assignments.get()
    flagged = Clip.objects.get(study=study, number=3)
    client, url = api(assignment.reader), f"/api/v1/assignments/{assignment.public_id}/"
    read = opened(assignment)
    assert [clip["number"] for clip in client.get(url).json()["clips"]] == [1, 2]
    assert client.get(f"/api/v1/clips/{flagged.pk}/frames/1/").status_code == 404

    save(read, answers=COMPLETE)
    complete(read)
    assert client.get(f"/api/v1/clips/{flagged.pk}/frames/1/").status_code == 404
    sign(read)

    shown = client.get(url).json()
    assert [(clip["number"], clip["use"]) for clip in shown["clips"]] == [(1, "read"), (2, "read"), (3, "reference")]
    assert client.get(f"/api/v1/clips/{flagged.pk}/frames/1/").status_code == 200


def test_no_mark_is_taken_on_a_clip_outside_the_read_set(project: Project, study: Study) -> None:
    read = opened(round_of(project, study).assignments.get())
    flagged = Clip.objects.get(study=study, number=3)

    with pytest.raises(Invalid) as refused:
        save(read, lesions=[lesion()], frames=[frame(flagged, 1, calipers=[caliper(1, 1, 9, 1)])])
    assert refused.value.rule == "clip-not-in-case"


def test_the_signature_covers_the_hash_of_the_read_set(project: Project, study: Study) -> None:
    read = opened(round_of(project, study).assignments.get())
    save(read, answers=COMPLETE)
    complete(read)
    signed = sign(read)[0]
    assert verify_read(signed)

    with pytest.raises(DatabaseError), transaction.atomic():
        ReadSet.objects.update(sha256="0" * 64)
    with pytest.raises(DatabaseError), transaction.atomic():
        ReadSetClip.objects.all().delete()


def test_a_round_from_before_stays_without_a_frozen_set(project: Project, study: Study) -> None:
    """Reads signed in it do not name one, so a reader who joins must not bring one."""
    round_ = round_of(project, StudyFactory(subject__project=project))  # holds no clip: nothing to freeze
    assignment = round_.assignments.get()
    ClipFactory(study=assignment.study, number=1)

    add_reader(round_=round_, reader=member(project, "reader"), by=None)

    assert not ReadSet.objects.filter(round=round_).exists()
    assert numbers(assignment) == [1]


def test_a_study_of_which_nothing_is_read_goes_into_no_round(project: Project, study: Study) -> None:
    Clip.objects.filter(study=study).update(use="reference")

    with pytest.raises(Invalid) as refused:
        round_of(project, study)
    assert refused.value.rule == "read-set-empty"
