"""The demo's accounts and readers; the command that loads studies; objects nobody needs."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from inference.phantom.dicom import demo_cohort
from plaqueweb.accounts.models import User
from plaqueweb.accounts.services import create_user
from plaqueweb.core.models import ObjectKind, StoredObject
from plaqueweb.core.storage import put_file
from plaqueweb.core.sweeping import drop_object, sweep_objects
from plaqueweb.ops.demo import COORDINATOR, PEOPLE, SIMULATED, demo_readers, prepare_demo
from plaqueweb.ops.simulated import simulate_read
from plaqueweb.reads.choices import Policy, Reveal
from plaqueweb.reads.models import Assignment, Read
from plaqueweb.reads.rounds import create_round
from plaqueweb.studies.choices import ListPurpose
from plaqueweb.studies.models import Clip, Project, Protocol, Study
from plaqueweb.studies.services import create_case_list
from tests.factories import ClipFactory
from tests.weights import write_test_pipeline

pytestmark = pytest.mark.django_db
ENGINEER = "engineer@plaqueweb.example"


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAQUEWEB_MODEL_DIR", str(tmp_path))
    write_test_pipeline(tmp_path)


def test_the_password_is_told_once_and_simulated_readers_have_none(weights: None) -> None:
    first, second = prepare_demo(), prepare_demo()

    assert first.password
    assert second.password is None
    assert User.objects.count() == len(PEOPLE) + len(SIMULATED)
    assert all(User.objects.get(email=email).check_password(first.password) for email in PEOPLE)
    assert not any(User.objects.get(email=email).has_usable_password() for email in SIMULATED)


def test_a_new_password_replaces_the_old_one_for_everybody(weights: None) -> None:
    old = prepare_demo().password
    new = prepare_demo(new_password=True).password

    assert new
    assert new != old
    assert User.objects.get(email="reader1@plaqueweb.example").check_password(new)


def test_without_weights_the_demo_says_so_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAQUEWEB_MODEL_DIR", str(tmp_path))

    assert "pipeline.json is missing" in prepare_demo().model_note


def test_a_phantom_study_is_loaded_by_command_and_read_by_a_simulated_reader(weights: None, tmp_path: Path) -> None:
    import json

    demo = prepare_demo()
    subject = next(iter(demo_cohort(tmp_path, 5, 1, 4, kinds=["thick"])))
    call_command("import_studies", str(tmp_path / "dicom"), project=demo.project.slug, stdout=io.StringIO())
    study = Study.objects.get()
    cases = create_case_list(project=demo.project, name="R", purpose=ListPurpose.TEST, studies=[study], by=None)
    create_round(
        project=demo.project, protocol=Protocol.objects.get(), case_list=cases, name="R", readers=demo_readers(),
        policy=Policy.BLINDED, reveal=Reveal.AFTER_EACH, seed=1, by=None,
    )  # fmt: skip
    assignment = Assignment.objects.filter(reader__is_simulated=True).first()
    assert assignment is not None

    truth = json.loads(subject.truth.read_text())
    simulate_read(assignment, truth, tmp_path / "truth", list(subject.files), np.random.default_rng(1))

    read = Read.objects.get()
    assert study.ready_at is not None
    assert Clip.objects.filter(synthetic=True).count() == len(subject.files)
    assert read.state == "signed"
    assert read.thickness_mm is not None
    assert abs(read.thickness_mm - truth["thickness_mm"]) < 2.5
    assert read.annotations.filter(mask__source="simulated").exists()


def test_loading_into_an_unknown_project_is_refused() -> None:
    with pytest.raises(CommandError, match="no project"):
        call_command("import_studies", "/tmp", project="nowhere")


def test_only_old_objects_that_nothing_names_are_swept(project: Project) -> None:
    kept = ClipFactory(study__subject__project=project).cine
    lost = put_file(source=io.BytesIO(b"lost"), project_id=project.pk, kind=ObjectKind.MASKS)

    assert sweep_objects() == 0  # too young
    assert sweep_objects(min_age=timedelta(seconds=-1)) == 1
    assert list(StoredObject.objects.all()) == [kept]
    assert not drop_object(kept)
    assert default_storage.exists(kept.key)
    assert not StoredObject.objects.filter(pk=lost.pk).exists()


def test_the_demos_people_are_members_of_the_programme_as_what_they_are(weights: None) -> None:
    prepare_demo()
    other = create_user(email="other@x.example", name="Other", password=None, by=None)
    out = io.StringIO()
    few = {"studies": 4, "weeks": 2, "repeats": 0.25, "stdout": out}
    call_command("simulate_programme", **few)
    call_command("simulate_programme", people=[other.email, ENGINEER], **few)

    project = Project.objects.get(slug="simulated")
    roles = dict(project.memberships.filter(user__is_simulated=False).values_list("user__email", "roles"))
    assert roles == {email: own for email, (_name, own) in PEOPLE.items()} | {other.email: PEOPLE[COORDINATOR][1]}
    assert f"  {ENGINEER}: engineer" in out.getvalue()
    assert "  reader1@plaqueweb.example: reader" in out.getvalue()

    statuses = {}
    for email in (COORDINATOR, ENGINEER, "reader1@plaqueweb.example"):
        client = Client()
        client.force_login(User.objects.get(email=email))
        names = ("worklist", "agreement", "review", "studies")
        statuses[email] = [client.get(reverse(name, args=[project.slug])).status_code for name in names]
    assert statuses[COORDINATOR][1:] == statuses[ENGINEER][1:] == [200, 200, 200]
    assert not Assignment.objects.filter(reader__is_simulated=False).exists()
    assert statuses["reader1@plaqueweb.example"][3] == 404
