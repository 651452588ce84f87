"""Coverage beside accuracy: every study is counted, and no result is never correct."""

from __future__ import annotations

import pytest

from plaqueweb.agreement import present
from plaqueweb.agreement.compute import compute
from plaqueweb.agreement.coverage import coverage
from plaqueweb.agreement.evidence import load
from plaqueweb.agreement.selectors import manifest, scope, select
from tests.plaqueweb.agreement.test_figures import reader, results
from tests.plaqueweb.agreement.world import World

pytestmark = pytest.mark.django_db


def cases(world: World) -> None:
    """Known truth on seven studies: three right, one wrong, three without a class for three reasons."""
    for truth, model in ((1, 1), (1, 1), (0, 0), (0, 1)):
        study = world.study()
        world.truth(study, truth)
        world.predict(study, model)
    for truth, reason in ((1, "colour"), (0, "out of distribution"), (1, "")):
        study = world.study()
        world.truth(study, truth)
        world.predict(study, None, no_result_reason=reason)


def test_the_headline_stands_twice_over_answered_and_over_all_studies(world: World) -> None:
    cases(world)

    found = results(world, "known_truth")

    answered, every = found["accuracy"]["accuracy"], found["coverage"]["figures"]["accuracy_all"]
    assert (answered["count"], answered["n"]) == (3, 4)
    assert (every["count"], every["n"]) == (3, 7)


def test_the_share_of_studies_with_a_class_stands_beside_it(world: World) -> None:
    cases(world)

    figures = results(world, "known_truth")["coverage"]["figures"]

    assert (figures["answered"]["count"], figures["answered"]["n"]) == (4, 7)
    assert (figures["sensitivity_all"]["count"], figures["sensitivity_all"]["n"]) == (2, 4)
    assert (figures["specificity_all"]["count"], figures["specificity_all"]["n"]) == (1, 3)


def test_each_kind_of_no_result_is_counted_and_a_missing_prediction_too(world: World) -> None:
    cases(world)
    world.truth(world.study(), 1)  # the pipeline has not run on it

    found = results(world, "known_truth")

    assert found["coverage"]["no_result"] == {"colour": 1, "out of distribution": 1, "not named": 1, "not run": 1}
    assert found["coverage"]["figures"]["answered"]["n"] == 8
    assert sorted(unit["no_result"] for unit in found["units"] if unit["no_result"]) == [
        "colour", "not named", "not run", "out of distribution",
    ]  # fmt: skip


def test_abstaining_never_raises_the_share_over_all_studies(world: World) -> None:
    for model in (1, 1, 0, None):
        study = world.study()
        world.truth(study, 1)
        world.predict(study, model, no_result_reason="" if model is not None else "no aorta")
    found = results(world, "known_truth")

    assert found["accuracy"]["accuracy"]["value"] == pytest.approx(2 / 3)
    assert found["coverage"]["figures"]["accuracy_all"]["value"] == pytest.approx(2 / 4)


def test_a_reference_that_cannot_assess_asks_nothing_of_the_model(world: World) -> None:
    study = world.study()
    world.read(study, world.reader_a, 9)
    world.predict(study, None, no_result_reason="colour")

    found = results(world, reader(world))["coverage"]

    assert found["figures"]["answered"]["value"] is None
    assert found["no_result"] == {}


def test_against_a_reader_it_is_agreement_and_no_accuracy(world: World) -> None:
    study = world.study()
    world.read(study, world.reader_a, 1)
    world.predict(study, 1)

    assert results(world, reader(world))["coverage"]["figures"].keys() == {"answered", "observed_all"}


@pytest.mark.parametrize("per_subject", [1, 2])
def test_intervals_come_from_subjects_and_not_below_ten(world: World, per_subject: int) -> None:
    for number in range(12):
        first = world.study()
        for study in [first, *(world.study(subject=first.subject) for _ in range(per_subject - 1))]:
            world.truth(study, 1)
            world.predict(study, 1 if number else 0)

    figure = results(world, "known_truth")["coverage"]["figures"]["accuracy_all"]

    assert figure["interval"]["method"] == ("wilson" if per_subject == 1 else "subject bootstrap")
    assert coverage([], accuracy=True)["figures"]["accuracy_all"]["reason"] == "no-units"


def test_the_sentence_says_both_and_the_reasons_stand_below(world: World) -> None:
    cases(world)
    user = world.coordinator
    found = scope(user, world.project, world.round)
    selection = select(world.project, world.round, found, against="known_truth")
    frozen = manifest(user, selection, found)
    computed = compute(frozen, load(frozen))

    assert present.sentence(selection, computed) == (
        "PlaqueNet 0.1 gives the class of the reference in 3 of 4 studies (75.0 %). "
        "Over all studies, no result counted as not correct: 3 of 7 (42.9 %)."
    )
    assert present.no_result_words(computed["coverage"]["no_result"]) == (
        "3 without a class: 1 colour Doppler covers the picture, 1 unlike the pictures it was trained on, "
        "1 no reason given"
    )
