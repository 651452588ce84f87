"""The factories make rows the database accepts."""

from __future__ import annotations

import pytest

from plaqueweb.core.storage import read_range
from tests.factories import AssignmentFactory, ClipFactory, PredictionFactory, ReadFactory

pytestmark = pytest.mark.django_db


def test_a_clip_has_its_frames_where_the_offsets_say() -> None:
    clip = ClipFactory(frames=3)

    offset, length = clip.frame_offsets[2]

    assert read_range(clip.cine, offset, length).startswith(b"\x89PNG")
    assert clip.regions.get().spacing == (0.5, 0.5)


def test_reads_and_predictions_of_one_study_stand_side_by_side() -> None:
    assignment = AssignmentFactory()
    read = ReadFactory(assignment=assignment)

    prediction = PredictionFactory(study=assignment.study)

    assert prediction.pipeline.project == read.assignment.round.project
