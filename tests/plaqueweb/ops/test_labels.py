"""From signed reads to a trained network: what an export holds, what it refuses, and that it trains."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image
from rich.console import Console

from inference.training.config import DataConfig, StageConfig, TrainConfig
from inference.training.export import ExportError, read_manifest
from inference.training.folder import load_folder
from inference.training.run import train
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Conflict, Invalid, NotAllowed
from plaqueweb.ops.labels import export_labels, training_lists
from plaqueweb.reads.choices import AssignmentState, Extent
from plaqueweb.reads.models import FrameAnnotation
from plaqueweb.review.models import Case, CaseState, ConsensusKind
from plaqueweb.studies.choices import ClipUse, ListPurpose
from plaqueweb.studies.models import CaseList, CaseListItem, Project
from tests.factories import AssignmentFactory, CaseListFactory, member
from tests.plaqueweb.agreement.world import World, box

pytestmark = pytest.mark.django_db
PLAQUE = (slice(10, 20), slice(12, 30))


def training_world(made: World) -> World:
    """The same world, its round over a list for training."""
    CaseList.objects.filter(pk=made.round.case_list_id).update(purpose=ListPurpose.TRAIN)
    made.round.case_list.refresh_from_db()
    return made


@pytest.fixture
def world(project: Project) -> World:
    """A round over a list for training."""
    return training_world(World(project))


def labelled(world: World, klass: int = 1, *, reader: Any = None, study: Any = None, unclear: bool = False) -> Any:
    """A study with one signed read: frame 1 all marked, frame 2 without plaque, frame 3 index lesion only.

    ``unclear`` adds a frame that is said to be all marked and on which nothing is.
    """
    study = study or world.study()
    clip = study.clips.first() or world.clip(study)
    marks = {
        (clip, 1): (Extent.ALL_MARKED, box(clip, *PLAQUE)),
        (clip, 2): (Extent.NO_PLAQUE, None),
        (clip, 3): (Extent.INDEX_ONLY, box(clip, *PLAQUE)),
    }
    if unclear:
        marks[clip, 4] = (Extent.ALL_MARKED, None)
    world.read(study, reader or world.reader_a, klass, 5.0, key=(clip, 1), marks=marks)
    return study


class Outlining(World):
    """Readers who outline the outer wall on every frame they mark."""

    def mark(self, read: Any, clip: Any, frame: int, extent: str, lesions: Any) -> None:
        super().mark(read, clip, frame, extent, lesions)
        outline = [[5, 5], [40, 5], [40, 30], [5, 30]]
        FrameAnnotation.objects.filter(read=read, frame=frame).update(outline=outline)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "subjects.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_export_holds_whole_frames_with_labels_and_no_name_of_a_reader(world: World, tmp_path: Path) -> None:
    study = labelled(world)

    done = export_labels(project=world.project, folder=tmp_path / "x", by=world.coordinator)

    rows = table(tmp_path / "x")
    assert [(row["frame_no"], row["extent"], row["class"]) for row in rows] == [
        ("1", "all_marked", "1"), ("2", "no_plaque", "0"),
    ]  # fmt: skip
    assert {row["subject"] for row in rows} == {study.subject.pseudonym}
    assert (rows[0]["row_mm"], rows[0]["x1"], rows[0]["thickness_mm"]) == ("0.5", "63", "5.0")
    mask = np.asarray(Image.open(tmp_path / "x" / rows[0]["mask"]))
    assert set(np.unique(mask).tolist()) == {3, 23}
    assert (mask == 3).sum() == 180
    assert np.unique(np.asarray(Image.open(tmp_path / "x" / rows[1]["mask"]))).tolist() == [23]
    everything = b"".join(path.read_bytes() for path in (tmp_path / "x").rglob("*.[cj]s*"))
    assert b"Reader A" not in everything
    assert b"@" not in everything
    assert (done.frames, done.subjects, done.studies) == (2, 1, 1)
    event = AuditEvent.objects.get(verb="labels.exported")
    assert (event.actor_id, event.diff["sha256"]) == (world.coordinator.pk, done.sha256)


def test_an_outlined_outer_wall_says_where_there_is_no_aorta(project: Project, tmp_path: Path) -> None:
    world = training_world(Outlining(project))
    labelled(world)

    export_labels(project=world.project, folder=tmp_path, by=world.coordinator)

    mask = np.asarray(Image.open(tmp_path / table(tmp_path)[0]["mask"]))
    assert (mask[0, 0], mask[6, 6], mask[12, 14]) == (0, 22, 3)


def test_the_same_reads_give_the_same_data_set(world: World, tmp_path: Path) -> None:
    labelled(world)

    first = export_labels(project=world.project, folder=tmp_path / "a", by=world.coordinator)
    second = export_labels(project=world.project, folder=tmp_path / "b", by=world.coordinator)
    labelled(world, 0)
    third = export_labels(project=world.project, folder=tmp_path / "c", by=world.coordinator)

    assert first.sha256 == second.sha256 != third.sha256


@pytest.mark.parametrize("purpose", [ListPurpose.TEST, ListPurpose.TUNE, ListPurpose.MONITOR])
def test_a_list_for_anything_but_training_is_never_exported(world: World, purpose: str, tmp_path: Path) -> None:
    labelled(world)
    CaseList.objects.filter(pk=world.round.case_list_id).update(purpose=purpose)
    world.round.case_list.refresh_from_db()

    with pytest.raises(Invalid) as named:
        export_labels(project=world.project, folder=tmp_path, by=world.coordinator, case_list=world.round.case_list)
    with pytest.raises(Invalid) as unnamed:
        export_labels(project=world.project, folder=tmp_path, by=world.coordinator)

    assert (named.value.rule, unnamed.value.rule) == ("export-purpose", "export-no-list")
    assert list(tmp_path.iterdir()) == []


def test_a_subject_that_is_also_tested_on_stops_the_export(world: World, tmp_path: Path) -> None:
    study = labelled(world)
    held = CaseListFactory(project=world.project, purpose=ListPurpose.TEST)
    other = world.study(subject=study.subject)
    CaseListItem.objects.filter(study=other).update(case_list=held)

    with pytest.raises(Invalid) as refused:
        export_labels(project=world.project, folder=tmp_path, by=world.coordinator)

    assert refused.value.rule == "subject-one-purpose"


@pytest.mark.parametrize(
    "role, allowed",
    [("coordinator", True), ("engineer", True), ("data_steward", False), ("reader", False), ("adjudicator", False),
     ("auditor", False), ("administrator", False)],
)  # fmt: skip
def test_only_who_may_export_and_see_results_exports_labels(
    world: World, role: str, allowed: bool, tmp_path: Path
) -> None:
    labelled(world)
    user = member(world.project, role)

    if allowed:
        assert export_labels(project=world.project, folder=tmp_path, by=user).frames == 2
        return
    with pytest.raises(NotAllowed) as refused:
        export_labels(project=world.project, folder=tmp_path, by=user)
    assert refused.value.rule == "export-labels"


def test_who_still_has_to_read_a_study_blind_exports_none_of_its_labels(world: World, tmp_path: Path) -> None:
    mine, open_one = labelled(world), labelled(world)
    both = member(world.project, "coordinator", "reader")
    AssignmentFactory(round=world.round, study=mine, reader=both, state=AssignmentState.OPENED)

    done = export_labels(project=world.project, folder=tmp_path, by=both)

    assert {row["study"] for row in table(tmp_path)} == {open_one.label}
    assert done.held_back == 1


def test_only_reads_in_force_of_people_are_exported(world: World, tmp_path: Path) -> None:
    study = world.study()
    clip = world.clip(study)
    marks = {(clip, 1): (Extent.ALL_MARKED, box(clip, *PLAQUE))}
    first = world.read(study, world.reader_a, 1, 5.0, key=(clip, 1), marks=marks)
    later = {(clip, 2): (Extent.ALL_MARKED, box(clip, *PLAQUE))}
    second = world.read(
        study,
        world.reader_a,
        1,
        5.0,
        key=(clip, 2),
        marks=later,
        revision=2,
        supersedes=first,
        revision_kind="slip",
        revision_reason="wrong frame",
    )
    world.read(study, world.reader_b, 1, 5.0, key=(clip, 1), marks=marks)

    export_labels(project=world.project, folder=tmp_path / "people", by=world.coordinator)
    export_labels(project=world.project, folder=tmp_path / "all", by=world.coordinator, simulated=True)

    assert [row["read"] for row in table(tmp_path / "people")] == [str(second.pk)]
    assert sorted(row["simulated"] for row in table(tmp_path / "all")) == ["0", "1"]


def test_clips_set_aside_and_contradictions_are_left_out(world: World, tmp_path: Path) -> None:
    study = labelled(world, unclear=True)
    clip = study.clips.get()

    assert export_labels(project=world.project, folder=tmp_path / "a", by=world.coordinator).frames == 2
    type(clip).objects.filter(pk=clip.pk).update(use=ClipUse.ASIDE)
    with pytest.raises(Invalid) as refused:
        export_labels(project=world.project, folder=tmp_path / "b", by=world.coordinator)
    assert refused.value.rule == "export-empty"


def test_readers_who_differ_leave_the_class_open_until_it_is_decided(world: World, tmp_path: Path) -> None:
    study = labelled(world, 1)
    labelled(world, 0, reader=member(world.project, "reader"), study=study)

    export_labels(project=world.project, folder=tmp_path / "before", by=world.coordinator)
    Case.objects.filter(study=study).update(state=CaseState.ADJUDICATED)
    decided = world.truth(study, 1, 5.0, kind=ConsensusKind.ADJUDICATED)
    export_labels(project=world.project, folder=tmp_path / "after", by=world.coordinator)

    marked = [[row for row in table(tmp_path / name) if row["extent"] == "all_marked"] for name in ("before", "after")]
    assert [(row["class"], row["class_from"]) for row in marked[0]] == [("", "")] * 2
    assert [(row["class"], row["class_from"]) for row in marked[1]] == [("1", "adjudicated")] * 2
    assert {row["consensus"] for row in marked[1]} == {str(decided.pk)}
    assert len({row["file"] for row in marked[1]}) == 1
    assert len({row["mask"] for row in marked[1]}) == 2


def test_a_folder_that_holds_something_is_left_alone(world: World, tmp_path: Path) -> None:
    labelled(world)
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(Conflict):
        export_labels(project=world.project, folder=tmp_path, by=world.coordinator)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_lists_for_training_are_those_of_the_project(world: World) -> None:
    CaseListFactory(purpose=ListPurpose.TRAIN)
    CaseListFactory(project=world.project, purpose=ListPurpose.TEST)

    assert training_lists(world.project) == [world.round.case_list]


def test_the_command_says_what_it_wrote_or_which_rule_refused(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labelled(world)
    ask = {"project": world.project.slug, "by": world.coordinator.email}

    call_command("export_labels", out=tmp_path / "x", **ask)
    assert "2 frames of 1 subjects" in capsys.readouterr().out
    with pytest.raises(CommandError, match=r"\[export-folder\]"):
        call_command("export_labels", out=tmp_path / "x", **ask)
    with pytest.raises(CommandError, match=r"\[export-labels\]"):
        call_command("export_labels", out=tmp_path / "y", project=world.project.slug, by=world.reader_a.email)
    with pytest.raises(CommandError, match="no case list"):
        call_command("export_labels", out=tmp_path / "y", list="nowhere", **ask)


def test_an_export_trains_a_pipeline_and_a_changed_one_is_refused(world: World, tmp_path: Path) -> None:
    for number in range(8):
        labelled(world, number % 2)
    done = export_labels(project=world.project, folder=tmp_path / "x", by=world.coordinator)
    stage = StageConfig(epochs=1, batch=4)
    data = DataConfig(source="export", folder=str(tmp_path / "x"), shares=(0.5, 0.25, 0.25), seed=2)
    config = TrainConfig(
        "own", "1", threads=1, data=data, segmenter=stage, reconstruction=stage, classifier=stage,
        widths=(4, 4, 8, 8), channels=(4, 4, 8, 8, 8),
    )  # fmt: skip

    quiet = Console(file=io.StringIO())
    spec = train(config, cache=tmp_path / "c", work=tmp_path / "w", out=tmp_path / "o", console=quiet)

    assert spec is not None
    card = json.loads((tmp_path / "o" / "own-segmenter.card.json").read_text())
    assert card["training"]["data"]["sha256"] == done.sha256
    assert set(card["metrics"]["test"]) == {"plaque"}
    loaded = load_folder(data)
    assert loaded.rows["train"][0].region(48, 64).spacing == (0.5, 0.5)
    image = next((tmp_path / "x" / "images").rglob("*.png"))
    image.write_bytes(image.read_bytes() + b"x")
    with pytest.raises(ExportError, match="the file was changed"):
        read_manifest(tmp_path / "x")


@pytest.mark.parametrize(
    "key, value, why",
    [
        ("purpose", "test", "only case lists for training"),
        ("format", "other", "not known"),
        ("sha256", "0", "never edited"),
    ],
)
def test_a_manifest_that_says_otherwise_is_refused(
    world: World, tmp_path: Path, key: str, value: str, why: str
) -> None:
    labelled(world)
    export_labels(project=world.project, folder=tmp_path, by=world.coordinator)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, key: value}))

    with pytest.raises(ExportError, match=why):
        read_manifest(tmp_path)
