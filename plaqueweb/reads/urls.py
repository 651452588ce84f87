from __future__ import annotations

from django.urls import path

from plaqueweb.reads import correction_views, rounds_views, views

urlpatterns = [
    path("p/<slug:slug>/worklist/", views.worklist, name="worklist"),
    path("p/<slug:slug>/worklist/sign/", views.sign, name="sign-sitting"),
    path("p/<slug:slug>/rounds/", rounds_views.rounds, name="rounds"),
    path("p/<slug:slug>/rounds/new/", rounds_views.new_round, name="round-new"),
    path("p/<slug:slug>/rounds/new/plan/", rounds_views.plan_round, name="round-plan"),
    path("p/<slug:slug>/rounds/<uuid:pk>/", rounds_views.round_detail, name="round"),
    path("p/<slug:slug>/rounds/<uuid:pk>/reads.csv", rounds_views.round_reads, name="round-reads"),
    path("p/<slug:slug>/case-lists/", rounds_views.case_lists, name="case-lists"),
    path("p/<slug:slug>/case-lists/<uuid:pk>/", rounds_views.case_list, name="case-list"),
    path("read/<str:public_id>/", views.read, name="read"),
    path("p/<slug:slug>/profile/", views.profile, name="reader-profile"),
    path("p/<slug:slug>/practice/<str:public_id>/", views.practice_feedback, name="practice-feedback"),
    path("read/<str:public_id>/skip/", views.skip, name="skip-case"),
    path("read/<str:public_id>/correct/", correction_views.correct, name="correct"),
    path("read/<str:public_id>/reopen/", views.reopen, name="reopen-case"),
]
