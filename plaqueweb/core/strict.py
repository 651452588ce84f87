"""Strict input: what nobody asked for is refused, never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers

from plaqueweb.core.errors import DomainError, Invalid

ALWAYS = frozenset({"cursor", "page_size"})


class AllowListedFilters:
    """List filters by allow-list: ``filters`` maps a query parameter to a lookup; any other parameter is a 400."""

    filters: ClassVar[Mapping[str, str]] = {}
    request: Any

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply the allowed parameters that are given.

        Raises:
            DomainError: an unknown parameter (rule ``unknown-parameter``) or a value that fits no row's type.
        """
        given = self.request.query_params
        for name in given:
            if name not in self.filters and name not in ALWAYS:
                allowed = ", ".join(sorted(self.filters)) or _("none")
                raise DomainError(
                    _("Unknown parameter “%(name)s”. Allowed: %(allowed)s.") % {"name": name, "allowed": allowed},
                    rule="unknown-parameter",
                )
        for name, lookup in self.filters.items():
            if name in given:
                queryset = filtered(queryset, name, lookup, given[name])
        return queryset


def filtered(queryset: QuerySet[Any], name: str, lookup: str, value: str) -> QuerySet[Any]:
    """Return the rows whose ``lookup`` equals a value from outside.

    Raises:
        DomainError: the value cannot be one of this field (rule ``parameter-value``).
    """
    from django.core.exceptions import ValidationError

    try:
        return queryset.filter(**{lookup: value})
    except (ValidationError, ValueError):
        raise DomainError(
            _("“%(value)s” is no value of “%(name)s”.") % {"name": name, "value": value[:80]}, rule="parameter-value"
        ) from None


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses keys it does not know."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            refuse_unknown(data, self.fields)
        return super().to_internal_value(data)


def refuse_unknown(given: Mapping[str, Any], known: Any, *, where: str = "") -> None:
    """Raise Invalid (rule ``unknown-field``) when a key is not known."""
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        fields = ", ".join(f"{where}{key}" for key in unknown)
        raise Invalid(_("Unknown field: %(fields)s") % {"fields": fields[:300]}, rule="unknown-field")
