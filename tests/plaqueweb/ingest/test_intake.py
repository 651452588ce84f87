"""Intake end to end: real files through the real child into rows."""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from inference.dicom.write import write_us_multiframe
from inference.types import RegionBox
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Role
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed
from plaqueweb.core.models import ObjectKind, StoredObject
from plaqueweb.ingest import intake, services
from plaqueweb.ingest.client import IntakeClient
from plaqueweb.ingest.keys import project_key
from plaqueweb.ingest.models import Upload
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.studies.models import Clip, Project, Study
from plaqueweb.studies.selectors import clip_payload
from tests.factories import PipelineFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def child() -> Iterator[IntakeClient]:
    with IntakeClient() as client:
        yield client


@pytest.fixture
def steward(project: Project) -> User:
    return member(project, Role.DATA_STEWARD)


def dicom(
    folder: Path, *, patient: str = "P1", study: str = "1.2.3.4", sop: str = "1.2.3.4.5", frames: int = 3
) -> bytes:
    path = folder / "made.dcm"
    rng = np.random.default_rng(len(sop) + frames)
    picture = np.zeros((frames, 60, 80), np.uint8)
    picture[:, 8:56, 8:72] = rng.integers(20, 200, (frames, 48, 64), dtype=np.uint8)
    region = RegionBox(1, 8, 8, 71, 55, row_mm=0.3, col_mm=0.2, source="us_region", valid=True)
    write_us_multiframe(
        path, picture, regions=[region], frame_time_ms=33.3, patient_id=patient, patient_name="Secret^Name",
        study_uid=study, series_uid=study + ".1", sop_uid=sop, study_date="20260102", synthetic=True,
    )  # fmt: skip
    return path.read_bytes()


def beating(data: bytes) -> bytes:
    """Return the file with R waves and an ECG of 1 kHz."""
    ds = pydicom.dcmread(io.BytesIO(data))
    ds.RWaveTimeVector = [-50.0, 40.0]
    lead, group = Dataset(), Dataset()
    lead.ChannelLabel = "ECG Secret^Name"
    samples = np.sin(np.arange(100) / 9).astype("<f4") * 1000
    group.ChannelDefinitionSequence = Sequence([lead])
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples, group.SamplingFrequency = 1, 100, 1000
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.WaveformData = samples.astype("<i2").tobytes()
    ds.WaveformSequence = Sequence([group])
    out = io.BytesIO()
    ds.save_as(out)
    return out.getvalue()


def send(project: Project, by: User, data: bytes, batch: uuid.UUID) -> Upload:
    return services.receive_upload(project=project, by=by, file=io.BytesIO(data), size=len(data), batch=batch)


def drain(child: IntakeClient) -> None:
    while intake.process_next(child):
        pass


def png() -> bytes:
    body = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 255, (40, 50), dtype=np.uint8)).save(body, "PNG")
    return body.getvalue()


def test_a_good_file_becomes_subject_study_clip_and_region(
    project: Project, steward: User, child: IntakeClient, tmp_path: Path
) -> None:
    batch = uuid.uuid4()
    upload = send(project, steward, dicom(tmp_path), batch)

    drain(child)

    upload.refresh_from_db()
    clip = Clip.objects.get()
    region = clip.regions.get()
    assert (upload.state, upload.clip_id, upload.study_id) == ("stored", clip.pk, clip.study_id)
    assert (clip.frames, clip.rows, clip.columns, clip.synthetic) == (3, 60, 80, True)
    assert region.spacing == (pytest.approx(0.3), pytest.approx(0.2))
    assert clip.study.subject.pseudonym.startswith("P-")
    assert len(clip.frame_offsets) == 3
    assert upload.source is None
    assert not StoredObject.objects.filter(kind=ObjectKind.INCOMING).exists()
    assert "Secret" not in str(upload.report)


def test_what_a_file_tells_of_the_beat_is_kept_and_shown_with_the_clip(
    project: Project, steward: User, child: IntakeClient, tmp_path: Path
) -> None:
    batch = uuid.uuid4()
    send(project, steward, beating(dicom(tmp_path)), batch)
    send(project, steward, dicom(tmp_path, sop="1.2.3.4.6"), batch)

    drain(child)

    beats, silent = Clip.objects.order_by("number")
    shown = clip_payload(beats)["heart"]
    assert (shown["r_ms"], shown["r_from"]) == ([-50.0, 40.0], "RWaveTimeVector")
    assert (shown["ecg"]["start_ms"], shown["ecg"]["step_ms"], len(shown["ecg"]["values"])) == (0.0, 1.0, 100)
    assert "Secret" not in str(Upload.objects.values_list("report", flat=True))
    assert clip_payload(silent)["heart"] is None


