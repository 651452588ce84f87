"""The audit trail for those who may see it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import mixins, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.viewsets import GenericViewSet

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.models import AuditEvent
from plaqueweb.studies.blinding import blinded_studies
from plaqueweb.studies.models import projects_with


def visible_events(user: User) -> QuerySet[AuditEvent]:
    """Events of projects whose trail the user may see; nobody who still reads blind in a project sees its trail."""
    allowed = projects_with(user, Capability.VIEW_AUDIT)
    blind = blinded_studies(user).values("project_id")
    return AuditEvent.objects.filter(project_id__in=allowed).exclude(project_id__in=blind)


class AuditEventOut(serializers.ModelSerializer[AuditEvent]):
    class Meta:
        model = AuditEvent
        fields = [
            "id",
            "project_id",
            "actor_id",
            "verb",
            "object_type",
            "object_id",
            "at",
            "diff",
            "previous_hash",
            "hash",
        ]


class AuditPagination(CursorPagination):
    ordering = "-id"
    page_size = 50


class AuditViewSet(mixins.ListModelMixin, GenericViewSet[Any]):
    """Who did what, newest first."""

    serializer_class = AuditEventOut
    pagination_class = AuditPagination
    queryset = AuditEvent.objects.none()

    def get_queryset(self) -> QuerySet[AuditEvent]:
        return visible_events(current_user(self.request))
