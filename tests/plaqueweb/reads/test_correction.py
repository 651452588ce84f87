"""A signed read is corrected by a new revision with kind and reason: both stay. What was shown between them counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from plaqueweb.accounts.models import User
from plaqueweb.accounts.services import set_roles
from plaqueweb.agreement.selectors import primary_reads
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed
from plaqueweb.reads import services
from plaqueweb.reads.bundle import load_bundle
from plaqueweb.reads.models import Assignment, FrameAnnotation, FrameMask, Read, Round
from plaqueweb.reads.signing import payload_of
from plaqueweb.review.comparison import Chosen, compare
from plaqueweb.review.corrections import correction_words
from plaqueweb.review.models import Case
from plaqueweb.review.payload import compare_payload
from plaqueweb.review.services import current_reads, refresh_open_cases
from plaqueweb.studies.blinding import blinded_studies
from plaqueweb.studies.models import Disclosure
from plaqueweb.studies.services import disclose
from tests.factories import PASSWORD, AssignmentFactory, ClipFactory, PredictionFactory, RoundFactory, member
from tests.plaqueweb.reads.helpers import (
    CLEAR,
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
from tests.triggers import lift

pytestmark = pytest.mark.django_db
BrowserOf = Callable[[User], Client]


@pytest.fixture
def signed() -> Read:
    """A signed complex case with a mask and a caliper, in a round that reveals when it is closed."""
    round_ = RoundFactory(reveal="round_closed")
    assignment = AssignmentFactory(round=round_)
    clip = ClipFactory(study=assignment.study)
    read = opened(assignment)
    mark = frame(clip, 2, calipers=[caliper(0, 0, 12, 0)], masks={"1": box_mask(0, 4, 0, 9)}, extent="all_marked")
    found = {**CLEAR, "descending": {"visibility": "well", "plaque": "present"}}
    answers = {**COMPLETE, "reader_class": 1, "note": "a note", "findings": found}
    save(read, answers=answers, lesions=[lesion()], frames=[mark])
    complete(read)
    return sign(read)[0]


def begin(read: Read, kind: str = "slip", reason: str = "the wrong key") -> Read:
    assignment = Assignment.objects.select_related("round__project", "round__protocol", "study", "reader").get(
        pk=read.assignment_id
    )
    return services.begin_correction(assignment=assignment, by=assignment.reader, kind=kind, reason=reason)


def correct(read: Read, **answers: Any) -> Read:
    """Begin, change, complete and sign a correction."""
    draft = begin(read)
    save(draft, answers={"conflict_reason": "impression"} | answers)
    complete(draft)
    return sign(draft)[0]


def shown(read: Read) -> None:
    disclose(user=read.assignment.reader, study=read.assignment.study, kind="after_each", round_id=None)


# --- the service


def test_a_correction_begins_as_what_was_signed(signed: Read) -> None:
    draft = begin(signed)

    assert (draft.revision, draft.state, draft.supersedes_id, draft.note) == (2, "draft", signed.pk, "a note")
    assert [row.plaque for row in draft.findings.order_by("segment")] == ["none", "none", "present"]
    assert draft.lesions.get().thickness_mm == pytest.approx(signed.lesions.get().thickness_mm)
    mark = FrameAnnotation.objects.get(read=draft)
    assert (mark.extent, len(mark.calipers)) == ("all_marked", 1)
    masks = FrameMask.objects.filter(annotation__read__in=[signed, draft])
    assert len(set(masks.values_list("sha256", flat=True))) == 1
    assert len(masks) == 2


def test_what_was_signed_stands_until_the_correction_is_signed_too(signed: Read) -> None:
    draft = begin(signed)
    assignment = Assignment.objects.get()

    assert assignment.state == "signed"
    assert not blinded_studies(assignment.reader).exists()
    assert list(Read.objects.signed()) == list(Read.objects.counting()) == [signed]
    save(draft, answers={"reader_class": 0, "conflict_reason": "impression"})
    complete(draft)
    assert Assignment.objects.get().state == "signed"
    assert list(Read.objects.signed()) == [signed]

    sign(draft)

    assert list(Read.objects.signed()) == list(Read.objects.counting()) == [draft]
    assert [(row.reader_class, row.state) for row in Read.objects.order_by("revision")] == [
        (1, "signed"),
        (0, "signed"),
    ]


def test_both_signatures_hold_and_the_second_rests_on_the_first(signed: Read) -> None:
    second = correct(signed, reader_class=0)

    stored = Read.objects.get(pk=second.pk)
    assert (stored.meaning, stored.revision_kind, stored.arm) == ("corrected", "slip", "blind")
    assert services.verify_read(Read.objects.get(pk=signed.pk))
    assert services.verify_read(stored)
    terms: dict[str, Any] = {"signed_at": stored.signed_at, "signed_name": "x", "meaning": "corrected"}
    payload = payload_of(load_bundle(second, masks=False), **terms)
    assert payload["corrects"]["sha256"] == Read.objects.get(pk=signed.pk).payload_sha256
    assert "the wrong key" not in str(payload)


def test_who_changes_the_corrected_read_breaks_the_correction_too(signed: Read) -> None:
    second = correct(signed, reader_class=0)
    lift("reads_read_no_update", table="reads_read")
    Read.objects.filter(pk=signed.pk).update(quality="limited")

    assert not services.verify_read(Read.objects.get(pk=second.pk))


def test_everything_is_on_the_audit_trail_and_the_reason_only_as_a_length(signed: Read) -> None:
    second = correct(signed, reader_class=0)

    begun = AuditEvent.objects.get(verb="correction.begun")
    last = AuditEvent.objects.filter(verb="read.signed").order_by("-id")[0]
    assert begun.diff == {"corrects": str(signed.pk), "kind": "slip", "reason_characters": 13}
    assert last.diff["corrects"] == str(signed.pk)
    assert (last.diff["revision"], str(last.object_id)) == (2, str(second.pk))


def test_a_correction_can_be_corrected(signed: Read) -> None:
    third = correct(correct(signed, reader_class=0), quality="limited")

    assert (third.revision, third.quality) == (3, "limited")
    assert list(Read.objects.counting()) == [third]
    assert services.verify_read(Read.objects.get(pk=third.pk))


def test_a_correction_takes_no_reading_time_and_opens_nothing(signed: Read) -> None:
    before = Assignment.objects.get().active_seconds

    draft = begin(signed)
    assignment = Assignment.objects.select_related("reader").get()
    services.add_activity(assignment=assignment, by=assignment.reader, seconds=30)
    complete(draft)
    sign(draft)

    assert Assignment.objects.get().active_seconds == before
    assert not Disclosure.objects.exists()


def test_a_discarded_correction_leaves_what_was_signed(signed: Read) -> None:
    draft = begin(signed)

    services.discard_correction(read=draft, by=draft.assignment.reader)

    assert list(Read.objects.all()) == [signed]
    assert services.verify_read(signed)
    assert AuditEvent.objects.filter(verb="correction.discarded").exists()
    assert begin(signed).revision == 2


def test_a_signed_correction_is_not_discarded(signed: Read) -> None:
    second = correct(signed, reader_class=0)

    for read in (signed, second):
        with pytest.raises(InvalidTransition):
            services.discard_correction(read=read, by=read.assignment.reader)


@pytest.mark.parametrize(
    ("kind", "reason", "rule"),
    [("", "why", "correction-kind"), ("typo", "why", "correction-kind"), ("slip", "  ", "correction-reason"),
     ("slip", "x" * 501, "too-long")],
)  # fmt: skip
def test_kind_and_reason_are_asked_for(signed: Read, kind: str, reason: str, rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        begin(signed, kind, reason)

    assert refused.value.rule == rule


def test_nobody_corrects_for_another_reader(signed: Read) -> None:
    assignment = Assignment.objects.get()

    with pytest.raises(NotAllowed):
        services.begin_correction(
            assignment=assignment, by=member(signed.assignment.round.project, "reader"), kind="slip", reason="x"
        )


def test_only_one_correction_is_open(signed: Read) -> None:
    begin(signed)

    with pytest.raises(InvalidTransition) as refused:
        begin(signed)

    assert refused.value.rule == "correction-begun"


def test_an_unsigned_answer_is_no_matter_of_correction() -> None:
    assignment, _clip = case()
    read = opened(assignment)

    with pytest.raises(InvalidTransition) as refused:
        begin(read)

    assert refused.value.rule == "correction-unsigned"


@pytest.mark.parametrize(
    ("change", "rule"),
    [({"closed_at": timezone.now()}, "round-closed"), ({"policy": "practice", "pass_mark": 50}, "correction-practice"),
     ({"policy": "open"}, "correction-imported")],
)  # fmt: skip
def test_some_rounds_are_not_corrected(signed: Read, change: dict[str, Any], rule: str) -> None:
    Round.objects.update(**change)

    with pytest.raises(InvalidTransition) as refused:
        begin(signed)

    assert refused.value.rule == rule


@pytest.mark.parametrize(
    "columns",
    [{"revision_kind": "slip"}, {"revision_kind": "slip", "revision_reason": ""}, {"revision_reason": "why"},
     {"revision_kind": "typo", "revision_reason": "why"}],
)  # fmt: skip
def test_the_database_wants_kind_and_reason_too(signed: Read, columns: dict[str, str]) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Read.objects.create(assignment=signed.assignment, revision=2, supersedes=signed, **columns)


def test_a_first_answer_has_no_kind(signed: Read) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Read.objects.create(assignment=AssignmentFactory(), revision_kind="slip", revision_reason="x")


# --- which revision counts


def counted(read: Read) -> tuple[list[Any], int]:
    project = read.assignment.round.project
    reads, informed = primary_reads(member(project, "coordinator"), project, None)
    return [row.id for row in reads], informed


def test_before_a_disclosure_the_correction_counts(signed: Read) -> None:
    second = correct(signed, reader_class=0)

    assert counted(signed) == ([second.pk], 0)


def test_after_a_disclosure_the_correction_never_counts_as_blind(signed: Read) -> None:
    draft = begin(signed)
    shown(signed)
    complete(draft)
    second = sign(draft)[0]
    third = correct(second, reader_class=0)

    assert [Read.objects.get(pk=row.pk).arm for row in (signed, second, third)] == ["blind", "informed", "informed"]
    assert list(Read.objects.signed()) == [third]
    assert list(Read.objects.counting()) == [signed]
    assert not Read.objects.replaced().exists()
    assert counted(signed) == ([signed.pk], 2)


def test_a_role_that_sees_results_informs_without_a_disclosure(signed: Read) -> None:
    set_roles(
        project=signed.assignment.round.project, user=signed.assignment.reader, roles=["reader", "coordinator"], by=None
    )

    second = correct(signed, reader_class=0)

    assert second.arm == "informed"
    assert counted(signed) == ([signed.pk], 1)


def test_others_key_frames_of_a_second_stage_inform(signed: Read) -> None:
    first = signed.assignment
    given = AssignmentFactory(round=first.round, study=first.study, reader=first.reader, stage_no=2, order_no=9)
    assert correct(signed, quality="limited").arm == "blind"
    Assignment.objects.filter(pk=given.pk).update(opened_at=timezone.now())

    assert correct(Read.objects.get(revision=2), quality="good").arm == "informed"


def test_an_answer_with_the_model_stays_one_unless_all_was_shown(signed: Read) -> None:
    first = signed.assignment
    aided = AssignmentFactory(round=first.round, study=first.study, reader=first.reader, stage_no=2, arm="aided")
    disclose(user=first.reader, study=first.study, kind="model", round_id=first.round_id)
    answer = signed_case(aided)

    again = correct(answer, quality="limited")
    shown(signed)
    last = correct(again, quality="good")

    assert [answer.arm, again.arm, last.arm] == ["aided", "aided", "informed"]
    assert correct(signed, quality="limited").arm == "informed"


def test_an_informed_correction_reopens_no_case_and_no_reference(signed: Read) -> None:
    other = AssignmentFactory(
        round=signed.assignment.round,
        study=signed.assignment.study,
        reader=member(signed.assignment.round.project, "reader"),
    )
    second_reader = signed_case(other, reader_class=1)
    refresh_open_cases()
    state = Case.objects.get().state
    shown(signed)
    correct(signed, reader_class=0)

    assert refresh_open_cases() == 0
    assert Case.objects.get().state == state
    ids = [row.pk for row in current_reads(signed.assignment.round_id, signed.assignment.study_id)]
    assert ids == [signed.pk, second_reader.pk]


# --- pages


def page_of(read: Read) -> str:
    return f"/read/{read.assignment.public_id}/correct/"


def worklist_of(read: Read) -> str:
    return f"/p/{read.assignment.round.project.slug}/worklist/?round={read.assignment.round_id}"


def test_the_page_opens_a_draft(browser_of: BrowserOf, signed: Read) -> None:
    client = browser_of(signed.assignment.reader)

    page = client.get(page_of(signed)).content.decode()
    answer = client.post(page_of(signed), {"kind": "opinion", "reason": "seen again"})

    assert "1 complex" in page
    assert "figures use the correction" in page
    assert (answer.status_code, answer["Location"]) == (302, f"/read/{signed.assignment.public_id}/")
    assert Read.objects.get(state="draft").revision_reason == "seen again"


def test_nothing_typed_is_lost_when_the_page_refuses(browser_of: BrowserOf, signed: Read) -> None:
    answer = browser_of(signed.assignment.reader).post(page_of(signed), {"kind": "", "reason": "long thoughts"})

    assert answer.status_code == 422
    assert "long thoughts" in answer.content.decode()
    assert "Say which kind of correction it is." in answer.content.decode()


def test_after_a_disclosure_the_page_says_what_figures_use(browser_of: BrowserOf, signed: Read) -> None:
    shown(signed)

    page = browser_of(signed.assignment.reader).get(page_of(signed)).content.decode()

    assert "figures go on to use the answer you signed before" in page


def test_a_closed_round_is_told(browser_of: BrowserOf, signed: Read) -> None:
    Round.objects.update(closed_at=timezone.now())

    page = browser_of(signed.assignment.reader).get(page_of(signed))

    assert page.status_code == 200
    assert "This round is closed" in page.content.decode()


def test_only_the_reader_of_a_signed_case_has_the_page(browser_of: BrowserOf, signed: Read) -> None:
    other = AssignmentFactory(round=signed.assignment.round, reader=signed.assignment.reader, order_no=7)

    assert browser_of(member(signed.assignment.round.project, "coordinator")).get(page_of(signed)).status_code == 404
    assert browser_of(signed.assignment.reader).get(f"/read/{other.public_id}/correct/").status_code == 404


def test_the_worklist_offers_the_correction_and_signs_it(browser_of: BrowserOf, signed: Read) -> None:
    client = browser_of(signed.assignment.reader)
    assert page_of(signed) in client.get(worklist_of(signed)).content.decode()
    draft = begin(signed)
    page = client.get(worklist_of(signed)).content.decode()
    assert page_of(signed) not in page
    assert "A correction is begun." in page
    save(draft, answers={"reader_class": 0, "conflict_reason": "impression"})
    complete(draft)

    waiting = client.get(worklist_of(signed)).content.decode()
    answer = client.post(
        f"/p/{signed.assignment.round.project.slug}/worklist/sign/",
        {"read": [str(draft.pk)], "password": PASSWORD, "round": str(signed.assignment.round_id)},
    )

    assert "correction" in waiting
    assert "A correction waits for your signature." in waiting
    assert "I correct my own answer" in waiting
    assert "1 complex" in waiting  # the row still says what is signed
    assert answer.status_code == 302
    assert Read.objects.get(pk=draft.pk).meaning == "corrected"
    assert "Corrected, revision 2." in client.get(worklist_of(signed)).content.decode()


def test_the_api_corrects_and_discards(browser_of: BrowserOf, signed: Read) -> None:
    client, address = browser_of(signed.assignment.reader), f"/api/v1/assignments/{signed.assignment.public_id}/"
    assert client.get(address).json()["correct_url"] == page_of(signed)

    begun = client.post(f"{address}correct/", {"kind": "slip", "reason": "x"}, content_type="application/json").json()

    assert begun["read"]["correction"]["of"] == str(signed.pk)
    assert begun["correct_url"] is None
    assert client.post(f"/api/v1/reads/{begun['read']['id']}/discard/").status_code == 204
    assert client.get(address).json()["read"]["id"] == str(signed.pk)


def test_the_comparison_shows_the_correction_and_keeps_what_was_signed(signed: Read) -> None:
    coordinator = member(signed.assignment.round.project, "coordinator")
    PredictionFactory(study=signed.assignment.study)
    refresh_open_cases()
    second = correct(signed, reader_class=0)

    found = compare(user=coordinator, case=Case.objects.select_related("round__project", "study__subject").get())
    before = compare(user=coordinator, case=found.case, chosen=Chosen(left=f"read.{signed.pk}"))

    document, old = compare_payload(found), compare_payload(before)
    assert found.read == second
    assert document["left"]["name"].endswith("corrected, revision 2")
    assert [row["revision_words"] for row in document["reads"]] == ["corrected, revision 2", "replaced, revision 1"]
    said = next(row for row in document["numbers"] if row["key"] == "correction")
    assert said["how"].startswith("Slip of the hand: the wrong key. Before: 1 complex")
    assert old["read"]["answers"]["reader_class"] == 1
    assert (document["reason"]["may_note"], old["reason"]["may_note"]) == (True, False)


def test_the_comparison_says_when_figures_keep_the_answer_before(signed: Read) -> None:
    shown(signed)
    second = correct(signed, reader_class=0)

    assert correction_words(Read.objects.get(pk=second.pk)).endswith("Figures use the answer before.")
