"""A throw-away test read: the real services on real rows, in a transaction that is always rolled back.

So a test read is checked, measured, derived and refused exactly as a read is, and nothing of it can enter a number, a
table, a worklist or the audit trail: no row outlives the call. What was answered so far lives in the browser, and comes
whole with every call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import Invalid, NotAllowed
from plaqueweb.core.models import ObjectKind, StoredObject
from plaqueweb.reads.bundle import Bundle, load_bundle
from plaqueweb.reads.choices import AssignmentState, Policy, Reveal
from plaqueweb.reads.completion import complete_read
from plaqueweb.reads.draft_input import parse_save
from plaqueweb.reads.drafts import save_parsed
from plaqueweb.reads.models import Assignment, Read, Round
from plaqueweb.reads.rawjson import as_values
from plaqueweb.reads.readset import clips_of_assignment
from plaqueweb.reads.selectors import protocol_payload, read_payload
from plaqueweb.studies.models import CaseList, Clip, Project, Region, Study, Subject
from plaqueweb.studies.moving import bundle, moving
from plaqueweb.studies.protocols import content_of, named_content
from plaqueweb.studies.selectors import clip_payload
from plaqueweb.studies.services import create_protocol

ROWS, COLUMNS, FRAMES = 240, 320, 24
MM = 0.3  # a pixel of the drawn case
DRAWN = UUID("6d0f6a52-0000-4000-8000-000000000001")
"""The clip of the drawn case; no row of it is ever stored."""


@dataclass(frozen=True)
class Tried:
    """What a test read shows: the case as the reading page takes it, and the read as it stands."""

    protocol: dict[str, Any]
    clips: list[dict[str, Any]]
    read: dict[str, Any]


def try_read(
    *,
    project: Project,
    by: User,
    form: Mapping[str, Any],
    study: Study | None = None,
    body: Mapping[str, Any] | None = None,
    complete: bool = False,
) -> Tried:
    """Answer a case under a protocol that is not saved, and forget it.

    Args:
        by: needs MANAGE_ROUNDS.
        form: the protocol, as in ``studies.protocols.content_of``.
        study: whose clips are read; None is a drawn case.
        body: all that was answered so far, as one save of a draft; None is an untouched case.
        complete: complete the read after saving.

    Raises:
        NotAllowed: ``by`` makes no rounds here, or the study belongs to another project.
        Invalid: the protocol or the answers break a rule, or the study has no clip to read (``trial-no-clip``).
    """
    if not by.can(Capability.MANAGE_ROUNDS, project.pk) or (study is not None and study.project_id != project.pk):
        raise NotAllowed(_("You may not change the protocol of this project."))
    content = content_of(form)
    with transaction.atomic():
        try:
            return _tried(project, by, content, study, body, complete=complete)
        finally:
            transaction.set_rollback(True)  # whatever happened, no row stays


def _tried(
    project: Project, by: User, content: dict[str, Any], study: Study | None, body: Mapping[str, Any] | None,
    *, complete: bool,
) -> Tried:  # fmt: skip
    protocol = create_protocol(project=project, by=None, **named_content(content, 0))
    cases = CaseList.objects.create(project=project, name=f"trial {protocol.pk}", purpose="test")
    round_ = Round.objects.create(
        project=project, protocol=protocol, case_list=cases, name=f"trial {protocol.pk}", policy=Policy.BLINDED,
        reveal=Reveal.NEVER, seed=0, opened_at=timezone.now(),
    )  # fmt: skip
    assignment = Assignment.objects.create(
        round=round_, study=study or _drawn(project), reader=by, order_no=1, state=AssignmentState.OPENED,
        opened_at=timezone.now(),
    )  # fmt: skip
    read = Read.objects.create(assignment=assignment, content_no=assignment.study.content_no)
    clips = clips_of_assignment(assignment)
    if not clips:
        raise Invalid(_("This study has no clip to read."), rule="trial-no-clip")
    found: Bundle = load_bundle(read, masks=True)
    if body is not None:
        found, _keys = save_parsed(read=read, by=by, draft_no=read.draft_no, given=parse_save(dict(body)))
        found = load_bundle(found.read, masks=True)
    if complete:
        found = complete_read(read=found.read, by=by, draft_no=found.read.draft_no)
    shown = [clip_payload(clip) for clip in clips]
    return Tried(protocol_payload(protocol, project), shown, as_values(read_payload(found)))


def _drawn(project: Project) -> Study:
    """A study with one clip whose pictures are drawn when they are asked for (``drawn_cine``)."""
    subject = Subject.objects.create(project=project, pseudonym=f"drawn {DRAWN.hex[:8]}")
    study: Study = Study.objects.create(
        project=project, subject=subject, number=32000, uid=f"2.25.{DRAWN.int}", content_no=1, ready_at=timezone.now()
    )
    cine = StoredObject.objects.create(
        project_id=project.pk, kind=ObjectKind.CINE, sha256=DRAWN.hex * 2, bytes=0, key="drawn"
    )
    clip = Clip.objects.create(
        id=DRAWN, study=study, number=1, kind="cine", sop_uid=f"2.25.{DRAWN.int}", frames=FRAMES, rows=ROWS,
        columns=COLUMNS, frame_times_ms=[n * 40.0 for n in range(FRAMES)], source_sha256=DRAWN.hex * 2,
        stored_as="as_in_file_jpeg", synthetic=True, state="stored", cine=cine, segment="descending", view="SAX",
    )  # fmt: skip
    Region.objects.create(
        id=DRAWN, clip=clip, number=1, x0=0, y0=0, x1=COLUMNS - 1, y1=ROWS - 1, row_mm=MM, col_mm=MM, source="us_region"
    )
    return study


def drawn_cine() -> bytes:
    """Return the pictures of the drawn case as a cine bundle."""
    return bundle(moving(ROWS, COLUMNS, FRAMES))[0]
