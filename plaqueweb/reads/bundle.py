"""A read with all that hangs on it, loaded in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import NotFound
from plaqueweb.core.prepared import Prepared
from plaqueweb.reads.draft_input import FrameKey
from plaqueweb.reads.models import (
    Assignment,
    FrameAnnotation,
    FrameMask,
    Lesion,
    ManualScale,
    Read,
    ReadQuerySet,
    SegmentFinding,
)
from plaqueweb.reads.readset import clips_of_assignment
from plaqueweb.reads.scales import with_scales
from plaqueweb.studies.models import Clip, Protocol


@dataclass
class Bundle:
    """One read, its parts and the clips it speaks of."""

    read: Read
    clips: dict[str, Clip]  # with the scales that this read's physician set by hand
    findings: dict[str, SegmentFinding]
    lesions: list[Lesion]
    annotations: dict[FrameKey, FrameAnnotation]
    scales: dict[tuple[str, int], ManualScale] = field(default_factory=dict)
    file_clips: dict[str, Clip] = field(default_factory=dict)  # as the files have them

    @property
    def protocol(self) -> Protocol:
        """The protocol the read is answered under."""
        return self.read.assignment.round.protocol

    def index_lesion(self) -> Lesion | None:
        """Return the index lesion, or the only one there is."""
        marked = next((lesion for lesion in self.lesions if lesion.is_index), None)
        return marked or (self.lesions[0] if len(self.lesions) == 1 else None)

    def frame_words(self, annotation: FrameAnnotation) -> str:
        """Return a frame's name for people."""
        return self.place_words(str(annotation.clip_id), annotation.frame, annotation.region)

    def place_words(self, clip_id: str, frame: int, region: int | None = None) -> str:
        """Return the name of a place for people; the region only where there are several."""
        clip = self.clips.get(clip_id)
        words = {"clip": clip.number if clip else 0, "frame": frame, "region": region}
        if clip is not None and region and sum(not row.is_strip for row in clip.regions.all()) > 1:
            return _("Clip %(clip)d, frame %(frame)d, region %(region)d") % words
        return _("Clip %(clip)d, frame %(frame)d") % words

    def asks_for(self, clip_id: str, frame: int) -> bool:
        """Tell whether the case names this frame to be marked."""
        return [clip_id, frame] in (self.read.assignment.frames or [])


def key_of(annotation: FrameAnnotation) -> FrameKey:
    """Return what an annotation is known by within its read."""
    return str(annotation.clip_id), annotation.frame, annotation.region


def mask_of(annotation: FrameAnnotation) -> FrameMask | None:
    """Return the loaded mask row of an annotation, None where nothing is painted."""
    return getattr(annotation, "mask", None)


def reads_with_assignment() -> ReadQuerySet:
    """Reads joined with what every answer about them needs."""
    rows: ReadQuerySet = Read.objects.select_related("assignment__round__protocol")
    return rows


def own_read(*, user: User, pk: UUID | str) -> Read:
    """Return one of the user's reads.

    Raises:
        NotFound: it is not the user's, or not there.
    """
    try:
        read: Read | None = _OWN_READ.first(reader=user.pk, pk=pk)
    except ValueError:  # no key at all
        read = None
    if read is None:
        raise NotFound(_("There is nothing here that you may see."))
    return read


def newest_read(assignment: Assignment) -> Read | None:
    """Return the last revision of a case's read, None before it is opened."""
    read = _NEWEST_READ.first(assignment=assignment.pk)
    if read is not None:
        read.assignment = assignment
    return read


def load_bundle(read: Read, *, masks: bool, clips: dict[str, Clip] | None = None) -> Bundle:
    """Load a read's parts: four queries, two more for the clips. Mask pixels only with ``masks``."""
    if clips is None:
        clips = {str(clip.pk): clip for clip in clips_of_assignment(read.assignment, pictures=False)}
    annotations = _ANNOTATIONS_WITH_MASKS if masks else _ANNOTATIONS
    scales = {(str(row.clip_id), row.region): row for row in _SCALES(read=read.pk)}
    return Bundle(
        read=read,
        clips=with_scales(clips, scales.values()) if scales else clips,
        scales=scales,
        file_clips=clips,
        findings={row.segment: row for row in _FINDINGS(read=read.pk)},
        lesions=_LESIONS(read=read.pk),
        annotations={key_of(row): row for row in annotations(read=read.pk)},
    )


def _annotations(read: UUID) -> QuerySet[FrameAnnotation]:
    rows: QuerySet[FrameAnnotation] = FrameAnnotation.objects.filter(read_id=read).select_related("mask")
    return rows.order_by("clip_id", "frame", "region")


_OWN_READ = Prepared(
    lambda reader, pk: reads_with_assignment().own(User(pk=reader)).filter(pk=pk).order_by(), "reader", "pk"
)
_NEWEST_READ = Prepared(
    lambda assignment: Read.objects.filter(assignment_id=assignment).order_by("-revision")[:1], "assignment"
)
_FINDINGS = Prepared(lambda read: SegmentFinding.objects.filter(read_id=read).order_by(), "read")
_LESIONS = Prepared(lambda read: Lesion.objects.filter(read_id=read).order_by("number"), "read")
_SCALES = Prepared(lambda read: ManualScale.objects.filter(read_id=read).order_by(), "read")
_ANNOTATIONS_WITH_MASKS = Prepared(_annotations, "read")
_ANNOTATIONS = Prepared(lambda read: _annotations(read).defer("mask__rle"), "read")
