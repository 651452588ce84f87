"""JSON with ready-made parts: stored masks go out as the text they were stored as, without parsing and printing."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.functional import Promise


@dataclass(frozen=True)
class RawJson:
    """A value that is JSON text already."""

    text: str


def dumps(payload: Mapping[str, Any]) -> str:
    """Return compact JSON; ``RawJson`` values are put in as they are."""
    parts: list[str] = []
    token = f"raw-{secrets.token_hex(12)}-"  # unguessable: no text of a user can stand for a part

    def plain(value: Any) -> Any:
        if isinstance(value, RawJson):
            parts.append(value.text)
            return f"{token}{len(parts) - 1}"
        if isinstance(value, datetime | date):
            return value.isoformat().replace("+00:00", "Z")
        if isinstance(value, UUID | Promise):
            return str(value)
        raise TypeError(f"{type(value).__name__} is no JSON")

    text = json.dumps(payload, default=plain, separators=(",", ":"), ensure_ascii=False)
    if not parts:
        return text
    return re.sub(f'"{token}([0-9]+)"', lambda match: parts[int(match.group(1))], text)


def as_values(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload as plain JSON values."""
    values: dict[str, Any] = json.loads(dumps(payload))
    return values


def masks_as_json(text: str, rows: int, columns: int) -> RawJson:
    """Return stored masks ``{"1":[…]}`` as ``{"1":{"size":[rows,columns],"rle":[…]}}``, by text alone.

    The stored text is our own canonical JSON: one list per lesion, numbers only.
    """
    opened = f':{{"size":[{rows},{columns}],"rle":['
    return RawJson(text.replace("]", "]}").replace(":[", opened))
