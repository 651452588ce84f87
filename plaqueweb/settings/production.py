"""Production: by environment variables alone; refuses to start with a missing or known secret."""

from __future__ import annotations

import os

from django.core.exceptions import ImproperlyConfigured

from plaqueweb.settings.base import *  # noqa: F403
from plaqueweb.settings.base import ALLOWED_HOSTS, SECRET_KEY

if len(SECRET_KEY) < 40 or SECRET_KEY.startswith("only-for-tests"):
    raise ImproperlyConfigured("DJANGO_SECRET_KEY must be set to a random secret of at least 40 characters")
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("DJANGO_ALLOWED_HOSTS must name the site's host, comma-separated")
if not os.environ.get("DATABASE_URL"):
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database; SQLite is for one machine (settings.dev)")

SECURE_SSL_REDIRECT = os.environ.get("PLAQUEWEB_TLS", "1") == "1"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31536000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("DJANGO_CSRF_TRUSTED_ORIGINS", "").split(",") if o]
