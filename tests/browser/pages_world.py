"""A small world in which every page has something to show; ``main`` runs in the room's site and prints the keys."""

from __future__ import annotations

import json
import os
import sys
import uuid
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from inference.types import rle_encode
from plaqueweb.accounts.models import User
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.agreement.alarms import raise_alarms
from plaqueweb.agreement.boards.registry import BOARDS
from plaqueweb.agreement.freezing import freeze
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.tasks import compute_waiting
from plaqueweb.core import work
from plaqueweb.ingest.models import Upload, UploadState
from plaqueweb.ops.room import bundles_of, store_study
from plaqueweb.predictions.models import ClipPrediction, Pipeline, Prediction
from plaqueweb.predictions.start import Person, start_project
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.review.adjudication import begin
from plaqueweb.review.errors.queue import Filters, error_queue
from plaqueweb.review.models import Case
from plaqueweb.review.services import refresh_open_cases
from plaqueweb.studies.models import CaseList, Project, Study
from tests.browser import rounds_world
from tests.factories import InferenceJobFactory
from tests.plaqueweb.reads.helpers import COMPLETE, caliper, complete, lesion, opened, save, signed_case

SIMULATED = "simulated"


def held(project: Project) -> Upload:
    """Return an upload whose clip waits in the release queue."""
    study = store_study(project, 41, ["plain"], bundles_of([["plain"]]))
    clip = study.clips.get()
    type(clip).objects.filter(pk=clip.pk).update(state="held")
    return Upload.objects.create(
        project=project, batch=uuid.uuid4(), state=UploadState.QUARANTINED, work_state="done", sha256="0" * 64, bytes=5,
        findings=["no-valid-region"], clip=clip, study=study, batch_closed=True,
    )  # fmt: skip


def jobs(project: Project) -> None:
    """Put a running and a failed job on the board."""
    studies = list(Study.objects.filter(project=project).order_by("number")[:2])
    pipeline = Pipeline.objects.get(project=project)
    InferenceJobFactory(study=studies[0], pipeline=pipeline, work_state="done", progress_done=24, progress_total=24)
    InferenceJobFactory(study=studies[1], pipeline=pipeline, work_state="failed", error_code="unreadable", log="clip 2")


def person(name: str, password: str, projects: dict[str, list[str]]) -> User:
    """Add somebody with roles in projects."""
    user = create_user(email=f"{name}@room.plaqueweb.example", name=f"Dr {name.title()}", password=password, by=None)
    for slug, roles in projects.items():
        set_roles(project=Project.objects.get(slug=slug), user=user, roles=roles, by=None)
    return user


def dashboard(manager: User, adjudicator: User) -> dict[str, Any]:
    """Compute every tab of the simulated programme, freeze a report, raise an alarm, begin one adjudication."""
    project = Project.objects.get(slug=SIMULATED)
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(manager)
    for tab in BOARDS:
        assert client.get(reverse(tab.route, args=[SIMULATED])).status_code == 200
    client.get(reverse("agreement-reports", args=[SIMULATED]), {"fragment": "parts"})
    compute_waiting()
    assert not AgreementRun.objects.exclude(work_state=work.WorkState.DONE).exists()
    drifting = Pipeline.objects.filter(project=project).order_by("id")[1]
    found = {
        "pipeline": str(drifting.pk), "split": "", "part": "", "chart": "p_chart", "start": "2026-03-02", "value": 0.61,
        "limit": 0.74, "n": 9,
    }  # fmt: skip
    cases = Case.objects.queued().filter(round__project=project, adjudications=None).order_by("number")
    first, second = cases[:2]
    wrong = error_queue(manager, project, Filters.of({})).every[0]
    return {
        "alarm": str(raise_alarms(project=project, found=[found])[0].pk),
        "report": str(freeze(user=manager, project=project, asked={}, title="First look").pk),
        "adjudication": str(begin(case=first, by=adjudicator).pk),
        "case": str(second.pk),
        "error": str(wrong.case.pk),
    }  # fmt: skip


