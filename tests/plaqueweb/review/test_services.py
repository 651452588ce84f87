from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Invalid, NotFound
from plaqueweb.reads.choices import ReadState
from plaqueweb.reads.models import Assignment, FrameMask, Read
from plaqueweb.review import services
from plaqueweb.review.models import Case, CaseState, Consensus, ConsensusKind, DifferenceNote
from plaqueweb.review.selectors import references
from plaqueweb.studies.models import CaseListItem
from tests.factories import ProjectFactory, member
from tests.plaqueweb.review.world import ALL, CORRECTION, World, box


def state(world: World) -> str:
    return Case.objects.get(round=world.round, study=world.study).state


def test_a_case_opens_with_the_first_signature_under_its_place_in_the_list(world: World) -> None:
    CaseListItem.objects.create(case_list=world.round.case_list, study=world.add_study())
    world.read(world.reader_a, 1, 5.0)

    services.refresh_cases(round=world.round)

    case = Case.objects.get()
    assert (case.study, case.number, case.state) == (world.study, 2, CaseState.OPEN)


def test_two_reads_that_agree_make_a_reference_with_the_mean_thickness(world: World) -> None:
    a, b = world.read(world.reader_a, 1, 5.0), world.read(world.reader_b, 1, 5.6)

    services.refresh_cases(round=world.round)

    row = Consensus.objects.get()
    assert state(world) == CaseState.AGREED
    assert (row.kind, row.reader_class, row.thickness_mm) == (ConsensusKind.AGREED, 1, pytest.approx(5.3))
    assert row.source_reads == sorted([str(a.pk), str(b.pk)])
    assert AuditEvent.objects.filter(verb="case.compared", object_id=str(world.case.pk)).exists()


@pytest.mark.parametrize(("second", "mm"), [(0, 5.0), (9, None), (1, 6.1)])
def test_two_reads_that_differ_wait_for_an_adjudicator(world: World, second: int, mm: float | None) -> None:
    world.read(world.reader_a, 1, 5.0)
    world.read(world.reader_b, second, mm)

    services.refresh_cases(round=world.round)

    assert state(world) == CaseState.DISCORDANT
    assert not Consensus.objects.exists()


def test_masks_alone_can_make_a_case_discordant(world: World) -> None:
    world.read(world.reader_a, 1, 5.0, marks={2: (ALL, box(5, 5, 10, 10))})
    world.read(world.reader_b, 1, 5.0, marks={2: (ALL, box(5, 9, 10, 10))})

    services.refresh_cases(round=world.round)

    assert state(world) == CaseState.DISCORDANT


def test_an_erased_mask_makes_no_case_discordant(world: World) -> None:
    first = world.read(world.reader_a, 1, 5.0, marks={2: (ALL, box(5, 5, 10, 10))})
    world.read(world.reader_b, 1, 5.0, marks={2: (ALL, box(5, 5, 10, 10))})
    FrameMask.objects.filter(annotation__read=first).update(rle=None)

    services.refresh_cases(round=world.round)

    assert state(world) == CaseState.AGREED


def test_a_later_read_that_disagrees_turns_an_agreed_case(world: World) -> None:
    world.read(world.reader_a, 1, 5.0)
    world.read(world.reader_b, 1, 5.2)
    services.refresh_open_cases()
    assert [row.kind for row in references(world.coordinator, world.case)] == [ConsensusKind.AGREED]
    world.read(member(world.project, "reader"), 0, 2.0)

    services.refresh_open_cases()

    assert state(world) == CaseState.DISCORDANT
    assert references(world.coordinator, world.case) == []
    assert Consensus.objects.filter(kind=ConsensusKind.AGREED).exists()


def test_a_later_read_that_agrees_is_a_new_revision_of_the_reference(world: World) -> None:
    world.read(world.reader_a, 1, 5.0)
    world.read(world.reader_b, 1, 5.2)
    services.refresh_open_cases()
    world.read(member(world.project, "reader"), 1, 5.4)

    services.refresh_open_cases()

    assert [row.revision for row in Consensus.objects.order_by("revision")] == [1, 2]
    assert len(Consensus.objects.get(revision=2).source_reads) == 3


def test_a_corrected_read_is_compared_again(world: World) -> None:
    first = world.read(world.reader_a, 1, 5.0)
    world.read(world.reader_b, 1, 5.2)
    services.refresh_open_cases()
    world.read(world.reader_a, 0, 2.0, supersedes=first)

    services.refresh_open_cases()

    assert state(world) == CaseState.DISCORDANT


