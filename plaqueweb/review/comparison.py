"""One case opened for one user: two sides, further reads, and what lies between them. Opened once per request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from django.db.models import Prefetch, prefetch_related_objects
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import Invalid, NotFound
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.predictions.models import ClipPrediction, Prediction
from plaqueweb.reads.models import FrameAnnotation, Read
from plaqueweb.reads.readset import clips_of_case
from plaqueweb.review import selectors, sides
from plaqueweb.review.lesion_matching import SideBySide, lesion_pairs
from plaqueweb.review.masks import Place, marked_frames
from plaqueweb.review.models import Case, Consensus
from plaqueweb.review.overlap import FrameDice, frame_dice
from plaqueweb.review.sides import ModelSide, ReadSide, Side
from plaqueweb.studies.models import DEFAULT_RULE, Clip

FURTHER = 4
"""How many further reads may be laid over the pictures: more cannot be told apart."""


@dataclass(frozen=True)
class Chosen:
    """What an address asks for; an empty side takes its default, ``none`` on the right leaves the model out.

    ``left`` and ``right`` are keys as in ``Side.key``, ``more`` are ids of reads. ``preferred`` are keys too, and
    ``reader.<id>`` for the read of a person: an empty side takes the first that the case offers, before its default.
    """

    left: str = ""
    right: str = ""
    more: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Sequence[tuple[str, str]]) -> Chosen:
        """Read a query; ``read=<id>`` and ``pipeline=<id>`` mean left and right, as they did when only that was."""
        values = {name: value for name, value in given if value and name not in ("more", "prefer")}
        read, pipeline = values.get("read"), values.get("pipeline")
        old_right = pipeline if pipeline == sides.NONE else f"{sides.PIPELINE}.{pipeline}"
        left = values.get("left") or (f"{sides.READ}.{read}" if read else "")
        right = values.get("right") or (old_right if pipeline else "")
        more, preferred = (
            tuple(dict.fromkeys(value for name, value in given if name == key and value)) for key in ("more", "prefer")
        )
        return cls(left, right, more, preferred)


@dataclass
class Comparison:
    """Two answers on a case, side by side. Everything in it may be shown to the user it was opened for."""

    case: Case
    user: User
    reads: list[Read]
    predictions: list[Prediction]
    references: list[Consensus]
    clips: list[Clip]
    left: Side = field(default_factory=Side)
    right: Side = field(default_factory=Side)
    more: list[ReadSide] = field(default_factory=list)
    model_hidden: bool = False
    dice: list[FrameDice] = field(default_factory=list)
    job: InferenceJob | None = None

    @property
    def pair(self) -> tuple[Side, Side]:
        """Left and right."""
        return self.left, self.right

    @property
    def read(self) -> Read | None:
        """The read that is compared; the left one of two."""
        return next((side.read for side in self.pair if isinstance(side, ReadSide)), None)

    @property
    def prediction(self) -> Prediction | None:
        """The prediction that is compared; the right one of two."""
        return next((side.prediction for side in self.pair[::-1] if isinstance(side, ModelSide)), None)

    @property
    def models(self) -> list[ModelSide]:
        """The sides that a model stands on."""
        return [side for side in self.pair if isinstance(side, ModelSide)]

    @property
    def focus(self) -> Place | None:
        """The frame that area, overlap and ratio are told for: where a read was marked, else the model's key frame."""
        marked = [side for side in self.pair if sides.marks_of(side)]
        if len(marked) == 2 and (both := [one.place for one in self.dice]):
            keys = [side.key_place for side in marked]
            return next((place for place in keys if place in both), both[0])
        return next((side.key_place for side in [*marked, *self.pair] if side.key_place is not None), None)

    @cached_property
    def lesion_pairs(self) -> SideBySide | None:
        """Which lesions of left and right are the same plaque; None where there are no two lists to pair."""
        return lesion_pairs(self)

    @property
    def cutoff_mm(self) -> float:
        """The protocol's thickness from which a plaque is complex."""
        rule = self.case.round.protocol.label_rule or DEFAULT_RULE
        return float(rule.get("thickness_mm", DEFAULT_RULE["thickness_mm"]))

    def dice_at(self, place: Place | None) -> FrameDice | None:
        """Return the overlap on one frame, if it was compared."""
        return next((one for one in self.dice if one.place == place), None)

    @property
    def differing(self) -> list[Place]:
        """Frames where both marked something comparable, the largest disagreement first.

        Frames that both declared fully marked come before all others; then the lower Dice, then the larger gap.
        """
        compared = [one for one in self.dice if one.value is not None]
        compared.sort(key=lambda one: (not one.declared, round(one.value or 0.0, 4), -abs(one.right_px - one.left_px)))
        return [one.place for one in compared]


