"""Roles a membership can hold, and what each may do."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    COORDINATOR = "coordinator", _("Coordinator")
    READER = "reader", _("Reader")
    ADJUDICATOR = "adjudicator", _("Adjudicator")
    ENGINEER = "engineer", _("ML engineer")
    DATA_STEWARD = "data_steward", _("Data steward")
    AUDITOR = "auditor", _("Auditor")
    ADMINISTRATOR = "administrator", _("Administrator")


class Capability(models.TextChoices):
    READ = "read", _("read assigned cases")
    VIEW_STUDIES = "view_studies", _("see studies and clips")
    UPLOAD = "upload", _("add studies")
    PREPARE = "prepare", _("give clips segment, view and use")
    RELEASE = "release", _("release or refuse held clips")
    MANAGE_ROUNDS = "manage_rounds", _("make rounds and assign readers")
    ADJUDICATE = "adjudicate", _("decide the consensus")
    MATCH_LESIONS = "match_lesions", _("say which lesions are the same plaque")
    SEE_RESULTS = "see_results", _("see reads and predictions")
    REVIEW_ERRORS = "review_errors", _("say why a model was wrong")
    MANAGE_PIPELINES = "manage_pipelines", _("register and activate pipelines")
    RUN_JOBS = "run_jobs", _("start, retry and cancel jobs")
    VIEW_AUDIT = "view_audit", _("see the audit trail")
    EXPORT = "export", _("download results")
    MANAGE_MEMBERS = "manage_members", _("manage members")


_C = Capability
CAPABILITIES: dict[str, frozenset[str]] = {
    Role.READER: frozenset({_C.READ}),
    Role.ADJUDICATOR: frozenset({_C.VIEW_STUDIES, _C.ADJUDICATE, _C.MATCH_LESIONS, _C.SEE_RESULTS, _C.REVIEW_ERRORS}),
    Role.COORDINATOR: frozenset(
        {
            _C.VIEW_STUDIES,
            _C.UPLOAD,
            _C.PREPARE,
            _C.RELEASE,
            _C.MANAGE_ROUNDS,
            _C.MATCH_LESIONS,
            _C.SEE_RESULTS,
            _C.REVIEW_ERRORS,
            _C.RUN_JOBS,
            _C.EXPORT,
            _C.VIEW_AUDIT,
        }
    ),
    Role.ENGINEER: frozenset(
        {_C.VIEW_STUDIES, _C.SEE_RESULTS, _C.REVIEW_ERRORS, _C.MANAGE_PIPELINES, _C.RUN_JOBS, _C.EXPORT}
    ),
    Role.DATA_STEWARD: frozenset({_C.VIEW_STUDIES, _C.UPLOAD, _C.PREPARE, _C.RELEASE, _C.EXPORT}),
    Role.AUDITOR: frozenset({_C.VIEW_STUDIES, _C.SEE_RESULTS, _C.VIEW_AUDIT}),
    Role.ADMINISTRATOR: frozenset(
        {_C.VIEW_STUDIES, _C.MANAGE_MEMBERS, _C.MANAGE_PIPELINES, _C.RUN_JOBS, _C.VIEW_AUDIT}
    ),
}


def capabilities_of(roles: list[str]) -> frozenset[str]:
    """Return what the given roles may do together. Blinding is decided elsewhere and overrides it."""
    return frozenset().union(*(CAPABILITIES.get(role, frozenset()) for role in roles))


def roles_with(capability: str) -> list[str]:
    """Return the roles that hold a capability."""
    return [role for role, held in CAPABILITIES.items() if capability in held]
