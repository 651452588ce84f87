"""Real rows for the agreement tests: a round with readers, signed reads, predictions, cases and references."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import numpy as np
from django.utils import timezone

from inference.types import rle_encode
from plaqueweb.accounts.models import User
from plaqueweb.core.models import ObjectKind
from plaqueweb.core.storage import put_file
from plaqueweb.predictions.models import ClipPrediction, Pipeline, Prediction
from plaqueweb.reads.choices import AssignmentState, Extent, ReadState
from plaqueweb.reads.models import Assignment, FrameAnnotation, FrameMask, Lesion, Read, Round
from plaqueweb.review.models import Case, Consensus, ConsensusKind
from plaqueweb.studies.choices import DisclosureKind
from plaqueweb.studies.models import CaseListItem, Clip, Disclosure, Project, Study
from tests.factories import (
    AssignmentFactory,
    ClipFactory,
    PipelineFactory,
    PredictionFactory,
    RoundFactory,
    StudyFactory,
    SubjectFactory,
    adjudicated,
    member,
)

Marks = np.ndarray | list[np.ndarray] | None
START = timezone.now() - timedelta(days=10)


class World:
    """A round of a project; every method adds what one person or model did."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.coordinator = member(project, "coordinator", name="C. Coordinator")
        self.reader_a = member(project, "reader", name="Reader A")
        self.reader_b = member(project, "reader", name="Reader B", is_simulated=True)
        self.round: Round = RoundFactory(project=project)
        self.pipeline: Pipeline = PipelineFactory(project=project, name="PlaqueNet 0.1")

    def study(self, *, subject: Any = None) -> Study:
        """A study in the round's case list, with a case."""
        row: Study = StudyFactory(subject=subject or SubjectFactory(project=self.project))
        CaseListItem.objects.create(case_list=self.round.case_list, study=row, content_no=1)
        Case.objects.create(round=self.round, study=row, number=Case.objects.filter(round=self.round).count() + 1)
        return row

    def assign(
        self, study: Study, reader: User, state: str = AssignmentState.SIGNED, round_: Round | None = None
    ) -> Any:
        """An assignment, signed unless said otherwise."""
        existing = Assignment.objects.filter(round=round_ or self.round, study=study, reader=reader).first()
        return existing or AssignmentFactory(round=round_ or self.round, study=study, reader=reader, state=state)

    def read(
        self,
        study: Study,
        reader: User,
        klass: int | None,
        mm: float | None = None,
        *,
        key: tuple[Clip, int] | None = None,
        marks: dict[tuple[Clip, int], tuple[str, Marks]] | None = None,
        signed_at: datetime | None = None,
        revision: int = 1,
        **fields: Any,
    ) -> Read:
        """A signed read; ``marks``: extent and mask by (clip, frame)."""
        assignment = self.assign(study, reader)
        read = Read.objects.create(
            assignment=assignment, reader_class=klass, thickness_mm=mm, content_no=1, revision=revision, **fields
        )
        if mm is not None:
            clip, frame = key or (None, None)
            Lesion.objects.create(read=read, number=1, is_index=True, key_clip=clip, key_frame=frame, thickness_mm=mm)
        for (clip, frame), (extent, mask) in (marks or {}).items():
            self.mark(read, clip, frame, extent, mask)
        Read.objects.filter(pk=read.pk).update(
            state=ReadState.SIGNED, signed_at=signed_at or START, payload_sha256="0" * 64
        )
        return read

    def mark(self, read: Read, clip: Clip, frame: int, extent: str, lesions: Marks) -> None:
        """One annotated frame; several masks are several lesions."""
        row = FrameAnnotation.objects.create(read=read, clip=clip, frame=frame, extent=extent)
        masks = [] if lesions is None else lesions if isinstance(lesions, list) else [lesions]
        if masks:
            runs = {str(number): rle_encode(mask) for number, mask in enumerate(masks, 1)}
            packed, size = zlib.compress(json.dumps(runs).encode()), masks[0].shape
            FrameMask.objects.create(annotation=row, rows=size[0], columns=size[1], rle=packed, sha256="0" * 64)

    def predict(self, study: Study, klass: int | None, mm: float | None = None, **fields: Any) -> Prediction:
        values: dict[str, Any] = {"probability": 0.8 if klass else 0.2, "predicted_class": klass, "thickness_mm": mm}
        row: Prediction = PredictionFactory(study=study, pipeline=self.pipeline, **(values | fields))
        return row

    def model_masks(
        self, prediction: Prediction, clip: Clip, masks: dict[int, np.ndarray], lesions: Any = None
    ) -> None:
        frames = {str(frame): {"plaque": rle_encode(mask), "lumen": [], "wall": []} for frame, mask in masks.items()}
        body = gzip.compress(json.dumps({"size": [clip.rows, clip.columns], "frames": frames}).encode())
        stored = put_file(source=io.BytesIO(body), project_id=self.project.pk, kind=ObjectKind.MASKS)
        ClipPrediction.objects.create(
            prediction=prediction, clip=clip, region_number=1, curves=b"", masks=stored, lesions=lesions
        )

    def truth(
        self, study: Study, klass: int, mm: float | None = None, kind: str = ConsensusKind.KNOWN_TRUTH, **fields: Any
    ) -> Consensus:
        if kind == ConsensusKind.ADJUDICATED:
            row: Consensus = adjudicated(
                Case.objects.get(round=self.round, study=study),
                self.coordinator,
                reader_class=klass,
                thickness_mm=mm,
                **fields,
            )
            return row
        return Consensus.objects.create(study=study, kind=kind, reader_class=klass, thickness_mm=mm, **fields)

    def disclose(self, study: Study, user: User, at: datetime | None = None) -> None:
        """A disclosure; its time cannot be changed afterwards, so the clock stands still while it is written."""
        with mock.patch.object(timezone, "now", return_value=at or timezone.now()):
            Disclosure.objects.create(user=user, study=study, kind=DisclosureKind.AFTER_EACH, round_id=self.round.pk)

    def close(self) -> None:
        """Close the round: only then its readers see agreement on it."""
        Round.objects.filter(pk=self.round.pk).update(closed_at=timezone.now())
        self.round.refresh_from_db()

    def clip(self, study: Study, **fields: Any) -> Clip:
        row: Clip = ClipFactory(study=study, number=1, **fields)
        return row


def box(clip: Clip, rows: slice, columns: slice) -> np.ndarray:
    """A rectangular mask of a clip's size."""
    mask = np.zeros((clip.rows, clip.columns), dtype=bool)
    mask[rows, columns] = True
    return mask


def empty(clip: Clip) -> np.ndarray:
    return np.zeros((clip.rows, clip.columns), dtype=bool)


ALL, INDEX, NONE = Extent.ALL_MARKED, Extent.INDEX_ONLY, Extent.NO_PLAQUE
