"""Upload: received → parsed → stored | quarantined | refused; a person releases or refuses what is held."""

from __future__ import annotations

from plaqueweb.core.transitions import Machine
from plaqueweb.ingest.models import UploadState as U

UPLOAD = Machine(
    "Upload",
    tuple(U.values),
    {
        (U.RECEIVED, "parse"): U.PARSED,
        (U.RECEIVED, "refuse"): U.REFUSED,
        (U.PARSED, "store"): U.STORED,
        (U.PARSED, "hold"): U.QUARANTINED,
        (U.PARSED, "refuse"): U.REFUSED,
        (U.QUARANTINED, "release"): U.STORED,
        (U.QUARANTINED, "refuse"): U.REFUSED,
    },
)
