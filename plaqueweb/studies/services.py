"""Projects, protocols, frozen case lists, disclosures: the only ways to change them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils.text import slugify
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Role
from plaqueweb.accounts.services import set_roles
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Conflict, Invalid, InvalidTransition
from plaqueweb.studies.choices import (
    PARTIAL_DISCLOSURES,
    DisclosureKind,
    ListPurpose,
    MarkAsked,
    Segment,
    ThicknessFrom,
)
from plaqueweb.studies.guide import parse_guide, with_pictures
from plaqueweb.studies.models import (
    DEFAULT_REQUIRED,
    DEFAULT_RULE,
    CaseList,
    CaseListItem,
    Disclosure,
    Project,
    Protocol,
    Study,
)
from plaqueweb.studies.questions import parse_questions

REASONS = ("ulceration", "mobile", "thrombus")
REQUIRED = ("findings", "class", "quality", "confidence")


@transaction.atomic
def create_project(
    *, slug: str, name: str, by: User | None, is_synthetic: bool = False, is_demo: bool = False
) -> Project:
    """Create a project with the default protocol; whoever creates it becomes its coordinator and administrator.

    Raises:
        Invalid: the slug is no slug or the name is empty.
        Conflict: the slug is taken.
    """
    if not slug or slugify(slug) != slug:
        raise Invalid(_("The short name may hold a to z, 0 to 9 and hyphens only."), rule="project-slug")
    if not name.strip():
        raise Invalid(_("The project needs a name."), rule="project-name")
    if Project.objects.filter(slug=slug).exists():
        raise Conflict(_("This short name is taken."), rule="project-slug")
    project = Project.objects.create(slug=slug, name=name.strip(), is_synthetic=is_synthetic, is_demo=is_demo)
    record_event(
        actor=by, verb="project.created", target=project, project_id=project.pk,
        diff={"slug": slug, "synthetic": is_synthetic, "demo": is_demo},
    )  # fmt: skip
    create_protocol(project=project, by=by)
    if by is not None:
        set_roles(project=project, user=by, roles=[Role.COORDINATOR, Role.ADMINISTRATOR], by=by)
    return project


@transaction.atomic
def create_protocol(
    *,
    project: Project,
    by: User | None,
    label_rule: dict[str, Any] | None = None,
    segments: Sequence[str] | None = None,
    required: Sequence[str] | None = None,
    questions: Any = None,
    grading: dict[str, Any] | None = None,
    thickness_from: str | None = None,
    marks: Sequence[str] = (),
    guide: Any = None,
) -> Protocol:
    """Add the next version of a project's protocol. Older ones stay as they were signed under.

    Args:
        thickness_from: what gives the official thickness; None is caliper, else the mask.
        marks: what the index lesion must have before a case is complete.
        guide: sections of the reading guide, as ``studies.guide`` takes them; None is no guide.
        grading: a scheme from ``studies.grading.scheme_of``; None asks for no grade.

    Raises:
        Invalid: an unknown segment, required answer or reason, a threshold that is no length, or an own question
            or a section of the guide against its rules (``studies.questions``, ``studies.guide``).
    """
    rule = _checked_rule({**DEFAULT_RULE, **(label_rule or {})})
    chosen = list(segments if segments is not None else Segment.values)
    asked = list(required if required is not None else DEFAULT_REQUIRED)
    if not chosen or set(chosen) - set(Segment.values):
        raise Invalid(_("Segments are: %(all)s.") % {"all": ", ".join(Segment.values)}, rule="protocol-segments")
    if set(asked) - set(REQUIRED):
        raise Invalid(
            _("Required answers are among: %(all)s.") % {"all": ", ".join(REQUIRED)}, rule="protocol-required"
        )
    if thickness_from not in {None, *ThicknessFrom.values} or set(marks) - set(MarkAsked.values):
        words = ", ".join([*ThicknessFrom.values, *MarkAsked.values])
        raise Invalid(_("Thickness and marks are among: %(all)s.") % {"all": words}, rule="protocol-marks")
    last = Protocol.objects.filter(project=project).order_by("-version").values_list("version", flat=True).first()
    protocol = Protocol.objects.create(
        project=project, version=(last or 0) + 1, label_rule=rule, segments=chosen, required=asked,
        questions=parse_questions(questions or []) or None, grading=grading,
        thickness_from=thickness_from, marks=[key for key in MarkAsked.values if key in marks] or None,
        guide=with_pictures(project, parse_guide(guide or [])) or None,
    )  # fmt: skip
    record_event(actor=by, verb="protocol.created", target=protocol, diff={"version": protocol.version, "rule": rule})
    return protocol


def _checked_rule(rule: dict[str, Any]) -> dict[str, Any]:
    threshold = rule.get("thickness_mm")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold < 100:
        raise Invalid(_("The rule's thickness must lie between 0 and 100 mm."), rule="protocol-rule")
    if set(rule.get("reasons", [])) - set(REASONS):
        raise Invalid(_("Reasons are among: %(all)s.") % {"all": ", ".join(REASONS)}, rule="protocol-rule")
    if not str(rule.get("version", "")).strip():
        raise Invalid(_("The rule needs a version."), rule="protocol-rule")
    return rule


def freeze_protocol(*, protocol: Protocol, by: User | None) -> None:
    """Freeze a protocol at the first signature under it; later signatures change nothing."""
    if protocol.frozen_at is None and Protocol.objects.filter(pk=protocol.pk, frozen_at=None).update(frozen_at=Now()):
        protocol.refresh_from_db(fields=["frozen_at"])
        record_event(actor=by, verb="protocol.frozen", target=protocol, diff={"version": protocol.version})


@transaction.atomic
def create_case_list(
    *, project: Project, name: str, purpose: str, studies: Iterable[Study], by: User | None
) -> CaseList:
    """Make an open case list of studies.

    Raises:
        Invalid: a study of another project or without content, or a subject that already serves another purpose.
        Conflict: the name is taken.
    """
    if purpose not in ListPurpose.values:
        raise Invalid(_("Purposes are: %(all)s.") % {"all": ", ".join(ListPurpose.values)}, rule="list-purpose")
    if CaseList.objects.filter(project=project, name=name).exists():
        raise Conflict(_("A case list of this name exists."), rule="list-name")
    case_list = CaseList.objects.create(project=project, name=name, purpose=purpose)
    record_event(actor=by, verb="case_list.created", target=case_list, diff={"purpose": purpose})
    add_to_case_list(case_list=case_list, studies=studies, by=by)
    return case_list


@transaction.atomic
def add_to_case_list(*, case_list: CaseList, studies: Iterable[Study], by: User | None) -> list[CaseListItem]:
    """Add studies that are not in the list yet, with the content they have now.

    Raises:
        InvalidTransition: the list is frozen.
        Invalid: as in ``create_case_list``.
    """
    if CaseList.objects.filter(pk=case_list.pk, frozen_at__isnull=False).exists():
        raise InvalidTransition(_("This case list is frozen."), rule="list-frozen")
    there = set(CaseListItem.objects.filter(case_list=case_list).values_list("study_id", flat=True))
    new = [study for study in dict.fromkeys(studies) if study.pk not in there]
    _check_listable(case_list, new)
    items = CaseListItem.objects.bulk_create(
        CaseListItem(case_list=case_list, study=study, content_no=study.content_no) for study in new
    )
    if items:
        record_event(actor=by, verb="case_list.extended", target=case_list, diff={"studies": [str(s.pk) for s in new]})
    return items


def _check_listable(case_list: CaseList, studies: Sequence[Study]) -> None:
    for study in studies:
        if study.project_id != case_list.project_id:
            raise Invalid(_("A study of another project cannot be in this list."), rule="list-project")
        if study.content_no == 0:
            raise Invalid(_("%(study)s has no readable clip yet.") % {"study": study.label}, rule="list-empty-study")
    other = (
        CaseListItem.objects.filter(
            study__subject_id__in={study.subject_id for study in studies}, case_list__project_id=case_list.project_id
        )
        .exclude(case_list__purpose=case_list.purpose)
        .select_related("case_list", "study__subject")
        .first()
    )
    if other is not None:
        raise Invalid(
            _("Subject %(subject)s already serves “%(purpose)s”; a subject has one purpose in a project.")
            % {"subject": other.study.subject.pseudonym, "purpose": other.case_list.get_purpose_display()},
            rule="subject-one-purpose",
        )


@transaction.atomic
def freeze_case_list(*, case_list: CaseList, by: User | None) -> str:
    """Freeze a list and return its hash: SHA-256 over purpose and (study uid, content number), sorted.

    Raises:
        InvalidTransition: it is frozen already.
        Invalid: it is empty.
    """
    items = CaseListItem.objects.filter(case_list=case_list).values_list("study__uid", "content_no")
    rows = sorted([uid, number] for uid, number in items)
    if not rows:
        raise Invalid(_("An empty case list cannot be frozen."), rule="list-empty")
    body = json.dumps({"purpose": case_list.purpose, "items": rows}, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(body.encode()).hexdigest()
    if not CaseList.objects.filter(pk=case_list.pk, frozen_at=None).update(frozen_at=Now(), hash=digest):
        raise InvalidTransition(_("This case list is frozen."), rule="list-frozen")
    case_list.refresh_from_db(fields=["frozen_at", "hash"])
    record_event(actor=by, verb="case_list.frozen", target=case_list, diff={"hash": digest, "studies": len(rows)})
    return digest


@transaction.atomic
def disclose(*, user: User, study: Study, kind: str, round_id: UUID | None, by: User | None = None) -> Disclosure:
    """Write that results of a study were revealed to a user; a second time changes nothing.

    Raises:
        Invalid: the kind does not exist.
    """
    if kind not in DisclosureKind.values:
        raise Invalid(_("Unknown kind of disclosure."), rule="disclosure-kind")
    same = Disclosure.objects.filter(user=user, study=study, round_id=round_id)
    same = same.filter(kind=kind) if kind in PARTIAL_DISCLOSURES else same.full()
    found = same.first()
    if found is not None:
        return found
    row, created = Disclosure.objects.get_or_create(user=user, study=study, round_id=round_id, kind=kind)
    if created:
        record_event(
            actor=by, verb="results.disclosed", target=row, project_id=study.project_id,
            diff={"user": str(user.pk), "study": str(study.pk), "kind": kind},
        )  # fmt: skip
    return row
