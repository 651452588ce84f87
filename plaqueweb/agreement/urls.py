from __future__ import annotations

from django.urls import path

from plaqueweb.agreement import gallery_views, report_views, views, watch_views
from plaqueweb.agreement.boards.registry import BOARDS


def _address(slug: str) -> str:
    return "p/<slug:slug>/agreement/" if slug == "overview" else f"p/<slug:slug>/agreement/{slug}/"


urlpatterns = [
    *(path(_address(tab.slug), views.board, {"board": tab.slug}, name=tab.route) for tab in BOARDS),
    path("p/<slug:slug>/agreement/cases/", views.cases, name="agreement-cases"),
    path("p/<slug:slug>/agreement/chart.csv", views.download_chart, name="agreement-chart"),
    path("p/<slug:slug>/agreement/margin/", watch_views.set_margin, name="agreement-margin"),
    path("p/<slug:slug>/agreement/alarms/<uuid:pk>/", watch_views.alarm, name="agreement-alarm"),
    path("p/<slug:slug>/agreement/reports/", report_views.reports, name="agreement-reports"),
    path("p/<slug:slug>/agreement/reports/<uuid:pk>/", report_views.report, name="agreement-report"),
    path("p/<slug:slug>/agreement/reports/<uuid:pk>/manifest.json", report_views.manifest, name="agreement-manifest"),
    path("p/<slug:slug>/discordance/", gallery_views.discordance, name="agreement-discordance"),
    path("p/<slug:slug>/discordance.csv", gallery_views.discordance_csv, name="agreement-discordance-csv"),
    path("p/<slug:slug>/agreement.csv", views.download, name="agreement-csv"),
]
