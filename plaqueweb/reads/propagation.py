"""Carry a painted mask over its clip: asked for by the reader, done by the light worker, accepted frame by frame.

Only grey values and the reader's own mask go in, never a model's: a blinded reader learns nothing from it.
"""

from __future__ import annotations

import io
import json
import logging
import time
import zlib
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.audit.services import record_event
from plaqueweb.core import work
from plaqueweb.core.errors import DomainError, Invalid, NotAllowed, NotFound
from plaqueweb.core.storage import open_object
from plaqueweb.core.workers import Stopping, check_stop, working_on
from plaqueweb.reads.bundle import load_bundle, mask_of
from plaqueweb.reads.choices import Extent
from plaqueweb.reads.measure import unpack_mask
from plaqueweb.reads.models import FrameMask, Propagation, Read
from plaqueweb.reads.states import READ

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)
LIVE = (work.WorkState.CREATED, work.WorkState.QUEUED, work.WorkState.RUNNING)
REPORT_EACH = 1.0  # seconds
ENDED = (Extent.NO_PLAQUE, Extent.UNUSABLE)


class AlreadyRunning(DomainError):
    """One at a time: the page shows it, and it can be cancelled."""

    status, title, default_rule = 409, "Already running", "propagation-running"


@transaction.atomic
def ask_propagation(*, read: Read, by: User, clip_id: UUID, frame: int, region: int, lesion: int) -> Propagation:
    """Queue the carrying of a saved mask to the other frames of its clip.

    Frames that hold a mask of the lesion already, or were called free of plaque or unusable, are not touched; the way
    ends there.

    Raises:
        NotAllowed: the read is another reader's.
        InvalidTransition: the read is no draft.
        Invalid: no such mask is saved (``propagate-nothing``), no frame is left to reach (``propagate-nowhere``), or
            the case names the frames to mark (``frame-not-asked``).
        AlreadyRunning: one of this read is not done yet.
    """
    if read.assignment.reader_id != by.pk:
        raise NotAllowed(_("This read belongs to another reader."))
    READ.next(read.state, "save")
    if read.assignment.frames is not None:
        raise Invalid(_("Only the given frames are marked, each by itself."), rule="frame-not-asked")
    bundle = load_bundle(read, masks=False)
    clip = bundle.clips.get(str(clip_id))
    annotation = bundle.annotations.get((str(clip_id), frame, region))
    mask = None if annotation is None else mask_of(annotation)
    if clip is None or annotation is None or mask is None or str(lesion) not in mask.areas:
        raise Invalid(_("Paint the lesion on this frame first."), rule="propagate-nothing")
    closed = set()
    for (one, number, part), other in bundle.annotations.items():
        painted = mask_of(other)
        held = painted is not None and str(lesion) in painted.areas
        if one == str(clip_id) and part == region and (held or other.extent in ENDED):
            closed.add(number)
    frames = [*_reach(frame, 1, clip.frames, closed), *_reach(frame, -1, clip.frames, closed)]
    if not frames:
        raise Invalid(_("No frame is left to carry it to."), rule="propagate-nowhere")
    painted_rle = FrameMask.objects.values_list("rle", flat=True).get(pk=mask.pk)
    try:
        with transaction.atomic():
            Propagation.objects.filter(read=read).exclude(work_state__in=LIVE).delete()
            row = Propagation.objects.create(
                read=read, clip=clip, frame=frame, region=region, lesion=lesion, frames=frames, rle=painted_rle,
                owner_id=by.pk, progress_total=len(frames),
            )  # fmt: skip
    except IntegrityError:
        raise AlreadyRunning(_("A lesion is being carried already; wait for it, or cancel it.")) from None
    record_event(
        actor=by, verb="read.propagation-asked", target=read, project_id=read.assignment.round.project_id,
        diff={"clip": str(clip_id), "frame": frame, "lesion": lesion, "frames": len(frames)},
    )  # fmt: skip
    transaction.on_commit(ring)
    return row


def _reach(start: int, step: int, frames: int, closed: set[int]) -> list[int]:
    """Frames one way from the painted one, up to the first that is closed or the clip's end."""
    reached = []
    number = start + step
    while 1 <= number <= frames and number not in closed:
        reached.append(number)
        number += step
    return reached


def ring() -> None:
    """Wake the light worker; the sweeper rings too."""
    from kombu.exceptions import OperationalError

    from plaqueweb.reads.tasks import propagate

    try:
        propagate.apply_async(retry=False)
    except (OperationalError, OSError):
        return


def own_propagation(*, read: Read, row: UUID) -> Propagation:
    """Return one of a read's propagations.

    Raises:
        NotFound: it is not there, or of another read.
    """
    found: Propagation | None = Propagation.objects.filter(read=read, pk=row).first()
    if found is None:
        raise NotFound(_("There is nothing here that you may see."))
    return found


