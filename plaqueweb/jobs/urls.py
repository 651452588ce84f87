from __future__ import annotations

from django.urls import path

from plaqueweb.jobs import views

urlpatterns = [
    path("p/<slug:slug>/jobs/", views.jobs, name="jobs"),
    path("p/<slug:slug>/pipelines/", views.pipelines, name="pipelines"),
]
