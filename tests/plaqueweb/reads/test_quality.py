"""Quality of study and clips with reasons, and the one reason where a reader's class is not the rule's verdict."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import Invalid
from plaqueweb.reads import services
from plaqueweb.reads.bundle import load_bundle, own_read
from plaqueweb.reads.models import Assignment, Read, Round
from plaqueweb.reads.signing import payload_of, verify_read
from plaqueweb.review.comparison import compare
from plaqueweb.review.numbers import numbers
from plaqueweb.review.selectors import visible_case
from plaqueweb.review.services import case_for
from plaqueweb.studies.models import Clip
from tests.factories import ClipFactory, StudyFactory, member
from tests.plaqueweb.reads.helpers import COMPLETE, case, complete, opened, save, sign

pytestmark = pytest.mark.django_db
SILENT = COMPLETE | {"conflict_reason": None}


def of(clip: Clip, quality: str | None, *reasons: str) -> list[dict[str, Any]]:
    return [{"clip": str(clip.pk), "quality": quality, "reasons": list(reasons)}]


def test_a_clip_is_judged_with_reasons_and_taken_back() -> None:
    assignment, clip = case()
    read = opened(assignment)

    save(read, clips=of(clip, "limited", "shadow", "gain", "gain"))
    assert Read.objects.get(pk=read.pk).clip_quality == {
        str(clip.pk): {"quality": "limited", "reasons": ["gain", "shadow"]}
    }
    save(read, clips=of(clip, None))
    assert Read.objects.get(pk=read.pk).clip_quality is None


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"clips": [{"clip": str(uuid4()), "quality": "good", "reasons": []}]}, "clip-not-in-case"),
        ({"clips": [{"clip": "x", "quality": "good", "reasons": []}]}, "fields"),
        ({"clips": [{"clip": str(uuid4()), "quality": "superb", "reasons": []}]}, "fields"),
        ({"clips": [{"clip": str(uuid4()), "quality": "good", "reasons": ["fog"]}]}, "fields"),
        ({"clips": [{"clip": str(uuid4()), "why": 1}]}, "unknown-field"),
        ({"answers": {"quality_reasons": ["fog"]}}, "fields"),
        ({"answers": {"quality_reasons": "gain"}}, "fields"),
        ({"answers": {"conflict_reason": "because"}}, "fields"),
    ],
)
def test_rubbish_is_refused_by_its_rule(body: dict[str, Any], rule: str) -> None:
    assignment, _clip = case()

    with pytest.raises(Invalid) as refused:
        save(opened(assignment), **body)
    assert refused.value.rule == rule


def test_only_a_quality_that_is_not_good_keeps_reasons() -> None:
    assignment, clip = case()
    read = opened(assignment)
    save(read, answers=COMPLETE | {"quality": "good", "quality_reasons": ["gain"]}, clips=of(clip, "good", "gain"))

    done = complete(read)
    assert (done.quality_reasons, done.clip_quality) == (None, {str(clip.pk): {"quality": "good", "reasons": []}})
    services.reopen_read(read=own_read(user=assignment.reader, pk=read.pk), by=assignment.reader)
    save(read, answers={"quality": "limited", "quality_reasons": ["motion", "gain"]})
    assert complete(read).quality_reasons == ["gain", "motion"]


def test_where_class_and_rule_differ_one_reason_is_asked_for_and_kept(api: Callable[[User], APIClient]) -> None:
    assignment, _clip = case()
    read = opened(assignment)
    save(read, answers=SILENT | {"reader_class": 1})  # no plaque in any segment: by the rule not complex
    client, url = api(assignment.reader), f"/api/v1/reads/{read.pk}/"

    def completing() -> Any:
        number = Read.objects.get(pk=read.pk).draft_no
        return client.post(f"{url}complete/", HTTP_IF_MATCH=f'"{number}"')

    refused = completing()
    assert (refused.status_code, refused.json()["rule"], refused.json()["rule_class"]) == (422, "conflict-reason", 0)
    assert [row["value"] for row in refused.json()["choices"]][:2] == ["measure", "elsewhere"]
    assert Read.objects.get(pk=read.pk).state == "draft"
    save(read, answers={"conflict_reason": "elsewhere"})
    done = completing()
    assert (done.status_code, done.json()["answers"]["conflict_reason"]) == (200, "elsewhere")
    assert (done.json()["answers"]["reader_class"], done.json()["rule_class"]) == (1, 0)


def test_a_reason_that_is_not_needed_is_not_kept() -> None:
    assignment, _clip = case()
    read = opened(assignment)
    save(read, answers=COMPLETE)

    assert complete(read).conflict_reason is None


def test_an_open_verdict_and_a_class_that_cannot_be_told_need_none() -> None:
    for answers in ({"reader_class": 9}, {"reader_class": 1, "findings": {"arch": {"plaque": "unclear"}}}):
        assignment, _clip = case()
        read = opened(assignment)
        save(read, answers=SILENT)
        save(read, answers=answers)
        assert complete(read).conflict_reason is None


def test_where_the_round_hides_the_verdict_nothing_is_told_or_asked(api: Callable[[User], APIClient]) -> None:
    assignment, _clip = case()
    Round.objects.filter(pk=assignment.round_id).update(hides_verdict=True)
    assignment = Assignment.objects.get(pk=assignment.pk)
    read = opened(assignment)
    client, url = api(assignment.reader), f"/api/v1/reads/{read.pk}/"
    save(read, answers=SILENT | {"reader_class": 1})
    told = client.get(url).json()
    assert (told["rule_class"], told["rule_reason"], told["rule_agrees"]) == (None, "", None)

    complete(read)
    sign(read)

    assert (Read.objects.get(pk=read.pk).rule_class, Read.objects.get(pk=read.pk).conflict_reason) == (0, None)
    assert client.get(url).json()["rule_class"] is None
    listed = client.get("/api/v1/reads/").json()["results"]
    assert [row["rule_class"] for row in listed] == [None]
    others = api(member(assignment.round.project, "coordinator")).get(url).json()
    assert (others["rule_class"], others["rule_agrees"]) == (0, False)
    assert client.get(f"/api/v1/assignments/{assignment.public_id}/").json()["round"]["hides_verdict"] is True


def test_what_was_said_is_signed_exported_and_compared(browser_of: Callable[[User], Client]) -> None:
    assignment, clip = case()
    read = opened(assignment)
    answers = SILENT | {
        "reader_class": 1, "conflict_reason": "shape", "quality": "limited", "quality_reasons": ["shadow"],
    }  # fmt: skip
    save(read, answers=answers, clips=of(clip, "unusable", "motion"))
    complete(read)
    signed = sign(read)[0]

    bundle = load_bundle(own_read(user=assignment.reader, pk=read.pk), masks=False)
    payload = payload_of(bundle, signed_at=signed.signed_at, signed_name="", meaning="")
    assert (payload["conflict_reason"], payload["quality_reasons"]) == ("shape", ["shadow"])
    assert payload["clip_quality"] == {str(clip.pk): {"quality": "unusable", "reasons": ["motion"]}}
    assert verify_read(signed)
    coordinator = member(assignment.round.project, "coordinator")
    slug = assignment.round.project.slug
    answer = browser_of(coordinator).get(f"/p/{slug}/rounds/{assignment.round_id}/reads.csv")
    [row] = csv.DictReader(io.StringIO(answer.content.decode()))
    assert (row["conflict_reason"], row["quality_reasons"]) == ("shape", "shadow")
    found = case_for(round=assignment.round, study=assignment.study)
    rows = {row.key: row for row in numbers(compare(user=coordinator, case=visible_case(coordinator, found.pk)))}
    assert rows["conflict"].left == "Shape or movement that the rule does not count"
    assert rows["conflict"].how == "no plaque"
    assert rows["quality"].left == "Limited, shadow"
    assert rows["quality"].how == f"clip {clip.number}: unusable, motion"


def test_a_coordinator_hides_the_verdict_when_opening_a_round(browser_of: Callable[[User], Client]) -> None:
    assignment, _clip = case()
    project = assignment.round.project
    coordinator, study = member(project, "coordinator"), StudyFactory(subject__project=project)
    ClipFactory(study=study)
    client, url = browser_of(coordinator), f"/p/{project.slug}/rounds/"
    sent = {"name": "Hidden", "studies": [str(study.pk)], "readers": [str(assignment.reader_id)], "hides_verdict": "1"}

    assert client.post(f"{url}new/", sent).status_code == 302
    made = Round.objects.get(name="Hidden")
    assert made.hides_verdict
    assert "hidden from readers" in client.get(f"{url}{made.pk}/").content.decode()