def cancel_propagation(*, read: Read, row: UUID, by: User) -> None:
    """Take a propagation back: a running one ends at its next frame, a finished one's drafts are thrown away.

    Raises:
        NotAllowed: the read is another reader's.
        NotFound: it is not there.
    """
    if read.assignment.reader_id != by.pk:
        raise NotAllowed(_("This read belongs to another reader."))
    found = own_propagation(read=read, row=row)
    if not work.request_cancel(Propagation, found.pk):
        found.delete()


def payload(row: Propagation) -> dict[str, Any]:
    """Return a propagation as the API shows it; ``frames`` are the drafts, once it is done."""
    drafts = json.loads(zlib.decompress(bytes(row.result))) if row.result is not None else []
    size = [row.clip.rows, row.clip.columns]
    return {
        "id": row.pk,
        "clip": row.clip_id,
        "frame": row.frame,
        "region": row.region,
        "lesion": row.lesion,
        "state": row.work_state,
        "done": row.progress_done,
        "total": len(row.frames),
        "frames": [
            {"frame": one["frame"], "mask": {"size": size, "rle": one["rle"]}, "likeness": one["likeness"]}
            for one in drafts
        ],
    }


# --- the light worker ---


def process_next() -> bool:
    """Carry the mask of the best waiting row; return whether there was one."""
    claim = work.claim_next(Propagation)
    if claim is None:
        return False
    with working_on(claim):
        _process(claim)
    return True


def _process(claim: work.Claim) -> None:
    try:
        row = Propagation.objects.select_related("clip__cine").get(pk=claim.pk)
        drafts = _carried(row, claim)
        packed = zlib.compress(json.dumps(drafts, separators=(",", ":")).encode(), 3)
        work.close(claim, result=packed, progress_done=len(row.frames))
    except (work.Overtaken, Propagation.DoesNotExist):
        work.end_cancelled(claim)
    except Stopping:
        claim.rows().update(work_state=work.WorkState.QUEUED, token=None, lease_until=None)
    except (ValueError, OSError) as error:
        log.exception("propagation %s", claim.pk)
        permanent = isinstance(error, ValueError)  # an unreadable frame stays so; storage may come back
        work.fail(claim, code=type(error).__name__, log=str(error), permanent=permanent)


def _carried(row: Propagation, claim: work.Claim) -> list[dict[str, Any]]:
    from inference.flow import carry
    from inference.types import rle_encode

    mask = unpack_mask(row.rle, row.lesion, (row.clip.rows, row.clip.columns))
    if mask is None:
        raise ValueError("the mask is not there any more")
    frames = _Frames(row)
    within = _region_box(row)
    drafts, told = [], time.monotonic()
    for way in ([n for n in row.frames if n > row.frame], [n for n in row.frames if n < row.frame]):
        for one in carry(frames.grey, mask, row.frame, way):
            check_stop()
            kept = one.mask if within is None else one.mask & within
            if kept.any():
                runs = [int(run) for run in rle_encode(kept)]
                drafts.append({"frame": one.frame, "rle": runs, "likeness": round(one.likeness, 3)})
            if time.monotonic() - told >= REPORT_EACH:
                told = time.monotonic()
                claim.extend(len(drafts), len(row.frames))
    claim.extend(len(drafts), len(row.frames))
    return sorted(drafts, key=lambda draft: int(draft["frame"]))


def _region_box(row: Propagation) -> NDArray[np.bool_] | None:
    """The pixels of the region, where a picture has several: a mask does not wander into the other half."""
    import numpy as np

    regions = [region for region in row.clip.regions.all() if not region.is_strip]
    own = next((region for region in regions if region.number == row.region), None)
    if own is None or len(regions) < 2:
        return None
    inside = np.zeros((row.clip.rows, row.clip.columns), dtype=np.bool_)
    inside[own.y0 : own.y1 + 1, own.x0 : own.x1 + 1] = True
    return inside


class _Frames:
    """Grey pictures of a clip by number. Only canonical JPEG and PNG lie in a bundle."""

    def __init__(self, row: Propagation) -> None:
        self.clip = row.clip
        self.last: tuple[int, NDArray[np.uint8]] | None = None

    def grey(self, number: int) -> NDArray[np.uint8]:
        """Return a frame as (rows, columns) of grey; the last one is kept."""
        import numpy as np
        from PIL import Image

        if self.last is not None and self.last[0] == number:
            return self.last[1]
        offset, length = self.clip.frame_offsets[number - 1]
        with open_object(self.clip.cine) as handle:
            handle.seek(offset)
            data = handle.read(length)
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG"]) as picture:
            array = np.asarray(picture.convert("L"))
        self.last = number, array
        return array