def complex_draft(assignment: Assignment) -> None:
    """Begin a case with two lesions: mask and caliper on the key frame of the first, the second without marks."""
    read = opened(assignment)
    clip = assignment.study.clips.order_by("number")[0]
    frame = {
        "clip": str(clip.pk), "frame": 9, "region": 1, "extent": "all_marked", "outline": None,
        "masks": {"1": {"size": [clip.rows, clip.columns], "rle": rle_encode(rounds_world.plaque(clip))}},
        "calipers": [caliper(80.0, 170.0, 80.0, 195.0)],
    }  # fmt: skip
    at = {"key_clip": str(clip.pk), "key_frame": 9, "key_region": 1}
    save(
        read,
        answers={"reader_class": 1, "findings": {"ascending": {"visibility": "partly", "plaque": "none"}}},
        lesions=[lesion(1, **at, ulceration="yes"), lesion(2, segment="arch")],
        frames=[frame],
    )


def two_regions(study: Study) -> None:
    """Give the biplane clip of a study what the model marked: two thirds of the area in the first region."""
    prediction = Prediction.objects.filter(study=study).get()
    clip = study.clips.order_by("number")[1]
    for number in (1, 2):
        area = np.linspace(300, 900, clip.frames) / number
        curves = np.stack([np.full(clip.frames, 0.7), area, area * (0.04 * number**2), np.full(clip.frames, 3.0)])
        ClipPrediction.objects.create(
            prediction=prediction, clip=clip, region_number=number, probability=0.7, key_frame=9,
            curves=curves.astype("<f4").tobytes(),
        )  # fmt: skip


def fill(password: str, studies: int = 16, weeks: int = 6) -> dict[str, Any]:
    """Return the people by what they are and the keys that addresses need."""
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    made = rounds_world.fill(password)
    room = Project.objects.get(slug="room")
    manager, reader = User.objects.get(email=made["manager"]), User.objects.get(email__startswith="reader@")
    everything = ["coordinator", "engineer", "administrator", "data_steward"]
    set_roles(project=room, user=manager, roles=everything, by=None)
    call_command("simulate_programme", studies=studies, weeks=weeks, people=[manager.email])
    simulated = Project.objects.get(slug=SIMULATED)
    set_roles(project=simulated, user=manager, roles=everything, by=None)
    adjudicator = person("adjudicator", password, {SIMULATED: ["adjudicator"]})
    first = [Person(reader.email, reader.name, "reader"), Person(adjudicator.email, adjudicator.name, "adjudicator")]
    start_project(slug="empty", name="New programme", by=manager, own_roles=everything[:2], people=first)
    person("stranger", password, {})
    beginner = person("beginner", password, {"room": ["reader"]})
    jobs(room)
    practice = Assignment.objects.filter(round=made["practice"]["round"]).order_by("order_no")
    known = signed_case(practice[0])
    blinded = Assignment.objects.filter(round=Round.objects.get(name="Room"), reader=reader).order_by("order_no")
    by_clips = sorted(blinded, key=lambda row: -row.study.clips.count())
    signed = signed_case(by_clips[2], reader_class=0)
    complex_draft(by_clips[0])
    finished = opened(by_clips[3])
    save(finished, answers=COMPLETE)
    complete(finished)
    two_regions(by_clips[0].study)
    refresh_open_cases()
    compared = Case.objects.filter(round__name="Two stages", study=by_clips[0].study).first()
    return {
        "people": {
            "manager": manager.email, "reader": reader.email, "adjudicator": adjudicator.email,
            "beginner": beginner.email, "stranger": "stranger@room.plaqueweb.example",
        },
        "study": str(by_clips[0].study_id),
        "upload": str(held(room).pk),
        "round": str(Round.objects.get(name="Two stages").pk),
        "list": str(CaseList.objects.get(project=room, name="Room").pk),
        "open": by_clips[1].public_id,
        "draft": by_clips[0].public_id,
        "aided": made["concurrent"]["cases"][0],
        "given": made["given"]["cases"][0],
        "signed": signed.assignment.public_id,
        "known": known.assignment.public_id,
        "biplane": str(compared.pk) if compared else "",
        **dashboard(manager, adjudicator),
    }  # fmt: skip


def main() -> None:
    """Fill the room and print what is in it."""
    studies, weeks = int(os.environ.get("PLAQUEWEB_STUDIES", "16")), int(os.environ.get("PLAQUEWEB_WEEKS", "6"))
    sys.stdout.write(json.dumps(fill(os.environ["PLAQUEWEB_ROOM_PASSWORD"], studies, weeks)))
