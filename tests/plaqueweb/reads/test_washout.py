"""A repeat after a washout: for each reader and subject, under other names for everything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from plaqueweb.agreement.selectors import primary_reads, repeat_reads
from plaqueweb.core.errors import Invalid, InvalidTransition
from plaqueweb.reads import services
from plaqueweb.reads.models import Assignment, Read, Round
from plaqueweb.reads.rounds_washout import opens_at
from plaqueweb.studies.models import Clip, Project, Protocol
from plaqueweb.studies.services import create_case_list, disclose
from tests.factories import ClipFactory, StudyFactory, SubjectFactory, member
from tests.plaqueweb.reads.helpers import box_mask, frame, lesion, opened, signed_case

pytestmark = pytest.mark.django_db
ApiOf = Callable[[Any], APIClient]


@pytest.fixture
def first(project: Project) -> Round:
    """A round of three cases with one reader, who signed two of them."""
    studies = [StudyFactory(subject=SubjectFactory(project=project)) for _ in range(3)]
    for study in studies:
        ClipFactory(study=study)
    cases = create_case_list(project=project, name="L", purpose="test", studies=studies, by=None)
    round_ = services.create_round(
        project=project, protocol=Protocol.objects.get(project=project), case_list=cases, name="first",
        readers=[member(project, "reader")], seed=1, by=None, reveal="round_closed",
    )  # fmt: skip
    for row in rows_of(round_)[:2]:
        signed_case(row)
    return round_


def rows_of(round_: Round) -> list[Assignment]:
    rows = Assignment.objects.filter(round=round_).select_related(
        "round__project", "round__protocol", "reader", "study"
    )
    return list(rows.order_by("order_no"))


def repeat(first: Round, **design: Any) -> Round:
    return services.create_round(
        project=first.project, protocol=first.protocol, case_list=first.case_list, name="again",
        readers=[rows_of(first)[0].reader], seed=2, by=None,
        **{"reveal": "round_closed", "repeat_of": first, "washout_days": 28, **design},
    )  # fmt: skip


def age(round_: Round, days: int) -> None:
    """Let a round have been read some days ago; signed rows never change, so only what may is moved."""
    before = timezone.now() - timedelta(days=days)
    Assignment.objects.filter(round=round_).update(opened_at=before)


def test_only_what_was_signed_is_read_again(first: Round) -> None:
    again = repeat(first)

    signed = set(Read.objects.signed().values_list("assignment__study_id", flat=True))
    assert {row.study_id for row in rows_of(again)} == signed
    assert len(signed) == 2


def test_who_signed_nothing_has_nothing_to_repeat(first: Round) -> None:
    with pytest.raises(Invalid) as caught:
        services.create_round(
            project=first.project, protocol=first.protocol, case_list=first.case_list, name="again",
            readers=[member(first.project, "reader")], seed=2, by=None, repeat_of=first, washout_days=28,
        )  # fmt: skip

    assert caught.value.rule == "repeat-unread"
    assert Round.objects.count() == 1


@pytest.mark.parametrize(
    "design, rule",
    [
        ({"washout_days": None}, "round-washout"),
        ({"washout_days": 0}, "round-washout"),
        ({"repeat_of": None}, "round-washout"),
        ({"reads_per_case": 1}, "round-repeat-crossing"),
    ],
)
def test_a_repeat_needs_its_first_round_and_a_washout(first: Round, design: dict[str, Any], rule: str) -> None:
    with pytest.raises(Invalid) as caught:
        repeat(first, **design)

    assert caught.value.rule == rule


def test_no_case_opens_before_the_washout_is_over(first: Round) -> None:
    row = rows_of(repeat(first))[0]

    with pytest.raises(InvalidTransition) as caught:
        services.open_assignment(assignment=row, by=row.reader)

    row.refresh_from_db()
    assert (caught.value.rule, row.state, row.opened_at) == ("washout", "assigned", None)


def test_all_cases_open_on_the_same_day_so_that_none_is_given_away(first: Round) -> None:
    again = repeat(first)
    Assignment.objects.filter(pk=rows_of(first)[0].pk).update(opened_at=timezone.now() - timedelta(days=90))

    days = set()
    for row in rows_of(again):
        with pytest.raises(InvalidTransition) as caught:
            services.open_assignment(assignment=row, by=row.reader)
        days.add(caught.value.extra["opens_at"])

    assert len(days) == 1


def test_a_round_opens_when_the_washout_is_over(first: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    row = rows_of(repeat(first))[0]
    later = timezone.now() + timedelta(days=28, minutes=1)
    monkeypatch.setattr("plaqueweb.reads.rounds_washout.timezone.now", lambda: later)

    services.open_assignment(assignment=row, by=row.reader)

    row.refresh_from_db()
    assert row.state == "opened"


def test_a_subject_met_meanwhile_in_any_round_starts_the_washout_anew(
    first: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = repeat(first)
    row = rows_of(again)[0]
    sibling = StudyFactory(subject=row.study.subject)
    ClipFactory(study=sibling)
    cases = create_case_list(project=first.project, name="other", purpose="test", studies=[sibling], by=None)
    other = services.create_round(
        project=first.project, protocol=first.protocol, case_list=cases, name="other", readers=[row.reader], seed=3,
        by=None,
    )  # fmt: skip
    met = timezone.now() + timedelta(days=20)
    opened(rows_of(other)[0])
    Assignment.objects.filter(round=other).update(opened_at=met)

    assert opens_at(round_=again, reader_id=row.reader_id) == met + timedelta(days=28)


def test_only_the_readers_own_meetings_with_the_rounds_own_subjects_count(first: Round) -> None:
    again = repeat(first)
    row = rows_of(again)[0]
    before = opens_at(round_=again, reader_id=row.reader_id)
    stranger = StudyFactory(subject=SubjectFactory(project=first.project))
    ClipFactory(study=stranger)
    other = member(first.project, "reader")
    for study, reader in ((row.study, other), (stranger, row.reader)):
        cases = create_case_list(
            project=first.project, name=f"of {reader.pk}", purpose="test", studies=[study], by=None
        )
        round_ = services.create_round(
            project=first.project, protocol=first.protocol, case_list=cases, name=f"of {reader.pk}", readers=[reader],
            seed=3, by=None,
        )  # fmt: skip
        opened(rows_of(round_)[0])
        Assignment.objects.filter(round=round_).update(opened_at=timezone.now() + timedelta(days=20))

    assert before is not None
    assert opens_at(round_=again, reader_id=row.reader_id) == before
    assert opens_at(round_=again, reader_id=other.pk) is None


# --- other names


def ready(first: Round, monkeypatch: pytest.MonkeyPatch) -> tuple[Assignment, Assignment]:
    """Both presentations of one case, the second of them past its washout."""
    later = timezone.now() + timedelta(days=29)
    row = rows_of(repeat(first))[0]
    monkeypatch.setattr("plaqueweb.reads.rounds_washout.timezone.now", lambda: later)
    before = next(one for one in rows_of(first) if one.study_id == row.study_id)
    return before, row


def ids_in(text: str) -> set[str]:
    import re

    return set(re.findall(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", text)) | set(
        re.findall(r"/api/v1/[^\"]+", text)
    )


def test_a_repeated_case_shares_no_id_address_or_etag(
    first: Round, api: ApiOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, row = ready(first, monkeypatch)
    client = api(row.reader)

    once = client.post(f"/api/v1/assignments/{before.public_id}/open/")
    again = client.post(f"/api/v1/assignments/{row.public_id}/open/")
    clips = once.json()["clips"][0], again.json()["clips"][0]
    frames = [client.get(clip["frame_url"].replace("{n}", "1").replace("%7Bn%7D", "1")) for clip in clips]
    cines = [client.get(clip["cine_url"]) for clip in clips]

    shared = ids_in(once.content.decode()) & ids_in(again.content.decode())
    assert shared == set()
    assert [answer.status_code for answer in (*frames, *cines)] == [200] * 4
    assert frames[0]["ETag"] != frames[1]["ETag"]
    assert cines[0]["ETag"] != cines[1]["ETag"]
    assert frames[0].content == frames[1].content


def test_what_is_drawn_under_other_names_is_stored_on_the_clip(
    first: Round, api: ApiOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    _before, row = ready(first, monkeypatch)
    client = api(row.reader)
    case = client.post(f"/api/v1/assignments/{row.public_id}/open/").json()
    name, url = case["clips"][0]["id"], f"/api/v1/reads/{case['read']['id']}/"
    clip = Clip.objects.get(study=row.study)
    marks = frame(clip, 2, masks={"1": box_mask(4, 9, 4, 9)}) | {"clip": name}
    body = {"save_id": "11111111-1111-4111-8111-111111111111", "frames": [marks],
            "lesions": [lesion(key_clip=name, key_frame=2)], "answers": {"reader_class": 1}}  # fmt: skip

    saved = client.patch(url, body, format="json", HTTP_IF_MATCH='"0"')
    refused = client.post(f"{url}complete/", HTTP_IF_MATCH='"1"')
    stale = client.patch(
        url, body | {"save_id": "21111111-1111-4111-8111-111111111111"}, format="json", HTTP_IF_MATCH='"0"'
    )
    place = {"seconds": 1, "place": {"clip": name, "frame": 2}}
    kept = client.post(f"/api/v1/assignments/{row.public_id}/activity/", place, format="json")

    assert (saved.status_code, saved.json()["frames"][0]["clip"], saved.json()["lesions"][0]["key_clip"]) == (
        200,
        name,
        name,
    )
    assert Read.objects.get(pk=case["read"]["id"]).annotations.get().clip == clip
    assert (refused.status_code, stale.status_code, kept.status_code) == (422, 412, 200)
    for answer in (saved, refused, stale, client.get(url), client.get(f"/api/v1/assignments/{row.public_id}/")):
        assert str(clip.pk) not in answer.content.decode()
    assert f"frames.{name}.2.1.extent" in refused.content.decode()


def test_the_name_of_the_first_presentation_is_no_name_in_the_second(
    first: Round, api: ApiOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    _before, row = ready(first, monkeypatch)
    client = api(row.reader)
    case = client.post(f"/api/v1/assignments/{row.public_id}/open/").json()
    clip = Clip.objects.get(study=row.study)

    body = {"save_id": "11111111-1111-4111-8111-111111111111", "frames": [frame(clip, 2, extent="no_plaque")]}
    answer = client.patch(f"/api/v1/reads/{case['read']['id']}/", body, format="json", HTTP_IF_MATCH='"0"')

    assert (answer.status_code, answer.json()["rule"]) == (422, "clip-not-in-case")
    assert client.get(f"/api/v1/assignments/{row.public_id}/clips/{clip.pk}/cine/").status_code == 404


# --- hidden repeats within a round


@pytest.fixture
def with_repeats(project: Project) -> Round:
    studies = [StudyFactory(subject=SubjectFactory(project=project)) for _ in range(9)]
    for study in studies:
        ClipFactory(study=study)
    cases = create_case_list(project=project, name="L", purpose="test", studies=studies, by=None)
    return services.create_round(
        project=project, protocol=Protocol.objects.get(project=project), case_list=cases, name="R",
        readers=[member(project, "reader"), member(project, "reader")], seed=1, by=None, repeats=2,
    )  # fmt: skip


def test_each_reader_meets_some_cases_twice_far_apart(with_repeats: Round) -> None:
    for reader in {row.reader for row in rows_of(with_repeats)}:
        mine = [row for row in rows_of(with_repeats) if row.reader == reader]
        assert [row.order_no for row in mine] == list(range(1, 12))
        at = {(row.study_id, row.repeat_no): row.order_no for row in mine}
        again = [study for study, no in at if no == 1]
        assert len(again) == 2
        assert all(at[study, 1] - at[study, 0] > 3 for study in again)


def test_nothing_tells_a_repeat_from_a_first_reading(with_repeats: Round, api: ApiOf) -> None:
    pair = [row for row in rows_of(with_repeats) if row.repeat_no]
    second = pair[0]
    first = next(
        row for row in rows_of(with_repeats)
        if (row.study_id, row.reader_id, row.repeat_no) == (second.study_id, second.reader_id, 0)
    )  # fmt: skip
    client = api(second.reader)

    answers = [client.post(f"/api/v1/assignments/{row.public_id}/open/") for row in (first, second)]

    shared = ids_in(answers[0].content.decode()) & ids_in(answers[1].content.decode())
    assert shared == {str(with_repeats.pk)}  # the round itself
    assert answers[0].json().keys() == answers[1].json().keys()


def test_a_round_with_repeats_never_reveals_after_each_case(with_repeats: Round) -> None:
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        Round.objects.filter(pk=with_repeats.pk).update(reveal="after_each")


@pytest.mark.parametrize(
    "design, rule",
    [
        ({"repeats": 4}, "round-repeats"),
        ({"repeats": -1}, "round-repeats"),
        ({"repeats": 1, "reveal": "after_each", "reveal_reason": "x"}, "round-repeats-reveal"),
        ({"repeats": 1, "policy": "ai_assisted", "pipelines": ["x"]}, "round-repeats-model"),
        ({"repeats": 2, "reads_per_case": 1}, "round-repeats"),
        ({"reads_per_case": 3}, "round-crossing"),
    ],
)
def test_repeats_and_crossing_against_a_rule_are_refused(
    with_repeats: Round, design: dict[str, Any], rule: str
) -> None:
    readers = list({row.reader for row in rows_of(with_repeats)})

    with pytest.raises(Invalid) as caught:
        services.create_round(
            project=with_repeats.project, protocol=with_repeats.protocol, case_list=with_repeats.case_list,
            name="other", readers=readers, seed=1, by=None, **design,
        )  # fmt: skip

    assert caught.value.rule == rule


def test_a_case_stays_blind_until_its_repeat_is_signed(with_repeats: Round) -> None:
    from plaqueweb.studies.blinding import blinded_studies

    second = next(row for row in rows_of(with_repeats) if row.repeat_no)
    for row in rows_of(with_repeats):
        if row.reader_id == second.reader_id and row.pk != second.pk:
            signed_case(row)

    assert [study.pk for study in blinded_studies(second.reader)] == [second.study_id]


def test_k_reads_a_case_are_dealt_and_a_late_reader_gets_what_lacks_reads(project: Project) -> None:
    studies = [StudyFactory(subject=SubjectFactory(project=project)) for _ in range(6)]
    cases = create_case_list(project=project, name="L", purpose="test", studies=studies, by=None)
    readers = [member(project, "reader") for _ in range(3)]
    round_ = services.create_round(
        project=project, protocol=Protocol.objects.get(project=project), case_list=cases, name="R", readers=readers,
        seed=1, by=None, reads_per_case=2,
    )  # fmt: skip
    late = member(project, "reader")

    with pytest.raises(Invalid) as caught:
        services.add_reader(round_=round_, reader=late, by=None)
    gone = rows_of(round_)[0]
    services.withdraw(assignment=gone, by=None)
    added = services.add_reader(round_=round_, reader=late, by=None)

    assert len(rows_of(round_)) == 12 + 1
    assert caught.value.rule == "round-crossing-full"
    assert [row.study_id for row in added] == [gone.study_id]


def test_reassigning_a_repeated_case_takes_its_repeat_back(with_repeats: Round) -> None:
    second = next(row for row in rows_of(with_repeats) if row.repeat_no)
    first = next(
        row for row in rows_of(with_repeats)
        if (row.study_id, row.reader_id, row.repeat_no) == (second.study_id, second.reader_id, 0)
    )  # fmt: skip

    with pytest.raises(Invalid):
        services.reassign(assignment=second, to=member(with_repeats.project, "reader"), by=None)
    services.reassign(assignment=first, to=member(with_repeats.project, "reader"), by=None)

    second.refresh_from_db()
    assert second.state == "withdrawn"


def test_a_blind_second_reading_is_a_repeat_and_never_the_reading_that_counts(
    first: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, row = ready(first, monkeypatch)
    again = signed_case(row, reader_class=1)
    coordinator = member(first.project, "coordinator")

    counted, _informed = primary_reads(coordinator, first.project, None)

    assert again.pk not in {read.id for read in counted}
    assert repeat_reads(coordinator, first.project, None) == [again.pk]
    assert repeat_reads(coordinator, first.project, first) == [again.pk]
    assert before.pk != row.pk


def test_a_second_reading_after_the_results_were_shown_repeats_no_blind_one(
    first: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    _before, row = ready(first, monkeypatch)
    opened(row)
    monkeypatch.undo()
    disclose(user=row.reader, study=row.study, kind="round_closed", round_id=first.pk)
    signed_case(row, reader_class=1)

    assert repeat_reads(member(first.project, "coordinator"), first.project, None) == []


def test_a_lesion_is_carried_under_the_clips_name_in_this_presentation(
    first: Round, api: ApiOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    _before, row = ready(first, monkeypatch)
    client = api(row.reader)
    case = client.post(f"/api/v1/assignments/{row.public_id}/open/").json()
    name, clip = case["clips"][0]["id"], Clip.objects.get(study=row.study)
    url = f"/api/v1/reads/{case['read']['id']}/"
    marks = frame(clip, 2, masks={"1": box_mask(4, 9, 4, 9)}, extent="all_marked") | {"clip": name}
    body = {"save_id": "11111111-1111-4111-8111-111111111111", "frames": [marks], "lesions": [lesion()]}
    client.patch(url, body, format="json", HTTP_IF_MATCH='"0"')

    asked = {"clip": name, "frame": 2, "region": 1, "lesion": 1}
    stored = client.post(f"{url}propagations/", asked | {"clip": str(clip.pk)}, format="json")
    made = client.post(f"{url}propagations/", asked, format="json")
    listed = client.get(f"{url}propagations/")
    one = client.get(f"{url}propagations/{made.json()['id']}/")

    assert (stored.status_code, made.status_code) == (422, 202)
    for answer in (made, listed, one):
        assert str(clip.pk) not in answer.content.decode()
    assert made.json()["clip"] == one.json()["clip"] == name
