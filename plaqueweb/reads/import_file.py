"""A CSV of reads from elsewhere, checked line by line: every bad line is named with its rule. Nothing is stored."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import Invalid
from plaqueweb.reads.choices import Extent, PlaqueClass
from plaqueweb.reads.pictures import mask_from_picture
from plaqueweb.studies.models import Clip, Project, Study
from plaqueweb.studies.selectors import clips_by_study

NEEDED = ("study", "reader", "class")
OPTIONAL = ("thickness_mm", "mask", "clip", "frame", "extent")
MAX_THICKNESS_MM = 100.0
Line = tuple[int, Mapping[str, str]]


@dataclass(frozen=True)
class BadLine:
    """One line that cannot be imported."""

    line: int
    rule: str
    words: str


@dataclass(frozen=True)
class ImportedMask:
    """A mask on one frame; empty means examined without plaque."""

    clip: Clip
    frame: int
    mask: NDArray[np.bool_]
    extent: str


@dataclass
class ImportedRead:
    """One reader's answer on one study, from one or more lines."""

    line: int
    study: Study
    reader: User
    reader_class: int
    thickness_mm: float | None
    masks: list[ImportedMask] = field(default_factory=list)


class ImportRefused(Invalid):
    """The file has bad lines; nothing was stored."""

    def __init__(self, lines: list[BadLine]) -> None:
        shown = "; ".join(f"{bad.line}: {bad.words}" for bad in lines[:5])
        super().__init__(
            _("%(n)d lines cannot be imported. %(lines)s") % {"n": len(lines), "lines": shown},
            rule="import-lines",
            extra={"lines": [{"line": bad.line, "rule": bad.rule, "detail": bad.words} for bad in lines]},
        )
        self.lines = lines


