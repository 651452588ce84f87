"""UUIDv7: keys that sort by the time they were made, so that lists can page by key."""

from __future__ import annotations

import os
import threading
import time
import uuid

_lock = threading.Lock()
_last = 0


def uuid7() -> uuid.UUID:
    """Return a new UUID version 7, strictly increasing within one process.

    Source:
        RFC 9562, section 5.7, with 12 bits of sub-millisecond time in rand_a (section 6.2, method 3).
    """
    global _last
    with _lock:
        ticks = time.time_ns() * 4096 // 1_000_000  # 48 bit milliseconds, 12 bit fraction
        _last = ticks = max(ticks, _last + 1)
    milliseconds, fraction = divmod(ticks, 4096)
    value = (milliseconds & (2**48 - 1)) << 80
    value |= 0x7 << 76 | fraction << 64 | 0b10 << 62
    value |= int.from_bytes(os.urandom(8), "big") & (2**62 - 1)
    return uuid.UUID(int=value)


def parse_uuid(text: str | None) -> uuid.UUID | None:
    """Return a key that came with a request, None where it is missing or no UUID."""
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None
