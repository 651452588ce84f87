from __future__ import annotations

from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog

from plaqueweb.api import guides, members, pages, projects, protocols, trials

urlpatterns = [
    path("", pages.home, name="home"),
    path("p/<slug:slug>/enter/", pages.enter, name="enter"),
    path("projects/new/", projects.new_project, name="project-new"),
    path("words.js", cache_control(private=True, max_age=3600)(JavaScriptCatalog.as_view()), name="words"),
    path("p/<slug:slug>/members/", members.members, name="members"),
    path("p/<slug:slug>/protocol/", protocols.protocol, name="protocol"),
    path("p/<slug:slug>/protocol/rederive/", protocols.rederive_page, name="protocol-rederive"),
    path("p/<slug:slug>/protocol/rederive.csv", protocols.rederive_csv, name="protocol-rederive-csv"),
    path("p/<slug:slug>/protocol/test/", trials.trial, name="protocol-test"),
    path("p/<slug:slug>/protocol/preview/", trials.preview, name="protocol-preview"),
    path("p/<slug:slug>/protocol/drawn/", trials.drawn, name="protocol-drawn"),
    path("p/<slug:slug>/guide/<str:digest>/", guides.picture, name="guide-picture"),
    path("p/<slug:slug>/audit/", pages.audit, name="audit"),
    path("read/<str:public_id>/compare/", pages.compare_of, name="compare-of"),
]
