"""Rows for tests. Services are used where they exist, so that a factory cannot make what the site would refuse."""

from __future__ import annotations

import io
import struct
import uuid
import zipfile
from typing import Any

import factory
import numpy as np
from django.utils import timezone
from factory.django import DjangoModelFactory
from PIL import Image

from plaqueweb.accounts.models import User
from plaqueweb.accounts.services import set_roles
from plaqueweb.core.models import ObjectKind, StoredObject
from plaqueweb.core.storage import put_file
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.predictions.models import Decision, ModelVersion, Pipeline, PipelineState, Prediction
from plaqueweb.predictions.selectors import MAPS
from plaqueweb.reads.models import Assignment, Read, Round
from plaqueweb.studies.choices import CalibrationSource, ClipKind, ClipState, ListPurpose, StoredAs
from plaqueweb.studies.models import (
    DEFAULT_REQUIRED,
    DEFAULT_RULE,
    CaseList,
    CaseListItem,
    Clip,
    GuidePicture,
    Project,
    Protocol,
    Region,
    Study,
    Subject,
)

PASSWORD = "a long test password"


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"user{n}@plaqueweb.example")
    name = factory.Sequence(lambda n: f"User {n}")

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        return model_class.objects.create_user(kwargs.pop("email"), kwargs.pop("password", PASSWORD), **kwargs)


class ProjectFactory(DjangoModelFactory[Project]):
    class Meta:
        model = Project

    slug = factory.Sequence(lambda n: f"project-{n}")
    name = factory.Sequence(lambda n: f"Project {n}")


class ProtocolFactory(DjangoModelFactory[Protocol]):
    class Meta:
        model = Protocol

    project = factory.SubFactory(ProjectFactory)
    label_rule = factory.LazyFunction(lambda: dict(DEFAULT_RULE))
    segments = factory.LazyFunction(lambda: ["ascending", "arch", "descending"])
    required = factory.LazyFunction(lambda: list(DEFAULT_REQUIRED))


class SubjectFactory(DjangoModelFactory[Subject]):
    class Meta:
        model = Subject

    project = factory.SubFactory(ProjectFactory)
    pseudonym = factory.Sequence(lambda n: f"P-{n:05d}")


class StudyFactory(DjangoModelFactory[Study]):
    class Meta:
        model = Study

    project = factory.SelfAttribute("subject.project")
    subject = factory.SubFactory(SubjectFactory)
    number = factory.Sequence(lambda n: n + 1)
    uid = factory.LazyFunction(lambda: f"2.25.{uuid.uuid4().int}")
    content_no = 1
    content_hash = factory.LazyFunction(lambda: uuid.uuid4().hex * 2)
    ready_at = factory.LazyFunction(timezone.now)


def cine_bytes(frames: int = 4, rows: int = 48, columns: int = 64, *, seed: int = 0) -> tuple[bytes, list[list[int]]]:
    """Return a cine bundle of small PNG frames, and each frame's offset and length in it."""
    rng = np.random.default_rng(seed)
    body, offsets = io.BytesIO(), []
    body.write(b"CINE" + struct.pack("<I", frames))
    for _ in range(frames):
        picture = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (rows, columns), dtype=np.uint8)).save(picture, "PNG")
        data = picture.getvalue()
        body.write(struct.pack("<I", len(data)))
        offsets.append([body.tell(), len(data)])
        body.write(data)
    return body.getvalue(), offsets


def cine_object(project: Project, frames: int = 4, rows: int = 48, columns: int = 64, *, seed: int = 0) -> StoredObject:
    """Store a cine bundle for a project."""
    data, _ = cine_bytes(frames, rows, columns, seed=seed)
    return put_file(source=io.BytesIO(data), project_id=project.pk, kind=ObjectKind.CINE)


class ClipFactory(DjangoModelFactory[Clip]):
    class Meta:
        model = Clip
        skip_postgeneration_save = True

    study = factory.SubFactory(StudyFactory)
    number = factory.Sequence(lambda n: n % 30000 + 1)
    kind = ClipKind.CINE
    sop_uid = factory.LazyFunction(lambda: f"2.25.{uuid.uuid4().int}")
    frames = 4
    rows = 48
    columns = 64
    frame_times_ms = factory.LazyAttribute(lambda o: [i * 33.3 for i in range(o.frames)])
    source_sha256 = factory.LazyFunction(lambda: uuid.uuid4().hex * 2)
    stored_as = StoredAs.LOSSLESS
    state = ClipState.STORED
    cine = factory.LazyAttribute(
        lambda o: cine_object(o.study.project, o.frames, o.rows, o.columns, seed=hash(o.sop_uid) % 2**31)
    )
    frame_offsets = factory.LazyAttribute(
        lambda o: cine_bytes(o.frames, o.rows, o.columns, seed=hash(o.sop_uid) % 2**31)[1]
    )

    @factory.post_generation
    def region(self: Clip, create: bool, extracted: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        """``region=None`` makes none; by default one calibrated region over the whole picture."""
        if not create or extracted is False:
            return
        defaults: dict[str, Any] = {
            "number": 1, "x0": 0, "y0": 0, "x1": self.columns - 1, "y1": self.rows - 1,
            "row_mm": 0.5, "col_mm": 0.5, "source": CalibrationSource.US_REGION,
        }  # fmt: skip
        Region.objects.create(clip=self, **(defaults | kwargs))


class CaseListFactory(DjangoModelFactory[CaseList]):
    class Meta:
        model = CaseList

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"List {n}")
    purpose = ListPurpose.TEST


