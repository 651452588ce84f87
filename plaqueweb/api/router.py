"""The API's routes: one viewset per table, only the verbs the domain has."""

from __future__ import annotations

import importlib

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from plaqueweb.accounts.api import MeView, TokenView

ROUTES = {
    "projects": ("plaqueweb.studies.api", "ProjectViewSet"),
    "subjects": ("plaqueweb.studies.api", "SubjectViewSet"),
    "studies": ("plaqueweb.studies.api", "StudyViewSet"),
    "clips": ("plaqueweb.studies.api", "ClipViewSet"),
    "uploads": ("plaqueweb.ingest.api", "UploadViewSet"),
    "pipelines": ("plaqueweb.predictions.api", "PipelineViewSet"),
    "predictions": ("plaqueweb.predictions.api", "PredictionViewSet"),
    "jobs": ("plaqueweb.jobs.api", "JobViewSet"),
    "rounds": ("plaqueweb.reads.api", "RoundViewSet"),
    "assignments": ("plaqueweb.reads.api", "AssignmentViewSet"),
    "reads": ("plaqueweb.reads.api", "ReadViewSet"),
    "cases": ("plaqueweb.review.api", "CaseViewSet"),
    "consensus": ("plaqueweb.review.api", "ConsensusViewSet"),
    "audit": ("plaqueweb.api.audit", "AuditViewSet"),
}

router = SimpleRouter()
for prefix, (module, name) in ROUTES.items():
    try:
        router.register(prefix, getattr(importlib.import_module(module), name), basename=prefix)
    except (ImportError, AttributeError) as missing:
        print("router:", missing)

urlpatterns: list[URLPattern | URLResolver] = [
    path("me/", MeView.as_view(), name="me"),
    path("tokens/", TokenView.as_view(), name="tokens"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    *router.urls,
]
try:
    from plaqueweb.agreement.api import AgreementView

    urlpatterns.append(path("agreement/", AgreementView.as_view(), name="api-agreement"))
except ImportError as missing:
    print("router:", missing)
_ = include
