"""The statistics of a million read pairs, and the first view of a dashboard that stands on a million frame results."""

from __future__ import annotations

import io
import statistics as middle
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Role
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.agreement import stats
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.stats import clusters
from plaqueweb.agreement.tasks import compute_waiting
from plaqueweb.core.models import ObjectKind
from plaqueweb.core.storage import put_file
from plaqueweb.ops.bench import Figure, expect
from plaqueweb.predictions.models import ClipPrediction, Decision, Pipeline, Prediction
from plaqueweb.predictions.services import register_builtin_pipeline
from plaqueweb.reads.choices import AssignmentState, Policy, ReadState, Reveal
from plaqueweb.reads.models import Assignment, Lesion, Read, Round
from plaqueweb.reads.rounds import create_round
from plaqueweb.review.models import Consensus, ConsensusKind
from plaqueweb.studies.choices import ClipKind, ClipState, ListPurpose, StoredAs
from plaqueweb.studies.models import Clip, Project, Protocol, Study, Subject
from plaqueweb.studies.services import create_case_list, create_project

PAIRS, RESAMPLES = 1_000_000, 1000
SUBJECTS = (500, 5000, 50_000)
"""The work of a resample grows with subjects: few, as many as are drawn one by one, and many."""
STUDIES, CLIPS, FRAMES = 2500, 4, 100
READERS = 2
VIEWS = 5


def statistics_figures() -> list[Figure]:
    """Both halves: intervals over a million pairs, and the dashboard over a million frame results."""
    return [*interval_figures(), *dashboard_figures()]


# Intervals


class Pairs:
    """Classes and millimetres of two raters on the same units, of so many subjects."""

    def __init__(self, subjects: int, pairs: int = PAIRS) -> None:
        generator = np.random.default_rng(subjects)
        self.subjects: Any = generator.integers(0, subjects, pairs)
        self.first = (generator.random(pairs) < 0.4).astype(np.int64)
        self.second = np.where(generator.random(pairs) < 0.85, self.first, 1 - self.first)
        self.mm: Any = generator.gamma(2.2, 1.6, pairs)
        self.other_mm: Any = self.mm + generator.normal(0.1, 0.6, pairs)

    def sums(self) -> tuple[Any, Any]:
        """What is kept of the pairs: sums per subject."""
        return (
            stats.class_sums(self.first, self.second, self.subjects),
            stats.pair_sums(self.mm, self.other_mm, self.subjects),
        )


def every_figure(classes: Any, pairs: Any) -> dict[str, stats.Figure]:
    """Every figure of class and of thickness with its interval."""
    return {**stats.class_figures(classes, replicates=RESAMPLES), **stats.pair_figures(pairs, replicates=RESAMPLES)}


def interval_figures(*, subjects: tuple[int, ...] = SUBJECTS, pairs: int = PAIRS) -> list[Figure]:
    """Cold: from the pairs, nothing drawn before. Warm: once more from the sums per subject, as for another filter."""
    found, apart = [], 0.0
    for many in subjects:
        data = Pairs(many, pairs)
        clusters.forget_draws()
        cold, (sums, figures) = _timed(lambda data=data: _cold(data))  # type: ignore[misc]
        warm = middle.median(_timed(lambda sums=sums: every_figure(*sums))[0] for _ in range(7))  # type: ignore[misc]
        apart = max(apart, from_scikit_learn(data, figures))
        name = f"{len(figures)} intervals, {_spaced(pairs)} pairs of {_spaced(many)} subjects"
        found += [Figure(f"{name}: cold", cold, "ms", 2000.0), Figure(f"{name}: warm", warm, "ms", 50.0)]
    return [*found, Figure("values beside scikit-learn's, furthest apart", apart, "", 1e-9)]


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _cold(data: Pairs) -> tuple[tuple[Any, Any], dict[str, stats.Figure]]:
    sums = data.sums()
    return sums, every_figure(*sums)