def read_csv(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the lines of a CSV with their numbers, header checked; commas, semicolons or tabs.

    Raises:
        Invalid: it cannot be read, is empty, or columns are missing, unknown or twice (rule ``csv-…``).
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(_("The file must be UTF-8 text."), rule="csv-encoding") from None
    except OSError as error:
        raise Invalid(_("The file cannot be read: %(why)s.") % {"why": error.strerror}, rule="csv-file") from None
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows = csv.reader(text.splitlines(), delimiter=delimiter)
    names = [name.strip().lower() for name in next(rows, [])]
    missing = [name for name in NEEDED if name not in names]
    unknown = [name for name in names if name not in NEEDED + OPTIONAL]
    if missing or unknown or len(set(names)) != len(names):
        raise Invalid(
            _("The first line must name the columns %(needed)s and may name %(optional)s, each once.")
            % {"needed": ", ".join(NEEDED), "optional": ", ".join(OPTIONAL)},
            rule="csv-header",
        )
    lines = [
        (rows.line_num, dict(zip(names, [value.strip() for value in row], strict=False)))
        for row in rows
        if any(value.strip() for value in row)
    ]
    if not lines:
        raise Invalid(_("The file has no reads."), rule="csv-empty")
    return lines


def check_lines(*, project: Project, lines: Iterable[Line], folder: Path) -> list[ImportedRead]:
    """Return the reads of a file, every line checked.

    Args:
        folder: where mask paths start; paths that lead out of it are refused.

    Raises:
        ImportRefused: at least one line breaks a rule; all such lines are named.
    """
    desk = _Desk(project, folder)
    bad: list[BadLine] = []
    for number, row in lines:
        try:
            desk.take(number, row)
        except Invalid as error:
            bad.append(BadLine(number, error.rule, error.detail))
    if bad:
        raise ImportRefused(bad)
    return list(desk.reads.values())


class _Desk:
    """Looks up studies, readers and clips once, and collects the reads."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.folder = folder.resolve()
        studies = list(Study.objects.filter(project=project).select_related("subject"))
        self.studies = {name: study for study in studies for name in (study.label.lower(), study.uid)}
        self.clips = clips_by_study(study.pk for study in studies)
        self.readers: dict[str, list[User]] = {}
        for user in User.objects.filter(memberships__project=project, is_active=True):
            for name in {user.email.lower(), user.name.lower()}:
                self.readers.setdefault(name, []).append(user)
        self.project = project
        self.reads: dict[tuple[object, object], ImportedRead] = {}

    def take(self, number: int, row: Mapping[str, str]) -> None:
        study, reader = self._study(row.get("study", "")), self._reader(row.get("reader", ""))
        value, thickness = _class(row.get("class", "")), _thickness(row.get("thickness_mm", ""))
        mask = self._mask(study, row)
        key = (study.pk, reader.pk)
        known = self.reads.get(key)
        if known is None:
            self.reads[key] = ImportedRead(number, study, reader, value, thickness, [mask] if mask else [])
            return
        if mask is None or (known.reader_class, known.thickness_mm) != (value, thickness):
            raise Invalid(
                _("Line %(n)d holds a read of this reader on this study already; further lines may only add masks.")
                % {"n": known.line},
                rule="read-twice",
            )
        if any((other.clip.pk, other.frame) == (mask.clip.pk, mask.frame) for other in known.masks):
            raise Invalid(_("This frame has a mask already."), rule="mask-twice")
        known.masks.append(mask)

    def _study(self, name: str) -> Study:
        study: Study | None = self.studies.get(name.lower()) or self.studies.get(name)
        if study is None:
            raise Invalid(_("There is no study “%(name)s” in this project.") % {"name": name}, rule="study-unknown")
        if study.content_no == 0:
            raise Invalid(_("%(name)s has no readable clip yet.") % {"name": study.label}, rule="study-empty")
        return study

    def _reader(self, name: str) -> User:
        found = self.readers.get(name.lower(), [])
        if not found:
            raise Invalid(_("No member of this project is called “%(name)s”.") % {"name": name}, rule="reader-unknown")
        if len(found) > 1:
            raise Invalid(_("Several members are called “%(name)s”: give the e-mail address.") % {"name": name},
                          rule="reader-ambiguous")  # fmt: skip
        if not found[0].can(Capability.READ, self.project.pk):
            raise Invalid(_("%(name)s may not read in this project.") % {"name": found[0].name}, rule="reader-role")
        return found[0]

    def _mask(self, study: Study, row: Mapping[str, str]) -> ImportedMask | None:
        name = row.get("mask", "")
        if not name:
            if any(row.get(column) for column in ("clip", "frame", "extent")):
                raise Invalid(_("Clip, frame and extent go with a mask."), rule="mask-missing")
            return None
        clip = self._clip(study, row.get("clip", ""))
        frame = _whole(row.get("frame", "") or "1", "frame")
        if not 1 <= frame <= clip.frames:
            raise Invalid(_("Clip %(n)d has frames 1 to %(last)d.") % {"n": clip.number, "last": clip.frames},
                          rule="frame-number")  # fmt: skip
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder) or not path.is_file():
            raise Invalid(_("There is no mask file “%(name)s” beside the CSV.") % {"name": name}, rule="mask-file")
        mask = mask_from_picture(path, (clip.rows, clip.columns))
        return ImportedMask(clip, frame, mask, _extent(row.get("extent", ""), bool(mask.any())))

    def _clip(self, study: Study, number: str) -> Clip:
        clips = self.clips.get(study.pk, [])
        if not number and len(clips) == 1:
            return clips[0]
        clip = next((clip for clip in clips if number and clip.number == _whole(number, "clip")), None)
        if clip is None:
            known = ", ".join(str(clip.number) for clip in clips)
            raise Invalid(_("Clips of %(study)s: %(known)s.") % {"study": study.label, "known": known or _("none")},
                          rule="clip-number")  # fmt: skip
        return clip


def _class(value: str) -> int:
    if value not in {str(choice) for choice in PlaqueClass.values}:
        raise Invalid(_("The class must be 0, 1 or 9, not “%(value)s”.") % {"value": value}, rule="class-value")
    return int(value)


def _thickness(value: str) -> float | None:
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < MAX_THICKNESS_MM:
        raise Invalid(
            _("The thickness must be millimetres from 0 to 100, with a decimal point, not “%(value)s”.")
            % {"value": value},
            rule="thickness-value",
        )
    return number


def _whole(value: str, column: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 8):
        raise Invalid(
            _("“%(column)s” must be a whole number, not “%(value)s”.") % {"column": column, "value": value},
            rule=f"{column}-number",
        )
    return int(value)


def _extent(value: str, painted: bool) -> str:
    chosen = value or (Extent.ALL_MARKED if painted else Extent.NO_PLAQUE)
    if chosen not in Extent.values:
        raise Invalid(_("The extent is one of %(all)s.") % {"all": ", ".join(Extent.values)}, rule="extent-value")
    if painted == (chosen == Extent.NO_PLAQUE):
        raise Invalid(_("The extent and the mask contradict each other."), rule="extent-no-plaque")
    return str(chosen)
