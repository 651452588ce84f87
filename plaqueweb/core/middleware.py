"""A trace id for every request, and pages for domain errors."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from plaqueweb.core.errors import DomainError

NO_SUCH_METHOD = 405
Handler = Callable[[HttpRequest], HttpResponse]


def trace_id(request: HttpRequest) -> str:
    """Return the request's id, as shown to the user and written to the log."""
    return str(getattr(request, "trace_id", ""))


class TraceMiddleware:
    """Give every request an id, say in every answer what the site is for, and keep private answers out of caches."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.trace_id = secrets.token_hex(8)  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Trace-Id"] = trace_id(request)
        response["X-Intended-Use"] = "research"
        if "Cache-Control" not in response:
            response["Cache-Control"] = "private, no-store"
        return response


class DomainErrorMiddleware:
    """Turn a domain error raised by a page into a page that names the rule (the API has its own handler).

    An address that takes only what a form sends gets a page too: a browser comes there after logging in again.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == NO_SUCH_METHOD and request.method == "GET" and not request.path.startswith("/api/"):
            page = render(request, "405.html", {"trace_id": trace_id(request)}, status=NO_SUCH_METHOD)
            page["Allow"] = response["Allow"]
            return page
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        if request.path.startswith("/api/"):
            from plaqueweb.core.problems import problem_response

            return problem_response(request, error)
        template = "404.html" if error.status == 404 else "error.html"
        return render(request, template, {"error": error, "trace_id": trace_id(request)}, status=error.status)