class RoundFactory(DjangoModelFactory[Round]):
    class Meta:
        model = Round

    project = factory.SubFactory(ProjectFactory)
    protocol = factory.LazyAttribute(
        lambda o: Protocol.objects.filter(project=o.project).first() or ProtocolFactory(project=o.project)
    )
    case_list = factory.LazyAttribute(lambda o: CaseListFactory(project=o.project))
    name = factory.Sequence(lambda n: f"Round {n}")
    policy = "blinded"
    reveal = "all_signed"
    seed = 7
    opened_at = factory.LazyFunction(timezone.now)


class AssignmentFactory(DjangoModelFactory[Assignment]):
    class Meta:
        model = Assignment

    round = factory.SubFactory(RoundFactory)
    study = factory.LazyAttribute(lambda o: StudyFactory(subject__project=o.round.project))
    reader = factory.LazyAttribute(lambda o: member(o.round.project, "reader"))
    order_no = factory.Sequence(lambda n: n + 1)

    @classmethod
    def _create(cls, model_class: type[Assignment], *args: Any, **kwargs: Any) -> Assignment:
        row: Assignment = super()._create(model_class, *args, **kwargs)
        CaseListItem.objects.get_or_create(case_list=row.round.case_list, study=row.study, defaults={"content_no": 1})
        return row


class ReadFactory(DjangoModelFactory[Read]):
    class Meta:
        model = Read

    assignment = factory.SubFactory(AssignmentFactory)
    content_no = 1


class ModelVersionFactory(DjangoModelFactory[ModelVersion]):
    class Meta:
        model = ModelVersion

    name = "test model"
    version = factory.Sequence(lambda n: f"0.{n}")
    task = "classify"
    sha256 = factory.LazyFunction(lambda: uuid.uuid4().hex * 2)
    file_name = "none.safetensors"
    card = factory.LazyFunction(lambda: {"summary": "synthetic data only"})


class PipelineFactory(DjangoModelFactory[Pipeline]):
    class Meta:
        model = Pipeline

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"PlaqueNet 0.{n}")
    classifier = factory.SubFactory(ModelVersionFactory)
    segmenter = factory.SubFactory(ModelVersionFactory, task="segment")
    threshold = 0.5
    code_version = "test"
    hash = factory.LazyFunction(lambda: uuid.uuid4().hex * 2)
    state = PipelineState.ACTIVE


def pipeline_of(project: Project) -> Pipeline:
    """Return the project's pipeline, made on first use: only one can be active."""
    return Pipeline.objects.filter(project=project).first() or PipelineFactory(project=project)


class InferenceJobFactory(DjangoModelFactory[InferenceJob]):
    class Meta:
        model = InferenceJob

    study = factory.SubFactory(StudyFactory)
    pipeline = factory.LazyAttribute(lambda o: pipeline_of(o.study.project))
    content_no = 1


class PredictionFactory(DjangoModelFactory[Prediction]):
    class Meta:
        model = Prediction

    job_id = factory.LazyFunction(uuid.uuid4)
    study = factory.SubFactory(StudyFactory)
    pipeline = factory.LazyAttribute(lambda o: pipeline_of(o.study.project))
    content_no = 1
    content_hash = factory.SelfAttribute("study.content_hash")
    probability = 0.83
    predicted_class = 1
    rule_class = 1
    decision = Decision.CONCORDANT_COMPLEX
    thickness_mm = 5.6


def maps_of(project: Project, png: bytes = b"\x89PNG\r\n\x1a\n") -> StoredObject:
    """Return a stored archive of three maps that all hold ``png``."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name in MAPS:
            archive.writestr(f"{name}.png", png)
    return put_file(source=body, project_id=project.pk, kind=ObjectKind.MAPS)


def guide_picture(project: Project) -> GuidePicture:
    """Return a picture of the project's reading guides."""
    body = io.BytesIO()
    Image.new("L", (32, 24), 60).save(body, "PNG")
    stored = put_file(source=body, project_id=project.pk, kind=ObjectKind.GUIDE)
    row: GuidePicture = GuidePicture.objects.create(
        project=project, stored=stored, media_type="image/png", width=32, height=24
    )
    return row


def member(project: Project, *roles: str, **kwargs: Any) -> User:
    """Return a new user with these roles in the project."""
    user = UserFactory(**kwargs)
    set_roles(project=project, user=user, roles=list(roles), by=None)
    return user


def adjudicated(case: Any, by: User, **answers: Any) -> Any:
    """Return an adjudicated reference of a case as it comes about: begun, answered blind, decided."""
    from plaqueweb.review.models import Adjudication, BlindAnswer, Consensus, ConsensusKind

    row = Adjudication.objects.filter(case=case).first()
    if row is None:
        row = Adjudication.objects.create(case=case, adjudicator=by, state="decided")
    if not BlindAnswer.objects.filter(adjudication=row).exists():
        BlindAnswer.objects.create(adjudication=row, reader_class=answers["reader_class"], seed=1, model_shown=False)
    return Consensus.objects.create(
        study=case.study, case=case, adjudication=row, kind=ConsensusKind.ADJUDICATED, by=by, **answers
    )
