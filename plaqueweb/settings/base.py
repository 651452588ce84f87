"""Settings shared by every way to run the site. Environment variables are listed in docs/reference/settings.md."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parents[2]
VAR_DIR = Path(os.environ.get("PLAQUEWEB_VAR", BASE_DIR / "var"))

DEBUG = False
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "")
ALLOWED_HOSTS: list[str] = [h for h in os.environ.get("DJANGO_ALLOWED_HOSTS", "").split(",") if h]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "django_htmx",
    "django_vite",
    "csp",
    "plaqueweb.core",
    "plaqueweb.audit",
    "plaqueweb.accounts",
    "plaqueweb.studies",
    "plaqueweb.predictions",
    "plaqueweb.reads",
    "plaqueweb.jobs",
    "plaqueweb.ingest",
    "plaqueweb.review",
    "plaqueweb.agreement",
    "plaqueweb.ops",
    "plaqueweb.api",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "plaqueweb.core.middleware.TraceMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "plaqueweb.core.middleware.DomainErrorMiddleware",
]

ROOT_URLCONF = "plaqueweb.urls"
WSGI_APPLICATION = "plaqueweb.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "plaqueweb.api.context.shell",
            ],
        },
    },
]


def database_from_env() -> dict[str, Any]:
    """SQLite by default; PostgreSQL when ``DATABASE_URL`` is ``postgres://user:password@host:port/name``."""
    from urllib.parse import parse_qsl, unquote, urlsplit

    url = os.environ.get("DATABASE_URL", "")
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": VAR_DIR / "db.sqlite3",
            # A test database in memory cannot be shared by processes; the suites that start workers need a file.
            "TEST": {"NAME": os.environ.get("PLAQUEWEB_TEST_DB") or None},
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA temp_store=MEMORY;"
                    "PRAGMA mmap_size=134217728;PRAGMA journal_size_limit=67108864;PRAGMA cache_size=-20000;"
                ),
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(
            f"DATABASE_URL: unknown scheme {parts.scheme!r}; use postgres://… or leave it empty for SQLite"
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": dict(parse_qsl(parts.query)),
    }


DATABASES = {"default": database_from_env()}
ATOMIC_REQUESTS = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
# Login and signature limits count in the database cache, so that every process counts together.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "shared": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "core_cache"},
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [("dist", BASE_DIR / "static" / "dist")]
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": VAR_DIR / "objects"}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
if bucket := os.environ.get("PLAQUEWEB_S3_BUCKET"):
    STORAGES["default"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": os.environ.get("PLAQUEWEB_S3_ENDPOINT") or None,
            "region_name": os.environ.get("PLAQUEWEB_S3_REGION") or None,
            "default_acl": None,
            "file_overwrite": True,
            "querystring_auth": True,
        },
    }
WHITENOISE_IMMUTABLE_FILE_TEST = r"/dist/assets/.+"
DJANGO_VITE = {
    "default": {
        "dev_mode": False,
        "manifest_path": BASE_DIR / "static" / "dist" / ".vite" / "manifest.json",
        "static_url_prefix": "dist",
    }
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "blob:", "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-src": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "knox.auth.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "plaqueweb.core.paging.KeysetPagination",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "plaqueweb.core.problems.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "PlaqueWeb",
    "VERSION": "1",
    "DESCRIPTION": "Research use only. Not for diagnosis.",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "ENUM_NAME_OVERRIDES": {
        "AssignmentState": "plaqueweb.reads.choices.AssignmentState",
        "ReadState": "plaqueweb.reads.choices.ReadState",
        "ReasonAnswer": "plaqueweb.reads.choices.Reason",
        "QualityReason": "plaqueweb.reads.choices.QualityReason",
        "RevisionKind": "plaqueweb.reads.choices.RevisionKind",
        "UploadState": "plaqueweb.ingest.models.UploadState",
        "WorkState": "plaqueweb.core.work.WorkState",
        "PipelineState": "plaqueweb.predictions.models.PipelineState",
        "ClipState": "plaqueweb.studies.choices.ClipState",
        "CaseState": "plaqueweb.review.models.CaseState",
        "NoResult": "plaqueweb.predictions.choices.NoResultReason",
        "DifferenceReason": "plaqueweb.review.models.DifferenceReason",
    },
}
REST_KNOX = {"TOKEN_TTL": timedelta(days=90), "AUTO_REFRESH": False}

# The message is a doorbell, the row is the truth: no results, no retries, no late acknowledgement.
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "filesystem://")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TASK_DEFAULT_QUEUE = "light"
CELERY_TASK_ROUTES = {
    "jobs.*": {"queue": "gpu"},
    "ingest.*": {"queue": "light"},
    "agreement.*": {"queue": "light"},
    "reads.*": {"queue": "light"},
    "review.*": {"queue": "light"},
}
if CELERY_BROKER_URL.startswith("filesystem:"):
    _spool = VAR_DIR / "broker"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_spool / "messages"),
        "data_folder_out": str(_spool / "messages"),
        "control_folder": str(_spool / "control"),
        "polling_interval": 0.2,
    }
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 10, "health_check_interval": 30, "visibility_timeout": 3600}

# Pseudonym and date-shift keys live outside the database (DATA_MODEL: a copy of the database re-identifies nobody).
PSEUDONYM_KEY_DIR = Path(os.environ.get("PLAQUEWEB_KEY_DIR", VAR_DIR / "keys"))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": os.environ.get("PLAQUEWEB_LOG_LEVEL", "WARNING")},
    "loggers": {"kombu.connection": {"level": "ERROR"}},  # the filesystem broker has no host name and says so each time
}
