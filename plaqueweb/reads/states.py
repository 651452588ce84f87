"""Assignment: assigned → opened → completed (can be reopened) → signed; also skipped, withdrawn, reassigned."""

from __future__ import annotations

from plaqueweb.core.transitions import Machine
from plaqueweb.reads.choices import AssignmentState as A
from plaqueweb.reads.choices import ReadState as R

ASSIGNMENT = Machine(
    "Case",
    tuple(A.values),
    {
        (A.ASSIGNED, "open"): A.OPENED,
        (A.OPENED, "open"): A.OPENED,
        (A.COMPLETED, "open"): A.COMPLETED,
        (A.SIGNED, "open"): A.SIGNED,
        (A.SKIPPED, "open"): A.OPENED,
        (A.OPENED, "complete"): A.COMPLETED,
        (A.COMPLETED, "reopen"): A.OPENED,
        (A.COMPLETED, "sign"): A.SIGNED,
        (A.ASSIGNED, "skip"): A.SKIPPED,
        (A.OPENED, "skip"): A.SKIPPED,
        (A.ASSIGNED, "withdraw"): A.WITHDRAWN,
        (A.OPENED, "withdraw"): A.WITHDRAWN,
        (A.SKIPPED, "withdraw"): A.WITHDRAWN,
        (A.WITHDRAWN, "restore"): A.ASSIGNED,
        (A.ASSIGNED, "reassign"): A.REASSIGNED,
        (A.SKIPPED, "reassign"): A.REASSIGNED,
    },
)

READ = Machine(
    "Read",
    tuple(R.values),
    {
        (R.DRAFT, "save"): R.DRAFT,
        (R.DRAFT, "complete"): R.COMPLETED,
        (R.COMPLETED, "reopen"): R.DRAFT,
        (R.COMPLETED, "sign"): R.SIGNED,
    },
)
