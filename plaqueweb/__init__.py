"""PlaqueWeb: the Django site."""

from __future__ import annotations

from plaqueweb.celery import app as celery_app

__all__ = ["celery_app"]
