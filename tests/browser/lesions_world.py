"""Fills a reading room with one case in review: two readers mark one plaque, the model lists two."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import uuid
from typing import Any

import numpy as np

from inference.types import rle_encode
from plaqueweb.accounts.models import User
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.core.models import ObjectKind
from plaqueweb.core.storage import put_file
from plaqueweb.predictions.models import ClipPrediction, ModelVersion, Pipeline, Prediction
from plaqueweb.reads.models import Round
from plaqueweb.review.models import Case
from plaqueweb.review.services import refresh_open_cases
from plaqueweb.studies.models import Project, Study
from tests.browser.rounds_world import plaque, read_first, round_over


def lesions_of(study: Study, pipeline: Pipeline, *, mirrored: bool = True) -> None:
    """Give a study a prediction with the readers' plaque as lesion 1 and perhaps its mirror image as lesion 2."""
    clip = study.clips.order_by("number")[0]
    both = plaque(clip) | plaque(clip)[::-1] if mirrored else plaque(clip)
    frames = {str(n): {"plaque": rle_encode(both)} for n in range(1, clip.frames + 1)}
    body = gzip.compress(json.dumps({"size": [clip.rows, clip.columns], "frames": frames}).encode())
    masks = put_file(source=io.BytesIO(body), project_id=study.project_id, kind=ObjectKind.MASKS)
    row = Prediction.objects.create(
        job_id=uuid.uuid4(), study=study, pipeline=pipeline, content_no=1, content_hash=study.content_hash,
        probability=0.87, predicted_class=1, rule_class=1, decision="concordant_complex", thickness_mm=4.8,
        key_clip=clip, key_frame=9, key_region=1, area_px=int(both.sum()),
    )  # fmt: skip
    at = [[clip.columns / 2, clip.rows * share] for share in (0.76, 0.24)]
    lesions = [
        {"number": n, "key_frame": 9, "frames": [[1, clip.frames]], "thickness_mm": mm, "chord": [at[n - 1]] * 2}
        for n, mm in ((1, 4.8), (2, 2.1))[: 1 + mirrored]
    ]
    ClipPrediction.objects.create(
        prediction=row, clip=clip, probability=0.87, key_frame=9, masks=masks, lesions=lesions,
        curves=np.zeros((4, clip.frames), dtype="<f4").tobytes(),
    )  # fmt: skip


def fill(password: str) -> dict[str, Any]:
    project = Project.objects.get()
    people = {}
    for name, role in (("manager", "coordinator"), ("engineer", "engineer"), ("first", "reader"), ("second", "reader")):
        people[name] = create_user(
            email=f"{name}@room.plaqueweb.example", name=f"Dr {name.title()}", password=password, by=None
        )
        set_roles(project=project, user=people[name], roles=[role], by=None)
    readers = [people["first"], people["second"]]
    User.objects.filter(pk__in=[reader.pk for reader in readers]).update(is_simulated=True)
    models = [
        ModelVersion.objects.create(
            name=name, version="2.0", task=task, sha256=uuid.uuid4().hex * 2, file_name="none", card={}
        )
        for name, task in (("classifier", "classify"), ("segmenter", "segment"))
    ]
    pipelines = [
        Pipeline.objects.create(
            project=project, name=name, classifier=models[0], segmenter=models[1], threshold=0.5,
            code_version="test", hash=uuid.uuid4().hex * 2, state=state,
        )
        for name, state in (("PlaqueNet 2.0", "active"), ("PlaqueNet 1.0", "retired"))
    ]  # fmt: skip
    study = Study.objects.order_by("pk")[0]
    for pipeline in pipelines:
        lesions_of(study, pipeline, mirrored=pipeline == pipelines[0])
    made = round_over("Review", list(User.objects.filter(pk__in=[reader.pk for reader in readers])), reveal="never")
    read_first(Round.objects.get(pk=made["round"]))
    refresh_open_cases()
    return {
        "manager": people["manager"].email,
        "engineer": people["engineer"].email,
        "case": f"/p/{project.slug}/cases/{Case.objects.get().pk}/",
        "models": "?left=pipeline.{}&right=pipeline.{}".format(*(pipeline.pk for pipeline in pipelines)),
    }


def main() -> None:
    """Fill the room and print what is in it."""
    sys.stdout.write(json.dumps(fill(os.environ["PLAQUEWEB_ROOM_PASSWORD"])))
