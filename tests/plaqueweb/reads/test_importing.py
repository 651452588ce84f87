"""Reads from elsewhere: every bad line is named, and on any error nothing is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from plaqueweb.core.errors import Invalid
from plaqueweb.reads.import_file import ImportRefused
from plaqueweb.reads.models import Assignment, FrameAnnotation, FrameMask, Lesion, Read, Round
from plaqueweb.reads.pictures import mask_from_picture
from plaqueweb.reads.services import import_reads, verify_read
from plaqueweb.studies.models import Clip, Project, Study
from tests.factories import AssignmentFactory, ClipFactory, StudyFactory, SubjectFactory, member

pytestmark = pytest.mark.django_db
ROWS, COLUMNS = 48, 64


class Desk:
    """A project with one study of one clip, two readers and a folder."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project, self.folder = project, folder
        self.study: Study = StudyFactory(subject=SubjectFactory(project=project))
        self.clip: Clip = ClipFactory(study=self.study)
        self.reader = member(project, "reader", name="Dr. A")
        member(project, "reader", name="Dr. B")

    def write(self, *lines: str, header: str = "study,reader,class,thickness_mm,mask,clip,frame,extent") -> Path:
        path = self.folder / "reads.csv"
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return path

    def line(self, reader: str = "Dr. A", value: str = "1", *rest: str) -> str:
        return ",".join([self.study.label, reader, value, *rest])

    def bring(self, *lines: str, **options: Any) -> Any:
        return import_reads(project=self.project, path=self.write(*lines), by=None, **options)

    def picture(self, name: str, array: np.ndarray[Any, Any]) -> str:
        Image.fromarray(array).save(self.folder / name)
        return name


@pytest.fixture
def desk(project: Project, tmp_path: Path) -> Desk:
    return Desk(project, tmp_path)


def overlay(alpha: float, grey: int = 90) -> np.ndarray[Any, Any]:
    """A grey picture with a see-through orange box of rows 10 to 19, columns 20 to 39."""
    rng = np.random.default_rng(3)
    base = rng.integers(max(grey - 30, 0), grey + 30, (ROWS, COLUMNS, 1)).repeat(3, axis=2).astype(float)
    base[10:20, 20:40] = (1 - alpha) * base[10:20, 20:40] + alpha * np.array([255, 159, 46])
    return base.round().astype(np.uint8)


def test_a_class_and_a_thickness_become_a_signed_read(desk: Desk) -> None:
    result = desk.bring(desk.line("Dr. A", "1", "5.3"), desk.line("Dr. B", "9"))

    first, second = Read.objects.order_by("reader_class")
    assert (result.reads, result.readers, result.studies, result.masks) == (2, 2, 1, 0)
    assert (first.state, first.arm, first.meaning, first.signed_name) == ("signed", "unknown", "imported", "Dr. A")
    assert (first.reader_class, first.thickness_mm, first.thickness_source) == (1, 5.3, "imported")
    assert (first.rule_class, second.rule_class) == (1, None)
    assert verify_read(first)
    assert verify_read(second)


def test_imported_reads_blind_nobody_and_reveal_nothing(desk: Desk) -> None:
    desk.bring(desk.line())

    round_ = Round.objects.get()
    assert (round_.policy, round_.reveal) == ("open", "never")
    assert round_.closed_at is not None
    assert Assignment.objects.get().state == "signed"


def test_a_second_import_gets_its_own_round(desk: Desk) -> None:
    desk.bring(desk.line())
    desk.bring(desk.line("Dr. B"))

    assert sorted(Round.objects.values_list("name", flat=True)) == ["Imported reads", "Imported reads 2"]


def test_a_reader_is_found_by_address_and_a_study_by_uid(desk: Desk) -> None:
    desk.bring(f"{desk.study.uid},{desk.reader.email.upper()},0")

    assert Read.objects.get().assignment.reader == desk.reader


