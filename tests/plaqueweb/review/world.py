"""Real rows for the review tests: one round, two readers, a pipeline, and masks whose areas can be counted by hand."""

from __future__ import annotations

import gzip
import io
import json
import uuid
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.utils import timezone
from numpy.typing import NDArray

from inference.types import rle_encode
from plaqueweb.accounts.models import User
from plaqueweb.core.models import ObjectKind
from plaqueweb.core.storage import put_file
from plaqueweb.predictions.models import ClipPrediction, Pipeline, Prediction
from plaqueweb.reads.choices import AssignmentState, Extent, ReadState
from plaqueweb.reads.models import Assignment, FrameAnnotation, FrameMask, Lesion, Read, Round
from plaqueweb.review.comparison import Chosen, Comparison, compare
from plaqueweb.review.models import Case
from plaqueweb.review.selectors import visible_case
from plaqueweb.review.services import case_for
from plaqueweb.studies.choices import DisclosureKind
from plaqueweb.studies.models import Clip, Disclosure, Project, Study
from tests.factories import (
    AssignmentFactory,
    ClipFactory,
    PipelineFactory,
    PredictionFactory,
    RoundFactory,
    StudyFactory,
    SubjectFactory,
    member,
)

ROWS, COLUMNS, MM = 48, 64, 0.5
Mask = NDArray[np.bool_]


def box(top: int, left: int, height: int, width: int) -> Mask:
    """A rectangle of height × width pixels; in mm² a quarter of that at 0.5 mm a pixel."""
    mask = np.zeros((ROWS, COLUMNS), dtype=np.bool_)
    mask[top : top + height, left : left + width] = True
    return mask


