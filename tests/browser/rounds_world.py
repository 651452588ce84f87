"""Fills a reading room with rounds of every policy; ``main`` runs in the room's site and prints what is there."""

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
from plaqueweb.ops.room import bundles_of, store_study
from plaqueweb.predictions.models import ClipPrediction, ModelVersion, Pipeline, Prediction
from plaqueweb.reads import services
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.review.practice import open_practice
from plaqueweb.review.services import record_known_truth
from plaqueweb.studies.models import CaseList, Clip, Project, Study
from plaqueweb.studies.services import create_case_list


def plaque(clip: Clip) -> Any:
    """Return a mask over the lump that the moving pictures show, (rows, columns)."""
    yy, xx = np.mgrid[: clip.rows, : clip.columns]
    down = np.hypot(xx - clip.columns / 2, yy - clip.rows / 2)
    return (np.abs(down - 0.26 * clip.rows) < 0.05 * clip.rows) & (yy > clip.rows * 0.62)


def predicted(study: Study, pipeline: Pipeline) -> None:
    """Give a study a prediction with masks on every frame of its first clip."""
    clip = study.clips.order_by("number")[0]
    runs = rle_encode(plaque(clip))
    frames = {str(n): {"plaque": runs} for n in range(1, clip.frames + 1)}
    body = gzip.compress(json.dumps({"size": [clip.rows, clip.columns], "frames": frames}).encode())
    masks = put_file(source=io.BytesIO(body), project_id=study.project_id, kind=ObjectKind.MASKS)
    row = Prediction.objects.create(
        job_id=uuid.uuid4(), study=study, pipeline=pipeline, content_no=1, content_hash=study.content_hash,
        probability=0.87, predicted_class=1, rule_class=1, decision="concordant_complex", thickness_mm=4.8,
        key_clip=clip, key_frame=9, key_region=1, chord=[[160, 171], [160, 195]],
    )  # fmt: skip
    ClipPrediction.objects.create(
        prediction=row, clip=clip, probability=0.87, key_frame=9, masks=masks,
        curves=np.zeros((4, clip.frames), dtype="<f4").tobytes(),
    )  # fmt: skip


def round_over(name: str, readers: list[User], **design: Any) -> dict[str, Any]:
    """Open a round over the room's list; return its key and the first reader's cases."""
    project = Project.objects.get()
    row = services.create_round(
        project=project, protocol=project.protocols.get(), case_list=CaseList.objects.get(name="Room"), name=name,
        readers=readers, seed=3, by=None, **design,
    )  # fmt: skip
    mine = Assignment.objects.filter(round=row, reader=readers[0]).order_by("order_no")
    return {"round": str(row.pk), "cases": list(mine.values_list("public_id", flat=True))}


def _marks(clip: Clip, frame: int, **more: Any) -> dict[str, Any]:
    return {"clip": str(clip.pk), "frame": frame, "region": 1, "outline": None, "calipers": [], "masks": {}, **more}


def read_first(round_: Round) -> None:
    """Let two simulated readers give the first readings of a round in two stages."""
    for number, row in enumerate(Assignment.objects.filter(round=round_).select_related("reader", "study", "round")):
        clip = row.study.clips.order_by("number")[0]
        answers = {
            "reader_class": 1, "quality": "good", "confidence": "sure",
            "findings": {
                "ascending": {"visibility": "well", "plaque": "none"}, "arch": {"visibility": "well", "plaque": "none"},
                "descending": {"visibility": "well", "plaque": "present"},
            },
        }  # fmt: skip
        at = 4 + 5 * (number % 3)
        lesion = {
            "number": 1, "segment": "descending", "is_index": True, "key_clip": str(clip.pk), "key_frame": at,
            "key_region": 1, "ulceration": "no", "mobile": "no", "thrombus": "no",
        }  # fmt: skip
        mask = {"1": {"size": [clip.rows, clip.columns], "rle": rle_encode(plaque(clip))}}
        marks = [
            _marks(clip, at, extent="all_marked", masks=mask),
            _marks(clip, 20, extent="no_plaque"),
        ]
        services.record_simulated_read(
            assignment=row, answers=answers, lesions=[lesion], frames=marks, active_seconds=90 + 20 * number
        )