def test_a_mask_gives_area_and_thickness(desk: Desk) -> None:
    array = np.zeros((ROWS, COLUMNS), np.uint8)
    array[20:32, 4:60] = 255
    name = desk.picture("m.png", array)

    desk.bring(desk.line("Dr. A", "1", "", name, "", "3", ""))

    annotation, read = FrameAnnotation.objects.get(), Read.objects.get()
    assert (annotation.frame, annotation.extent, annotation.mask.source) == (3, "all_marked", "imported")
    assert annotation.mask.areas["1"] == {"px": 12 * 56, "mm2": 12 * 56 * 0.25, "source": "imported"}
    assert read.thickness_source == "mask"
    assert read.thickness_mm is not None
    assert Lesion.objects.get().key_frame == 3


def test_an_empty_mask_is_a_frame_examined_without_plaque(desk: Desk) -> None:
    name = desk.picture("none.png", np.zeros((ROWS, COLUMNS), np.uint8))

    desk.bring(desk.line("Dr. A", "0", "", name, "", "2", ""))

    assert FrameAnnotation.objects.get().extent == "no_plaque"
    assert not FrameMask.objects.exists()
    assert not Lesion.objects.exists()


def test_further_lines_add_masks_to_the_same_read(desk: Desk) -> None:
    array = np.zeros((ROWS, COLUMNS), np.uint8)
    array[0:5, 0:5] = 255
    name = desk.picture("m.png", array)

    desk.bring(
        desk.line("Dr. A", "1", "5.0", name, "", "1", ""), desk.line("Dr. A", "1", "5.0", name, "", "2", "index_only")
    )

    assert Read.objects.count() == 1
    assert sorted(FrameAnnotation.objects.values_list("frame", "extent")) == [(1, "all_marked"), (2, "index_only")]


@pytest.mark.parametrize("alpha, grey", [(0.15, 60), (0.2, 200), (0.35, 120), (1.0, 120)])
def test_orange_is_found_by_its_hue(desk: Desk, alpha: float, grey: int) -> None:
    name = desk.picture("overlay.png", overlay(alpha, grey))

    mask = mask_from_picture(desk.folder / name, (ROWS, COLUMNS))

    wanted = np.zeros((ROWS, COLUMNS), bool)
    wanted[10:20, 20:40] = True
    assert np.array_equal(mask, wanted)


def test_an_orange_outline_is_filled(desk: Desk) -> None:
    array = overlay(1.0)
    array[12:18, 22:38] = 80

    mask = mask_from_picture(desk.folder / desk.picture("line.png", array), (ROWS, COLUMNS))

    assert mask.sum() == 200


@pytest.mark.parametrize("top", [1, 255])
def test_black_and_white_may_be_0_and_1_or_0_and_255(desk: Desk, top: int) -> None:
    array = np.zeros((ROWS, COLUMNS), np.uint8)
    array[:3] = top

    assert mask_from_picture(desk.folder / desk.picture("m.png", array), (ROWS, COLUMNS)).sum() == 3 * COLUMNS


def test_a_grey_picture_is_no_mask(desk: Desk) -> None:
    grey = np.random.default_rng(1).integers(0, 255, (ROWS, COLUMNS)).astype(np.uint8)
    name = desk.picture("grey.png", grey)

    with pytest.raises(ImportRefused) as caught:
        desk.bring(desk.line("Dr. A", "1", "", name, "", "1", ""))

    assert caught.value.lines[0].rule == "mask-not-binary"