def test_the_site_is_that_of_the_drop_and_never_that_of_the_file(
    project: Project, steward: User, child: IntakeClient, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    told = pydicom.dcmread(io.BytesIO(dicom(tmp_path)))
    told.InstitutionName = "Hospital Secret"
    with_name = io.BytesIO()
    told.save_as(with_name)
    for data, site in (
        (with_name.getvalue(), "Site A"), (dicom(tmp_path / "more", sop="1.2.3.4.6"), "Site B"),
        (dicom(tmp_path / "more", study="1.2.3.9", sop="1.2.3.9.1"), ""),
    ):  # fmt: skip
        body = io.BytesIO(data)
        services.receive_upload(project=project, by=steward, file=body, size=len(data), batch=uuid.uuid4(), site=site)
        drain(child)

    # The second file belongs to the first one's study, which keeps its site.
    assert list(Study.objects.order_by("number").values_list("site", "clips__number")) == [
        ("Site A", 1), ("Site A", 2), ("", 1),
    ]  # fmt: skip
    assert "Secret" not in str(list(Study.objects.values())) + str(list(Upload.objects.values()))
    with pytest.raises(Invalid):
        services.receive_upload(project=project, by=steward, file=body, size=5, batch=uuid.uuid4(), site="a@b")


def test_a_study_is_ready_and_queued_once_its_drop_is_closed(
    project: Project, steward: User, child: IntakeClient, tmp_path: Path
) -> None:
    PipelineFactory(project=project)
    batch = uuid.uuid4()
    send(project, steward, dicom(tmp_path), batch)
    drain(child)
    assert Study.objects.get().ready_at is None

    services.close_batch(project=project, batch=batch, by=steward)

    study = Study.objects.get()
    assert study.ready_at is not None
    assert InferenceJob.objects.get().content_no == study.content_no


def test_a_late_clip_raises_the_content_number_and_queues_a_new_job(
    project: Project, steward: User, child: IntakeClient, tmp_path: Path
) -> None:
    PipelineFactory(project=project)
    for sop in ("1.2.3.4.5", "1.2.3.4.6"):
        batch = uuid.uuid4()
        send(project, steward, dicom(tmp_path, sop=sop), batch)
        drain(child)
        services.close_batch(project=project, batch=batch, by=steward)

    study = Study.objects.get()
    assert study.content_no == 2
    assert [job.content_no for job in InferenceJob.objects.order_by("id")] == [1, 2]


def test_rubbish_is_refused_by_rule_and_the_others_go_on(
    project: Project, steward: User, child: IntakeClient, tmp_path: Path
) -> None:
    batch = uuid.uuid4()
    bad = send(project, steward, b"this is no picture", batch)
    good = send(project, steward, dicom(tmp_path), batch)

    drain(child)

    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.state, bad.rule) == ("refused", "intake-01")
    assert bad.detail
    assert good.state == "stored"


def test_a_zip_becomes_one_upload_a_file(project: Project, steward: User, child: IntakeClient, tmp_path: Path) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("a/1.dcm", dicom(tmp_path, sop="1.2.3.4.5"))
        archive.writestr("a/2.dcm", dicom(tmp_path, sop="1.2.3.4.6"))
        archive.writestr("notes.txt", b"not a picture")
    upload = send(project, steward, body.getvalue(), uuid.uuid4())

    drain(child)

    upload.refresh_from_db()
    assert (upload.kind, upload.state) == ("archive", "stored")
    assert sorted(upload.members.values_list("state", flat=True)) == ["refused", "stored", "stored"]
    assert Study.objects.get().clips.count() == 2


def test_a_hostile_zip_leaves_nothing_behind(project: Project, steward: User, child: IntakeClient) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("ok.png", png())
        archive.writestr("../../evil", b"x")
    upload = send(project, steward, body.getvalue(), uuid.uuid4())

    drain(child)

    upload.refresh_from_db()
    assert (upload.state, upload.rule) == ("refused", "intake-22")
    assert Upload.objects.count() == 1
    assert not Clip.objects.exists()


