"""Pipeline: registered → evaluated → shadow → active → retired, with roll-back."""

from __future__ import annotations

from plaqueweb.core.transitions import Machine
from plaqueweb.predictions.models import PipelineState as S

PIPELINE = Machine(
    "Pipeline",
    tuple(S.values),
    {
        (S.REGISTERED, "evaluate"): S.EVALUATED,
        (S.EVALUATED, "shadow"): S.SHADOW,
        (S.EVALUATED, "activate"): S.ACTIVE,
        (S.SHADOW, "activate"): S.ACTIVE,
        (S.ACTIVE, "retire"): S.RETIRED,
        (S.SHADOW, "retire"): S.RETIRED,
        (S.RETIRED, "activate"): S.ACTIVE,  # roll-back
    },
)
