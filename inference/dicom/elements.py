"""Reading single elements of a file that may hold anything."""

from __future__ import annotations

from typing import Any


def value_of(item: Any, keyword: str) -> Any:
    """The value of a keyword in a data set or dict, or None where it is absent or cannot be read."""
    try:
        return item[keyword] if isinstance(item, dict) else getattr(item, keyword, None)
    except Exception:  # noqa: BLE001 - a lazily converted element may raise nearly anything; a bad value is no value
        return None
