"""Qualification: who a reader is, and how a practice set with a known answer went, before real cases open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, InvalidTransition
from plaqueweb.reads.choices import AssignmentState, PlaqueClass, Policy, Speciality
from plaqueweb.reads.models import Assignment, PracticeKey, Read, ReaderProfile, Round
from plaqueweb.studies.choices import DisclosureKind
from plaqueweb.studies.services import disclose

MOST_YEARS = 70
MOST_EXAMINATIONS = 100_000
DONE = (AssignmentState.SIGNED, AssignmentState.SKIPPED)


@dataclass(frozen=True)
class PracticeResult:
    """How far a reader is in a practice set. A skipped case does not agree.

    Args:
        of: cases of the set; ``read``: signed or skipped; ``agree``: class as in the key.
        pass_mark: percentage of cases that have to agree.
    """

    practice: UUID
    name: str
    of: int
    read: int
    agree: int
    pass_mark: int

    @property
    def needed(self) -> int:
        """Cases that have to agree."""
        return -(-self.of * self.pass_mark // 100)

    @property
    def passed(self) -> bool | None:
        """Whether it is passed; None while cases are left that decide it."""
        if self.agree >= self.needed and self.read == self.of:
            return True
        return False if self.agree + self.of - self.read < self.needed else None


@dataclass(frozen=True)
class Qualification:
    """What a report says of one reader. Empty profile fields: not filled in."""

    reader: UUID
    name: str
    simulated: bool
    speciality: str
    speciality_words: str
    years: int | None
    tee_count: int | None
    practice: tuple[PracticeResult, ...]


# --- the profile


@transaction.atomic
def save_profile(*, user: User, speciality: str, years: int, tee_count: int) -> ReaderProfile:
    """Keep what a reader says of the own experience; what it was before stays in the audit trail.

    Args:
        years: of reading echo, 0 to 70.
        tee_count: transesophageal examinations read so far, 0 to 100 000.

    Raises:
        Invalid: an unknown speciality, or a number out of range.
    """
    if speciality not in Speciality.values:
        raise Invalid(_("Choose a speciality."), rule="profile-speciality")
    if type(years) is not int or not 0 <= years <= MOST_YEARS:
        raise Invalid(_("Years of experience lie between 0 and %(n)d.") % {"n": MOST_YEARS}, rule="profile-years")
    if type(tee_count) is not int or not 0 <= tee_count <= MOST_EXAMINATIONS:
        words = _("The number of TEE examinations lies between 0 and %(n)d.") % {"n": MOST_EXAMINATIONS}
        raise Invalid(words, rule="profile-tee-count")
    values = {"speciality": speciality, "years": years, "tee_count": tee_count}
    row, _made = ReaderProfile.objects.update_or_create(user=user, defaults=values)
    record_event(actor=user, verb="profile.saved", target=row, project_id=None, diff=values)
    return row


def profile_of(user: User) -> ReaderProfile | None:
    """Return a user's profile, None before it is filled in."""
    return ReaderProfile.objects.filter(user=user).first()


# --- the practice set


def add_key(*, round_: Round, answers: Iterable[dict[str, Any]]) -> None:
    """Keep the known answers of a practice set with it; they never change.

    Args:
        answers: ``study`` (id), ``reader_class`` 0 or 1, ``thickness_mm`` or None, ``source`` in words.
    """
    PracticeKey.objects.bulk_create(
        PracticeKey(
            round=round_, study_id=row["study"], reader_class=row["reader_class"], thickness_mm=row["thickness_mm"],
            source=row["source"],
        )
        for row in answers
    )  # fmt: skip


def show_keys(*, signed: Sequence[Read], by: User) -> None:
    """Write that the known answer of practice cases was shown: what is read on these studies later is informed."""
    for read in signed:
        assignment = read.assignment
        if assignment.round.policy == Policy.PRACTICE:
            disclose(user=by, study=assignment.study, kind=DisclosureKind.PRACTICE, round_id=assignment.round_id)


def feedback(assignment: Assignment) -> dict[str, Any] | None:
    """Return one's own answer of a signed practice case beside the known one; None where there is none to show."""
    if assignment.round.policy != Policy.PRACTICE or assignment.state != AssignmentState.SIGNED:
        return None
    key = PracticeKey.objects.filter(round=assignment.round_id, study=assignment.study_id).first()
    read = Read.objects.signed().filter(assignment=assignment).first()
    if key is None or read is None:
        return None
    both = read.thickness_mm is not None and key.thickness_mm is not None
    return {
        "your_class": read.reader_class,
        "your_thickness_mm": read.thickness_mm,
        "known_class": key.reader_class,
        "known_thickness_mm": key.thickness_mm,
        "thickness_difference_mm": read.thickness_mm - key.thickness_mm if both else None,
        "agrees": read.reader_class == key.reader_class,
        "source": key.source,
        "result": practice_result(round_=assignment.round, reader_id=assignment.reader_id),
    }


