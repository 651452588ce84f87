from __future__ import annotations

from django.urls import path

from plaqueweb.api import pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("p/<slug:slug>/audit/", pages.audit, name="audit"),
    path("read/<str:public_id>/compare/", pages.compare_of, name="compare-of"),
]