def compare(*, user: User, case: Case, chosen: Chosen | None = None) -> Comparison:
    """Open a comparison of a case from ``visible_case``. Without a choice: the own, else the first read, and the model.

    Whoever has to decide the case is offered no reference, and no model unless it is named.

    Raises:
        NotFound: a side or read is not among those the user may compare here.
        Invalid: more than ``FURTHER`` further reads.
    """
    asked = chosen or Chosen()
    deciding = selectors.may_adjudicate(user, case)
    out = Comparison(
        case, user,
        reads=selectors.comparable_reads(user, case),
        predictions=selectors.comparable_predictions(user, case),
        references=[] if deciding else selectors.references(user, case),
        clips=clips_of_case(case.round_id, case.study_id),
    )  # fmt: skip
    right = asked.right or (sides.NONE if deciding else "")
    out.model_hidden = right == sides.NONE
    rows = _rows(out, asked, right)
    opened = _open_reads(out, rows)
    out.left, out.right = (_side(out, row, opened) for row in rows[:2])
    out.more = [opened[row.pk] for row in rows[2:] if isinstance(row, Read)]
    out.dice = frame_dice(out.left, out.right)
    if rows[1] is None and not out.model_hidden:
        out.job = selectors.latest_job(user, case)
    return out


Row = Read | Prediction | Consensus | None


def _rows(c: Comparison, asked: Chosen, right: str) -> list[Row]:
    """The rows of left, right and the further reads."""
    if len(asked.more) > FURTHER:
        limit = {"limit": FURTHER}
        raise Invalid(_("At most %(limit)d further reads can be told apart.") % limit, rule="compare-more")
    known: dict[str, Row] = {f"{sides.READ}.{row.pk}": row for row in c.reads}
    known |= {f"{sides.PIPELINE}.{row.pipeline_id}": row for row in c.predictions}
    known |= {f"{sides.REFERENCE}.{row.kind}": row for row in c.references}
    of_people = {f"reader.{row.assignment.reader_id}": row for row in reversed(c.reads)}
    wished = [row for key in asked.preferred if (row := known.get(key) or of_people.get(key)) is not None]
    models = [row for row in wished if isinstance(row, Prediction)]
    if len(models) > 1 and not right:
        people: list[Row] = [models.pop(0)]
    else:
        people = [row for row in wished if not isinstance(row, Prediction)]
    first = _named(known, asked.left) if asked.left else next(iter([*people, *c.reads]), None)
    second: Row = None
    if right and right != sides.NONE:
        second = _named(known, right)
    elif not right:
        second = next((row for row in [*models, *c.predictions] if row != first), None)
        if second is None and isinstance(first, Prediction):
            second = next(iter(c.reads), None)
    further = [_named(known, f"{sides.READ}.{pk}") for pk in asked.more]
    return [first, second, *(row for row in further if row not in (first, second))]


def _named(known: dict[str, Row], key: str) -> Row:
    if key not in known:
        raise NotFound(_("There is nothing here that you may see."))
    return known[key]


def _taken(c: Comparison, row: Consensus) -> Read | None:
    """The read whose answer became the reference, if the user may see it."""
    name = (row.basis or {}).get("read")
    return next((read for read in c.reads if str(read.pk) == name), None)


def _open_reads(c: Comparison, rows: Sequence[Row]) -> dict[object, ReadSide]:
    """Load the marks of all reads that are shown, in one query for each kind."""
    named = [row for row in rows if isinstance(row, Read)]
    named += [read for row in rows if isinstance(row, Consensus) and (read := _taken(c, row)) is not None]
    reads = list({read.pk: read for read in named}.values())
    if not reads:
        return {}
    found = FrameAnnotation.objects.filter(read__in=reads).select_related("mask", "clip").order_by("clip_id", "frame")
    marks: dict[object, list[FrameAnnotation]] = {read.pk: [] for read in reads}
    for row in found:
        marks[row.read_id].append(row)
    prefetch_related_objects(reads, "lesions", "findings")
    return {
        read.pk: sides.read_side(read, c.clips, marks[read.pk], marked_frames(marks[read.pk]), list(read.lesions.all()))
        for read in reads
    }


def _side(c: Comparison, row: Row, opened: dict[object, ReadSide]) -> Side:
    if isinstance(row, Read):
        return opened[row.pk]
    if isinstance(row, Consensus):
        taken = _taken(c, row)
        return sides.reference_side(row, c.clips, opened[taken.pk] if taken else None)
    if isinstance(row, Prediction):
        prefetch_related_objects(
            [row], Prefetch("clips", queryset=ClipPrediction.objects.select_related("masks", "clip"))
        )
        return sides.model_side(row, c.clips, list(row.clips.all()))
    return Side(clips=c.clips)


__all__ = ["FURTHER", "Chosen", "Comparison", "compare"]
