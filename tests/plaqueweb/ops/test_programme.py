"""A stored simulated programme: honest labels, and the numbers that were drawn."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.report import build
from plaqueweb.agreement.stats import CATEGORIES
from plaqueweb.core.errors import Conflict, Invalid, NotAllowed
from plaqueweb.ops.programme.draw import Programme, draw
from plaqueweb.ops.programme.parameters import REASONS, Parameters
from plaqueweb.ops.programme.store import Stored, store_programme
from plaqueweb.predictions.models import Pipeline, PipelineState, Prediction
from plaqueweb.predictions.services import activate_pipeline
from plaqueweb.predictions.simulated import record_simulated_predictions, register_simulated_pipeline
from plaqueweb.reads.choices import MaskSource
from plaqueweb.reads.models import FrameMask, Read
from plaqueweb.reads.signing import sign_simulated, verify_read
from plaqueweb.review.models import UNDECIDED, Case, Consensus, ConsensusKind, DifferenceNote
from plaqueweb.studies.models import Clip, Study
from tests.factories import PipelineFactory, ProjectFactory, member

pytestmark = pytest.mark.django_db
P = Parameters(studies=12, weeks=4, seed=19, repeats=0.2, follow_ups=0.0)  # one study a subject: the unit is either


@pytest.fixture
def drawn() -> Programme:
    return draw(P)


@pytest.fixture
def stored(drawn: Programme) -> Stored:
    return store_programme(drawn, slug="simulated")


def index_of(study: Study) -> int:
    return int(study.number) - 1


def test_everything_is_marked_as_simulated(stored: Stored) -> None:
    assert stored.project.is_synthetic
    assert set(Clip.objects.values_list("synthetic", flat=True)) == {True}
    assert set(Read.objects.values_list("assignment__reader__is_simulated", flat=True)) == {True}
    assert set(FrameMask.objects.values_list("source", flat=True)) == {MaskSource.SIMULATED}
    for pipeline in Pipeline.objects.all():
        assert pipeline.classifier.kind == pipeline.segmenter.kind == "external"
        assert "Simulated" in pipeline.name
        assert "PlaqueNet" not in pipeline.name


def test_a_subject_stays_with_one_of_three_sites_and_no_error_depends_on_it() -> None:
    p = draw(Parameters(studies=400, weeks=10, follow_ups=0.2))
    of_subject: dict[int, set[int]] = {}
    for subject, site in zip(p.studies.subject, p.studies.site, strict=True):
        of_subject.setdefault(int(subject), set()).add(int(site))

    assert {len(sites) for sites in of_subject.values()} == {1}
    assert np.bincount(p.studies.site).shape == (3,)
    assert min(np.bincount(p.studies.site)) > 40


def test_a_simulated_pipeline_cannot_be_activated(stored: Stored) -> None:
    pipeline = Pipeline.objects.first()
    assert pipeline is not None

    with pytest.raises(Invalid) as error:
        activate_pipeline(pipeline=pipeline, by=None)

    assert error.value.rule == "pipeline-card"
    assert set(Pipeline.objects.values_list("state", flat=True)) == {PipelineState.REGISTERED}


def test_the_stored_reads_say_what_was_drawn(stored: Stored, drawn: Programme) -> None:
    names = [traits.name for traits in P.readers]
    rows = Read.objects.select_related("assignment__study", "assignment__reader").filter(assignment__repeat_no=0)
    assert rows.count() == 3 * P.studies
    for read in rows:
        drawn_reads = drawn.first[names.index(read.assignment.reader.name)]
        n = index_of(read.assignment.study)
        assert read.reader_class == drawn_reads.klass[n]
        if np.isnan(drawn_reads.thickness_mm[n]) or not drawn.studies.scaled[n]:
            assert read.thickness_mm is None
        else:
            assert read.thickness_mm == pytest.approx(drawn_reads.thickness_mm[n], abs=1e-9)


def test_the_reads_are_signed_in_simulated_time_and_hold_their_hash(stored: Stored, drawn: Programme) -> None:
    reads = list(Read.objects.select_related("assignment__study", "assignment__round"))
    start = timezone.now() - timedelta(weeks=P.weeks)
    weeks = {
        read.assignment.study.number: (read.signed_at - start).days // 7
        for read in reads
        if not read.assignment.repeat_no
    }

    assert all(verify_read(read) for read in reads)
    assert weeks == {n + 1: int(week) for n, week in enumerate(drawn.studies.week)}
    assert all(read.assignment.round.closed_at is not None for read in reads)
    assert Read.objects.filter(assignment__repeat_no=1).count() == 3 * drawn.second[0].study.size


def test_the_stored_predictions_say_what_was_drawn(stored: Stored, drawn: Programme) -> None:
    for k, traits in enumerate(P.pipelines):
        said = drawn.predictions[k]
        for row in Prediction.objects.filter(pipeline__name__startswith=traits.name).select_related("study"):
            n = index_of(row.study)
            if said.no_result[n]:
                assert row.predicted_class is None
                assert row.no_result_reason
                continue
            assert row.predicted_class == said.klass[n]
            assert row.probability == pytest.approx(said.probability[n])
            if drawn.studies.scaled[n]:
                assert row.thickness_mm == pytest.approx(said.thickness_mm[n])


def test_the_known_truth_and_references_are_there(stored: Stored, drawn: Programme) -> None:
    truths = Consensus.objects.filter(kind=ConsensusKind.KNOWN_TRUTH).select_related("study")

    assert truths.count() == P.studies
    for row in truths:
        n = index_of(row.study)
        assert row.reader_class == int(drawn.studies.complex[n])
        assert row.reasons == {key: bool(drawn.studies.reasons[n, place]) for place, key in enumerate(REASONS)}
    kinds = set(Consensus.objects.values_list("kind", flat=True))
    assert {ConsensusKind.AGREED, ConsensusKind.ADJUDICATED} <= kinds
    assert not any(Consensus.objects.values_list("model_visible", flat=True))
    assert Case.objects.queued().filter(state__in=UNDECIDED).exists()
    assert DifferenceNote.objects.filter(case__in=Case.objects.queued().filter(state__in=UNDECIDED)).exists()


def test_the_lesions_that_are_the_same_are_matched_and_those_overlooked_are_missed(
    stored: Stored, drawn: Programme
) -> None:
    """A study holds one plaque or none, so every two lesions of it are the same."""
    pipeline = Pipeline.objects.get(name__startswith=P.pipelines[0].name)
    user = member(stored.project, "coordinator")

    report = build(user, stored.project, {"pipeline": str(pipeline.pk)}, registry.board_of("segmentation"))

    said = drawn.predictions[0]
    listed = [np.isfinite(reads.thickness_mm) for reads in drawn.first]
    answered = [reads.klass != 9 for reads in drawn.first]
    model, found = said.no_result == 0, (said.no_result == 0) & (said.thickness_mm > 0)
    lesions = report.results["lesions"]["model"]
    assert lesions["studies"] == sum(int((own & model).sum()) for own in answered)
    assert lesions["reference"] == sum(int((own & model).sum()) for own in listed)
    assert lesions["matched"] == sum(int((own & found).sum()) for own in listed)
    extra = sum(int((own & ~there & found).sum()) for own, there in zip(answered, listed, strict=True))
    assert lesions["other"] - lesions["matched"] == extra
    readers = report.results["lesions"]["readers"]
    both = [(a, b) for a in range(3) for b in range(3) if a != b]
    assert readers["matched"] == sum(int((listed[a] & listed[b] & model).sum()) for a, b in both)


def test_same_lesion_measures_every_pair_that_was_measured_as_read(stored: Stored) -> None:
    user = member(stored.project, "coordinator")

    same, read = (
        build(user, stored.project, {"kind": kind, "against": against}, registry.board_of("measurement")).results
        for against in [f"reader:{Read.objects.order_by('pk').first().assignment.reader_id}"]
        for kind in ("same_lesion", "as_read")
    )

    both = {p["study"]: p for p in read["thickness"]["points"] if p["model"] > 0}
    alike = {p["study"]: p for p in same["thickness"]["points"]}
    assert alike.keys() == both.keys() != set()
    for study, point in alike.items():
        assert point["reference"] == both[study]["reference"]
        assert point["model"] == pytest.approx(both[study]["model"], abs=1e-4)  # a lesion is stored to 0.0001 mm


def test_the_agreement_page_counts_the_same_as_the_draw(stored: Stored, drawn: Programme) -> None:
    pipeline = Pipeline.objects.get(name__startswith=P.pipelines[0].name)

    report = build(
        member(stored.project, "coordinator"), stored.project, {"pipeline": str(pipeline.pk), "against": "known_truth"}
    )

    assert report.run is not None
    table = np.asarray(report.results["confusion"])
    said, truth = drawn.predictions[0].klass, drawn.studies.complex.astype(int)
    for a in (0, 1):
        for b in (0, 1):
            assert table[list(CATEGORIES).index(a), list(CATEGORIES).index(b)] == np.count_nonzero(
                (truth == a) & (said == b)
            )
    assert report.results["simulated"]


def test_a_second_call_adds_nothing_and_another_programme_is_refused(stored: Stored, drawn: Programme) -> None:
    before = Read.objects.count(), Prediction.objects.count(), Consensus.objects.count(), Study.objects.count()

    store_programme(drawn, slug="simulated")

    assert before == (
        Read.objects.count(),
        Prediction.objects.count(),
        Consensus.objects.count(),
        Study.objects.count(),
    )
    with pytest.raises(Conflict, match="something else"):
        store_programme(draw(replace(P, seed=6)), slug="simulated")


def test_a_project_of_real_studies_is_left_alone(drawn: Programme) -> None:
    ProjectFactory(slug="hospital")

    with pytest.raises(Conflict, match="hospital"):
        store_programme(drawn, slug="hospital")

    assert Study.objects.count() == 0
    assert Pipeline.objects.count() == 0


def test_an_interrupted_one_goes_on(drawn: Programme, monkeypatch: pytest.MonkeyPatch) -> None:
    from plaqueweb.ops.programme import store_reads

    real, left = store_reads.record_simulated_read, [25]

    def failing(**arguments: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return real(**arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store_reads, "record_simulated_read", failing)
    with pytest.raises(KeyboardInterrupt):
        store_programme(drawn, slug="simulated")
    monkeypatch.undo()

    store_programme(drawn, slug="simulated")

    assert Read.objects.filter(assignment__repeat_no=0).count() == 3 * P.studies


def test_a_persons_read_cannot_be_dated_and_nothing_is_signed_in_the_future(stored: Stored) -> None:
    read = Read.objects.select_related("assignment__reader", "assignment__round").first()
    assert read is not None

    with pytest.raises(Invalid) as future:
        sign_simulated(read=read, at=timezone.now() + timedelta(days=1))
    assert future.value.rule == "sign-future"
    read.assignment.reader.is_simulated = False
    with pytest.raises(NotAllowed) as person:
        sign_simulated(read=read, at=timezone.now() - timedelta(days=1))
    assert person.value.rule == "reader-is-a-person"


def test_real_pipelines_and_projects_take_no_simulated_predictions() -> None:
    with pytest.raises(NotAllowed) as pipeline:
        record_simulated_predictions(pipeline=PipelineFactory(), rows=[])
    assert pipeline.value.rule == "pipeline-is-real"
    with pytest.raises(NotAllowed) as project:
        register_simulated_pipeline(project=ProjectFactory(), name="x", version="1", threshold=0.5, traits={})
    assert project.value.rule == "simulated-project"


def test_the_command_says_what_it_did_and_what_is_wrong() -> None:
    out = io.StringIO()
    call_command("simulate_programme", "--studies", "4", "--weeks", "2", "--repeats", "0.5", stdout=out)

    assert "4 synthetic studies, 18 simulated reads, 8 simulated predictions" in out.getvalue()
    with pytest.raises(CommandError, match="2 or more studies"):
        call_command("simulate_programme", "--studies", "1")
    with pytest.raises(CommandError, match="There is no account nobody"):
        call_command("simulate_programme", "--for", "nobody@plaqueweb.example")
    assert json.dumps(P.as_dict())
