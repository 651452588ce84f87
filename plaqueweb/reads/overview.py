"""What those who manage rounds see: progress by reader, never an answer."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import Membership, User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import Invalid, NotFound
from plaqueweb.reads.choices import AssignmentState as A
from plaqueweb.reads.choices import Policy
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.reads.rounds import create_round
from plaqueweb.reads.selectors import round_payload
from plaqueweb.studies.blinding import BLINDED_POLICIES, UNSIGNED_STATES
from plaqueweb.studies.models import CaseListItem, Project, Protocol, Study
from plaqueweb.studies.services import create_case_list

GONE = (A.WITHDRAWN, A.REASSIGNED)


def rounds_payload(rounds: Iterable[Round], *, user: User) -> list[dict[str, Any]]:
    """Return rounds with their progress, four queries however many."""
    listed = list(rounds)
    ids = [row.pk for row in listed]
    progress = _progress(ids)
    blind = set(
        Assignment.objects.filter(
            reader=user, round_id__in=ids, state__in=UNSIGNED_STATES, round__policy__in=BLINDED_POLICIES
        ).values_list("round_id", flat=True)
    )
    items = CaseListItem.objects.filter(case_list_id__in=[row.case_list_id for row in listed])
    cases = dict(items.values_list("case_list_id").annotate(n=Count("pk")).order_by())
    payload = []
    for row in listed:
        may_know = user.can(Capability.MANAGE_ROUNDS, row.project_id) and row.pk not in blind
        lines = progress.get(row.pk, [])
        payload.append(
            {
                **round_payload(row),
                "policy_words": str(Policy(row.policy).label),
                "project": row.project.slug,
                "cases": cases.get(row.case_list_id, 0),
                "opened_at": row.opened_at,
                "closed_at": row.closed_at,
                "progress": lines if may_know else None,
                "signed": sum(line["signed"] for line in lines) if may_know else None,
                "total": sum(line["cases"] for line in lines) if may_know else None,
            }
        )
    return payload


def _progress(round_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """Cases by state for each reader of each round."""
    rows = (
        Assignment.objects.filter(round_id__in=round_ids)
        .exclude(state__in=GONE)
        .values("round_id", "reader_id", "reader__name", "reader__is_simulated")
        .annotate(
            cases=Count("pk"),
            **{state: Count("pk", filter=Q(state=state)) for state in (A.SIGNED, A.COMPLETED, A.OPENED, A.SKIPPED)},
        )
        .order_by("reader__name", "reader_id")
    )
    grouped: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        done = row["signed"] + row["completed"] + row["opened"] + row["skipped"]
        grouped.setdefault(row["round_id"], []).append(
            {
                "reader": row["reader__name"],
                "reader_id": row["reader_id"],
                "simulated": row["reader__is_simulated"],
                "cases": row["cases"],
                "signed": row["signed"],
                "completed": row["completed"],
                "opened": row["opened"],
                "skipped": row["skipped"],
                "left": row["cases"] - done,
            }
        )
    return grouped


def managed_project(*, user: User, slug: str) -> Project:
    """Return a project in which the user manages rounds.

    Raises:
        NotFound: there is none.
    """
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    if project is None or not user.can(Capability.MANAGE_ROUNDS, project.pk):
        raise NotFound(_("There is nothing here that you may see."))
    return project


def managed_round(*, user: User, pk: UUID | str) -> Round:
    """Return a round of a project in which the user manages rounds.

    Raises:
        NotFound: there is none.
    """
    rows: QuerySet[Round] = Round.objects.in_projects(user, Capability.MANAGE_ROUNDS)
    row = rows.filter(pk=pk).select_related("project", "protocol", "case_list").first()
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    return row


def possible_readers(project: Project) -> QuerySet[User]:
    """Return the active members who may read in a project."""
    members = Membership.objects.filter(project=project).with_capability(Capability.READ).values("user_id")
    return User.objects.filter(pk__in=members, is_active=True).order_by("name", "pk")


def ready_studies(project: Project) -> QuerySet[Study]:
    """Return the studies that can go into a round: ready, with at least one readable clip."""
    rows: QuerySet[Study] = Study.objects.filter(project=project, ready_at__isnull=False, content_no__gt=0)
    return rows.select_related("subject").order_by("number")


@transaction.atomic
def open_round(
    *,
    project: Project,
    name: str,
    study_ids: Sequence[UUID | str],
    reader_ids: Sequence[UUID | str],
    reveal: str,
    reveal_reason: str,
    purpose: str,
    seed: int | None,
    by: User,
) -> Round:
    """Make a frozen case list of the chosen studies and open a blinded round over it.

    Raises:
        Invalid: a study is not ready or a reader cannot read; and as in ``create_round``.
    """
    studies = list(ready_studies(project).filter(pk__in=study_ids))
    readers = list(possible_readers(project).filter(pk__in=reader_ids))
    if len(studies) != len(set(map(str, study_ids))) or not studies:
        raise Invalid(_("Choose studies of this project that are ready."), rule="round-studies")
    if len(readers) != len(set(map(str, reader_ids))) or not readers:
        raise Invalid(_("Choose readers of this project."), rule="round-readers")
    protocol = Protocol.objects.filter(project=project).order_by("-version").first()
    if protocol is None:
        raise Invalid(_("The project has no protocol."), rule="round-protocol")
    case_list = create_case_list(project=project, name=name.strip(), purpose=purpose, studies=studies, by=by)
    return create_round(
        project=project, protocol=protocol, case_list=case_list, name=name, readers=readers, policy=Policy.BLINDED,
        reveal=reveal, seed=secrets.randbits(48) if seed is None else seed, by=by, reveal_reason=reveal_reason,
    )  # fmt: skip


def project_rounds(project: Project) -> QuerySet[Round]:
    """Return a project's rounds, newest first."""
    rows: QuerySet[Round] = Round.objects.filter(project=project)
    return rows.select_related("project", "protocol").order_by("-id")
