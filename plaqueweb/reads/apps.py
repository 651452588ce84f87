from __future__ import annotations

from django.apps import AppConfig


class ReadsConfig(AppConfig):
    name = "plaqueweb.reads"
    label = "reads"
