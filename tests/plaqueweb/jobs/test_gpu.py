"""The pipeline on stored clips: what a job brings back, with the weights that ship with the package."""

from __future__ import annotations

import gzip
import io
import json
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inference import metrics
from inference.phantom import random_spec, simulate_clip
from inference.phantom.simulate import PhantomClip
from inference.types import rle_decode
from plaqueweb.core import work
from plaqueweb.core.models import ObjectKind
from plaqueweb.core.storage import put_file, read_all
from plaqueweb.jobs import gpu
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.jobs.services import StudyOutcome, finish
from plaqueweb.predictions.models import ClipPrediction
from plaqueweb.predictions.selectors import MAPS, map_png
from plaqueweb.predictions.services import register_builtin_pipeline
from plaqueweb.review.masks import ModelMasks
from plaqueweb.studies.models import Clip, Project
from tests.factories import ClipFactory, InferenceJobFactory, StudyFactory, SubjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def phantom() -> PhantomClip:
    """Two frames of an aorta with thick plaque."""
    return simulate_clip(random_spec(np.random.default_rng(41), "thick"), 2)


@pytest.fixture
def clip(project: Project, phantom: PhantomClip) -> Clip:
    """The phantom as a stored clip."""
    body, offsets = io.BytesIO(), []
    body.write(b"CINE" + struct.pack("<I", len(phantom.frames)))
    for frame in phantom.frames:
        picture = io.BytesIO()
        Image.fromarray(frame).save(picture, "PNG")
        body.write(struct.pack("<I", picture.tell()))
        offsets.append([body.tell(), picture.tell()])
        body.write(picture.getvalue())
    frames, rows, columns = phantom.frames.shape
    box = phantom.region
    row: Clip = ClipFactory(
        study=StudyFactory(subject=SubjectFactory(project=project)), frames=frames, rows=rows, columns=columns,
        cine=put_file(source=io.BytesIO(body.getvalue()), project_id=project.pk, kind=ObjectKind.CINE),
        frame_offsets=offsets, region__x0=box.x0, region__y0=box.y0, region__x1=box.x1, region__y1=box.y1,
        region__row_mm=box.row_mm, region__col_mm=box.col_mm,
    )  # fmt: skip
    return row


@pytest.fixture
def job(clip: Clip) -> tuple[work.Claim, StudyOutcome]:
    """A claimed job and what the shipped pipeline says about the clip."""
    pipeline = register_builtin_pipeline(project=clip.study.project, by=None)
    InferenceJobFactory(study=clip.study, pipeline=pipeline, content_no=clip.study.content_no)
    claim = work.claim_next(InferenceJob)
    assert claim is not None
    return claim, gpu.predict(claim)


def stored(outcome: StudyOutcome) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gzip.decompress(read_all(outcome.clips[0]["masks"])))
    return document


def test_plaque_lumen_and_wall_are_stored_for_every_frame(
    job: tuple[work.Claim, StudyOutcome], phantom: PhantomClip
) -> None:
    document = stored(job[1])

    size = (document["size"][0], document["size"][1])
    assert size == phantom.frames.shape[1:]
    assert sorted(document["frames"]) == ["1", "2"]
    for number, labels in enumerate(phantom.labels, start=1):
        parts = document["frames"][str(number)]
        assert parts.keys() == {"plaque", "lumen", "wall"}
        aorta = np.logical_or.reduce([rle_decode(runs, size) for runs in parts.values()])
        assert (metrics.dice(aorta, labels > 0) or 0.0) > 0.9


def test_a_finished_job_knows_the_wall_on_the_comparison_page(job: tuple[work.Claim, StudyOutcome], clip: Clip) -> None:
    claim, outcome = job
    prediction = finish(claim=claim, outcome=outcome)

    masks = ModelMasks.of(ClipPrediction.objects.filter(prediction=prediction).select_related("masks"))
    aorta, plaque = masks.aorta(clip.pk, 1), masks.plaque(clip.pk, 1)

    assert masks.knows_wall(clip.pk, 1)
    assert aorta is not None
    assert plaque is not None
    assert not (plaque & ~aorta).any()


def test_the_key_frame_is_explained_by_three_pictures_of_its_size(
    job: tuple[work.Claim, StudyOutcome], phantom: PhantomClip
) -> None:
    claim, outcome = job
    prediction = finish(claim=claim, outcome=outcome)

    assert prediction.key_frame is not None
    for name in MAPS:
        png = map_png(prediction, name)
        assert png is not None
        assert Image.open(io.BytesIO(png)).size == phantom.frames.shape[:0:-1]


def test_areas_and_thickness_are_those_of_the_stored_masks(job: tuple[work.Claim, StudyOutcome], clip: Clip) -> None:
    row = job[1].clips[0]
    document = stored(job[1])

    curves = np.frombuffer(row["curves"], dtype="<f4").reshape(4, clip.frames)
    pixels = [sum(document["frames"][str(number)]["plaque"][1::2]) for number in (1, 2)]
    assert curves[1].tolist() == pixels
    assert job[1].prediction["thickness_mm"] == pytest.approx(np.nanmax(curves[3]), abs=1e-4)


def test_a_frame_that_cannot_be_decoded_fails_for_good_and_is_named(clip: Clip) -> None:
    Clip.objects.filter(pk=clip.pk).update(frame_offsets=[clip.frame_offsets[0], [8, 12]])
    pipeline = register_builtin_pipeline(project=clip.study.project, by=None)
    InferenceJobFactory(study=clip.study, pipeline=pipeline, content_no=clip.study.content_no)
    claim = work.claim_next(InferenceJob)
    assert claim is not None

    with pytest.raises(gpu.PermanentInferenceError, match="frame 2 unreadable") as failed:
        gpu.predict(claim)

    assert failed.value.code == "frame-unreadable"


def test_clips_that_came_later_fail_a_job_for_good(clip: Clip) -> None:
    pipeline = register_builtin_pipeline(project=clip.study.project, by=None)
    InferenceJobFactory(study=clip.study, pipeline=pipeline, content_no=clip.study.content_no + 1)
    claim = work.claim_next(InferenceJob)
    assert claim is not None

    with pytest.raises(gpu.PermanentInferenceError) as failed:
        gpu.predict(claim)

    assert failed.value.code == "content-moved"
