"""Signatures: hashed, immutable in the database, and what they reveal."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed
from plaqueweb.reads import services
from plaqueweb.reads.bundle import load_bundle, own_read
from plaqueweb.reads.models import Assignment, FrameAnnotation, FrameMask, Lesion, Read, SegmentFinding
from plaqueweb.reads.signing import canonical, payload_hash, payload_of
from plaqueweb.studies.models import Disclosure
from tests.factories import AssignmentFactory, ClipFactory, RoundFactory, member
from tests.plaqueweb.reads.helpers import (
    COMPLETE,
    box_mask,
    caliper,
    case,
    complete,
    frame,
    lesion,
    opened,
    save,
    sign,
    signed_case,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed() -> Read:
    assignment, clip = case()
    read = opened(assignment)
    mark = frame(clip, 2, calipers=[caliper(0, 0, 12, 0)], masks={"1": box_mask(0, 4, 0, 9)}, extent="all_marked")
    save(read, answers={**COMPLETE, "reader_class": 1, "note": "a note"}, lesions=[lesion()], frames=[mark])
    complete(read)
    return sign(read)[0]


def test_a_signature_says_who_when_and_what(signed: Read) -> None:
    stored = Read.objects.get()

    assert (stored.state, stored.signed_name, stored.meaning) == ("signed", signed.assignment.reader.name, "authored")
    assert stored.signed_at is not None
    assert len(stored.payload_sha256) == 64
    assert AuditEvent.objects.get(verb="read.signed").diff["sha256"] == stored.payload_sha256


def test_a_signed_read_proves_itself(signed: Read) -> None:
    assert services.verify_read(Read.objects.get())


def test_the_hash_changes_with_everything_that_was_signed(signed: Read) -> None:
    read = Read.objects.select_related("assignment__round__protocol", "assignment__study").get()
    terms: dict[str, Any] = {"signed_at": read.signed_at, "signed_name": read.signed_name, "meaning": read.meaning}

    def digest(change: Any = None) -> str:
        bundle = load_bundle(read, masks=False)
        if change is not None:
            change(bundle)
        return payload_hash(bundle, **terms)

    changes = {
        "class": lambda b: setattr(b.read, "reader_class", 0),
        "quality": lambda b: setattr(b.read, "quality", "limited"),
        "note": lambda b: setattr(b.read, "note", "another"),
        "rule": lambda b: setattr(b.read, "rule_class", 0),
        "thickness": lambda b: setattr(b.read, "thickness_mm", 6.1),
        "finding": lambda b: setattr(b.findings["arch"], "plaque", "present"),
        "reason": lambda b: setattr(b.lesions[0], "mobile", "yes"),
        "extent": lambda b: setattr(next(iter(b.annotations.values())), "extent", "index_only"),
        "caliper": lambda b: next(iter(b.annotations.values())).calipers[0].update(mm=6.1),
        "mask": lambda b: setattr(next(iter(b.annotations.values())).mask, "sha256", "0" * 64),
    }
    kept = {name: getattr(read, name) for name in ("reader_class", "quality", "note", "rule_class", "thickness_mm")}
    digests = {"as signed": digest()}
    for name, change in changes.items():
        digests[name] = digest(change)
        for column, value in kept.items():
            setattr(read, column, value)

    assert digests["as signed"] == read.payload_sha256
    assert len(set(digests.values())) == len(changes) + 1


def test_canonical_json_does_not_depend_on_order(signed: Read) -> None:
    read = Read.objects.select_related("assignment__round__protocol", "assignment__study").get()
    payload = payload_of(load_bundle(read, masks=False), signed_at=read.signed_at, signed_name="x", meaning="authored")

    assert canonical(payload) == canonical(dict(reversed(payload.items())))
    assert "a note" not in canonical(payload).decode()


# --- the database refuses ---

CHANGES = {
    "the class": lambda read: Read.objects.filter(pk=read.pk).update(reader_class=0),
    "the state": lambda read: Read.objects.filter(pk=read.pk).update(state="draft"),
    "the read": lambda read: Read.objects.filter(pk=read.pk)._raw_delete("default"),
    "a finding": lambda read: SegmentFinding.objects.update(plaque="present"),
    "losing a finding": lambda read: SegmentFinding.objects.all()._raw_delete("default"),
    "another finding": lambda read: SegmentFinding.objects.filter(segment="arch").update(segment="x"),
    "a lesion": lambda read: Lesion.objects.update(thickness_mm=1.0),
    "losing a lesion": lambda read: Lesion.objects.all()._raw_delete("default"),
    "one more lesion": lambda read: Lesion.objects.create(read=read, number=2),
    "an annotation": lambda read: FrameAnnotation.objects.update(extent="no_plaque"),
    "losing a mask": lambda read: FrameMask.objects.all()._raw_delete("default"),
    "other pixels": lambda read: FrameMask.objects.update(rle=b"x"),
    "erased with another hash": lambda read: FrameMask.objects.update(rle=None, sha256="0" * 64),
    "erased with other areas": lambda read: FrameMask.objects.update(rle=None, areas={}),
    "one more annotation": lambda read: FrameAnnotation.objects.create(
        read=read, clip=FrameAnnotation.objects.get().clip, frame=3
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_database_refuses_to_change_a_signed_read(signed: Read, what: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        CHANGES[what](signed)


def test_erasing_a_subject_may_null_the_mask_and_the_hash_still_holds(signed: Read) -> None:
    FrameMask.objects.update(rle=None)

    assert FrameMask.objects.get().rle is None
    assert services.verify_read(Read.objects.get())


def test_drafts_are_not_frozen() -> None:
    read = opened(case()[0])
    save(read, answers=COMPLETE)

    assert Read.objects.update(note="x") == 1
    assert SegmentFinding.objects.all().delete()[0] == 3


@pytest.mark.parametrize("statement", ["UPDATE studies_disclosure SET kind = 'x'", "DELETE FROM studies_disclosure"])
def test_disclosures_are_only_added(statement: str) -> None:
    assignment, _ = case()
    Disclosure.objects.create(user=assignment.reader, study=assignment.study, kind="after_each", round_id=None)

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert Disclosure.objects.get().kind == "after_each"


# --- who may sign what ---


def test_only_completed_reads_are_signed_and_only_once(signed: Read) -> None:
    with pytest.raises(InvalidTransition):
        sign(signed)
    with pytest.raises(InvalidTransition):
        sign(opened(case()[0]))


def test_nobody_signs_for_another() -> None:
    read = opened(case()[0])
    save(read, answers=COMPLETE)
    complete(read)

    with pytest.raises(NotAllowed):
        services.sign_reads(reads=[read], by=member(read.assignment.round.project, "reader"), meaning="authored")


def test_signing_several_is_all_or_nothing() -> None:
    assignment, _ = case()
    good = opened(assignment)
    save(good, answers=COMPLETE)
    complete(good)
    draft = opened(AssignmentFactory(round=assignment.round, reader=assignment.reader, order_no=99))

    with pytest.raises(InvalidTransition):
        sign(good, draft)

    assert Read.objects.filter(state="signed").count() == 0
    assert Disclosure.objects.count() == 0


def test_signing_nothing_is_refused() -> None:
    with pytest.raises(Invalid):
        services.sign_reads(reads=[], by=case()[0].reader, meaning="authored")


def test_a_draft_that_moved_on_is_not_signed_by_an_older_page() -> None:
    read = opened(case()[0])
    save(read, answers=COMPLETE)
    complete(read)
    loaded = own_read(user=read.assignment.reader, pk=read.pk)
    Read.objects.filter(pk=read.pk).update(draft_no=9)

    with pytest.raises(InvalidTransition):
        services.sign_reads(reads=[loaded], by=read.assignment.reader, meaning="authored")


def test_the_first_signature_freezes_the_protocol(signed: Read) -> None:
    signed.assignment.round.protocol.refresh_from_db()

    assert signed.assignment.round.protocol.frozen_at is not None
    assert AuditEvent.objects.filter(verb="protocol.frozen").count() == 1


# --- what a signature reveals ---


def two_cases(reveal: str) -> list[Assignment]:
    round_ = RoundFactory(reveal=reveal)
    reader = member(round_.project, "reader")
    rows = [AssignmentFactory(round=round_, reader=reader, order_no=n) for n in (1, 2)]
    for row in rows:
        ClipFactory(study=row.study)
    return rows


def disclosed() -> list[Any]:
    return sorted(Disclosure.objects.values_list("study_id", flat=True))


def test_after_each_reveals_the_signed_case_only() -> None:
    first, _second = two_cases("after_each")

    signed_case(first)

    assert disclosed() == [first.study_id]
    assert Disclosure.objects.get().round_id == first.round_id


def test_all_signed_reveals_nothing_until_the_last_one() -> None:
    first, second = two_cases("all_signed")

    signed_case(first)
    before = disclosed()
    signed_case(second)

    assert before == []
    assert disclosed() == sorted([first.study_id, second.study_id])


def test_a_skipped_case_is_not_revealed_with_the_others() -> None:
    first, second = two_cases("all_signed")
    services.skip_assignment(assignment=second, by=second.reader, reason="no aorta")

    signed_case(first)

    assert disclosed() == [first.study_id]


def test_round_closed_reveals_signed_cases_at_the_end() -> None:
    first, second = two_cases("round_closed")
    signed_case(first)
    before = disclosed()

    services.close_round(round_=first.round, by=None)

    second.refresh_from_db()
    assert before == []
    assert disclosed() == [first.study_id]
    assert second.state == "withdrawn"


def test_never_reveals_nothing() -> None:
    first, second = two_cases("never")
    signed_case(first)
    signed_case(second)

    services.close_round(round_=first.round, by=None)

    assert disclosed() == []


def test_a_round_with_unsigned_completed_reads_stays_open() -> None:
    first, _second = two_cases("round_closed")
    read = opened(first)
    save(read, answers=COMPLETE)
    complete(read)

    with pytest.raises(InvalidTransition):
        services.close_round(round_=first.round, by=None)
