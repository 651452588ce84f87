from __future__ import annotations

from django.urls import path

from plaqueweb.review import views

urlpatterns = [
    path("read/<str:public_id>/compare/", views.compare_of, name="compare-of"),
    path("p/<slug:slug>/review/", views.review, name="review"),
    path("p/<slug:slug>/cases/<uuid:pk>/", views.compare, name="compare"),
    path("p/<slug:slug>/cases/<uuid:pk>/numbers.csv", views.compare_csv, name="compare-csv"),
]
