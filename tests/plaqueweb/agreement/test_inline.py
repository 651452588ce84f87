"""What a request computes itself and what it leaves to the worker: few masks here, many there, with progress."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from plaqueweb.agreement import services
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.tasks import compute_waiting
from plaqueweb.core.models import WorkState
from tests.plaqueweb.agreement.world import NONE, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def marked(world: World) -> World:
    """One study with three examined frames and the model's answer."""
    study = world.study()
    clip = world.clip(study, frames=4)
    world.read(study, world.reader_a, 0, marks={(clip, frame): (NONE, None) for frame in (1, 2, 3)})
    world.predict(study, 0)
    return world


@pytest.mark.parametrize(("most", "state"), [(3, WorkState.DONE), (2, WorkState.QUEUED)])
def test_more_marked_frames_than_a_person_waits_for_go_to_the_worker(
    marked: World, browser_of: Any, monkeypatch: pytest.MonkeyPatch, most: int, state: str
) -> None:
    monkeypatch.setattr(services, "MOST_FRAMES", most)
    client, address = browser_of(marked.coordinator), reverse("agreement", args=[marked.project.slug])

    first = client.get(address)

    assert first.status_code == 200
    assert AgreementRun.objects.get().work_state == state
    assert ("a worker computes it" in first.content.decode()) == (state == WorkState.QUEUED)
    assert compute_waiting() == (state == WorkState.QUEUED)
    assert "a worker computes it" not in client.get(address).content.decode()


def test_a_tab_that_compares_no_masks_does_not_count_them(
    marked: World, browser_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_FRAMES", 0)

    browser_of(marked.coordinator).get(reverse("agreement-classification", args=[marked.project.slug]))

    assert AgreementRun.objects.get().work_state == WorkState.DONE
