"""Log in and out with Django's own views; wrong passwords are counted per account and per address."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from plaqueweb.accounts.services import AttemptGuard
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import TooMany


class GuardedLogInForm(AuthenticationForm):
    """Django's form, behind a limit on attempts."""

    error_messages = {
        "invalid_login": _("That address and password do not belong together. Capital letters matter."),
        "inactive": _("This account is closed. Ask your administrator."),
    }

    def clean(self) -> dict[str, Any]:
        """Refuse before the password is looked at when there were too many wrong ones."""
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        guards = [
            AttemptGuard(f"login:{self.cleaned_data.get('username', '').lower()}"),
            AttemptGuard(f"login@{address}"),
        ]
        try:
            for guard in guards:
                guard.check()
        except TooMany as error:
            raise ValidationError(error.detail, code="too-many") from error
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            for guard in guards:
                guard.count()
            raise
        for guard in guards:
            guard.clear()
        return cleaned


class LogIn(LoginView):
    """The log-in page; whoever is logged in already goes home."""

    template_name = "registration/login.html"
    authentication_form = GuardedLogInForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Log in and leave an audit row."""
        response = super().form_valid(form)
        user = form.get_user()
        record_event(actor=user, verb="user.logged-in", target=user)
        return response


class LogOut(LogoutView):
    """Log out (POST only)."""
