from __future__ import annotations

from django.urls import path

from plaqueweb.ops.views import health

urlpatterns = [path("health/", health, name="health")]
