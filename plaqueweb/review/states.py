"""Case in review: open → agreed | discordant → adjudicated."""

from __future__ import annotations

from plaqueweb.core.transitions import Machine
from plaqueweb.review.models import CaseState as C

CASE = Machine(
    "Case in review",
    tuple(C.values),
    {
        (C.OPEN, "agree"): C.AGREED,
        (C.OPEN, "differ"): C.DISCORDANT,
        (C.AGREED, "differ"): C.DISCORDANT,  # a later read disagrees
        (C.DISCORDANT, "adjudicate"): C.ADJUDICATED,
        (C.ADJUDICATED, "adjudicate"): C.ADJUDICATED,  # a new revision of the consensus
    },
)
