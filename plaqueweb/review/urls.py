from __future__ import annotations

from django.urls import path

from plaqueweb.review import adjudication_views, error_views, practice_views, views

urlpatterns = [
    path("p/<slug:slug>/rounds/practice/", practice_views.new_practice, name="practice-new"),
    path("read/<str:public_id>/compare/", views.compare_of, name="compare-of"),
    path("p/<slug:slug>/review/", views.review, name="review"),
    path("p/<slug:slug>/cases/<uuid:pk>/", views.compare, name="compare"),
    path("p/<slug:slug>/cases/<uuid:pk>/lesions/", views.compare_lesions, name="compare-lesions"),
    path("p/<slug:slug>/cases/<uuid:pk>/numbers.csv", views.compare_csv, name="compare-csv"),
    path("p/<slug:slug>/cases/<uuid:pk>/frames.csv", views.frames_csv, name="compare-frames-csv"),
    path("p/<slug:slug>/errors/", error_views.errors, name="errors"),
    path("p/<slug:slug>/errors/reasons.csv", error_views.errors_csv, name="errors-csv"),
    path("p/<slug:slug>/errors/<uuid:pk>/", error_views.error_case, name="error-case"),
    path("p/<slug:slug>/adjudication/", adjudication_views.adjudication_queue, name="adjudication"),
    path("p/<slug:slug>/adjudication/begin/", adjudication_views.adjudication_begin, name="adjudication-begin"),
    path("p/<slug:slug>/adjudication/share/", adjudication_views.adjudication_share, name="adjudication-share"),
    path("p/<slug:slug>/adjudication/<uuid:pk>/", adjudication_views.adjudicate, name="adjudicate"),
]
