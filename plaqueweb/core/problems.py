"""Errors of the API as application/problem+json (RFC 9457) with a trace id a user can quote."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_handler

from plaqueweb.core.errors import DomainError, Invalid, NotFound
from plaqueweb.core.middleware import trace_id

CONTENT_TYPE = "application/problem+json"


def problem_response(request: HttpRequest, error: DomainError) -> JsonResponse:
    """Render a domain error for the API."""
    body = error.as_problem(instance=request.path, trace_id=trace_id(request))
    return JsonResponse(body, status=error.status, content_type=CONTENT_TYPE)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | JsonResponse | None:
    """DRF's handler: every refusal becomes a problem document; anything unknown stays a 500."""
    request = context["request"]
    if isinstance(error, DomainError):
        return problem_response(request, error)
    if isinstance(error, Http404 | PermissionDenied):
        return problem_response(request, NotFound("There is nothing here that you may see."))
    if isinstance(error, exceptions.ValidationError):
        extra = {"errors": error.get_full_details()}
        return problem_response(request, Invalid("Some fields are not valid.", rule="fields", extra=extra))
    response = drf_handler(error, context)
    if response is not None and isinstance(error, exceptions.APIException):
        response.data = {
            "type": f"about:blank#{error.default_code}",
            "title": str(error.default_detail),
            "status": response.status_code,
            "detail": str(error.detail),
            "instance": request.path,
            "rule": error.default_code,
            "trace_id": trace_id(request),
        }
        response.content_type = CONTENT_TYPE
    return response