def test_pictures_of_one_drop_form_one_held_study_of_one_new_subject(
    project: Project, steward: User, child: IntakeClient
) -> None:
    batch, other = uuid.uuid4(), uuid.uuid4()
    noise = io.BytesIO()
    Image.fromarray(np.random.default_rng(9).integers(0, 255, (40, 50), dtype=np.uint8)).save(noise, "PNG")
    send(project, steward, png(), batch)
    send(project, steward, noise.getvalue(), batch)
    jpeg = io.BytesIO()
    Image.fromarray(np.random.default_rng(5).integers(0, 255, (40, 50), dtype=np.uint8)).save(jpeg, "JPEG")
    send(project, steward, jpeg.getvalue(), other)

    drain(child)

    assert Study.objects.count() == 2
    assert set(Upload.objects.values_list("state", flat=True)) == {"quarantined"}
    assert Study.objects.order_by("number").first().clips.count() == 2  # type: ignore[union-attr]


def test_the_same_file_again_points_to_the_same_clip(
    project: Project, steward: User, child: IntakeClient, tmp_path: Path
) -> None:
    data = dicom(tmp_path)
    send(project, steward, data, uuid.uuid4())
    drain(child)
    again = send(project, steward, data, uuid.uuid4())

    drain(child)

    again.refresh_from_db()
    assert again.state == "stored"
    assert again.clip_id == Clip.objects.get().pk
    assert Study.objects.get().content_no == 1


def test_other_content_under_the_same_identifier_is_refused_with_its_tag(
    project: Project, steward: User, child: IntakeClient, tmp_path: Path
) -> None:
    send(project, steward, dicom(tmp_path, frames=3), uuid.uuid4())
    drain(child)
    other = send(project, steward, dicom(tmp_path, frames=4), uuid.uuid4())

    drain(child)

    other.refresh_from_db()
    assert (other.state, other.rule, other.tag) == ("refused", "duplicate-uid", "(0008,0018)")


@pytest.fixture
def held(project: Project, steward: User, child: IntakeClient) -> Upload:
    """pydicom's real cine: its region lies outside the picture."""
    path = Path(get_testdata_file("examples_ybr_color.dcm"))
    upload = send(project, steward, path.read_bytes(), uuid.uuid4())
    services.close_batch(project=project, batch=upload.batch, by=steward)
    drain(child)
    upload.refresh_from_db()
    return upload


def test_a_region_outside_the_picture_holds_the_clip(held: Upload) -> None:
    assert (held.state, held.findings) == ("quarantined", ["no-valid-region"])
    assert held.clip is not None
    assert held.clip.state == "held"
    assert held.study is not None
    assert (held.study.content_no, held.study.ready_at) == (0, None)


def test_a_released_clip_is_readable_without_scale_and_predicted(held: Upload, steward: User, project: Project) -> None:
    PipelineFactory(project=project)

    services.release_upload(upload=held, by=steward, reason="no text")

    clip = Clip.objects.get()
    region = clip.regions.get()
    assert (clip.state, region.source, region.valid, region.spacing) == ("stored", "none", False, None)
    assert region.reason
    assert InferenceJob.objects.get().content_no == 1
    event = AuditEvent.objects.get(verb="upload.released")
    assert (event.actor_id, event.diff["reason"]) == (steward.pk, "no text")


def test_a_refused_clip_is_never_readable(held: Upload, steward: User) -> None:
    services.refuse_upload(upload=held, by=steward, reason="a name")

    assert Clip.objects.get().state == "refused"
    assert not Clip.objects.for_reading().exists()
    with pytest.raises(InvalidTransition):
        services.release_upload(upload=held, by=steward, reason="changed my mind")


def test_a_decision_needs_a_reason_and_the_right(held: Upload, steward: User, project: Project) -> None:
    with pytest.raises(Invalid) as no_reason:
        services.release_upload(upload=held, by=steward, reason="  ")
    with pytest.raises(NotAllowed):
        services.release_upload(upload=held, by=member(project, Role.READER), reason="I want to")

    assert no_reason.value.rule == "reason-needed"


def test_too_large_and_empty_files_are_refused_before_anything_is_stored(project: Project, steward: User) -> None:
    from plaqueweb.core import limits

    def receive(size: int) -> None:
        services.receive_upload(project=project, by=steward, file=io.BytesIO(b"x"), size=size, batch=uuid.uuid4())

    receive(limits.UPLOAD_BYTES)
    for size, rule in ((limits.UPLOAD_BYTES + 1, "upload-size"), (0, "intake-02")):
        with pytest.raises(Invalid) as refused:
            receive(size)
        assert refused.value.rule == rule


def test_each_project_has_its_own_key_that_only_its_owner_can_read(
    project: Project, settings: Any, tmp_path: Path
) -> None:
    settings.PSEUDONYM_KEY_DIR = tmp_path / "keys"

    first, again, other = project_key(project.pk), project_key(project.pk), project_key(uuid.uuid4())

    assert first == again != other
    assert len(first) == 32
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}