def test_a_signed_read_counts_until_its_correction_is_signed_too(world: World) -> None:
    first = world.read(world.reader_a, 1, 5.0)
    other = world.read(world.reader_b, 1, 5.2)
    draft = Read.objects.create(assignment=first.assignment, reader_class=0, revision=2, supersedes=first, **CORRECTION)

    assert services.current_reads(world.round.pk, world.study.pk) == [first, other]
    assert world.compare(read=first.pk).read == first

    Read.objects.filter(pk=draft.pk).update(
        state=ReadState.SIGNED, signed_at=timezone.now(), payload_sha256="0" * 64, signed_name="Reader A"
    )

    assert services.current_reads(world.round.pk, world.study.pk) == [other, draft]


def test_a_correction_in_draft_reopens_no_case(world: World) -> None:
    first = world.read(world.reader_a, 1, 5.0)
    world.read(world.reader_b, 1, 5.2)
    services.refresh_open_cases()
    Read.objects.create(assignment=first.assignment, reader_class=0, revision=2, supersedes=first, **CORRECTION)

    assert services.refresh_open_cases() == 0
    assert state(world) == CaseState.AGREED


def test_which_reads_are_signed_takes_one_query(world: World, django_assert_num_queries: Any) -> None:
    first = world.read(world.reader_a, 1, 5.0)
    Read.objects.create(assignment=first.assignment, revision=2, supersedes=first, **CORRECTION)

    with django_assert_num_queries(1):
        assert list(Read.objects.signed()) == [first]


def test_nothing_new_is_nothing_to_do(world: World) -> None:
    world.read(world.reader_a, 1, 5.0)
    world.read(world.reader_b, 1, 5.2)
    services.refresh_open_cases()

    assert services.refresh_open_cases() == 0


def test_looking_for_news_takes_the_same_few_queries_however_many_cases(
    world: World, django_assert_max_num_queries: object
) -> None:
    world.read(world.reader_a, 1, 5.0)
    services.refresh_open_cases()

    with django_assert_max_num_queries(4):  # type: ignore[operator]
        services.refresh_open_cases()


def test_known_truth_is_recorded_once_and_a_change_is_a_revision(world: World) -> None:
    truth = {"reader_class": 1, "thickness_mm": 5.4, "reasons": {"ulceration": True}}

    first = services.record_known_truth(study=world.study, **truth)  # type: ignore[arg-type]
    again = services.record_known_truth(study=world.study, **truth)  # type: ignore[arg-type]
    changed = services.record_known_truth(study=world.study, **(truth | {"thickness_mm": 5.5}))  # type: ignore[arg-type]

    assert again == first
    assert (first.revision, changed.revision) == (1, 2)


def test_references_and_notes_are_never_edited(world: World) -> None:
    row = services.record_known_truth(study=world.study, reader_class=1, thickness_mm=5.4, reasons={})

    with pytest.raises(DatabaseError), transaction.atomic():
        Consensus.objects.filter(pk=row.pk).update(reader_class=0)


def note(world: World, **change: object) -> DifferenceNote:
    read = world.read(world.reader_a, 1, 5.0)
    values = {"case": world.case, "read": read, "prediction": world.predict(0, 3.0), "by": world.coordinator}
    values |= {"reason": "missed", "comment": "small"} | change
    return services.note_difference(**values)  # type: ignore[arg-type]


def test_a_reason_is_kept_with_who_gave_it(world: World) -> None:
    row = note(world)

    assert (row.reason, row.comment, row.by) == ("missed", "small", world.coordinator)
    assert AuditEvent.objects.get(verb="difference.noted").diff["comment"] is True


@pytest.mark.parametrize(
    ("change", "rule"), [({"reason": "laziness"}, "reason-code"), ({"comment": "x" * 501}, "comment-length")]
)
def test_a_reason_outside_the_list_and_an_endless_comment_are_refused(
    world: World, change: dict[str, object], rule: str
) -> None:
    with pytest.raises(Invalid) as refused:
        note(world, **change)

    assert refused.value.rule == rule
    assert not DifferenceNote.objects.exists()


def test_a_comment_of_500_characters_is_kept(world: World) -> None:
    assert len(note(world, comment="x" * 500).comment) == 500


def test_a_reader_who_was_shown_nothing_cannot_give_a_reason(world: World) -> None:
    with pytest.raises(NotFound):
        note(world, by=world.reader_b)


def test_a_prediction_of_another_study_does_not_belong_to_the_case(world: World) -> None:
    other = World(ProjectFactory())

    with pytest.raises(NotFound):
        note(world, prediction=other.predict(1, 4.0))


def test_the_rounds_assignments_are_left_alone(world: World) -> None:
    world.read(world.reader_a, 1, 5.0)
    before = list(Assignment.objects.values_list("state", flat=True))

    services.refresh_open_cases()

    assert list(Assignment.objects.values_list("state", flat=True)) == before
    assert uuid.UUID(str(world.case.pk))
