"""Pseudonym keys, one file a project, outside the database: a copy of the database re-identifies nobody."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import uuid
from pathlib import Path

from django.conf import settings

KEY_BYTES = 32


def project_key(project_id: uuid.UUID) -> bytes:
    """Return a project's key; it is made on first use, readable by its owner only.

    Losing the file means that a patient who comes again gets a new pseudonym: back it up apart from the database.
    """
    path = Path(settings.PSEUDONYM_KEY_DIR) / f"{project_id.hex}.key"
    try:
        return bytes.fromhex(path.read_text())
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(secrets.token_bytes(KEY_BYTES).hex())
        handle.flush()
        os.fsync(handle.fileno())
    try:
        os.link(partial, path)  # fails when another process was first: its key holds
    except FileExistsError:
        pass
    finally:
        partial.unlink()
    return bytes.fromhex(path.read_text())


def batch_identity(key: bytes, batch: uuid.UUID) -> tuple[str, str]:
    """Return ``(study uid, pseudonym)`` for files without identity: those of one drop form one study of one subject."""
    study = hmac.new(key, b"batch-study\0" + batch.bytes, hashlib.sha256).digest()
    subject = hmac.new(key, b"batch-subject\0" + batch.bytes, hashlib.sha256).digest()
    return f"2.25.{int.from_bytes(study[:16], 'big')}", "P-" + base64.b32encode(subject).decode()[:12]
