"""Other names for a case's clips in each presentation, where a reader may meet the case again.

A repeated case then shares no id, no address and no ETag with its first presentation. The names are keyed hashes:
nobody can work one out from a clip's own id. They exist in the HTTP layer only; what is stored keeps the clips' ids.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

from django.urls import reverse
from django.utils.crypto import salted_hmac

from plaqueweb.reads.models import Assignment
from plaqueweb.reads.readset import clips_shown
from plaqueweb.studies.models import Clip

SALT = "plaqueweb.reads.aliases"
KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def _hash(assignment: Assignment, text: str) -> bytes:
    return salted_hmac(SALT, f"{assignment.public_id}:{text}", algorithm="sha256").digest()


class Aliases:
    """The names of one presentation's clips and regions."""

    def __init__(self, assignment: Assignment, clips: list[Clip]) -> None:
        self._assignment = assignment
        keys = [clip.pk for clip in clips] + [region.pk for clip in clips for region in clip.regions.all()]
        self._names = {str(key): str(UUID(bytes=_hash(assignment, str(key))[:16], version=4)) for key in keys}
        self._clips = {self._names[str(clip.pk)]: clip for clip in clips}

    def hide_text(self, text: str) -> str:
        """Put the other names in, in JSON text of any shape; clips' addresses become those of this presentation."""
        return KEY.sub(lambda found: self._names.get(found[0], found[0]), text)

    def hide(self, value: Any) -> Any:
        """Put the other names in, in plain values."""
        if isinstance(value, dict):
            return {self.hide_text(key): self.hide(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.hide(item) for item in value]
        if isinstance(value, str | UUID):
            return self.hide_text(str(value))
        return value

    def find(self, value: Any) -> Any:
        """Put the stored ids back in what a client sends. A stored id itself is no name here."""
        if isinstance(value, dict):
            return {key: self.find(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.find(item) for item in value]
        if not isinstance(value, str):
            return value
        if value in self._clips:
            return str(self._clips[value].pk)
        return str(uuid4()) if value.lower() in self._names else value

    def clip(self, name: str) -> Clip | None:
        """Return the clip of a name."""
        return self._clips.get(name.lower())

    def tag(self, clip: Clip) -> str:
        """Return what stands for a clip's content in ETags and addresses of this presentation."""
        return _hash(self._assignment, f"content:{clip.cine.sha256}").hex()

    def addressed(self, clip: Clip, payload: dict[str, Any]) -> dict[str, Any]:
        """Return a clip's payload with this presentation's addresses."""
        base = reverse("assignments-detail", args=[self._assignment.public_id])
        base, version = f"{base}clips/{self._names[str(clip.pk)]}/", self.tag(clip)[:12]
        return {**payload, "cine_url": f"{base}cine/?v={version}", "frame_url": f"{base}frames/{{n}}/?v={version}"}


def aliases_of(assignment: Assignment, clips: list[Clip] | None = None) -> Aliases | None:
    """Return the names of a presentation, None in rounds that show no case twice; ``clips`` where they are loaded."""
    if not assignment.round.hides_identity:
        return None
    return Aliases(assignment, clips_shown(assignment) if clips is None else clips)
