from __future__ import annotations

from django.urls import path

from plaqueweb.accounts import views

urlpatterns = [
    path("login/", views.LogIn.as_view(), name="login"),
    path("logout/", views.LogOut.as_view(), name="logout"),
]
