"""InferenceJob: created → queued → running → done | failed | dead | cancelled; a lost lease: queued."""

from __future__ import annotations

from plaqueweb.core.transitions import Machine
from plaqueweb.core.work import WorkState as W

JOB = Machine(
    "Job",
    tuple(W.values),
    {
        (W.CREATED, "queue"): W.QUEUED,
        (W.CREATED, "cancel"): W.CANCELLED,
        (W.QUEUED, "claim"): W.RUNNING,
        (W.QUEUED, "cancel"): W.CANCELLED,
        (W.RUNNING, "finish"): W.DONE,
        (W.RUNNING, "fail"): W.FAILED,
        (W.RUNNING, "give_up"): W.DEAD,
        (W.RUNNING, "cancel"): W.CANCELLED,
        (W.RUNNING, "requeue"): W.QUEUED,
    },
)
