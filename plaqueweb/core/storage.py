"""Objects keyed by project and hash, on local files or S3: the bytes are durable before a row names them."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from django.core.files.base import File
from django.core.files.storage import default_storage

from plaqueweb.core.ids import uuid7
from plaqueweb.core.models import ObjectKind, StoredObject

CHUNK = 1 << 20


def put_file(*, source: IO[bytes], project_id: uuid.UUID, kind: ObjectKind) -> StoredObject:
    """Store a stream once and return its row; the same content again returns the same row.

    The bytes reach the disk (fsync) or the bucket before the row is written.
    """
    digest, size = _digest(source)
    key = object_key(project_id, kind, digest)
    if not default_storage.exists(key):
        source.seek(0)
        _write_durably(key, source)
    row, _ = StoredObject.objects.get_or_create(
        project_id=project_id, kind=kind, sha256=digest, defaults={"bytes": size, "key": key}
    )
    return row


def open_object(row: StoredObject) -> IO[bytes]:
    """Open a stored object for reading; it can be sought."""
    return default_storage.open(row.key, "rb")


def read_range(row: StoredObject, start: int, length: int) -> bytes:
    """Return ``length`` bytes from offset ``start``."""
    with open_object(row) as handle:
        handle.seek(start)
        return handle.read(length)


def read_all(row: StoredObject) -> bytes:
    """Return the whole object."""
    with open_object(row) as handle:
        return handle.read()


def chunks(row: StoredObject) -> Iterator[bytes]:
    """Yield the object in pieces, for streaming answers."""
    with open_object(row) as handle:
        while piece := handle.read(CHUNK):
            yield piece


def object_key(project_id: uuid.UUID, kind: str, digest: str) -> str:
    """Return where an object lies: no part of the path comes from input."""
    return f"{project_id.hex}/{kind}/{digest[:2]}/{digest}"


def _digest(source: IO[bytes]) -> tuple[str, int]:
    sha, size = hashlib.sha256(), 0
    source.seek(0)
    while piece := source.read(CHUNK):
        sha.update(piece)
        size += len(piece)
    return sha.hexdigest(), size


def _write_durably(key: str, source: IO[bytes]) -> None:
    try:
        target = Path(default_storage.path(key))
    except NotImplementedError:  # a bucket: the provider's answer is the promise
        default_storage.save(key, File(source))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{uuid7().hex}")
    try:
        with partial.open("wb") as handle:
            while piece := source.read(CHUNK):
                handle.write(piece)
            handle.flush()
            os.fsync(handle.fileno())
        partial.replace(target)
        if hasattr(os, "O_DIRECTORY"):
            folder = os.open(target.parent, os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    finally:
        partial.unlink(missing_ok=True)