@pytest.mark.parametrize(
    "fields, rule",
    [
        (["S-9999", "Dr. A", "1"], "study-unknown"),
        (["{study}", "Dr. Nobody", "1"], "reader-unknown"),
        (["{study}", "Coordinator", "1"], "reader-role"),
        (["{study}", "Dr. A", "2"], "class-value"),
        (["{study}", "Dr. A", ""], "class-value"),
        (["{study}", "Dr. A", "1", "-1"], "thickness-value"),
        (["{study}", "Dr. A", "1", "nan"], "thickness-value"),
        (["{study}", "Dr. A", "1", "100"], "thickness-value"),
        (["{study}", "Dr. A", "1", "", "", "", "2"], "mask-missing"),
        (["{study}", "Dr. A", "1", "", "missing.png"], "mask-file"),
        (["{study}", "Dr. A", "1", "", "../reads.csv"], "mask-file"),
        (["{study}", "Dr. A", "1", "", "reads.csv"], "mask-file"),
        (["{study}", "Dr. A", "1", "", "small.png"], "mask-size"),
        (["{study}", "Dr. A", "1", "", "m.png", "77"], "clip-number"),
        (["{study}", "Dr. A", "1", "", "m.png", "x"], "clip-number"),
        (["{study}", "Dr. A", "1", "", "m.png", "", "5"], "frame-number"),
        (["{study}", "Dr. A", "1", "", "m.png", "", "1", "most"], "extent-value"),
        (["{study}", "Dr. A", "1", "", "m.png", "", "1", "no_plaque"], "extent-no-plaque"),
    ],
)
def test_a_bad_line_is_named_with_its_rule_and_nothing_is_stored(desk: Desk, fields: list[str], rule: str) -> None:
    member(desk.project, "coordinator", name="Coordinator")
    array = np.zeros((ROWS, COLUMNS), np.uint8)
    array[:3] = 255
    desk.picture("m.png", array)
    desk.picture("small.png", array[:10])
    bad = ",".join(field.format(study=desk.study.label) for field in fields)

    with pytest.raises(ImportRefused) as caught:
        desk.bring(desk.line("Dr. B"), bad)

    assert [(line.line, line.rule) for line in caught.value.lines] == [(3, rule)]
    assert not Read.objects.exists()
    assert not Round.objects.exists()


def test_all_bad_lines_are_named_at_once(desk: Desk) -> None:
    with pytest.raises(ImportRefused) as caught:
        desk.bring("S-9999,Dr. A,1", desk.line("Dr. B"), desk.line("Dr. B"), desk.line("Dr. A", "7"))

    assert [(line.line, line.rule) for line in caught.value.lines] == [
        (2, "study-unknown"), (4, "read-twice"), (5, "class-value"),
    ]  # fmt: skip


def test_two_readers_of_one_name_need_their_addresses(desk: Desk) -> None:
    member(desk.project, "reader", name="Dr. A")

    with pytest.raises(ImportRefused) as caught:
        desk.bring(desk.line("Dr. A"))

    assert caught.value.lines[0].rule == "reader-ambiguous"


@pytest.mark.parametrize(
    "text, rule",
    [
        ("", "csv-header"),
        ("study,reader\nx,y\n", "csv-header"),
        ("study,reader,class,diagnosis\nx,y,1,z\n", "csv-header"),
        ("study,reader,class,class\nx,y,1,1\n", "csv-header"),
        ("study,reader,class\n", "csv-empty"),
    ],
)
def test_a_file_of_another_shape_is_refused(desk: Desk, text: str, rule: str) -> None:
    path = desk.folder / "reads.csv"
    path.write_text(text)

    with pytest.raises(Invalid) as caught:
        import_reads(project=desk.project, path=path, by=None)

    assert caught.value.rule == rule


def test_semicolons_and_a_byte_order_mark_are_read(desk: Desk) -> None:
    path = desk.folder / "reads.csv"
    path.write_text(f"study;reader;class;thickness_mm\n{desk.study.label};Dr. A;1;4.2\n", encoding="utf-8-sig")

    import_reads(project=desk.project, path=path, by=None)

    assert Read.objects.get().thickness_mm == 4.2


def test_a_subject_serves_one_purpose(desk: Desk) -> None:
    other = AssignmentFactory(round__project=desk.project, study=desk.study)
    other.round.case_list.purpose = "train"
    other.round.case_list.save()

    with pytest.raises(Invalid) as caught:
        desk.bring(desk.line())

    assert caught.value.rule == "subject-one-purpose"
    assert Round.objects.count() == 1


def test_a_dry_run_counts_and_stores_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    path = desk.write(desk.line())

    call_command("import_reads", str(path), project=desk.project.slug, dry_run=True)

    assert "1 reads by 1 readers on 1 studies, 0 masks: would be stored." in capsys.readouterr().out
    assert not Read.objects.exists()


def test_the_command_names_bad_lines_and_fails(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    path = desk.write(desk.line("Dr. A", "5"))

    with pytest.raises(CommandError, match="nothing was stored"):
        call_command("import_reads", str(path), project=desk.project.slug)

    assert "line 2: The class must be 0, 1 or 9, not “5”. [class-value]" in capsys.readouterr().err