def practice(project: Project, reader: User) -> dict[str, Any]:
    """Open a practice set of two further cases, one complex, and a round that asks for it first."""
    bundles = bundles_of([["plain"]])
    studies = [store_study(project, number, ["plain"], bundles) for number in (21, 22, 31)]
    for number, study in enumerate(studies[:2]):
        record_known_truth(study=study, reader_class=number, thickness_mm=1.4 + 3 * number, reasons={})
    known = create_case_list(project=project, name="Known", purpose="test", studies=studies[:2], by=None)
    real = create_case_list(project=project, name="Real", purpose="test", studies=studies[2:], by=None)
    made = open_practice(
        project=project, case_list=known, name="Practice 1", readers=[reader], pass_mark=50, seed=1, by=None
    )
    main = services.create_round(
        project=project, protocol=project.protocols.get(), case_list=real, name="Main study", readers=[reader], seed=1,
        by=None, practice=made,
    )  # fmt: skip
    return {"round": str(made.pk), "asks": str(main.pk)}


def fill(password: str) -> dict[str, Any]:
    project = Project.objects.get()
    reader = User.objects.get(email__startswith="reader@")
    people = {}
    for name, roles in (("manager", ["coordinator"]), ("second", ["reader"]), ("third", ["reader"])):
        people[name] = create_user(
            email=f"{name}@room.plaqueweb.example", name=f"Dr {name.title()}", password=password, by=None
        )
        set_roles(project=project, user=people[name], roles=roles, by=None)
    User.objects.filter(pk__in=[people["second"].pk, people["third"].pk]).update(is_simulated=True)
    models = [
        ModelVersion.objects.create(
            name=name, version="2.0", task=task, sha256=uuid.uuid4().hex * 2, file_name="none", card={}
        )
        for name, task in (("classifier", "classify"), ("segmenter", "segment"))
    ]
    pipeline = Pipeline.objects.create(
        project=project, name="PlaqueNet 2.0", classifier=models[0], segmenter=models[1], threshold=0.5,
        code_version="test", hash=uuid.uuid4().hex * 2, state="active",
    )  # fmt: skip
    for study in Study.objects.all():
        predicted(study, pipeline)
    simulated = list(User.objects.filter(is_simulated=True).order_by("name"))
    two = round_over("Two stages", simulated, frames="two_stages", reveal="round_closed")
    staged = Round.objects.get(pk=two["round"])
    read_first(staged)
    User.objects.filter(pk=reader.pk).update(is_simulated=False)
    services.open_stage_two(round_=staged, by=None)
    # Who reads the given frames on the screen is the room's reader: the first simulated reader's second stage.
    Assignment.objects.filter(round=staged, stage_no=2, reader=simulated[0]).update(reader=reader)
    given = Assignment.objects.filter(round=staged, stage_no=2, reader=reader).order_by("order_no")
    shown = {"pipelines": [pipeline.pk]}
    return {
        "manager": people["manager"].email,
        "aided": round_over("With the model", [reader], policy="ai_assisted", reveal="round_closed", **shown),
        "concurrent": round_over("From the start", [reader], policy="concurrent", reveal="never", **shown),
        "twice": round_over("Twice", [reader], policy="concurrent", reveal="never", repeats=2, **shown),
        "fixed": round_over(
            "Fixed", [reader], frames="fixed", fixed_frames={str(Clip.objects.order_by("pk")[0].pk): [3, 8]}
        ),
        "practice": practice(project, reader),
        "given": {"round": two["round"], "cases": list(given.values_list("public_id", flat=True))},
    }  # fmt: skip


def main() -> None:
    """Fill the room and print what is in it."""
    sys.stdout.write(json.dumps(fill(os.environ["PLAQUEWEB_ROOM_PASSWORD"])))