def _timed(act: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = act()
    return (time.perf_counter() - began) * 1000, answer


def from_scikit_learn(data: Pairs, figures: dict[str, stats.Figure]) -> float:
    """How far the values lie from scikit-learn's, at most; class 1 is complex and rows are the reference."""
    from sklearn import metrics

    theirs = {
        "observed": metrics.accuracy_score(data.first, data.second),
        "kappa": metrics.cohen_kappa_score(data.first, data.second),
        "sensitivity": metrics.recall_score(data.first, data.second),
        "specificity": metrics.recall_score(data.first, data.second, pos_label=0),
        "ppv": metrics.precision_score(data.first, data.second),
        "npv": metrics.precision_score(data.first, data.second, pos_label=0),
        "mae": metrics.mean_absolute_error(data.mm, data.other_mm),
        "rmse": metrics.root_mean_squared_error(data.mm, data.other_mm),
    }
    return max(abs(float(value) - _value(figures[name])) for name, value in theirs.items())


def _value(figure: stats.Figure) -> float:
    return float("inf") if figure.value is None else figure.value


# The dashboard


class Programme:
    """A closed round: every study has clips, two signed reads, a prediction and a known truth."""

    def __init__(self, studies: int = STUDIES, clips: int = CLIPS, frames: int = FRAMES) -> None:
        self.project = create_project(slug=f"bench-{uuid.uuid4().hex[:8]}", name="Bench", by=None, is_demo=True)
        self.coordinator = self._person(Role.COORDINATOR)
        self.readers = [self._person(Role.READER) for _ in range(READERS)]
        self.generator = np.random.default_rng(5)
        self.truth = (self.generator.random(studies) < 0.4).astype(int)
        self.mm = self.generator.gamma(2.2, 1.6, studies) + 0.6
        self.studies = self._studies(studies)
        self._predictions(self._clips(clips, frames), frames)
        self._reads()
        Consensus.objects.bulk_create(
            Consensus(study=study, kind=ConsensusKind.KNOWN_TRUTH, reader_class=int(klass), thickness_mm=float(mm))
            for study, klass, mm in zip(self.studies, self.truth, self.mm, strict=True)
        )

    def _person(self, role: str) -> User:
        email = f"bench-{uuid.uuid4().hex[:8]}@plaqueweb.example"
        person: User = create_user(email=email, name=f"Bench {role}", password=None, by=None)
        set_roles(project=self.project, user=person, roles=[role], by=None)
        return person

    def _studies(self, many: int) -> list[Study]:
        subjects = Subject.objects.bulk_create(
            Subject(project=self.project, pseudonym=f"P-{number:06d}") for number in range(many)
        )
        now = timezone.now()
        return Study.objects.bulk_create(
            Study(
                project=self.project, subject=subject, number=number, uid=f"2.25.{uuid.uuid4().int}", content_no=1,
                content_hash=uuid.uuid4().hex, ready_at=now - timedelta(days=many - number),
            )
            for number, subject in enumerate(subjects, 1)
        )  # fmt: skip

    def _clips(self, clips: int, frames: int) -> list[Clip]:
        cine = put_file(source=io.BytesIO(b"CINE"), project_id=self.project.pk, kind=ObjectKind.CINE)
        return Clip.objects.bulk_create(
            (
                Clip(
                    study=study, number=place, kind=ClipKind.CINE, sop_uid=f"2.25.{uuid.uuid4().int}", frames=frames,
                    rows=480, columns=640, frame_times_ms=[0.0] * frames, frame_offsets=[],
                    stored_as=StoredAs.LOSSLESS, state=ClipState.STORED, cine=cine, source_sha256=uuid.uuid4().hex * 2,
                )
                for study in self.studies
                for place in range(1, clips + 1)
            ),
            batch_size=1000,
        )  # fmt: skip

    def _predictions(self, clips: list[Clip], frames: int) -> None:
        pipeline: Pipeline = register_builtin_pipeline(project=self.project, by=None)
        klass = np.where(self.generator.random(len(self.studies)) < 0.85, self.truth, 1 - self.truth)
        rows = Prediction.objects.bulk_create(
            Prediction(
                job_id=uuid.uuid4(), study=study, pipeline=pipeline, content_no=1, content_hash=study.content_hash,
                probability=0.8 if one else 0.2, predicted_class=int(one), rule_class=int(one),
                decision=Decision.CONCORDANT_COMPLEX if one else Decision.CONCORDANT_NOT, thickness_mm=float(mm) + 0.1,
            )
            for study, one, mm in zip(self.studies, klass, self.mm, strict=True)
        )  # fmt: skip
        of = {row.study_id: row for row in rows}
        curves = np.zeros((4, frames), dtype=np.float32).tobytes()
        ClipPrediction.objects.bulk_create(
            (ClipPrediction(prediction=of[clip.study_id], clip=clip, probability=0.5, curves=curves) for clip in clips),
            batch_size=1000,
        )

    def _reads(self) -> None:
        cases = create_case_list(
            project=self.project, name="Bench", purpose=ListPurpose.TEST, studies=self.studies, by=None
        )
        round_: Round = create_round(
            project=self.project, protocol=Protocol.objects.get(project=self.project), case_list=cases, name="Bench",
            readers=self.readers, policy=Policy.BLINDED, reveal=Reveal.ROUND_CLOSED, seed=1, by=None,
        )  # fmt: skip
        place = {study.pk: number for number, study in enumerate(self.studies)}
        now, reads, lesions = timezone.now(), [], []
        Assignment.objects.filter(round=round_).update(state=AssignmentState.SIGNED)
        for assignment in Assignment.objects.filter(round=round_):
            number = place[assignment.study_id]
            klass = int(self.truth[number]) ^ int(self.generator.random() < 0.1)
            mm = float(self.mm[number] + self.generator.normal(0, 0.5))
            read = Read(
                assignment=assignment, reader_class=klass, thickness_mm=mm, content_no=1, quality="good",
                confidence="sure",
            )  # fmt: skip
            reads.append(read)
            lesions.append(Lesion(read=read, number=1, is_index=True, thickness_mm=mm))
        Read.objects.bulk_create(reads, batch_size=1000)
        Lesion.objects.bulk_create(lesions, batch_size=1000)
        signed = {"state": ReadState.SIGNED, "signed_at": now, "payload_sha256": "0" * 64}
        Read.objects.filter(assignment__round=round_).update(**signed)
        Round.objects.filter(pk=round_.pk).update(closed_at=now)

    def frame_results(self) -> int:
        """How many frames a model has looked at here."""
        return Clip.objects.filter(study__project=self.project).count() * FRAMES


def dashboard_figures(*, studies: int = STUDIES) -> list[Figure]:
    """The overview as the first person opens it, nothing counted before, and when the worker has counted.

    *Put together* is the request behind the first view, which reads the rows and queues their run. *Anew*: counted, but
    nothing is kept of the way to the run, as after a new result whose run was counted by somebody else's request.
    """
    if "testserver" not in settings.ALLOWED_HOSTS:
        settings.ALLOWED_HOSTS.append("testserver")
    world = Programme(studies)
    client = Client()
    client.force_login(world.coordinator)
    address = f"/p/{world.project.slug}/agreement/"
    expect(client.get(f"/p/{world.project.slug}/").status_code, 200, b"")  # a site that has served a page
    before = time.process_time()
    first = middle.median(_first_view(client, world.project, address) for _ in range(VIEWS))
    spent = (time.process_time() - before) * 1000 / VIEWS
    together = _view(client, f"{address}?wait=1")
    wait, _none = _timed(compute_waiting)
    anew = middle.median(_anew(client, address) for _ in range(VIEWS))
    before = time.process_time()
    done = middle.median(_view(client, address) for _ in range(VIEWS))
    shown = (time.process_time() - before) * 1000 / VIEWS
    name = f"dashboard over {_spaced(world.frame_results())} frame results"
    return [
        Figure(f"{name}: first view", first, "ms", 300.0),
        Figure(f"{name}: first view, processor", spent, "ms CPU", None),
        Figure(f"{name}: put together", together, "ms", None),
        Figure(f"{name}: counted by the worker in", wait, "ms", None),
        Figure(f"{name}: view when counted", done, "ms", 300.0),
        Figure(f"{name}: view when counted, processor", shown, "ms CPU", None),
        Figure(f"{name}: view when counted, rows read anew", anew, "ms", None),
    ]


def _first_view(client: Client, project: Project, address: str) -> float:
    AgreementRun.objects.filter(project=project).delete()
    return _view(client, address)


def _anew(client: Client, address: str) -> float:
    cache.clear()
    return _view(client, address)


def _view(client: Client, address: str) -> float:
    took, answer = _timed(lambda: client.get(address))
    expect(answer.status_code, 200, answer.content)
    return took


__all__ = ["dashboard_figures", "interval_figures", "statistics_figures"]
