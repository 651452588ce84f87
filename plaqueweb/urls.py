"""All addresses of the site."""

from __future__ import annotations

import importlib

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

urlpatterns = [
    path("api/v1/", include("plaqueweb.api.router")),
    path("api/schema/", SpectacularAPIView.as_view(), name="openapi"),
    path("", include("plaqueweb.accounts.urls")),
    path("", include("plaqueweb.api.urls")),
]
for room in ("ops", "ingest", "jobs", "reads", "review", "agreement"):
    try:
        importlib.import_module(f"plaqueweb.{room}.urls")
        urlpatterns.append(path("", include(f"plaqueweb.{room}.urls")))
    except ImportError as missing:
        print("urls:", missing)
handler404 = "plaqueweb.api.pages.not_found"
handler500 = "plaqueweb.api.pages.server_error"