def practice_result(*, round_: Round, reader_id: UUID) -> PracticeResult:
    """Return how a reader's practice set went so far."""
    return _results(round_, [reader_id])[reader_id]


def _results(round_: Round, readers: Sequence[UUID]) -> dict[UUID, PracticeResult]:
    key = dict(PracticeKey.objects.filter(round=round_).values_list("study_id", "reader_class"))
    read: dict[UUID, int] = dict.fromkeys(readers, 0)
    agree: dict[UUID, int] = dict.fromkeys(readers, 0)
    rows = Assignment.objects.filter(round=round_, reader__in=readers, state__in=DONE)
    for reader, in_study, said in rows.values_list("reader_id", "study_id", "reads__reader_class"):
        read[reader] += 1
        agree[reader] += said is not None and said != PlaqueClass.CANNOT_ASSESS and said == key.get(in_study)
    mark = round_.pass_mark or 0
    return {
        reader: PracticeResult(round_.pk, round_.name, len(key), read[reader], agree[reader], mark)
        for reader in readers
    }


def practice_sets(round_: Round) -> list[Round]:
    """Return the practice sets of which one has to be passed before a round opens: its own, and repeats of it."""
    if round_.practice_id is None:
        return []
    sets = Round.objects.filter(policy=Policy.PRACTICE)
    return list(sets.filter(Q(pk=round_.practice_id) | Q(repeat_of=round_.practice_id)).order_by("id"))


@dataclass(frozen=True)
class Gate:
    """What stands between a reader and a round’s cases."""

    profile_missing: bool
    results: tuple[PracticeResult, ...]

    @property
    def practice_missing(self) -> bool:
        """Whether no practice set is passed yet."""
        return bool(self.results) and not any(result.passed for result in self.results)

    @property
    def closed(self) -> bool:
        """Whether cases stay closed."""
        return self.profile_missing or self.practice_missing


def gate_of(*, round_: Round, reader: User) -> Gate | None:
    """Return what a reader still has to do before a round opens; None where the round asks for nothing."""
    sets = practice_sets(round_)
    if not sets:
        return None
    results = tuple(practice_result(round_=row, reader_id=reader.pk) for row in sets)
    return Gate(profile_missing=profile_of(reader) is None, results=results)


def check_gate(assignment: Assignment, by: User) -> None:
    """Raise InvalidTransition while profile or practice are missing; a case in hand stays open."""
    if assignment.opened_at is not None or assignment.round.practice_id is None:
        return
    gate = gate_of(round_=assignment.round, reader=by)
    if gate is None or not gate.closed:
        return
    if gate.profile_missing:
        raise InvalidTransition(_("Fill in your reader profile first."), rule="profile-first")
    best = max(gate.results, key=lambda result: result.agree)
    words = _("Pass the practice set “%(name)s” first: %(needed)d of %(of)d cases have to agree.")
    raise InvalidTransition(words % {"name": best.name, "needed": best.needed, "of": best.of}, rule="practice-first")


# --- for the report


def qualifications(*, readers: Iterable[User], project_id: UUID) -> list[Qualification]:
    """Return profile and practice results of readers, as a report prints them: in the order given."""
    listed = list(readers)
    profiles = {row.user_id: row for row in ReaderProfile.objects.filter(user__in=listed)}
    results: dict[UUID, list[PracticeResult]] = {reader.pk: [] for reader in listed}
    for practice in Round.objects.filter(project=project_id, policy=Policy.PRACTICE).order_by("id"):
        mine = set(Assignment.objects.filter(round=practice, reader__in=listed).values_list("reader_id", flat=True))
        for reader, result in _results(practice, sorted(mine)).items():
            results[reader].append(result)
    return [_qualification(reader, profiles.get(reader.pk), results[reader.pk]) for reader in listed]


def _qualification(reader: User, profile: ReaderProfile | None, results: Sequence[PracticeResult]) -> Qualification:
    return Qualification(
        reader=reader.pk, name=reader.name, simulated=reader.is_simulated,
        speciality=profile.speciality if profile else "",
        speciality_words=str(profile.get_speciality_display()) if profile else "",
        years=profile.years if profile else None, tee_count=profile.tee_count if profile else None,
        practice=tuple(results),
    )  # fmt: skip
