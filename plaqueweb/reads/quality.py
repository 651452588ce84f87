"""Picture quality of study and clips with reasons, and the reason why a reader's class is not the rule's verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from plaqueweb.core.errors import Invalid
from plaqueweb.reads.answers import Verdict, rule_agrees
from plaqueweb.reads.choices import ConflictReason, Quality
from plaqueweb.reads.draft_input import ClipQualityInput
from plaqueweb.reads.models import Read
from plaqueweb.reads.readset import clips_of_assignment

LESS = (Quality.LIMITED, Quality.UNUSABLE)
"""Qualities that have reasons."""


def merged(read: Read, given: Sequence[ClipQualityInput]) -> dict[str, Any] | None:
    """Return a read's quality by clip with what was sent laid over it; one without quality is taken away.

    Raises:
        Invalid: a clip is not part of the case (rule ``clip-not-in-case``).
    """
    known = {str(clip.pk) for clip in clips_of_assignment(read.assignment, pictures=False)}
    found = dict(read.clip_quality or {})
    for item in given:
        if item.clip not in known:
            raise Invalid(_("This clip is not part of the case."), rule="clip-not-in-case")
        found.pop(item.clip, None)
        if item.quality:
            found[item.clip] = {"quality": item.quality, "reasons": list(item.reasons)}
    return found or None


def kept_reasons(read: Read) -> list[str] | None:
    """Return the reasons for a study's quality, None where the quality needs none."""
    return (read.quality_reasons or None) if read.quality in LESS else None


def kept_clips(read: Read) -> dict[str, Any] | None:
    """Return the quality of the clips, without reasons that a good one does not have."""
    rows = (read.clip_quality or {}).items()
    return {
        clip: {"quality": row["quality"], "reasons": row["reasons"] if row["quality"] in LESS else []}
        for clip, row in rows
    } or None


def conflict_reason(read: Read, verdict: Verdict) -> str | None:
    """Return the reason to keep at completion: None where class and verdict do not differ, or the round hides it.

    Raises:
        Invalid: they differ and no reason was given (rule ``conflict-reason``, with the choices).
    """
    if read.assignment.round.hides_verdict or rule_agrees(read.reader_class, verdict.value) is not False:
        return None
    if not read.conflict_reason:
        choices = [{"value": value, "words": str(words)} for value, words in ConflictReason.choices]
        raise Invalid(
            _("Your class and the label rule differ: give one reason."), rule="conflict-reason",
            extra={"rule_class": verdict.value, "rule_reason": verdict.ground, "choices": choices},
        )  # fmt: skip
    return read.conflict_reason
