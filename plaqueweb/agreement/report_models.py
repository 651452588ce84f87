"""A frozen report: what the dashboard showed at one moment, with everything it was made of. Rows are only added."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.agreement.watch_models import sees_whole
from plaqueweb.core.models import BaseModel
from plaqueweb.studies.models import Project, ScopedQuerySet

TITLE_CHARACTERS = 120


class FrozenReportQuerySet(ScopedQuerySet):
    def visible_to(self, user: User) -> Self:
        """Reports of projects in which the user may see results and answers nothing blind any more.

        A report tells of many studies at once; it cannot be cut to those a person may see.
        """
        return self.in_projects(user, Capability.SEE_RESULTS).filter(sees_whole(user))


class FrozenReport(BaseModel):
    """The tabs of one comparison with the rows, weights, code and seeds behind them.

    ``body`` is the manifest as canonical JSON, kept as text: ``sha256`` is the hash of its very bytes, which are also
    what is downloaded. The database refuses every change (migration 0005).
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="frozen_reports")
    title = models.CharField(max_length=TITLE_CHARACTERS)
    frozen_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    interim = models.BooleanField()  # reads of a round that still went on are among its rows
    body = models.TextField()
    sha256 = models.CharField(max_length=64)

    objects = FrozenReportQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "title"], name="frozen_report_title_once"),
            models.CheckConstraint(condition=~Q(title=""), name="frozen_report_has_title"),
        ]

    def __str__(self) -> str:
        return self.title

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The body as data."""
        return dict(json.loads(self.body))

    @property
    def intact(self) -> bool:
        """Tell whether the body is the one that was hashed."""
        return body_hash(self.body) == self.sha256


def body_hash(body: str) -> str:
    """SHA-256 of a body's UTF-8 bytes."""
    return hashlib.sha256(body.encode()).hexdigest()


def tab_of(body: Mapping[str, Any], slug: str) -> Mapping[str, Any]:
    """One tab of a manifest. Raises StopIteration where the report has none of that name."""
    found: Mapping[str, Any] = next(tab for tab in body["tabs"] if tab["tab"] == slug)
    return found


def inputs_of(body: Mapping[str, Any], tab: Mapping[str, Any]) -> dict[str, Any]:
    """What a tab was counted from: what all tabs share, and over it its own.

    Among its own are rows too in reports of before ``freezing.settled``, where a result could come between two tabs.
    """
    return {**body["inputs"], **tab["own"]}
