"""Messages between the client and the zygote: a length of four bytes, little endian, then JSON."""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

MAX_MESSAGE = 64 * 1024 * 1024


class WireError(Exception):
    """The other side spoke nonsense, or is gone."""


def pack(message: dict[str, Any]) -> bytes:
    data = json.dumps(message, allow_nan=False).encode()
    return struct.pack("<I", len(data)) + data


def send(stream: BinaryIO, message: dict[str, Any]) -> None:
    stream.write(pack(message))
    stream.flush()


def _exactly(stream: BinaryIO, wanted: int) -> bytes:
    parts, left = [], wanted
    while left:
        part = stream.read(left)
        if not part:
            raise WireError("The stream ended.")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def receive(stream: BinaryIO) -> dict[str, Any]:
    """The next message. Raises WireError at the end of the stream or for a message that is too long or no JSON."""
    length = struct.unpack("<I", _exactly(stream, 4))[0]
    if length > MAX_MESSAGE:
        raise WireError("The message is too long.")
    try:
        message = json.loads(_exactly(stream, length))
    except ValueError as error:
        raise WireError("The message is not JSON.") from error
    if not isinstance(message, dict):
        raise WireError("The message is not an object.")
    return message
