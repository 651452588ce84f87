"""Segmentation against STAPLE and pixel majority: one reference a figure, named in every title, made in the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from plaqueweb.accounts.models import User
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.services import recompute
from plaqueweb.agreement.tasks import compute_waiting
from plaqueweb.core.models import WorkState
from plaqueweb.reads.models import Round
from plaqueweb.review.models import MaskReference
from tests.factories import member
from tests.plaqueweb.agreement.world import ALL, NONE, World, box

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]


@pytest.fixture
def shared(world: World) -> World:
    """Twelve studies with one fixed frame each, on which three readers shift the model's box by 0, 1 and 2 columns."""
    Round.objects.filter(pk=world.round.pk).update(frames="fixed")
    third = member(world.project, "reader", name="Reader C")
    for _ in range(12):
        study = world.study()
        clip = world.clip(study)
        for shift, reader in enumerate((world.reader_a, world.reader_b, third)):
            mark = box(clip, slice(10, 20), slice(10 + shift, 20 + shift))
            world.read(study, reader, 1, 4.5, marks={(clip, 2): (ALL, mark), (clip, 3): (NONE, None)})
        prediction = world.predict(study, 1, 4.4)
        masks = {frame: np.zeros((clip.rows, clip.columns), dtype=bool) for frame in range(1, clip.frames + 1)}
        masks[2] = box(clip, slice(10, 20), slice(11, 21))
        world.model_masks(prediction, clip, masks)
    return world


def page(world: World, client: Client, **query: str) -> str:
    address = reverse("agreement-segmentation", args=[world.project.slug])
    return client.get(address, query | {"against": "majority"}).content.decode()


def run_of(masks: str) -> AgreementRun:
    return next(run for run in AgreementRun.objects.all() if run.manifest["options"].get("masks") == masks)


@pytest.mark.parametrize(
    ("masks", "name"), [("staple", "STAPLE of 3 readers"), ("majority", "pixel majority of 3 readers")]
)
def test_the_worker_makes_the_reference_and_every_title_names_it(
    shared: World, browser_of: Browser, masks: str, name: str
) -> None:
    client = browser_of(shared.coordinator)
    waiting = page(shared, client, masks=masks)
    assert run_of(masks).work_state == WorkState.QUEUED  # however small: SimpleITK is the worker's
    assert not MaskReference.objects.exists()
    assert compute_waiting() == 1
    html = page(shared, client, masks=masks)

    assert "data-made-of" not in waiting
    assert f"Model and {name}" in html
    assert f"Dice by plaque size, model and {name}" in html
    assert f"Dice over the plaque’s area, model and {name}" in html
    assert "No lesions are counted against a fused mask" in html
    assert "Model and reader" not in html
    assert "against: " not in html  # a figure has one reference
    assert ("Readers as STAPLE estimates them" in html) is (masks == "staple")


def test_the_model_is_scored_against_the_fused_masks_alone(shared: World, browser_of: Browser) -> None:
    """The majority of boxes shifted by 0, 1 and 2 is the box shifted by 1: exactly the model's."""
    client = browser_of(shared.coordinator)
    page(shared, client, masks="majority")
    page(shared, client)
    compute_waiting()
    fused, own = run_of("majority").results, run_of("readers").results

    assert fused["bands"][0]["model"]["value"] == pytest.approx(1.0)
    assert (fused["bands"][0]["model"]["frames"], own["bands"][0]["model"]["frames"]) == (12, 36)
    assert own["bands"][0]["model"]["value"] == pytest.approx((0.9 + 1.0 + 0.9) / 3)
    assert fused["bands"][0]["readers"] == own["bands"][0]["readers"]  # two readers beside it, on the same frames
    assert fused["dice"]["true_negatives"] == 12
    assert own["fused"] is None


def test_staple_of_the_run_is_what_is_stored_and_recomputes_the_same(shared: World, browser_of: Browser) -> None:
    page(shared, browser_of(shared.coordinator), masks="staple")
    compute_waiting()
    run, before = run_of("staple"), set(MaskReference.objects.values_list("pk", "input_hash"))

    assert (run.results["fused"]["masks"], run.results["fused"]["readers"]) == (24, [3, 3])
    assert len(run.results["fused"]["raters"]) == 3
    assert recompute(run=run) == run.results
    assert set(MaskReference.objects.values_list("pk", "input_hash")) == before


def test_without_shared_frames_the_tab_says_what_is_missing(shared: World, browser_of: Browser) -> None:
    Round.objects.update(frames="reader")
    client = browser_of(shared.coordinator)
    page(shared, client, masks="staple")
    compute_waiting()
    html = page(shared, client, masks="staple")

    assert "No frame yet that at least three readers declared." in html
    assert run_of("staple").results["bands"][0]["model"]["value"] is None


def test_a_reference_of_masks_that_does_not_exist_is_not_found(shared: World, browser_of: Browser) -> None:
    answer: Any = browser_of(shared.coordinator).get(
        reverse("agreement-segmentation", args=[shared.project.slug]), {"masks": "model"}
    )

    assert answer.status_code == 404
