"""Frames: no page holds one and none stands in one, but for those that say so with ``allows_self``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from csp.constants import SELF
from csp.decorators import csp_replace
from django.http.response import HttpResponseBase

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def allows_self(directive: str) -> Callable[[View], View]:
    """Return a decorator of views whose answers allow the site's own pages by one directive of the policy.

    Args:
        directive: ``frame-src`` (holds one of them) or ``frame-ancestors`` (stands in one of them).
    """
    decorate: Any = csp_replace({directive: [SELF]})
    return cast(Callable[[View], View], decorate)
