"""Words of a prediction that come from a fixed list: why there is no result, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from inference import postprocess
from inference.types import NoResult


class NoResultReason(models.TextChoices):
    """Why there is no class, or no thickness in mm. The values are the library's."""

    NO_AORTA = NoResult.NO_AORTA.value, _("no aorta found")
    COLOUR = NoResult.COLOUR.value, _("colour Doppler covers the picture")
    POOR_QUALITY = NoResult.POOR_QUALITY.value, _("wall and blood cannot be told apart")
    NO_SCALE = NoResult.NO_SCALE.value, _("no scale in the file")
    OUT_OF_DISTRIBUTION = NoResult.OUT_OF_DISTRIBUTION.value, _("unlike the pictures it was trained on")
    FAILED = NoResult.FAILED.value, _("the model failed on these pictures")


R = NoResultReason

MOST_TELLING: tuple[NoResultReason, ...] = tuple(NoResultReason(reason.value) for reason in postprocess.MOST_TELLING)
"""Which reason stands for a study of which no clip has a class; the library's order."""

WHAT_TO_DO: dict[NoResultReason, Any] = {
    R.FAILED: _("Run the job again; if it fails again, tell whoever looks after the pipeline."),
    R.OUT_OF_DISTRIBUTION: _("Do not rely on a model here: the physicians’ reading stands alone."),
    R.POOR_QUALITY: _("Read it by eye, or load a clip with a clearer wall."),
    R.COLOUR: _("Load a clip of the same place without colour Doppler."),
    R.NO_AORTA: _("Look whether a clip shows the aorta; set aside the ones that do not."),
    R.NO_SCALE: _("The class stands without it. Millimetres need a file that still holds its ultrasound regions."),
}


def most_telling(reasons: Iterable[str | None]) -> str:
    """The reason that stands for several, by ``MOST_TELLING``; "" where none is given. Raises ValueError for others."""
    told = postprocess.most_telling(NoResult(reason) for reason in reasons if reason)
    return "" if told is None else told.value


def what_to_do(reason: str) -> str:
    """One sentence that says what a person may do about a reason; "" where none was recorded."""
    return str(WHAT_TO_DO[NoResultReason(reason)]) if reason in NoResultReason.values else ""
