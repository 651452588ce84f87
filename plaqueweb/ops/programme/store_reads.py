"""Reads of a simulated programme: cases arrive week by week, every reader reads them in an own order, some twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from plaqueweb.accounts.models import User
from plaqueweb.ops.programme.answers import read_body
from plaqueweb.ops.programme.draw import Programme, Reads
from plaqueweb.ops.programme.geometry import aorta
from plaqueweb.reads.choices import AssignmentState, Policy, Reveal
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.reads.rounds import add_cases, create_round, repeat_cases
from plaqueweb.reads.simulated import record_simulated_read
from plaqueweb.studies.choices import ListPurpose
from plaqueweb.studies.models import CaseList, Clip, Project, Protocol, Study
from plaqueweb.studies.services import create_case_list

ROUND = "Simulated round"
REPEAT = 1
"""The draw says which cases are read twice, the same for every reader; a round of people deals its own when made."""
WEEK_SHARE = 0.9
"""Cases of a week are signed within this part of it."""


class ReadingRoom:
    """The round and what every reader answers in it."""

    def __init__(
        self, programme: Programme, project: Project, studies: Sequence[Study], readers: Sequence[User], start: datetime
    ) -> None:
        self.programme, self.project, self.studies = programme, project, studies
        self.readers, self.start = readers, start
        self.index = {study.pk: number for number, study in enumerate(studies)}
        self.clips = {row.study_id: row for row in Clip.objects.filter(study__project=project)}

    @property
    def round(self) -> Round:
        """The round, as it stands."""
        found: Round = Round.objects.get(project=self.project, name=ROUND)
        return found

    def read_everything(self, batches: Iterable[range], say: Any) -> int:
        """Assign and read what is missing; return how many reads there are."""
        done = 0
        for batch in batches:
            with transaction.atomic():
                self._assign(batch)
                done += self._read([self.studies[n] for n in batch], self.programme.first, 0)
            say("reads", batch[-1] + 1, len(self.studies))
        again = [self.studies[int(n)] for n in self.programme.second[0].study]
        for begin in range(0, len(again), 5):
            part = again[begin : begin + 5]
            with transaction.atomic():
                self._assign_again(part)
                done += self._read(part, self.programme.second, REPEAT)
            say("hidden repeats", begin + len(part), len(again))
        return done

    def _assign(self, batch: range) -> None:
        """Give the cases to every reader, in an order drawn anew for what arrives together."""
        new = [self.studies[n] for n in batch]
        round_ = Round.objects.filter(project=self.project, name=ROUND).first()
        if round_ is not None:
            missing = set(Assignment.objects.filter(round=round_, repeat_no=0).values_list("study_id", flat=True))
            if wanted := [study for study in new if study.pk not in missing]:
                add_cases(round_=round_, studies=wanted, by=None)
            return
        cases: CaseList = create_case_list(
            project=self.project, name=ROUND, purpose=ListPurpose.TEST, studies=new, by=None
        )
        create_round(
            project=self.project, protocol=Protocol.objects.filter(project=self.project).latest("version"),
            case_list=cases, name=ROUND, readers=self.readers, policy=Policy.BLINDED, reveal=Reveal.ROUND_CLOSED,
            seed=self.programme.parameters.seed, by=None, freeze=False,
        )  # fmt: skip

    def _assign_again(self, studies: Sequence[Study]) -> None:
        """Give cases a second time, behind every reader's last one and without a mark."""
        there = Assignment.objects.filter(round=self.round, repeat_no=REPEAT, study__in=studies)
        if there.count() < len(studies) * len(self.readers):
            repeat_cases(round_=self.round, studies=studies, by=None)

    def _read(self, studies: Sequence[Study], drawn: Sequence[Reads], repeat: int) -> int:
        waiting = Assignment.objects.filter(round=self.round, study__in=studies, repeat_no=repeat)
        joined = waiting.select_related("reader", "study", "round__protocol").order_by("order_no")
        for assignment in joined.exclude(state=AssignmentState.SIGNED):
            self._read_one(assignment, drawn[self.readers.index(assignment.reader)], repeat)
        return waiting.count()

    def _read_one(self, assignment: Assignment, reads: Reads, repeat: int) -> None:
        study = self.index[assignment.study_id]
        row = int((reads.study == study).argmax())
        clip = str(self.clips[assignment.study_id].pk)
        body = read_body(self.programme, reads, row, aorta(self.programme.studies.centre[study]), clip)
        seconds, at = int(reads.seconds[row]), self._signed_at(study, reads, row, repeat)
        record_simulated_read(assignment=assignment, active_seconds=seconds, at=at, **body)

    def _signed_at(self, study: int, reads: Reads, row: int, repeat: int) -> datetime:
        """Within the week of arrival; a second reading in the programme's last week."""
        week = self.programme.parameters.weeks - 1 if repeat else int(self.programme.studies.week[study])
        return self.start + timedelta(weeks=week + WEEK_SHARE * float(reads.sitting[row]))
