"""Who answers with the model crawls the whole site: it is met on that page alone, and nobody else's answer anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from plaqueweb.predictions.models import Prediction
from plaqueweb.reads.models import Assignment, PracticeKey, Round
from plaqueweb.studies.models import Clip
from plaqueweb.studies.services import disclose
from tests.plaqueweb.api.test_blind_crawl import CANARY, addresses, crawl, world

__all__ = ["world"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("policy, stage, arm", [("ai_assisted", 2, "aided"), ("concurrent", 1, "concurrent")])
def test_the_model_is_met_on_that_page_alone(
    world: dict[str, Any],
    policy: str,
    stage: int,
    arm: str,
) -> None:
    shown_pipeline = str(Prediction.objects.get().pipeline_id)
    Round.objects.filter(pk=world["round"].pk).update(policy=policy, pipelines=[shown_pipeline])
    own = Assignment.objects.get(reader=world["blinded"])
    Assignment.objects.filter(pk=own.pk).update(stage_no=stage, arm=arm)
    disclose(user=world["blinded"], study=world["study"], kind="model", round_id=world["round"].pk)

    _, leaks = crawl(world["blinded"], world)

    shown = f"/api/v1/assignments/{own.public_id}/model/"
    assert shown in leaks
    assert [leak for leak in leaks if not leak.startswith(shown)] == []


def test_a_practice_case_gives_its_known_answer_away_nowhere_before_the_signature(
    world: dict[str, Any],
) -> None:
    Round.objects.filter(pk=world["round"].pk).update(policy="practice", pass_mark=80)
    PracticeKey.objects.create(
        round=world["round"], study=world["study"], reader_class=1, thickness_mm=987.6543, source=CANARY
    )

    _, leaks = crawl(world["blinded"], world)

    assert leaks == []


def test_where_a_case_may_come_twice_no_page_names_its_study_clips_or_regions(
    world: dict[str, Any],
) -> None:
    Round.objects.filter(pk=world["round"].pk).update(repeats=1)
    clips = Clip.objects.filter(study=world["study"])
    names = [str(world["study"].pk), *(str(pk) for pk in clips.values_list("pk", flat=True))]
    names += [str(pk) for pk in clips.values_list("regions__pk", flat=True)]
    client = Client(raise_request_exception=False)
    client.force_login(world["blinded"])

    told = []
    for address in addresses(world):
        if address.startswith(("/logout", "/static")) or any(name in address for name in names):
            continue
        answer = client.get(address)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        text = body.decode(errors="replace") + str(dict(answer.items()))
        told += [address] if any(name in text for name in names) else []

    own = Assignment.objects.get(reader=world["blinded"])
    assert client.get(f"/api/v1/assignments/{own.public_id}/").json()["clips"]
    assert told == []
