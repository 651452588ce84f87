from __future__ import annotations

from django.urls import path

from plaqueweb.ingest import prepare_views, views

urlpatterns = [
    path("p/<slug:slug>/", views.overview, name="overview"),
    path("p/<slug:slug>/studies/", views.studies, name="studies"),
    path("p/<slug:slug>/studies/site/", views.studies_site, name="studies-site"),
    path("p/<slug:slug>/studies/<uuid:pk>/", views.study, name="study"),
    path("p/<slug:slug>/prepare/", prepare_views.prepare, name="prepare"),
    path("p/<slug:slug>/prepare/<uuid:pk>/", prepare_views.prepare_study, name="prepare-study"),
    path("p/<slug:slug>/release/", views.release_queue, name="release-queue"),
    path("p/<slug:slug>/release/<uuid:pk>/", views.release, name="release"),
]
