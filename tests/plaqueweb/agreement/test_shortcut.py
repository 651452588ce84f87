"""A run found again without reading its rows: after every kind of write the page is the one that reading them gives."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Role
from plaqueweb.accounts.services import set_roles
from plaqueweb.agreement import selectors, shortcut
from plaqueweb.agreement.boards.registry import BOARDS
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.tasks import compute_waiting
from plaqueweb.predictions.models import PipelineState, Showing
from plaqueweb.reads.choices import Arm, AssignmentState, ReadState
from plaqueweb.reads.models import Assignment, Read, Round
from plaqueweb.review.link_models import LesionLink
from plaqueweb.review.models import Case, CaseState, Consensus, ConsensusKind
from plaqueweb.studies.choices import ClipState
from plaqueweb.studies.models import CaseListItem, Clip, Region, Study, Subject
from tests.factories import (
    ClipFactory,
    PipelineFactory,
    PredictionFactory,
    RoundFactory,
    StudyFactory,
    SubjectFactory,
    member,
)
from tests.plaqueweb.agreement.test_pages import full, small
from tests.plaqueweb.agreement.world import NONE, START, World

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
AT_ONCE = [board.slug for board in BOARDS if board.gate is None]
__all__ = ["full"]


@pytest.fixture
def large(full: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The twelve studies with clips, in a project that counts as large."""
    cache.clear()
    monkeypatch.setattr(shortcut, "MANY_STUDIES", 0)
    for place, study in enumerate(Study.objects.filter(project=full.project).order_by("number")):
        full.clip(study, segment="arch" if place % 2 else "descending")
    return full


def body(world: World, client: Client, name: str = "agreement", **query: str) -> str:
    """A page without what differs each time, and without the run's own time."""
    response = client.get(reverse(name, args=[world.project.slug]), query)
    assert response.status_code == 200
    text = response.content.decode()
    return re.sub(r'value="[^"]{64}"|nonce="[^"]+"|Server [\d:]+ UTC|computed [\d: -]+ UTC', "", text)


def read_anew(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch, name: str = "agreement", **query: str
) -> str:
    """The page as it is made over the rows."""
    with monkeypatch.context() as patch:
        patch.setattr(shortcut, "MANY_STUDIES", 10**9)
        return body(world, client, name, **query)


