"""Answers with the model: after a blind one, or from the start. They never count as blind, and open nothing else."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from plaqueweb.agreement.selectors import primary_reads
from plaqueweb.core.errors import Invalid
from plaqueweb.ops.labels import export_labels
from plaqueweb.predictions.models import ClipPrediction, Prediction
from plaqueweb.reads import services
from plaqueweb.reads.choices import Arm
from plaqueweb.reads.models import Assignment, Read, Round
from plaqueweb.review.models import Case, Consensus
from plaqueweb.review.services import current_reads, refresh_cases
from plaqueweb.studies.models import Clip, Disclosure, Project, Protocol
from plaqueweb.studies.services import create_case_list
from tests.factories import ClipFactory, PredictionFactory, StudyFactory, SubjectFactory, member, pipeline_of
from tests.plaqueweb.reads.helpers import box_mask, caliper, complete, frame, lesion, opened, save, sign, signed_case

pytestmark = pytest.mark.django_db
ApiOf = Callable[[Any], APIClient]


def round_of(project: Project, policy: str, readers: int = 2, purpose: str = "test", **design: Any) -> Round:
    study = StudyFactory(subject=SubjectFactory(project=project))
    clip = ClipFactory(study=study)
    prediction = PredictionFactory(study=study, key_clip=clip, key_frame=3)
    curves = np.zeros((4, clip.frames), dtype="<f4").tobytes()
    ClipPrediction.objects.create(prediction=prediction, clip=clip, probability=0.83, curves=curves, key_frame=3)
    case_list = create_case_list(project=project, name=f"L {uuid.uuid4()}", purpose=purpose, studies=[study], by=None)
    return services.create_round(
        project=project, protocol=Protocol.objects.get(project=project), case_list=case_list, name=f"R {uuid.uuid4()}",
        readers=[member(project, "reader") for _ in range(readers)], seed=5, by=None, policy=policy,
        **{"reveal": "round_closed", "pipelines": [pipeline_of(project).pk], **design},
    )  # fmt: skip


def case_of(round_: Round, at: int = 0, stage: int = 1) -> Assignment:
    rows = Assignment.objects.filter(round=round_, stage_no=stage).select_related("round__project", "reader", "study")
    return list(rows.order_by("reader_id"))[at]


def blind_answer(round_: Round, at: int = 0) -> Read:
    row = case_of(round_, at)
    clip = Clip.objects.get(study=row.study)
    read = opened(row)
    marks = frame(clip, 2, calipers=[caliper(1, 1, 9, 1)], masks={"1": box_mask(4, 9, 4, 9)}, extent="all_marked")
    findings = {"descending": {"visibility": "well", "plaque": "present"}}
    findings |= {key: {"visibility": "well", "plaque": "none"} for key in ("ascending", "arch")}
    answers = {"reader_class": 1, "quality": "good", "confidence": "sure", "note": "first", "findings": findings}
    save(read, answers=answers, lesions=[lesion()], frames=[marks])
    complete(read)
    return sign(read)[0]


def kinds(row: Assignment) -> list[str]:
    return list(Disclosure.objects.filter(user=row.reader, study=row.study).values_list("kind", flat=True))


def model_url(row: Assignment) -> str:
    return f"/api/v1/assignments/{row.public_id}/model/"


# --- the second answer


def test_a_signed_blind_answer_discloses_the_model_and_asks_again(project: Project) -> None:
    round_ = round_of(project, "ai_assisted")

    first = blind_answer(round_)

    second = case_of(round_, stage=2)
    assert (second.reader, second.study, second.arm, second.state) == (
        first.assignment.reader, first.assignment.study, Arm.AIDED, "assigned"
    )  # fmt: skip
    assert second.order_no == first.assignment.order_no
    assert kinds(second) == ["model"]
    assert Assignment.objects.filter(round=round_).count() == 3


def test_the_second_answer_begins_with_the_first_and_leaves_it_alone(project: Project) -> None:
    first = blind_answer(round_of(project, "ai_assisted"))
    second = opened(case_of(first.assignment.round, stage=2))

    bundle = save(second, answers={"reader_class": 0, "note": "second"}, lesions=[], frames=[
        frame(Clip.objects.get(study=first.assignment.study), 2)
    ])  # fmt: skip

    assert (second.arm, bundle.read.reader_class, bundle.read.quality) == (Arm.AIDED, 0, "good")
    first.refresh_from_db()
    assert (first.reader_class, first.note, first.arm, first.lesions.count()) == (1, "first", Arm.BLIND, 1)
    assert first.annotations.get().mask.rle
    assert services.verify_read(first)


def test_both_answers_are_kept_signed(project: Project) -> None:
    first = blind_answer(round_of(project, "ai_assisted"))
    second = opened(case_of(first.assignment.round, stage=2))
    assert second.annotations.get().mask.sha256 == first.annotations.get().mask.sha256

    complete(second)
    signed = sign(second)[0]

    assert set(Read.objects.signed().values_list("arm", flat=True)) == {"blind", "aided"}
    assert all(services.verify_read(read) for read in (first, signed))


def test_signing_the_first_tells_where_the_second_is(project: Project, api: ApiOf) -> None:
    row = case_of(round_of(project, "ai_assisted"))
    read = opened(row)
    save(read, answers={"reader_class": 0, "quality": "good", "confidence": "sure", "findings": {
        key: {"visibility": "well", "plaque": "none"} for key in ("ascending", "arch", "descending")
    }})  # fmt: skip
    complete(read)

    body = {"reads": [str(read.pk)], "password": "a long test password", "meaning": "authored"}
    answer = api(row.reader).post("/api/v1/reads/sign/", body, format="json").json()

    second = case_of(row.round, stage=2)
    assert answer["signed"][0]["second_url"] == f"/read/{second.public_id}/"
    assert answer["signed"][0]["compare_url"] is None


def test_the_model_is_shown_on_the_second_answers_page_only(project: Project, api: ApiOf) -> None:
    first = blind_answer(round_of(project, "ai_assisted"))
    second = case_of(first.assignment.round, stage=2)
    client = api(first.assignment.reader)

    before = client.get(model_url(second)).status_code
    opened(second)
    shown = client.get(model_url(second))
    detail = client.get(f"/api/v1/assignments/{second.public_id}/").json()

    assert before == 404  # not before the case is open
    assert (shown.json()["predicted_class"], shown.json()["key"]["frame"]) == (1, 3)
    assert client.get(model_url(first.assignment)).status_code == 404
    assert (detail["arm"], detail["first_answer"]["reader_class"]) == ("aided", 1)
    assert detail["model_url"] == model_url(second)
    second.refresh_from_db()
    assert second.shown_prediction == Prediction.objects.get().pk


def test_seeing_the_model_opens_no_other_page(project: Project, api: ApiOf) -> None:
    round_ = round_of(project, "ai_assisted")
    blind_answer(round_, at=1)
    first = blind_answer(round_, at=0)
    second = case_of(round_, at=0, stage=2)
    opened(second)
    client = api(first.assignment.reader)
    prediction = Prediction.objects.get()

    assert client.get(model_url(second)).status_code == 200
    assert client.get(f"/api/v1/predictions/{prediction.pk}/").status_code == 404
    reads = {row["id"] for row in client.get("/api/v1/reads/").json()["results"]}
    assert reads == {
        str(pk) for pk in Read.objects.filter(assignment__reader=second.reader).values_list("pk", flat=True)
    }
    assert client.get("/api/v1/cases/").json()["results"] == []


def test_a_strangers_second_answer_shows_no_model(project: Project, api: ApiOf) -> None:
    round_ = round_of(project, "ai_assisted")
    blind_answer(round_)
    second = case_of(round_, stage=2)
    opened(second)

    for user in (case_of(round_, at=1).reader, member(project, "coordinator")):
        assert api(user).get(model_url(second)).status_code == 404


def test_everything_is_revealed_only_after_the_second_answer(project: Project) -> None:
    round_ = round_of(project, "ai_assisted", reveal="after_each", reveal_reason="training")
    first = blind_answer(round_)
    before = kinds(first.assignment)

    second = opened(case_of(round_, stage=2))
    complete(second)
    sign(second)

    assert before == ["model"]
    assert sorted(kinds(first.assignment)) == ["after_each", "model"]


def test_closing_a_round_keeps_the_blind_answer_and_withdraws_the_second(project: Project) -> None:
    round_ = round_of(project, "ai_assisted")
    first = blind_answer(round_)

    services.close_round(round_=round_, by=None)

    assert case_of(round_, stage=2).state == "withdrawn"
    assert [read.pk for read in current_reads(round_.pk, first.assignment.study_id)] == [first.pk]


# --- from the start


def test_a_concurrent_answer_shows_the_model_once_the_case_is_open(project: Project, api: ApiOf) -> None:
    row = case_of(round_of(project, "concurrent"))
    client = api(row.reader)

    before = (client.get(model_url(row)).status_code, kinds(row))
    read = opened(row)

    assert before == (404, [])
    assert (read.arm, kinds(row), client.get(model_url(row)).status_code) == (Arm.CONCURRENT, ["model"], 200)


def test_a_round_that_shows_a_model_names_it(project: Project) -> None:
    with pytest.raises(Invalid) as caught:
        round_of(project, "concurrent", pipelines=[])

    assert caught.value.rule == "round-pipeline"


def test_no_result_yet_is_said_in_words(project: Project, api: ApiOf) -> None:
    row = case_of(round_of(project, "concurrent", pipelines=[uuid.uuid4()]))
    opened(row)

    answer = api(row.reader).get(model_url(row)).json()

    assert (answer["state"], answer["words"]) == ("none", "no model has run on this case")


# --- what they count for


@pytest.mark.parametrize("policy", ["ai_assisted", "concurrent"])
def test_an_answer_with_the_model_scores_no_model(project: Project, policy: str) -> None:
    round_ = round_of(project, policy)
    blind = []
    for at in (0, 1):
        if policy == "ai_assisted":
            blind.append(blind_answer(round_, at))
            second = opened(case_of(round_, at, stage=2))
            complete(second)
            sign(second)
        else:
            signed_case(case_of(round_, at), reader_class=at)
    services.close_round(round_=round_, by=None)
    refresh_cases(round=round_)
    coordinator = member(project, "coordinator")

    counted, _informed = primary_reads(coordinator, project, None)
    reference = [pk for row in Consensus.objects.all() for pk in row.source_reads]

    assert {read.id for read in counted} == {read.pk for read in blind}
    assert set(reference) == {str(read.pk) for read in blind}
    assert not Case.objects.filter(state="discordant").exists()


def test_what_is_read_blind_after_the_model_was_seen_is_informed(project: Project) -> None:
    round_ = round_of(project, "concurrent", readers=1)
    row = case_of(round_)
    signed_case(row)
    later = Assignment.objects.create(
        round=round_of(project, "blinded", pipelines=[]), study=row.study, reader=row.reader, order_no=9
    )
    signed_case(later)
    services.close_round(round_=round_, by=None)

    counted, informed = primary_reads(member(project, "coordinator"), project, None)

    assert ([read.id for read in counted], informed) == ([], 1)


def test_an_imported_read_stays_of_unknown_arm(project: Project) -> None:
    round_ = round_of(project, "open", pipelines=[])

    assert opened(case_of(round_)).arm == Arm.UNKNOWN
    assert not Disclosure.objects.filter(created_at__lte=timezone.now()).exists()


def test_no_model_learns_from_what_was_marked_with_a_model_in_sight(project: Project, tmp_path: Path) -> None:
    round_ = round_of(project, "ai_assisted", readers=1, purpose="train")
    blind_answer(round_)
    second = opened(case_of(round_, stage=2))
    save(second, frames=[frame(Clip.objects.get(study=second.assignment.study), 3, extent="no_plaque")])
    complete(second)
    sign(second)

    exported = export_labels(project=project, folder=tmp_path / "labels", by=member(project, "coordinator"))

    assert exported.frames == 1  # of the blind answer; the second has the same and one more


def test_the_comparison_says_which_answer_was_given_with_the_model(
    project: Project, api: ApiOf, browser_of: Callable[[Any], Client]
) -> None:
    round_ = round_of(project, "ai_assisted", readers=1)
    blind_answer(round_)
    second = opened(case_of(round_, stage=2))
    complete(second)
    sign(second)
    services.close_round(round_=round_, by=None)
    refresh_cases(round=round_)
    coordinator = member(project, "coordinator")
    case = Case.objects.get(round=round_)

    document = api(coordinator).get(f"/api/v1/cases/{case.pk}/compare/").json()
    page = browser_of(coordinator).get(f"/p/{project.slug}/cases/{case.pk}/?read={second.pk}").content.decode()

    assert [(row["arm"], row["arm_words"]) for row in document["reads"]] == [
        ("blind", ""), ("aided", "with the model, after a blind answer")
    ]  # fmt: skip
    chosen = re.search(
        r'<select class="cmp-pick" name="left".*?<option [^>]*selected[^>]*>(.*?)</option>', page, re.DOTALL
    )
    assert chosen is not None
    assert "with the model, after a blind answer" in chosen[1]  # in sight, not in the page's data alone
    assert re.search(r"signed \d\d:\d\d UTC", page)
