from __future__ import annotations

from django.urls import path

from plaqueweb.reads import views

urlpatterns = [
    path("p/<slug:slug>/worklist/", views.worklist, name="worklist"),
    path("p/<slug:slug>/worklist/sign/", views.sign, name="sign-sitting"),
    path("p/<slug:slug>/rounds/", views.rounds, name="rounds"),
    path("p/<slug:slug>/rounds/<uuid:pk>/", views.round_detail, name="round"),
    path("read/<str:public_id>/", views.read, name="read"),
    path("read/<str:public_id>/skip/", views.skip, name="skip-case"),
    path("read/<str:public_id>/reopen/", views.reopen, name="reopen-case"),
]
