"""All addresses of the site."""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

urlpatterns = [
    path("api/v1/", include("plaqueweb.api.router")),
    path("api/schema/", SpectacularAPIView.as_view(), name="openapi"),
    path("", include("plaqueweb.accounts.urls")),
    path("", include("plaqueweb.api.urls")),
    path("", include("plaqueweb.ops.urls")),
    path("", include("plaqueweb.ingest.urls")),
    path("", include("plaqueweb.jobs.urls")),
    path("", include("plaqueweb.reads.urls")),
    path("", include("plaqueweb.review.urls")),
    path("", include("plaqueweb.agreement.urls")),
]
handler404 = "plaqueweb.api.pages.not_found"
handler500 = "plaqueweb.api.pages.server_error"
