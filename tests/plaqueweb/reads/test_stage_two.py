"""Frames: named beforehand, or the same for all readers in a second stage, which comes from the readers alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from plaqueweb.agreement.evidence import load
from plaqueweb.agreement.selectors import manifest, primary_reads, scope, select
from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed
from plaqueweb.reads import services
from plaqueweb.reads.models import Assignment, Read, Round
from plaqueweb.reads.rounds_frames import Seen, choose_frames, same_frame_reads
from plaqueweb.review.services import current_reads
from plaqueweb.studies.models import Clip, Disclosure, Project, Protocol
from plaqueweb.studies.services import create_case_list
from tests.factories import ClipFactory, StudyFactory, SubjectFactory, member
from tests.plaqueweb.reads.helpers import COMPLETE, box_mask, complete, frame, lesion, opened, save, sign, signed_case

FRAMES = 12


# --- which frames


@st.composite
def readings(draw: st.DrawFn) -> tuple[list[Seen], dict[uuid.UUID, list[tuple[uuid.UUID, int]]]]:
    """Studies of some clips on which readers set key frames, marked frames and examined some without plaque."""
    seen, frames = [], {}
    for at in range(draw(st.integers(1, 6))):
        study = uuid.UUID(int=at + 1)
        clips = [uuid.UUID(int=100 * (at + 1) + n) for n in range(draw(st.integers(1, 3)))]
        frames[study] = [(clip, number) for clip in clips for number in range(1, FRAMES + 1)]
        some = st.sets(st.sampled_from(frames[study]), max_size=4)
        key = draw(some)
        seen.append(
            Seen(study, {uuid.UUID(int=1), uuid.UUID(int=2)}, key, key | draw(some), draw(some), all_none=not key)
        )
    return seen, frames


@given(made=readings(), seed=st.text(alphabet="01", min_size=1, max_size=6))
def test_all_key_frames_and_a_fifth_without_plaque(made: Any, seed: str) -> None:
    seen, frames = made
    keys = {(row.study, place) for row in seen for place in row.key}
    marked = {place[0] for row in seen for place in row.plaque | row.key}
    free = {(row.study, place) for row in seen for place in row.free - row.plaque - row.key}
    free |= {(row.study, place) for row in seen for place in frames[row.study] if place[0] not in marked}
    if not keys or len(free) * 4 < len(keys):
        with pytest.raises(ValueError, match="frame"):
            choose_frames(seen, frames, seed=seed)
        return

    chosen = choose_frames(seen, frames, seed=seed)

    all_of = {(study, place) for study, places in chosen.items() for place in places}
    without = all_of - keys
    assert keys <= all_of
    assert len(without) >= len(all_of) / 5
    assert not any(place in row.plaque for row in seen for study, place in without if study == row.study)
    assert all(len(places) == len(set(places)) for places in chosen.values())
    assert chosen == choose_frames(seen, frames, seed=seed)


def test_frames_examined_without_plaque_come_first() -> None:
    study, clip = uuid.uuid4(), uuid.uuid4()
    seen = Seen(study, set(), {(clip, 3)}, {(clip, 3)}, {(clip, 7)}, all_none=False)

    chosen = choose_frames([seen], {study: [(clip, n) for n in range(1, 13)]}, seed="1")

    assert chosen == {study: [(clip, 3), (clip, 7)]}


# --- a round in two stages

ApiOf = Callable[[Any], APIClient]


@pytest.fixture
def round_(project: Project) -> Round:
    """Two readers, a study with plaque and one without."""
    studies = [StudyFactory(subject=SubjectFactory(project=project)) for _ in range(2)]
    for study in studies:
        ClipFactory(study=study, frames=FRAMES)
    cases = create_case_list(project=project, name="L", purpose="test", studies=studies, by=None)
    return services.create_round(
        project=project, protocol=Protocol.objects.get(project=project), case_list=cases, name="R",
        readers=[member(project, "reader") for _ in range(2)], seed=1, by=None, frames="two_stages",
    )  # fmt: skip


def rows_of(round_: Round, stage: int = 1) -> list[Assignment]:
    rows = Assignment.objects.filter(round=round_, stage_no=stage)
    rows = rows.select_related("round__project", "round__protocol", "reader", "study")
    return list(rows.order_by("study__number", "reader_id"))


def read_first(round_: Round) -> None:
    """Both readers find plaque on the first study, on different frames, and none on the second."""
    for at, row in enumerate(rows_of(round_)):
        if at > 1:
            signed_case(row)
            continue
        clip = Clip.objects.get(study=row.study)
        read = opened(row)
        findings = {"descending": {"visibility": "well", "plaque": "present"}}
        findings |= {key: {"visibility": "well", "plaque": "none"} for key in ("ascending", "arch")}
        key = lesion(key_clip=str(clip.pk), key_frame=3 + at)
        marks = frame(clip, 3 + at, masks={"1": box_mask(4, 9, 4, 9)}, extent="all_marked")
        save(read, answers={**COMPLETE, "reader_class": 1, "findings": findings}, lesions=[key], frames=[marks])
        complete(read)
        sign(read)


def outline(row: Assignment) -> Read:
    """Declare every asked frame without plaque, and sign."""
    read = opened(row)
    clips = {str(clip.pk): clip for clip in Clip.objects.filter(study=row.study)}
    save(read, frames=[frame(clips[clip], number, extent="no_plaque") for clip, number in row.frames])
    complete(read)
    return sign(read)[0]


pytest_db = pytest.mark.django_db


@pytest_db
def test_the_second_stage_waits_for_all_first_readings(round_: Round) -> None:
    signed_case(rows_of(round_)[0])

    with pytest.raises(InvalidTransition) as caught:
        services.open_stage_two(round_=round_, by=None)

    assert caught.value.rule == "round-unsigned"


@pytest_db
def test_all_readers_get_the_same_frames_of_both_readers_in_an_own_order(round_: Round) -> None:
    read_first(round_)

    count = services.open_stage_two(round_=round_, by=None)

    by_study: dict[Any, list[Any]] = {}
    for row in rows_of(round_, stage=2):
        by_study.setdefault(row.study_id, []).append(row)
    plaque = next(rows for rows in by_study.values() if len(rows[0].frames) >= 2)
    clip = str(Clip.objects.get(study=plaque[0].study).pk)
    assert {tuple(place) for place in plaque[0].frames} >= {(clip, 3), (clip, 4)}
    assert all(sorted(a.frames) == sorted(b.frames) for a, b in by_study.values())
    assert count == sum(len(rows[0].frames) for rows in by_study.values()) == 3
    assert {row.arm for rows in by_study.values() for row in rows} == {"blind"}


@pytest_db
def test_nothing_is_revealed_between_the_stages(round_: Round) -> None:
    read_first(round_)
    between = Disclosure.objects.count()
    services.open_stage_two(round_=round_, by=None)
    for row in rows_of(round_, stage=2):
        outline(row)

    assert between == 0
    assert set(Disclosure.objects.values_list("kind", flat=True)) == {"all_signed"}


@pytest_db
def test_a_second_stage_asks_for_the_given_frames_and_nothing_else(round_: Round) -> None:
    read_first(round_)
    services.open_stage_two(round_=round_, by=None)
    row = rows_of(round_, stage=2)[0]
    clip = Clip.objects.get(study=row.study)
    read = opened(row)
    other = next(n for n in range(1, FRAMES + 1) if [str(clip.pk), n] not in row.frames)

    with pytest.raises(Invalid) as class_asked:
        save(read, answers={"reader_class": 1})
    with pytest.raises(Invalid) as elsewhere:
        save(read, frames=[frame(clip, other, extent="no_plaque")])
    with pytest.raises(Invalid) as unfinished:
        complete(read)

    assert (class_asked.value.rule, elsewhere.value.rule) == ("stage-marks-only", "frame-not-asked")
    missing = {item["field"] for item in unfinished.value.extra["missing"]}
    assert missing == {f"frames.{clip}.{number}.extent" for clip, number in row.frames}


@pytest_db
def test_a_second_stage_read_counts_for_same_frame_only(round_: Round) -> None:
    read_first(round_)
    services.open_stage_two(round_=round_, by=None)
    reads = [outline(row) for row in rows_of(round_, stage=2)]
    coordinator = member(round_.project, "coordinator")

    counted, _informed = primary_reads(coordinator, round_.project, None)

    assert {read.pk for read in same_frame_reads(Read.objects.signed())} == {read.pk for read in reads}
    assert not {read.id for read in counted} & {read.pk for read in reads}
    for row in rows_of(round_):
        assert len(current_reads(round_.pk, row.study_id)) == 2
    assert all(services.verify_read(read) for read in reads)
    assert {read.rule_class for read in reads} == {None}


@pytest_db
def test_a_second_stage_needs_key_frames(round_: Round) -> None:
    for row in rows_of(round_):
        signed_case(row)

    with pytest.raises(Invalid) as caught:
        services.open_stage_two(round_=round_, by=None)

    assert caught.value.rule == "stage-frames"
    round_.refresh_from_db()
    assert round_.stage_two_at is None


@pytest_db
def test_a_second_stage_opens_once_and_by_who_manages(round_: Round) -> None:
    read_first(round_)

    with pytest.raises(NotAllowed):
        services.open_stage_two(round_=round_, by=rows_of(round_)[0].reader)
    services.open_stage_two(round_=round_, by=None)
    with pytest.raises(InvalidTransition):
        services.open_stage_two(round_=round_, by=None)
    with pytest.raises(InvalidTransition) as late:
        services.add_reader(round_=round_, reader=member(round_.project, "reader"), by=None)

    assert late.value.rule == "round-stage-two"


@pytest_db
@pytest.mark.parametrize(
    "design, rule",
    [
        ({"policy": "concurrent", "pipelines": ["x"]}, "round-stages-blind"),
        ({"reveal": "after_each", "reveal_reason": "x"}, "round-stages-blind"),
        ({"reads_per_case": 1}, "round-stages-readers"),
        ({"frames": "fixed"}, "round-fixed-frames"),
        ({"frames": "fixed", "fixed_frames": {str(uuid.uuid4()): [1]}}, "round-fixed-frames"),
        ({"frames": "reader", "fixed_frames": {"x": [1]}}, "round-fixed-frames"),
        ({"frames": "sometimes"}, "round-policy"),
    ],
)
def test_frames_against_a_rule_are_refused(round_: Round, design: dict[str, Any], rule: str) -> None:
    readers = [row.reader for row in rows_of(round_)[:2]]

    with pytest.raises(Invalid) as caught:
        services.create_round(
            project=round_.project, protocol=round_.protocol, case_list=round_.case_list, name="other",
            readers=readers, seed=1, by=None, **{"frames": "two_stages", **design},
        )  # fmt: skip

    assert caught.value.rule == rule


@pytest_db
def test_fixed_frames_are_the_same_for_all_and_asked_beside_the_class(round_: Round, api: ApiOf) -> None:
    row = rows_of(round_)[0]
    clip = Clip.objects.get(study=row.study)
    fixed = services.create_round(
        project=round_.project, protocol=round_.protocol, case_list=round_.case_list, name="fixed",
        readers=[member(round_.project, "reader") for _ in range(2)], seed=1, by=None, frames="fixed",
        fixed_frames={str(clip.pk): [9, 2, 2, 5]},
    )  # fmt: skip
    mine = [one for one in rows_of(fixed) if one.study_id == row.study_id]
    free = [one for one in rows_of(fixed) if one.study_id != row.study_id]
    read = opened(mine[0])
    save(read, answers=COMPLETE, frames=[frame(clip, n, extent="no_plaque") for n in (2, 5)])

    with pytest.raises(Invalid) as caught:
        complete(read)
    save(read, frames=[frame(clip, 9, extent="unusable")])
    done = complete(read)

    assert [sorted(one.frames) for one in mine] == [[[str(clip.pk), n] for n in (2, 5, 9)]] * 2
    assert [one.frames for one in free] == [None, None]
    assert [item["field"] for item in caught.value.extra["missing"]] == [f"frames.{clip.pk}.9.extent"]
    assert (done.reader_class, done.rule_class) == (0, 0)
    shown = api(mine[1].reader).get(f"/api/v1/assignments/{mine[1].public_id}/").json()["frames"]
    assert sorted(shown) == [[str(clip.pk), n] for n in (2, 5, 9)]


@pytest_db
def test_masks_are_compared_on_the_given_frames_once_there_is_a_second_stage(round_: Round) -> None:
    read_first(round_)
    coordinator = member(round_.project, "coordinator")

    def pairs() -> set[Any]:
        found = scope(coordinator, round_.project, round_)
        frozen = manifest(coordinator, select(round_.project, round_, found), found, parts=("frames", "pairs"))
        return {pair.key for pair in load(frozen).frames.pairs if pair.other is not None}

    services.open_stage_two(round_=round_, by=None)
    for row in rows_of(round_, stage=2):
        read = opened(row)
        clips = {str(clip.pk): clip for clip in Clip.objects.filter(study=row.study)}
        box = {"1": box_mask(4, 9, 4, 9)}
        save(
            read, lesions=[lesion()],
            frames=[frame(clips[clip], number, masks=box, extent="all_marked") for clip, number in row.frames],
        )  # fmt: skip
        complete(read)
        sign(read)

    asked = {tuple(place) for row in rows_of(round_, stage=2) for place in row.frames}
    assert {(str(clip), number) for clip, number, _region in pairs()} == asked
