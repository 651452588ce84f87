from __future__ import annotations

from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "plaqueweb.ops"
    label = "ops"