def no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on nothing may read the rows of a comparison."""

    def refuse(*_args: Any) -> None:
        raise AssertionError("the rows were read")

    monkeypatch.setattr(selectors, "scope", refuse)


def run_of(text: str) -> str:
    """The run that a page names."""
    found = re.search(r"Run ([0-9a-f]{12}),", text)
    assert found is not None, text
    return found[1]


def first_study(world: World) -> Study:
    return Study.objects.filter(project=world.project).order_by("number")[0]


def first_read(world: World) -> Read:
    return Read.objects.filter(assignment__study=first_study(world), assignment__reader=world.reader_a).get()


@pytest.mark.parametrize("slug", AT_ONCE)
def test_every_tab_is_found_again_without_reading_rows(
    large: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch, slug: str
) -> None:
    client = browser_of(large.coordinator)
    name = next(board.route for board in BOARDS if board.slug == slug)
    query = {"against": f"reader:{large.reader_a.pk}", "scale": "yes"} if slug == "classification" else {}
    first = body(large, client, name, **query)
    expected = read_anew(large, client, monkeypatch, name, **query)
    no_rows(monkeypatch)

    again = body(large, client, name, **query)

    assert again == first == expected
    assert "12 subjects" in again
    assert AgreementRun.objects.filter(kind=slug).count() == 1


def test_lists_files_and_the_api_are_found_again_too(
    large: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser_of(large.coordinator)
    project = {"project": large.project.slug}
    asked: list[tuple[str, dict[str, str]]] = [
        (reverse("agreement-cases", args=[large.project.slug]), {"ref": "0"}),
        (reverse("agreement-csv", args=[large.project.slug]), {}),
        (reverse("agreement-chart", args=[large.project.slug]), {"chart": "bland-altman", "board": "overview"}),
        ("/api/v1/agreement/", project),
    ]

    def all_of() -> list[bytes]:
        answers = [client.get(address, query) for address, query in asked]
        assert {answer.status_code for answer in answers} == {200}
        return [re.sub(rb'nonce="[^"]+"|value="[^"]{64}"|Server [\d:]+ UTC', b"", answer.content) for answer in answers]

    first = all_of()
    no_rows(monkeypatch)
    assert all_of() == first


# Every kind of write


def _later_revision(world: World) -> None:
    study = first_study(world)
    world.read(study, world.reader_a, 1, 5.5, signed_at=START + timedelta(hours=1), revision=2)


def _correction(world: World) -> None:
    old = first_read(world)
    new = Read.objects.create(
        assignment=old.assignment, reader_class=1, content_no=1, revision=2, supersedes=old,
        revision_kind="slip", revision_reason="slip",
    )  # fmt: skip
    sealed = {"state": ReadState.SIGNED, "signed_at": START + timedelta(hours=2), "payload_sha256": "1" * 64}
    Read.objects.filter(pk=new.pk).update(**sealed)


def _informed(world: World) -> None:
    study = world.study()
    world.predict(study, 1)
    world.disclose(study, world.reader_a, at=START - timedelta(hours=1))
    world.read(study, world.reader_a, 1)


def _second_stage(world: World) -> None:
    Round.objects.filter(pk=world.round.pk).update(stage_two_at=START)
    row = Assignment.objects.create(
        round=world.round, study=first_study(world), reader=world.reader_a, order_no=99, repeat_no=7, stage_no=2,
        state=AssignmentState.SIGNED,
    )  # fmt: skip
    read = Read.objects.create(assignment=row, reader_class=0, content_no=1, arm=Arm.BLIND)
    world.mark(read, Clip.objects.get(study=row.study), 1, NONE, None)
    sealed = {"state": ReadState.SIGNED, "signed_at": START, "payload_sha256": "2" * 64}
    Read.objects.filter(pk=read.pk).update(**sealed)


def _said_of_lesions(world: World) -> None:
    one, two = Read.objects.filter(assignment__study=first_study(world)).order_by("pk")
    LesionLink.objects.create(
        case=Case.objects.get(study=first_study(world)), act_id=uuid.uuid4(), act="unlink", read_id=one.pk, lesion="1",
        other_read_id=two.pk, other_lesion="1", rule_version="x", by=world.coordinator,
    )  # fmt: skip


def _other_pipeline(world: World) -> None:
    other = PipelineFactory(project=world.project, name="Another", state=PipelineState.REGISTERED)
    PredictionFactory(study=first_study(world), pipeline=other)


def _in_blind_hand(world: World) -> None:
    world.assign(first_study(world), world.coordinator, AssignmentState.OPENED, RoundFactory(project=world.project))


def _agreed_then_differs(world: World) -> None:
    Case.objects.filter(study=first_study(world)).update(state=CaseState.DISCORDANT)


def _swap_segments(world: World) -> None:
    first, second = Clip.objects.filter(study__project=world.project).order_by("study__number")[:2]
    for clip, segment in ((first, second.segment), (second, first.segment)):
        Clip.objects.filter(pk=clip.pk).update(segment=segment)


WRITES: dict[str, Callable[[World], Any]] = {
    "a read": lambda world: world.read(world.study(), world.reader_a, 1, 5.0),
    "a later revision": _later_revision,
    "a correction": _correction,
    "a read after disclosure": _informed,
    "a second stage": _second_stage,
    "a read withdrawn": lambda world: Assignment.objects.filter(pk=first_read(world).assignment_id).update(
        state=AssignmentState.WITHDRAWN
    ),
    "time of a read": lambda world: Assignment.objects.filter(pk=first_read(world).assignment_id).update(
        active_seconds=61
    ),
    "a prediction": lambda world: world.predict(first_study(world), 0, 4.0, content_no=2),
    "a prediction deleted": lambda world: first_study(world).predictions.all().delete(),
    "a reference": lambda world: world.truth(world.study(), 1),
    "a revised reference": lambda world: world.truth(first_study(world), 1, 6.0, revision=2),
    "a study in blind hand": _in_blind_hand,
    "what was said of lesions": _said_of_lesions,
    "a segment": lambda world: Clip.objects.filter(study=first_study(world)).update(segment="ascending"),
    "two segments swapped": _swap_segments,
    "a scanner": lambda world: Clip.objects.filter(study=first_study(world)).update(manufacturer="Maker"),
    "a clip held": lambda world: Clip.objects.filter(study=first_study(world)).update(state=ClipState.HELD),
    "a clip more": lambda world: ClipFactory(study=first_study(world), number=2),
    "a scale": lambda world: Region.objects.filter(clip__study=first_study(world)).update(valid=False),
    "a site": lambda world: Study.objects.filter(pk=first_study(world).pk).update(site="Jena"),
    "a subject's sex": lambda world: Subject.objects.filter(studies=first_study(world)).update(sex="F"),
    "an erased subject": lambda world: Subject.objects.filter(studies=first_study(world)).update(
        erased_at=timezone.now()
    ),
    "another subject": lambda world: Study.objects.filter(pk=first_study(world).pk).update(
        subject=SubjectFactory(project=world.project)
    ),
    "when it was ready": lambda world: Study.objects.filter(pk=first_study(world).pk).update(ready_at=START),
}
"""Each changes what a number is made of."""

SAYINGS: dict[str, Callable[[World], Any]] = {
    "a reader's name": lambda world: User.objects.filter(pk=world.reader_a.pk).update(name="Renamed"),
    "a simulated reader": lambda world: User.objects.filter(pk=world.reader_a.pk).update(is_simulated=True),
    "an active pipeline": lambda world: (
        type(world.pipeline).objects.filter(pk=world.pipeline.pk).update(state=PipelineState.ACTIVE)
    ),
    "a prediction of another pipeline": _other_pipeline,
    "a round closed": lambda world: world.close(),
    "an adjudicated reference": lambda world: world.truth(first_study(world), 1, kind=ConsensusKind.ADJUDICATED),
    "a round's name": lambda world: Round.objects.filter(pk=world.round.pk).update(name="Renamed"),
    "a study without answers": lambda world: StudyFactory(subject=SubjectFactory(project=world.project)),
    "a reference with a model in view": lambda world: Consensus.objects.create(
        study=first_study(world), kind=ConsensusKind.KNOWN_TRUTH, reader_class=1, revision=3, model_visible=True
    ),
}
"""These change words, choices and badges, or nothing at all."""


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("of_round", [False, True], ids=["project", "round"])
def test_a_write_that_changes_a_number_leads_to_another_run(
    large: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch, write: str, *, of_round: bool
) -> None:
    client = browser_of(large.coordinator)
    query = {"round": str(large.round.pk)} if of_round else {}
    before = body(large, client, **query)
    assert run_of(body(large, client, **query)) == run_of(before)

    WRITES[write](large)
    after = body(large, client, **query)

    assert run_of(after) != run_of(before)
    assert after == read_anew(large, client, monkeypatch, **query)
    assert body(large, client, **query) == after


@pytest.mark.parametrize("write", SAYINGS)
def test_a_write_that_changes_words_shows_them(
    large: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    client = browser_of(large.coordinator)
    against = {"against": f"reader:{large.reader_a.pk}"}
    body(large, client, **against)
    body(large, client, **against)

    SAYINGS[write](large)

    assert body(large, client, **against) == read_anew(large, client, monkeypatch, **against)


def test_a_case_list_that_grows_changes_the_round_s_page(
    large: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = StudyFactory(subject=SubjectFactory(project=large.project))
    large.predict(study, 1)
    large.truth(study, 1)
    client, query = browser_of(large.coordinator), {"round": str(large.round.pk)}
    before = body(large, client, **query)

    CaseListItem.objects.create(case_list=large.round.case_list, study=study, content_no=1)
    after = body(large, client, **query)

    assert "12 subjects" in before
    assert "13 subjects" in after
    assert after == read_anew(large, client, monkeypatch, **query)


def test_the_label_rule_of_a_round_s_protocol_is_stamped(large: World) -> None:
    before = shortcut.stamp_of(large.coordinator, large.project, large.round).key
    protocol = large.round.protocol
    type(protocol).objects.filter(pk=protocol.pk).update(label_rule={"thickness_mm": 5.0})

    assert shortcut.stamp_of(large.coordinator, large.project, large.round).key != before


def test_an_agreed_reference_that_a_later_read_contradicts_is_shown_no_longer(
    large: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for study in Study.objects.filter(project=large.project):
        large.truth(study, 1, kind=ConsensusKind.AGREED)
    client, query = browser_of(large.coordinator), {"against": "consensus"}
    before = body(large, client, **query)

    _agreed_then_differs(large)

    assert run_of(body(large, client, **query)) != run_of(before)
    assert body(large, client, **query) == read_anew(large, client, monkeypatch, **query)


def test_figures_of_before_are_never_shown_while_the_new_ones_are_counted(
    large: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, 3)
    client = browser_of(large.coordinator)
    body(large, client, wait="1")
    assert compute_waiting() == 1
    old = run_of(body(large, client))

    _later_revision(large)

    for _time in range(2):
        waiting = body(large, client)
        assert "a worker computes it" in waiting
        assert old not in waiting
    assert compute_waiting() == 1
    assert run_of(body(large, client)) != old


def test_what_changes_while_the_rows_are_read_is_not_kept_under_the_stamp_of_before(
    large: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope, rows = selectors.scope, []

    def changed_first(*args: Any) -> Any:
        rows.append(large.assign(first_study(large), large.reader_a))
        Assignment.objects.filter(pk=rows[0].pk).update(state=AssignmentState.WITHDRAWN)
        return scope(*args)

    client = browser_of(large.coordinator)
    with monkeypatch.context() as patch:
        patch.setattr(selectors, "scope", changed_first)
        during = run_of(body(large, client))
    Assignment.objects.filter(pk=rows[0].pk).update(state=AssignmentState.SIGNED)  # the stamp is that of before again

    assert run_of(body(large, client)) != during
    assert body(large, client) == read_anew(large, client, monkeypatch)


def test_a_run_that_is_gone_is_made_again(large: World, browser_of: Browser) -> None:
    client = browser_of(large.coordinator)
    before = body(large, client)
    AgreementRun.objects.all().delete()

    assert body(large, client) == before
    assert AgreementRun.objects.count() == 1


# Whose


def test_two_people_never_share_what_was_found(
    large: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = member(large.project, "coordinator")
    body(large, browser_of(large.coordinator))
    body(large, browser_of(other))

    noted = [
        set(Showing.objects.filter(user=user).values_list("study_id", flat=True)) for user in (large.coordinator, other)
    ]
    assert len(noted[0]) == 12
    assert noted[0] == noted[1]
    for user in (large.reader_a, large.reader_b):
        shown = body(large, browser_of(user))
        assert "No figure yet" in shown
        assert shown == read_anew(large, browser_of(user), monkeypatch)
    assert not Showing.objects.filter(user__in=[large.reader_a, large.reader_b]).exists()


def test_who_loses_the_right_sees_nothing_of_what_was_kept(
    large: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser_of(large.coordinator)
    assert "PlaqueNet" in body(large, client)
    set_roles(project=large.project, user=large.coordinator, roles=[Role.READER], by=None)

    shown = body(large, client)

    assert "No figure yet" in shown
    assert "PlaqueNet" not in shown
    assert shown == read_anew(large, client, monkeypatch)


def test_what_is_hidden_from_a_reader_does_not_move_the_reader_s_stamp(large: World) -> None:
    """Neither how long an answer takes nor anything kept tells that others have read, or what they said."""
    _in = large.study()
    large.assign(_in, large.reader_a, AssignmentState.OPENED)
    before = {round_: shortcut.stamp_of(large.reader_a, large.project, round_).key for round_ in (None, large.round)}

    large.read(_in, large.reader_b, 1, 5.0)
    large.predict(_in, 1)
    large.truth(_in, 1)
    large.truth(first_study(large), 1, kind=ConsensusKind.ADJUDICATED)
    large.disclose(first_study(large), large.reader_b)
    _said_of_lesions(large)
    Assignment.objects.filter(reader=large.reader_b).update(active_seconds=77)
    Case.objects.update(state=CaseState.DISCORDANT)

    after = {round_: shortcut.stamp_of(large.reader_a, large.project, round_).key for round_ in (None, large.round)}
    assert after == before


def test_a_disclosure_opens_the_stamp_to_its_own_reader_alone(large: World) -> None:
    large.close()
    before = [shortcut.stamp_of(user, large.project, None) for user in (large.reader_a, large.reader_b)]
    large.disclose(first_study(large), large.reader_a)
    after = [shortcut.stamp_of(user, large.project, None) for user in (large.reader_a, large.reader_b)]

    assert after[0].key != before[0].key
    assert (before[0].reads, before[0].predicted, before[0].references) == (0, 0, 0)
    assert (after[0].reads, after[0].predicted, after[0].references) == (2, 1, 1)
    assert after[1].key == before[1].key
