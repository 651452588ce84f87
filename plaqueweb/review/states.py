"""Case in review: open → agreed | discordant → adjudicated. Adjudication: begun → answered → decided."""

from __future__ import annotations

from plaqueweb.core.transitions import Machine
from plaqueweb.review.models import AdjudicationState as A
from plaqueweb.review.models import CaseState as C

CASE = Machine(
    "Case in review",
    tuple(C.values),
    {
        (C.OPEN, "agree"): C.AGREED,
        (C.OPEN, "differ"): C.DISCORDANT,
        (C.AGREED, "differ"): C.DISCORDANT,  # a later read disagrees
        (C.AGREED, "adjudicate"): C.ADJUDICATED,  # drawn by lot: the service looks for the entry
        (C.DISCORDANT, "adjudicate"): C.ADJUDICATED,
        (C.ADJUDICATED, "adjudicate"): C.ADJUDICATED,  # a new revision of the consensus
    },
)

ADJUDICATION = Machine(
    "Adjudication",
    tuple(A.values),
    {
        (A.BEGUN, "answer"): A.ANSWERED,
        (A.BEGUN, "give_back"): A.RETURNED,
        (A.ANSWERED, "decide"): A.DECIDED,
        (A.DECIDED, "decide"): A.DECIDED,  # a new revision of the consensus
    },
)
