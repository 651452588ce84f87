"""The embedded default: SQLite, filesystem broker, local files, on 127.0.0.1; the secret is made once, beside them."""

from __future__ import annotations

import secrets

from plaqueweb.settings.base import *  # noqa: F403
from plaqueweb.settings.base import SECRET_KEY, VAR_DIR

ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

if not SECRET_KEY:
    _file = VAR_DIR / "secret_key"
    if not _file.exists():
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        try:
            with _file.open("x") as handle:
                _file.chmod(0o600)
                handle.write(secrets.token_urlsafe(48))
        except FileExistsError:
            pass  # another process was first
    SECRET_KEY = _file.read_text()

# One machine: static files straight from the build, nothing to collect first.
WHITENOISE_USE_FINDERS = True
