"""Settings of the test suite: the embedded default in a throw-away folder, quick password hashes."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("PLAQUEWEB_TUNE_SECONDS", "0")
# Tests that run side by side share no folder, though each inherits the environment of who started it.
if "PLAQUEWEB_VAR" not in os.environ or os.environ.get("PLAQUEWEB_TEST_VAR_OF", "") not in {
    "",
    os.environ.get("PYTEST_XDIST_WORKER", "alone"),
}:
    os.environ["PLAQUEWEB_VAR"] = tempfile.mkdtemp(prefix="plaqueweb-test-")
    os.environ["PLAQUEWEB_TEST_VAR_OF"] = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    atexit.register(shutil.rmtree, os.environ["PLAQUEWEB_VAR"], ignore_errors=True)

from plaqueweb.settings import base as _base
from plaqueweb.settings.base import *  # noqa: F403

SECRET_KEY = "only-for-tests-" + "x" * 40
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
_base.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
