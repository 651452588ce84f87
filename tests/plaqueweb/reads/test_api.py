"""The reader's API: opaque ids, If-Match, problems with their rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from plaqueweb.core import limits
from plaqueweb.reads.models import Assignment, Read
from tests.factories import PASSWORD, AssignmentFactory, ClipFactory, StudyFactory, member
from tests.plaqueweb.reads.helpers import CLEAR, COMPLETE, box_mask, caliper, case, frame, lesion, opened, save

pytestmark = pytest.mark.django_db
Api = Callable[[Any], APIClient]


def patch(client: APIClient, read: dict[str, Any], body: dict[str, Any], number: int | None = None) -> Any:
    tag = read["draft_no"] if number is None else number
    return client.patch(
        f"/api/v1/reads/{read['id']}/", {"save_id": str(uuid4()), **body}, format="json", HTTP_IF_MATCH=f'"{tag}"'
    )


def test_a_case_is_read_from_the_worklist_to_the_signature(api: Api) -> None:
    assignment, clip = case()
    client = api(assignment.reader)
    row = client.get("/api/v1/assignments/").json()["results"][0]
    detail = client.post(f"/api/v1/assignments/{row['public_id']}/open/").json()
    body = {
        "answers": {**COMPLETE, "reader_class": 1},
        "lesions": [lesion()],
        "frames": [
            frame(clip, 2, calipers=[caliper(0, 0, 12, 0)], masks={"1": box_mask(0, 4, 0, 9)}, extent="all_marked")
        ],
    }  # fmt: skip
    saved = patch(client, detail["read"], body)
    done = client.post(f"/api/v1/reads/{detail['read']['id']}/complete/", HTTP_IF_MATCH=saved["ETag"])
    signed = client.post(
        "/api/v1/reads/sign/",
        {"reads": [detail["read"]["id"]], "password": PASSWORD, "meaning": "authored"},
        format="json",
    )

    assert row["state"] == "assigned"
    assert detail["clips"][0]["id"] == str(clip.pk)
    assert saved.json()["frames"][0]["masks"]["1"] == box_mask(0, 4, 0, 9)
    assert saved.json()["lesions"][0]["thickness_mm"] == 6.0
    assert (done.json()["rule_class"], done.json()["rule_reason"]) == (1, "6.0 ≥ 4.0 mm")
    assert done.json()["rule_agrees"] is True
    assert signed.json()["signed"][0]["compare_url"] == f"/read/{assignment.public_id}/compare/"
    assert Read.objects.get().state == "signed"


def test_a_case_shown_again_holds_all_that_was_saved(api: Api) -> None:
    assignment, clip = case()
    mark = frame(clip, 3, masks={"1": box_mask(0, 4, 0, 9), "2": box_mask(9, 11, 2, 4)}, extent="all_marked",
                 outline=[[0, 0], [9, 0], [9, 9]])  # fmt: skip
    save(opened(assignment), lesions=[lesion(), lesion(2)], frames=[mark], answers={"note": 'a "quoted" note\n'})

    read = api(assignment.reader).get(f"/api/v1/assignments/{assignment.public_id}/").json()["read"]

    assert read["frames"][0]["masks"] == mark["masks"]
    assert read["frames"][0]["outline"] == [[0, 0], [9, 0], [9, 9]]
    assert read["answers"]["note"] == 'a "quoted" note\n'
    assert read["frames"][0]["areas"]["2"]["px"] == 4


def test_looking_at_a_case_does_not_open_it(api: Api) -> None:
    assignment, _ = case()

    body = api(assignment.reader).get(f"/api/v1/assignments/{assignment.public_id}/").json()

    assert (body["read"], body["state"]) == (None, "assigned")
    assert not Read.objects.exists()


def test_the_rule_speaks_only_after_the_reader(api: Api) -> None:
    assignment, _ = case()
    client = api(assignment.reader)
    read = client.post(f"/api/v1/assignments/{assignment.public_id}/open/").json()["read"]

    before = patch(client, read, {"answers": {"findings": CLEAR}}).json()
    after = patch(client, before, {"answers": {"reader_class": 1}}).json()

    assert (before["rule_class"], before["rule_reason"]) == (None, "")
    assert (after["rule_class"], after["rule_agrees"]) == (0, False)


@pytest.mark.parametrize(
    "tag, status, rule",
    [(None, 428, "if-match"), ('"0"', 412, "stale"), ('"x"', 422, "if-match"), ('"2"', 412, "stale")],
)
def test_a_write_needs_the_current_draft_number(api: Api, tag: str | None, status: int, rule: str) -> None:
    assignment, _ = case()
    read = opened(assignment)
    save(read, answers={"note": "first"})
    headers = {} if tag is None else {"HTTP_IF_MATCH": tag}

    answer = api(assignment.reader).patch(
        f"/api/v1/reads/{read.pk}/", {"save_id": str(uuid4())}, format="json", **headers
    )

    assert (answer.status_code, answer.json()["rule"]) == (status, rule)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json().get("draft_no", 1) == 1


def test_the_answer_to_a_save_holds_only_the_saved_frames(api: Api) -> None:
    assignment, clip = case()
    read = opened(assignment)
    save(read, frames=[frame(clip, 1, extent="no_plaque")])

    answer = api(assignment.reader).put(
        f"/api/v1/reads/{read.pk}/frames/",
        {"save_id": str(uuid4()), "frames": [frame(clip, 2, extent="unusable")]}, format="json", HTTP_IF_MATCH='"1"',
    )  # fmt: skip

    assert [row["frame"] for row in answer.json()["frames"]] == [2]
    assert answer["ETag"] == '"2"'


def test_frames_take_frames_only(api: Api) -> None:
    assignment, _ = case()
    read = opened(assignment)

    answer = api(assignment.reader).put(
        f"/api/v1/reads/{read.pk}/frames/", {"save_id": str(uuid4()), "answers": {}}, format="json", HTTP_IF_MATCH='"0"'
    )

    assert (answer.status_code, answer.json()["rule"]) == (422, "unknown-field")


def test_a_body_over_the_limit_is_refused(api: Api) -> None:
    assignment, _ = case()
    read = opened(assignment)

    answer = api(assignment.reader).patch(
        f"/api/v1/reads/{read.pk}/", json.dumps({"save_id": "x" * limits.REQUEST_BYTES}),
        content_type="application/json", HTTP_IF_MATCH='"0"',
    )  # fmt: skip

    assert (answer.status_code, answer.json()["rule"]) == (422, "too-large")


def test_completing_names_what_is_missing(api: Api) -> None:
    assignment, _ = case()
    read = opened(assignment)
    findings = {**CLEAR, "arch": {"visibility": "well", "plaque": None}}
    save(read, answers={**COMPLETE, "findings": findings, "confidence": None})

    answer = api(assignment.reader).post(f"/api/v1/reads/{read.pk}/complete/", HTTP_IF_MATCH='"1"')

    assert (answer.status_code, answer.json()["rule"]) == (422, "read-incomplete")
    assert [item["words"] for item in answer.json()["missing"]] == ["Arch plaque", "Confidence"]
    assert answer.json()["detail"] == "2 answers left: Arch plaque, Confidence"


def test_a_wrong_password_signs_nothing_and_counts(api: Api) -> None:
    assignment, _ = case()
    read = opened(assignment)
    client = api(assignment.reader)
    body = {"password": "wrong", "meaning": "authored"}

    first = client.post(f"/api/v1/reads/{read.pk}/sign/", body, format="json")
    for _n in range(limits.LOGIN_ATTEMPTS - 1):
        client.post(f"/api/v1/reads/{read.pk}/sign/", body, format="json")
    last = client.post(f"/api/v1/reads/{read.pk}/sign/", {**body, "password": PASSWORD}, format="json")

    assert (first.status_code, first.json()["rule"]) == (422, "sign-password")
    assert last.status_code == 429


def test_nobody_signs_as_imported_by_the_api(api: Api) -> None:
    assignment, _ = case()
    read = opened(assignment)

    answer = api(assignment.reader).post(
        f"/api/v1/reads/{read.pk}/sign/", {"password": PASSWORD, "meaning": "imported"}, format="json"
    )

    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["assignments/?reader=x", "assignments/?state__in=x", "reads/?reader_class=1"])
def test_an_unknown_filter_is_refused(api: Api, path: str) -> None:
    assignment, _ = case()

    answer = api(assignment.reader).get(f"/api/v1/{path}")

    assert (answer.status_code, answer.json()["rule"]) == (400, "unknown-parameter")


def test_a_filter_that_is_no_id_is_refused(api: Api) -> None:
    answer = api(case()[0].reader).get("/api/v1/assignments/?round=7")

    assert (answer.status_code, answer.json()["rule"]) == (400, "parameter-value")


def test_skipping_needs_a_reason_and_says_what_is_next(api: Api) -> None:
    assignment, _ = case()
    other = AssignmentFactory(round=assignment.round, reader=assignment.reader, order_no=assignment.order_no + 1)
    client = api(assignment.reader)

    empty = client.post(f"/api/v1/assignments/{assignment.public_id}/skip/", {"reason": "  "}, format="json")
    done = client.post(f"/api/v1/assignments/{assignment.public_id}/skip/", {"reason": "no aorta"}, format="json")

    assert empty.status_code == 422
    assert (done.json()["state"], done.json()["note"]) == ("skipped", "no aorta")
    assert done.json()["next_url"] == f"/read/{other.public_id}/"


@pytest.mark.parametrize("seconds, status", [(1, 200), (60, 200), (0, 422), (61, 422), ("x", 422)])
def test_active_time_comes_in_small_steps(api: Api, seconds: Any, status: int) -> None:
    assignment, _ = case()
    opened(assignment)

    answer = api(assignment.reader).post(
        f"/api/v1/assignments/{assignment.public_id}/activity/", {"seconds": seconds}, format="json"
    )

    assert answer.status_code == status
    assert Assignment.objects.get().active_seconds == (seconds if status == 200 else 0)


def worklist_of(cases: int) -> Assignment:
    assignment = AssignmentFactory()
    for n in range(cases - 1):
        AssignmentFactory(round=assignment.round, reader=assignment.reader, order_no=100 + n)
    for n, row in enumerate(Assignment.objects.select_related("round", "study", "reader")):
        clip = ClipFactory(study=row.study)
        if n % 2:
            save(opened(row), lesions=[lesion()], frames=[frame(clip, calipers=[caliper(0, 0, 4, 0)])])
    return assignment


@pytest.mark.parametrize("cases", [5, 50])
def test_the_worklist_costs_the_same_queries_for_5_and_50_cases(
    api: Api, cases: int, django_assert_num_queries: Any
) -> None:
    client = api(worklist_of(cases).reader)

    with django_assert_num_queries(8):
        rows = client.get("/api/v1/assignments/").json()["results"]

    assert len(rows) == cases
    assert rows[1]["your_thickness"]["mm"] == 2.0


@pytest.mark.parametrize("frames", [1, 40])
def test_a_case_costs_the_same_queries_for_1_and_40_marked_frames(
    api: Api, frames: int, django_assert_max_num_queries: Any
) -> None:
    assignment, _ = case()
    long = ClipFactory(study=assignment.study, frames=60)
    marks = [frame(long, n + 1, masks={"1": box_mask(0, 2, 0, 5)}) for n in range(frames)]
    save(opened(assignment), lesions=[lesion()], frames=marks)
    client = api(assignment.reader)

    with django_assert_max_num_queries(11):
        body = client.get(f"/api/v1/assignments/{assignment.public_id}/").json()

    assert len(body["read"]["frames"]) == frames


# --- rounds ---


def test_a_coordinator_opens_a_round_over_ready_studies(api: Api) -> None:
    study = StudyFactory()
    from tests.factories import ProtocolFactory

    ProtocolFactory(project=study.project)
    reader, coordinator = member(study.project, "reader"), member(study.project, "coordinator")
    body = {"project": study.project.slug, "name": "Round 1", "studies": [str(study.pk)], "readers": [str(reader.pk)]}

    answer = api(coordinator).post("/api/v1/rounds/", body, format="json")

    assert answer.status_code == 201, answer.json()
    assert (answer.json()["cases"], answer.json()["progress"][0]["left"]) == (1, 1)
    assert Assignment.objects.get().reader == reader


def test_a_reader_cannot_open_a_round(api: Api) -> None:
    study = StudyFactory()
    reader = member(study.project, "reader")
    body = {"project": study.project.slug, "name": "Mine", "studies": [str(study.pk)], "readers": [str(reader.pk)]}

    assert api(reader).post("/api/v1/rounds/", body, format="json").status_code == 404


def test_progress_is_for_those_who_manage_and_do_not_read_blind(api: Api) -> None:
    assignment, _ = case()
    project = assignment.round.project
    both = member(project, "coordinator", "reader")
    AssignmentFactory(round=assignment.round, study=assignment.study, reader=both)

    of_manager = api(member(project, "coordinator")).get("/api/v1/rounds/").json()["results"][0]
    of_reader = api(assignment.reader).get("/api/v1/rounds/").json()["results"][0]
    of_both = api(both).get("/api/v1/rounds/").json()["results"][0]

    assert len(of_manager["progress"]) == 2
    assert (of_reader["progress"], of_both["progress"]) == (None, None)


def test_the_place_in_the_case_is_kept_with_the_draft_and_changes_no_draft_number(api: Api) -> None:
    assignment, clip = case(frames=20)
    read = opened(assignment)
    client = api(assignment.reader)
    where = {"clip": str(clip.pk), "frame": 17}

    answer = client.post(
        f"/api/v1/assignments/{assignment.public_id}/activity/", {"seconds": 0, "place": where}, format="json"
    )

    assert answer.status_code == 200
    shown = client.post(f"/api/v1/assignments/{assignment.public_id}/open/").json()["read"]
    assert shown["place"] == where
    assert shown["draft_no"] == read.draft_no
    assert Assignment.objects.get().active_seconds == 0


@pytest.mark.parametrize("frame_number, rule", [(0, None), (21, "frame-number"), (1, "clip-not-in-case")])
def test_a_place_outside_the_case_is_refused(api: Api, frame_number: int, rule: str | None) -> None:
    assignment, clip = case(frames=20)
    opened(assignment)
    strange = ClipFactory() if rule == "clip-not-in-case" else clip

    answer = api(assignment.reader).post(
        f"/api/v1/assignments/{assignment.public_id}/activity/",
        {"seconds": 5, "place": {"clip": str(strange.pk), "frame": frame_number}}, format="json",
    )  # fmt: skip

    assert answer.status_code in (400, 422)
    assert rule is None or answer.json()["rule"] == rule
    assert Read.objects.get().place is None
    assert Assignment.objects.get().active_seconds == 0


def test_nobody_keeps_a_place_in_anothers_case(api: Api) -> None:
    assignment, clip = case()
    opened(assignment)

    answer = api(member(assignment.round.project, "reader")).post(
        f"/api/v1/assignments/{assignment.public_id}/activity/",
        {"seconds": 1, "place": {"clip": str(clip.pk), "frame": 1}}, format="json",
    )  # fmt: skip

    assert answer.status_code == 404
