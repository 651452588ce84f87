"""What can go wrong in the domain. Every error names its rule and becomes RFC 9457 problem+json or a page."""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """A refusal with a rule a person can look up.

    Args:
        detail: one sentence a user can act on.
        rule: stable id of the rule that refused.
        tag: DICOM tag concerned, as ``(gggg,eeee)``, if any.
        extra: further members of the problem document.
    """

    status = 400
    title = "Bad request"
    default_rule = "bad-request"

    def __init__(self, detail: str, *, rule: str = "", tag: str = "", extra: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.detail = str(detail)
        self.rule = rule or self.default_rule
        self.tag = tag
        self.extra = extra or {}

    def as_problem(self, *, instance: str, trace_id: str) -> dict[str, Any]:
        """Return the RFC 9457 members."""
        problem: dict[str, Any] = {
            "type": f"about:blank#{self.rule}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "rule": self.rule,
            "trace_id": trace_id,
        }
        if self.tag:
            problem["tag"] = self.tag
        return problem | self.extra


class NotFound(DomainError):
    """It does not exist, or the user may not see it: the answer is the same."""

    status, title, default_rule = 404, "Not found", "not-found"


class NotAllowed(DomainError):
    """The user sees the object but may not do this with it."""

    status, title, default_rule = 403, "Not allowed", "not-allowed"


class Invalid(DomainError):
    """The input breaks a rule."""

    status, title, default_rule = 422, "Not valid", "invalid"


class InvalidTransition(DomainError):
    """The object's state does not know this event."""

    status, title, default_rule = 409, "Not possible now", "invalid-transition"


class Conflict(DomainError):
    """Somebody else was first."""

    status, title, default_rule = 409, "Conflict", "conflict"


class PreconditionRequired(DomainError):
    """A write without If-Match."""

    status, title, default_rule = 428, "If-Match needed", "if-match"


class Stale(DomainError):
    """A write against an older version; the answer carries the current one."""

    status, title, default_rule = 412, "Changed meanwhile", "stale"


class TooMany(DomainError):
    """A limit on attempts was reached."""

    status, title, default_rule = 429, "Too many attempts", "too-many"
