"""What a comparison is chosen from and made of: plain values that ``selectors`` reads, once a request."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db.models import TextField
from django.db.models.functions import Cast

from plaqueweb.reads.models import Round
from plaqueweb.review.models import ConsensusKind
from plaqueweb.studies.models import Project

READER = "reader:"
CONSENSUS_KINDS: dict[str, tuple[str, ...]] = {
    "known_truth": (ConsensusKind.KNOWN_TRUTH,),
    "consensus": (ConsensusKind.AGREED, ConsensusKind.ADJUDICATED),
    "adjudicated": (ConsensusKind.ADJUDICATED,),
}
"""References that carry the words accuracy, sensitivity, specificity. A named reader carries "agrees with"."""
MAJORITY = "majority"
"""The class that more than half of the readers gave: a reference too, made from the counted reads."""


@dataclass(frozen=True)
class ReaderChoice:
    """A reader of whom at least one counted read is visible."""

    id: uuid.UUID
    name: str
    simulated: bool
    studies: int

    @property
    def key(self) -> str:
        return f"{READER}{self.id}"


@dataclass(frozen=True)
class PipelineChoice:
    """A pipeline of which at least one prediction is visible."""

    id: uuid.UUID
    name: str
    active: bool


@dataclass(frozen=True)
class PrimaryRead:
    """The one read of a reader on a study that counts."""

    id: uuid.UUID
    study_id: uuid.UUID
    subject_id: uuid.UUID
    reader_id: uuid.UUID
    reader_name: str
    simulated: bool
    content_no: int
    imported: bool
    round_id: uuid.UUID
    active_seconds: int


@dataclass(frozen=True)
class Reference:
    """The revision in force of one kind of reference on a study."""

    id: uuid.UUID
    study_id: uuid.UUID
    subject_id: uuid.UUID
    kind: str


@dataclass(frozen=True)
class Predicted:
    """A visible prediction, and the content of the study that it was made on."""

    id: uuid.UUID
    pipeline_id: uuid.UUID
    study_id: uuid.UUID
    subject_id: uuid.UUID
    content_no: int


class Ids:
    """Ids as objects, each made once: thousands of rows name a few readers, and every study several times."""

    def __init__(self) -> None:
        self.known: dict[str, uuid.UUID] = {}

    def __call__(self, text: str) -> uuid.UUID:
        found = self.known.get(text)
        if found is None:
            found = self.known[text] = uuid.UUID(text)
        return found


def as_text(path: str) -> Cast:
    """An id as the database writes it, for ``Ids``."""
    return Cast(path, TextField())


@dataclass(frozen=True)
class Choices:
    """What the filters offer: nothing that the user may not see. ``references`` include "majority" where two read."""

    rounds: tuple[Round, ...]
    pipelines: tuple[PipelineChoice, ...]
    references: tuple[str, ...]
    readers: tuple[ReaderChoice, ...]

    def with_rounds(self, rounds: Iterable[Round]) -> Choices:
        """The same with these rounds."""
        return replace(self, rounds=tuple(rounds))


@dataclass(frozen=True)
class Selection:
    """A comparison that was asked for. ``against`` is a key of CONSENSUS_KINDS, "majority" or ``reader:<uuid>``, "" if
    none. ``asked`` are the further filters of the address, which every link keeps.
    """

    project: Project
    round: Round | None
    pipeline: PipelineChoice | None
    against: str
    reader: ReaderChoice | None
    asked: tuple[tuple[str, str], ...] = ()

    @property
    def has_reference(self) -> bool:
        """Tell whether accuracy is a word to use: known truth, consensus or majority, not a named reader."""
        return is_reference(self.against)


def is_reference(against: str) -> bool:
    """Tell whether what is compared with is a reference, against which accuracy is a word to use."""
    return against in CONSENSUS_KINDS or against == MAJORITY


@dataclass(frozen=True)
class Scope:
    """The visible rows of a project (and round), read once per request.

    ``interim``: reads of a round that still goes on are among them.
    """

    choices: Choices
    reads: tuple[PrimaryRead, ...]
    informed: int
    subjects: dict[uuid.UUID, uuid.UUID]
    references: tuple[Reference, ...] = ()
    predictions: tuple[Predicted, ...] = ()
    interim: bool = False
