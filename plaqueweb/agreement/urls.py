from __future__ import annotations

from django.urls import path

from plaqueweb.agreement import views

urlpatterns = [
    path("p/<slug:slug>/agreement/", views.agreement, name="agreement"),
    path("p/<slug:slug>/agreement/cases/", views.cases, name="agreement-cases"),
    path("p/<slug:slug>/agreement.csv", views.download, name="agreement-csv"),
]
