"""What is known of studies besides their answers, as a hash: it changes numbers (a segment is named, a scale is set, a
clip is set aside) and no read, reference or prediction changes with it.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Container, Iterable
from typing import Any

from django.db.models import Aggregate, Exists, Expression, F, Func, QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce

from plaqueweb.agreement.comparison import PrimaryRead
from plaqueweb.studies.models import Clip, Project, Region, Study

FIELD, ROW = "\x1f", "\x1e"
"""Between the fields of a row and between rows: characters that no name holds."""


class Joined(Aggregate):
    """Texts of many rows as one, in no order: the database sends one row where there are thousands."""

    function = "GROUP_CONCAT"
    template = f"%(function)s(%(expressions)s, '{ROW}')"
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="STRING_AGG", **context)


class _Row(Func):
    """Texts behind each other, without the brackets in brackets on which SQLite gives up."""

    template = "(%(expressions)s)"
    arg_joiner = " || "
    output_field = TextField()


def fields(*names: str | Expression | Exists) -> Expression:
    """Fields of a row as one text; what is not known is empty."""
    parts: list[Any] = []
    for name in names:
        value = Cast(F(name) if isinstance(name, str) else name, TextField())
        parts += [Coalesce(value, Value("")), Value(FIELD)]
    return _Row(*parts)


def split(text: str | None) -> list[str]:
    """The rows of a ``Joined`` text, sorted."""
    return sorted(text.split(ROW)) if text else []


def digest(parts: Iterable[str]) -> str:
    """SHA-256 of texts in their order."""
    made = hashlib.sha256()
    for part in parts:
        made.update(part.encode())
        made.update(b"\n")
    return made.hexdigest()


def known_of(project: Project) -> list[tuple[QuerySet[Any], str, Expression]]:
    """Rows of a project that say something of its studies, the way from each to its study, and what it says."""
    people = ("pk", "subject_id", "subject__sex", "subject__age_band", "subject__erased_at", "ready_at", "site")
    clips = ("pk", "state", "synthetic", "segment", "manufacturer", "scanner_model", "frames", "rows", "columns")
    scaled = Region.objects.filter(clip__study__project=project, row_mm__isnull=False, valid=True)
    return [
        (Study.objects.filter(project=project).order_by(), "pk", fields(*people)),
        (Clip.objects.filter(study__project=project).order_by(), "study_id", fields(*clips)),
        (scaled.order_by(), "clip__study_id", fields("clip_id")),
    ]


def conditions(project: Project, studies: Container[uuid.UUID], reads: Iterable[PrimaryRead]) -> str:
    """Hash of what is known of these studies, and of the time that these reads took."""
    lines = []
    for rows, study, said in known_of(project):
        for key, text in rows.values_list(study).annotate(said=Joined(said)):
            if key in studies:
                lines.append(f"{key.hex} {ROW.join(split(text))}")
    lines += [f"{read.id.hex} {read.active_seconds}" for read in reads]
    return digest(sorted(lines))


def stamps(project: Project) -> list[str]:
    """The same of all studies of a project, with one row of the database a table."""
    return [digest(split(rows.aggregate(said=Joined(said))["said"])) for rows, _study, said in known_of(project)]
