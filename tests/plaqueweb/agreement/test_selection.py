"""Which rows count, and for whom."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from plaqueweb.accounts.models import User
from plaqueweb.agreement.compute import compute
from plaqueweb.agreement.evidence import load
from plaqueweb.agreement.selectors import find_round, manifest, primary_reads, scope, select, visible_references
from plaqueweb.core.errors import NotFound
from plaqueweb.predictions.models import PipelineState
from plaqueweb.reads.choices import AssignmentState
from plaqueweb.review.models import Case, CaseState, Consensus, ConsensusKind
from tests.factories import PipelineFactory, PredictionFactory, RoundFactory, SubjectFactory, adjudicated, member
from tests.plaqueweb.agreement.world import START, World

pytestmark = pytest.mark.django_db


def results(world: World, user: User | None = None, against: str = "", *, round_: bool = True) -> dict[str, Any]:
    user = user or world.coordinator
    chosen = world.round if round_ else None
    found = scope(user, world.project, chosen)
    frozen = manifest(user, select(world.project, chosen, found, against=against), found)
    return compute(frozen, load(frozen))


def reader(world: World) -> str:
    return f"reader:{world.reader_a.pk}"


def test_a_study_counts_once_per_reader_with_the_last_revision_signed_before_disclosure(world: World) -> None:
    study = world.study()
    world.predict(study, 1)
    world.read(study, world.reader_a, 0, signed_at=START)
    second = world.read(study, world.reader_a, 1, signed_at=START + timedelta(hours=1), revision=2)
    world.disclose(study, world.reader_a, at=START + timedelta(hours=2))
    world.read(study, world.reader_a, 0, signed_at=START + timedelta(hours=3), revision=3)

    reads, informed = primary_reads(world.coordinator, world.project, world.round)

    assert [read.id for read in reads] == [second.pk]
    assert informed == 1


def test_a_reader_who_signed_only_after_disclosure_is_left_out_and_counted(world: World) -> None:
    study = world.study()
    world.predict(study, 1)
    world.disclose(study, world.reader_a, at=START - timedelta(hours=1))
    world.read(study, world.reader_a, 1)
    world.truth(study, 1)

    found = results(world)

    assert found["n"]["informed"] == 1
    assert scope(world.coordinator, world.project, world.round).choices.readers == ()


def test_cannot_assess_and_missing_sides_stand_in_the_table(world: World) -> None:
    klasses = [(1, 1), (0, 1), (9, 0), (0, None)]
    for ref, model in klasses:
        study = world.study()
        world.read(study, world.reader_a, ref)
        world.predict(study, model)
    without_prediction, unread = world.study(), world.study()
    world.read(without_prediction, world.reader_a, 1)
    world.predict(unread, 0)

    found = results(world, against=reader(world))

    assert found["confusion"] == [[1, 0, 0, 1], [1, 0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0]]
    n = found["n"]
    assert (n["studies"], n["missing"], n["cannot_assess"], n["no_result"], n["model_cannot_assess"]) == (5, 1, 1, 1, 1)


def test_accuracy_is_given_against_a_reference_only(world: World) -> None:
    study = world.study()
    world.read(study, world.reader_a, 1)
    world.predict(study, 1)
    world.truth(study, 1)

    assert results(world, against="known_truth")["accuracy"]["sensitivity"]["value"] == 1.0
    assert results(world, against=reader(world))["accuracy"] is None


def test_known_truth_is_the_first_choice_and_a_reader_the_choice_without_reference(world: World) -> None:
    study = world.study()
    world.read(study, world.reader_a, 1)
    world.predict(study, 1)
    found = scope(world.coordinator, world.project, world.round)
    assert select(world.project, world.round, found).against == reader(world)

    world.truth(study, 1)
    found = scope(world.coordinator, world.project, world.round)
    assert select(world.project, world.round, found).against == "known_truth"


def test_an_adjudicated_reference_outranks_an_agreed_one_and_the_last_revision_counts(world: World) -> None:
    study = world.study()
    world.predict(study, 1)
    world.truth(study, 0, kind=ConsensusKind.AGREED)
    world.truth(study, 0, kind=ConsensusKind.ADJUDICATED)
    world.truth(study, 1, kind=ConsensusKind.ADJUDICATED, revision=2)

    assert results(world, against="consensus")["confusion"][0][0] == 1


@pytest.mark.parametrize("state", [CaseState.DISCORDANT, CaseState.ADJUDICATED])
def test_an_agreed_reference_scores_nothing_once_a_later_read_differs(world: World, state: str) -> None:
    kept, lost = world.study(), world.study()
    for study in (kept, lost):
        world.predict(study, 1)
        world.truth(study, 1, kind=ConsensusKind.AGREED)
    before = results(world, against="consensus")
    Case.objects.filter(study=lost).update(state=state)

    after = results(world, against="consensus")

    assert (before["confusion"][0][0], after["confusion"][0][0]) == (2, 1)
    assert [row.study_id for row in visible_references(world.coordinator, world.project, None)] == [kept.pk]


def test_the_known_truth_stands_whatever_the_readers_say(world: World) -> None:
    study = world.study()
    world.truth(study, 1)
    Case.objects.filter(study=study).update(state=CaseState.DISCORDANT)

    rows = visible_references(world.coordinator, world.project, None)

    assert [row.kind for row in rows] == [ConsensusKind.KNOWN_TRUTH]


def test_the_model_is_compared_on_the_content_that_was_read(world: World) -> None:
    study = world.study()
    world.read(study, world.reader_a, 1)
    world.predict(study, 1, content_no=1)
    world.predict(study, 0, content_no=2)
    other = world.study()
    world.read(other, world.reader_a, 1)
    world.predict(other, 1, content_no=2)

    found = results(world, against=reader(world))

    assert found["confusion"][0] == [1, 0, 0, 1]
    assert found["n"]["other_content"] == 1


def test_subjects_are_counted_and_two_studies_of_one_subject_are_not_independent(world: World) -> None:
    for _ in range(11):
        subject = SubjectFactory(project=world.project)
        for klass in (1, 0):
            study = world.study(subject=subject)
            world.truth(study, klass)
            world.predict(study, klass)

    world.truth(differs := world.study(subject=subject), 1)  # were all alike, no interval could be told
    world.predict(differs, 0)

    found = results(world)

    assert (found["n"]["subjects"], found["n"]["studies"]) == (11, 23)
    assert found["accuracy"]["accuracy"]["interval"]["method"] == "subject bootstrap"


def test_independent_subjects_get_wilson_intervals_and_fewer_than_ten_none(world: World) -> None:
    def add(count: int) -> None:
        for number in range(count):
            study = world.study()
            world.truth(study, number % 2)
            world.predict(study, number % 2)

    add(9)
    few = results(world)["accuracy"]["accuracy"]
    add(1)
    ten = results(world)["accuracy"]["accuracy"]

    assert (few["interval"], few["reason"]) == (None, "too-few")
    assert ten["interval"]["method"] == "wilson"
    assert ten["interval"]["low"] == pytest.approx(0.722467, abs=1e-6)


def test_whoever_still_reads_a_study_blind_gets_no_trace_of_its_results(world: World) -> None:
    both = member(world.project, "reader", "coordinator")
    for _ in range(2):
        study = world.study()
        world.read(study, world.reader_a, 1)
        world.predict(study, 1)
        world.truth(study, 1)
    world.assign(study, both, AssignmentState.OPENED)

    assert scope(both, world.project, None).choices.readers == ()  # nothing of a round in which one still reads
    world.close()
    found = results(world, both, against=reader(world))

    assert (found["n"]["studies"], found["n"]["missing"], len(found["units"])) == (1, 0, 1)


def test_a_plain_reader_sees_only_what_was_disclosed_to_them(world: World) -> None:
    for _ in range(3):
        study = world.study()
        world.read(study, world.reader_a, 1)
        world.read(study, world.reader_b, 0)
        world.predict(study, 1)
        world.truth(study, 1)
    world.disclose(study, world.reader_a)
    world.close()

    found = results(world, world.reader_a, against=reader(world))

    assert [unit["study"] for unit in found["units"]] == [str(study.pk)]
    assert found["n"]["missing"] == 0


def test_a_round_that_goes_on_is_hidden_from_its_readers_and_interim_for_others(world: World) -> None:
    study = world.study()
    world.read(study, world.reader_a, 1)
    world.predict(study, 1)
    world.disclose(study, world.reader_a)

    own, others = scope(world.reader_a, world.project, None), scope(world.coordinator, world.project, None)

    assert (own.choices.rounds, own.choices.readers, own.interim) == ((), (), False)
    assert (len(others.choices.readers), others.interim) == (1, True)
    with pytest.raises(NotFound):
        find_round(world.reader_a, world.project, str(world.round.pk))
    world.close()
    assert scope(world.coordinator, world.project, None).interim is False
    assert len(scope(world.reader_a, world.project, None).choices.readers) == 1


def test_whoever_sees_results_gets_the_open_round_once_all_own_cases_are_signed(world: World) -> None:
    both = member(world.project, "reader", "coordinator")
    for _ in range(2):
        world.read(world.study(), both, 1)
    assert len(scope(both, world.project, world.round).choices.readers) == 1

    world.assign(world.study(), both, AssignmentState.ASSIGNED)
    assert scope(both, world.project, None).choices.readers == ()


def test_a_reference_that_was_made_with_the_model_in_view_never_scores_a_model(world: World) -> None:
    study = world.study()
    world.predict(study, 1)
    world.truth(study, 1, kind=ConsensusKind.ADJUDICATED)
    assert scope(world.coordinator, world.project, None).choices.references == ("consensus", "adjudicated")

    world.truth(world.study(), 1, kind=ConsensusKind.ADJUDICATED, model_visible=True)
    found = visible_references(world.coordinator, world.project, None)
    assert [one.study_id for one in found] == [study.pk]


def test_the_majority_is_a_reference_and_a_tie_is_none(world: World) -> None:
    third = member(world.project, "reader")
    for answers in ((1, 1, 0), (1, 0, None), (0, 0, 9)):
        study = world.study()
        for reader_, klass in zip((world.reader_a, world.reader_b, third), answers, strict=True):
            if klass is not None:
                world.read(study, reader_, klass, 4.0)
        world.predict(study, 1)

    found = results(world, against="majority")

    assert sorted(str(unit["reference"]) for unit in found["units"]) == ["0", "1", "None"]
    assert found["accuracy"]["accuracy"]["n"] == 2


def test_a_reader_without_a_disclosure_has_nothing_to_choose(world: World) -> None:
    study = world.study()
    world.read(study, world.reader_a, 1)
    world.predict(study, 1)
    world.truth(study, 1)

    choices = scope(world.reader_a, world.project, None).choices

    assert (choices.pipelines, choices.references, choices.readers) == ((), (), ())


def test_members_of_other_projects_see_nothing(world: World) -> None:
    study = world.study()
    world.read(study, world.reader_a, 1)
    world.predict(study, 1)
    stranger = member(RoundFactory().project, "coordinator")

    found = scope(stranger, world.project, None)

    assert (found.reads, found.choices.rounds, found.choices.pipelines) == ((), (), ())


def test_shadow_pipelines_are_not_offered(world: World) -> None:
    study = world.study()
    world.read(study, world.reader_a, 1)
    shadow = PipelineFactory(project=world.project, state=PipelineState.SHADOW)
    PredictionFactory(study=study, pipeline=shadow)

    assert scope(world.coordinator, world.project, None).choices.pipelines == ()


@pytest.mark.parametrize("text", ["nonsense", str(uuid.UUID(int=7))])
def test_a_filter_that_names_nothing_visible_is_not_found(world: World, text: str) -> None:
    found = scope(world.coordinator, world.project, None)
    with pytest.raises(NotFound):
        find_round(world.coordinator, world.project, text)
    with pytest.raises(NotFound):
        select(world.project, None, found, pipeline=text)
    with pytest.raises(NotFound):
        select(world.project, None, found, against=text)


def test_a_round_of_another_project_is_not_found(world: World) -> None:
    other = RoundFactory()
    with pytest.raises(NotFound):
        find_round(world.coordinator, world.project, str(other.pk))


def test_without_a_round_the_reads_of_all_rounds_count_once_per_reader(world: World) -> None:
    study = world.study()
    world.predict(study, 1)
    world.read(study, world.reader_a, 0)
    later = RoundFactory(project=world.project)
    world.round, first_round = later, world.round
    again = world.read(study, world.reader_a, 1, signed_at=START + timedelta(days=1))
    world.round = first_round

    reads, _informed = primary_reads(world.coordinator, world.project, None)

    assert [read.id for read in reads] == [again.pk]


def test_a_reference_made_with_a_model_visible_never_scores_a_model(world: World) -> None:
    blind, seen, judge = world.study(), world.study(), member(world.project, "adjudicator")
    for study, visible in ((blind, False), (seen, True)):
        world.predict(study, 1)
        adjudicated(Case.objects.get(study=study), judge, reader_class=0, model_visible=visible)
    adjudicated(Case.objects.get(study=blind), judge, reader_class=1, revision=2, model_visible=True)

    found = visible_references(world.coordinator, world.project, None)

    assert [(row.study_id, Consensus.objects.get(pk=row.id).revision) for row in found] == [(blind.pk, 1)]
