"""The next case's pictures may be fetched ahead: the own next one's and nobody else's, and that opens nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from plaqueweb.accounts.models import User
from plaqueweb.audit.models import AuditEvent
from plaqueweb.reads.choices import AssignmentState
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.studies.models import Clip
from tests.factories import AssignmentFactory, ClipFactory, RoundFactory, StudyFactory, SubjectFactory, member
from tests.plaqueweb.reads.helpers import opened

pytestmark = pytest.mark.django_db


class Sitting:
    """One reader's four cases of one round, in order; the first is open."""

    def __init__(self, **round_: Any) -> None:
        self.round: Round = RoundFactory(**round_)
        project = self.round.project
        self.reader: User = member(project, "reader")
        self.rows: list[Assignment] = []
        self.clips: list[Clip] = []
        for number in range(1, 5):
            study = StudyFactory(subject=SubjectFactory(project=project))
            self.clips.append(ClipFactory(study=study))
            self.rows.append(AssignmentFactory(round=self.round, study=study, reader=self.reader, order_no=number))
        opened(self.rows[0])
        self.client = Client()
        self.client.force_login(self.reader)

    def ahead(self, number: int = 0) -> list[dict[str, Any]]:
        answer = self.client.get(f"/api/v1/assignments/{self.rows[number].public_id}/ahead/")
        assert answer.status_code == 200
        found: list[dict[str, Any]] = answer.json()
        return found

    def statuses(self, number: int) -> tuple[int, int, int, int]:
        base = f"/api/v1/clips/{self.clips[number].pk}/"
        return tuple(self.client.get(base + rest).status_code for rest in ("cine/", "frames/1/", "frames/2/", ""))  # type: ignore[return-value]


def test_the_next_cases_bundle_and_first_picture_may_be_fetched_and_nothing_else() -> None:
    sitting = Sitting()

    assert sitting.statuses(1) == (200, 200, 404, 404)
    assert sitting.statuses(2) == sitting.statuses(3) == (404, 404, 404, 404)
    case = sitting.client.get(f"/api/v1/assignments/{sitting.rows[2].public_id}/ahead/")
    assert case.json() == []  # it is not open, so nothing is ahead of it


def test_the_addresses_are_those_the_case_will_have_so_that_the_browser_keeps_them() -> None:
    sitting = Sitting()
    (told,) = sitting.ahead()

    fetched = sitting.client.get(told["cine_url"])
    later = sitting.client.post(f"/api/v1/assignments/{sitting.rows[1].public_id}/open/").json()["clips"][0]

    assert (told["cine_url"], told["frame_url"]) == (later["cine_url"], later["frame_url"])
    assert told["bytes"] == len(b"".join(fetched.streaming_content))  # type: ignore[arg-type]
    assert "immutable" in fetched["Cache-Control"]
    assert "private" in fetched["Cache-Control"]
    assert set(told) == {"cine_url", "frame_url", "bytes"}


def test_fetching_ahead_opens_nothing_and_leaves_no_event() -> None:
    sitting = Sitting()
    events = AuditEvent.objects.count()
    sitting.client.get(sitting.ahead()[0]["cine_url"])
    sitting.statuses(1)

    row = Assignment.objects.get(pk=sitting.rows[1].pk)
    assert (row.state, row.opened_at, row.active_seconds, row.reads.count()) == ("assigned", None, 0, 0)
    assert AuditEvent.objects.count() == events


def test_no_other_readers_case_can_be_fetched() -> None:
    sitting, stranger = Sitting(), Sitting()
    other = member(sitting.round.project, "reader")
    AssignmentFactory(round=sitting.round, study=sitting.rows[3].study, reader=other, order_no=1, state="opened")
    AssignmentFactory(round=sitting.round, study=sitting.rows[1].study, reader=other, order_no=9)

    client = Client()
    client.force_login(stranger.reader)
    base = f"/api/v1/clips/{sitting.clips[1].pk}/"
    assert [client.get(base + rest).status_code for rest in ("cine/", "frames/1/")] == [404, 404]
    assert client.get(f"/api/v1/assignments/{sitting.rows[0].public_id}/ahead/").status_code == 404
    client.force_login(other)  # another case lies between that reader's open one and this
    AssignmentFactory(round=sitting.round, study=sitting.rows[2].study, reader=other, order_no=5)
    assert [client.get(base + rest).status_code for rest in ("cine/", "frames/1/")] == [404, 404]


@pytest.mark.parametrize("state", [AssignmentState.COMPLETED, AssignmentState.SIGNED, AssignmentState.ASSIGNED])
def test_nothing_is_ahead_of_a_case_that_is_not_open(state: str) -> None:
    sitting = Sitting()
    Assignment.objects.filter(pk=sitting.rows[0].pk).update(state=state)

    assert sitting.ahead() == []
    assert sitting.statuses(1) == (404, 404, 404, 404)


def test_nothing_is_ahead_once_the_reader_may_not_read_there() -> None:
    sitting = Sitting()
    sitting.reader.memberships.all().delete()

    assert sitting.statuses(1) == (404, 404, 404, 404)


def test_a_case_under_other_names_is_fetched_under_those_only() -> None:
    sitting = Sitting(repeats=1, reveal="all_signed")
    (told,) = sitting.ahead()

    assert str(sitting.clips[1].pk) not in str(told)
    assert sitting.statuses(1) == (404, 404, 404, 404)
    frame = told["frame_url"].replace("%7Bn%7D", "{n}")
    assert sitting.client.get(told["cine_url"]).status_code == 200
    assert sitting.client.get(frame.replace("{n}", "1")).status_code == 200
    assert sitting.client.get(frame.replace("{n}", "2")).status_code == 404
    third = told["cine_url"].replace(sitting.rows[1].public_id, sitting.rows[2].public_id)
    assert sitting.client.get(third).status_code == 404
