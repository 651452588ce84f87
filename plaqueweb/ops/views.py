"""Is it up, and whose server is it?"""

from __future__ import annotations

import os

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse


def health(request: HttpRequest) -> JsonResponse:
    """Say whether the database answers, and which supervisor's instance this is."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        database = True
    except DatabaseError:
        database = False
    body = {"status": "ok" if database else "no database", "instance": os.environ.get("PLAQUEWEB_INSTANCE", "")}
    return JsonResponse(body, status=200 if database else 503)