class World:
    """A round over one study with one clip of four frames, and the people around it."""

    def __init__(self, project: Project, **clip: Any) -> None:
        self.project = project
        self.coordinator = member(project, "coordinator", name="C. Coordinator")
        self.adjudicator = member(project, "adjudicator", name="A. Judge")
        self.reader_a = member(project, "reader", name="Reader A")
        self.reader_b = member(project, "reader", name="Reader B", is_simulated=True)
        self.round: Round = RoundFactory(project=project, reveal="after_each")
        self.pipeline: Pipeline = PipelineFactory(project=project, name="PlaqueNet 0.1")
        self.study = self.add_study()
        self.clip: Clip = ClipFactory(study=self.study, number=1, **clip)

    def add_study(self) -> Study:
        study: Study = StudyFactory(subject=SubjectFactory(project=self.project))
        return study

    def assign(self, reader: User, *, study: Study | None = None, state: str = AssignmentState.SIGNED) -> Assignment:
        row: Assignment = AssignmentFactory(
            round=self.round, study=study or self.study, reader=reader, state=state, opened_at=timezone.now()
        )
        return row

    def read(
        self,
        reader: User,
        reader_class: int | None,
        mm: float | None = None,
        *,
        px: float | None = None,
        key_frame: int | None = 2,
        marks: dict[int, tuple[str, Mask | None]] | None = None,
        lesion: dict[str, Any] | None = None,
        more: Sequence[dict[str, Any]] = (),
        outline: list[list[float]] | None = None,
        active_seconds: int = 0,
        supersedes: Read | None = None,
        **fields: Any,
    ) -> Read:
        """A signed read; ``marks`` maps frames of the clip to extent and mask, ``more`` are further lesions."""
        found = Assignment.objects.filter(round=self.round, study=self.study, reader=reader).first()
        assignment = found or self.assign(reader)
        Assignment.objects.filter(pk=assignment.pk).update(active_seconds=active_seconds)
        revision = supersedes.revision + 1 if supersedes else 1
        row = Read.objects.create(
            assignment=assignment, reader_class=reader_class, thickness_mm=mm, thickness_px=px, content_no=1,
            thickness_source="caliper" if mm is not None or px is not None else "", revision=revision,
            supersedes=supersedes, **(CORRECTION if supersedes else {}), **fields,
        )  # fmt: skip
        if key_frame is not None and (mm is not None or px is not None or lesion is not None):
            where = {"key_clip": self.clip, "key_frame": key_frame, "key_region": 1}
            values = {"number": 1, "is_index": True, "segment": "descending", "thickness_mm": mm, **where}
            Lesion.objects.create(read=row, **(values | (lesion or {})))
        for fields_of in more:
            Lesion.objects.create(read=row, key_clip=self.clip, key_region=1, **fields_of)
        for frame, (extent, mask) in (marks or {}).items():
            self.mark(row, frame, extent, mask, outline=outline if frame == key_frame else None)
        Read.objects.filter(pk=row.pk).update(
            state=ReadState.SIGNED, signed_at=timezone.now(), payload_sha256="0" * 64, signed_name=reader.name
        )
        row.refresh_from_db()
        return row

    def mark(self, read: Read, frame: int, extent: str, mask: Mask | None, *, outline: Any = None) -> None:
        row = FrameAnnotation.objects.create(read=read, clip=self.clip, frame=frame, extent=extent, outline=outline)
        if mask is not None:
            packed = zlib.compress(json.dumps({"1": rle_encode(mask)}).encode())
            FrameMask.objects.create(annotation=row, rows=ROWS, columns=COLUMNS, rle=packed, sha256="0" * 64)

    def predict(
        self,
        predicted_class: int | None,
        mm: float | None = None,
        *,
        key_frame: int | None = 3,
        masks: dict[int, Mask] | None = None,
        aorta: Mask | None = None,
        wall: Mask | None = None,
        lesions: list[dict[str, Any]] | None = None,
        **fields: Any,
    ) -> Prediction:
        """A prediction with one part for the clip; frames without a mask are empty.

        ``aorta`` is lumen with plaque. Without ``wall`` the object is one of those stored before the wall was.
        """
        values: dict[str, Any] = {
            "predicted_class": predicted_class, "thickness_mm": mm, "key_clip": self.clip, "key_frame": key_frame,
            "key_region": 1, "seconds": 1.3, "area_px": sum(int(m.sum()) for m in (masks or {}).values()),
        }  # fmt: skip
        row: Prediction = PredictionFactory(study=self.study, pipeline=self.pipeline, **(values | fields))
        self._part(row, masks or {}, aorta, wall, lesions)
        return row

    def _part(
        self, prediction: Prediction, masks: dict[int, Mask], aorta: Mask | None, wall: Mask | None, lesions: Any
    ) -> None:
        frames: dict[str, Any] = {}
        curves = np.full((4, self.clip.frames), np.nan, dtype="<f4")
        curves[0], curves[1], curves[2] = 0.5, 0, 0
        for frame in range(1, self.clip.frames + 1):
            plaque = masks.get(frame, np.zeros((ROWS, COLUMNS), dtype=np.bool_))
            rest = aorta & ~plaque if aorta is not None else np.zeros_like(plaque)
            frames[str(frame)] = {"plaque": rle_encode(plaque), "lumen": rle_encode(rest)}
            if wall is not None:
                frames[str(frame)]["wall"] = rle_encode(wall & ~plaque)
            curves[1, frame - 1] = plaque.sum()
            curves[2, frame - 1] = plaque.sum() * MM * MM
        if not self.clip.regions.filter(row_mm__isnull=False).exists():
            curves[2] = np.nan
        body = gzip.compress(json.dumps({"size": [ROWS, COLUMNS], "frames": frames}).encode())
        stored = put_file(source=io.BytesIO(body), project_id=self.project.pk, kind=ObjectKind.MASKS)
        ClipPrediction.objects.create(
            prediction=prediction, clip=self.clip, key_frame=prediction.key_frame, curves=curves.tobytes(),
            masks=stored, lesions=lesions,
        )  # fmt: skip

    def disclose(self, user: User, study: Study | None = None) -> None:
        Disclosure.objects.create(
            user=user, study=study or self.study, kind=DisclosureKind.AFTER_EACH, round_id=self.round.pk
        )

    @property
    def case(self) -> Case:
        return case_for(round=self.round, study=self.study)

    def compare(self, user: User | None = None, **chosen: Any) -> Comparison:
        who = user or self.coordinator
        asked = [
            (name, str(one))
            for name, given in chosen.items()
            for one in (given if name in ("more", "prefer") else [given])
        ]
        return compare(user=who, case=visible_case(who, self.case.pk), chosen=Chosen.of(asked))


ALL, INDEX, NONE, UNUSABLE = Extent.ALL_MARKED, Extent.INDEX_ONLY, Extent.NO_PLAQUE, Extent.UNUSABLE
CORRECTION = {"revision_kind": "slip", "revision_reason": "the wrong button"}
NOWHERE = uuid.UUID(int=0)
