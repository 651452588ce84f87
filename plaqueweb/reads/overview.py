"""What those who manage rounds see: progress by reader, never an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import Membership, User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import NotFound
from plaqueweb.reads.choices import AssignmentState as A
from plaqueweb.reads.choices import Policy
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.reads.selectors import round_payload
from plaqueweb.studies.blinding import BLINDED_POLICIES, UNSIGNED_STATES
from plaqueweb.studies.choices import ListPurpose
from plaqueweb.studies.models import CaseList, CaseListItem, Project, Study

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
    hiding = [row.pk for row in listed if row.repeats]
    own = Assignment.objects.own(user).filter(round_id__in=hiding, stage_no=1)
    mine = dict(own.values_list("round_id").annotate(n=Count("pk")).order_by()) if hiding else {}
    payload = []
    for row in listed:
        may_know = user.can(Capability.MANAGE_ROUNDS, row.project_id) and row.pk not in blind
        lines = progress.get(row.pk, [])
        payload.append(
            {
                **round_payload(row),
                "policy_words": str(Policy(row.policy).label),
                "project": row.project.slug,
                # Which cases come twice, or again, nobody who reads may know.
                "case_list": row.case_list_id if may_know else None,
                "reads_per_case": row.reads_per_case,
                "repeats": row.repeats if may_know else None,
                "repeat_of": row.repeat_of_id if may_know else None,
                "washout_days": row.washout_days,
                "stage_two_at": row.stage_two_at,
                # A list shorter than one's own worklist would give repeats away.
                "cases": cases.get(row.case_list_id, 0) if may_know or not row.repeats else mine.get(row.pk, 0),
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


def project_rounds(project: Project) -> QuerySet[Round]:
    """Return a project's rounds, newest first."""
    rows: QuerySet[Round] = Round.objects.filter(project=project)
    return rows.select_related("project", "protocol").order_by("-id")


def case_lists(project: Project) -> QuerySet[CaseList]:
    """Return a project's case lists, newest first, with how many studies, subjects and rounds each has."""
    rows: QuerySet[CaseList] = CaseList.objects.filter(project=project)
    return rows.annotate(
        n=Count("items", distinct=True),
        subjects=Count("items__study__subject", distinct=True),
        used=Count("rounds", distinct=True),
    ).order_by("-id")


def managed_case_list(*, user: User, project: Project, pk: UUID | str) -> CaseList:
    """Return a case list of a project in which the user manages rounds.

    Raises:
        NotFound: there is none.
    """
    row = case_lists(project).filter(pk=pk).first() if user.can(Capability.MANAGE_ROUNDS, project.pk) else None
    if row is None:
        raise NotFound(_("There is nothing here that you may see."))
    return row


def managed_assignments(*, user: User, round_: Round) -> QuerySet[Assignment]:
    """Return a round's cases with their readers for who manages it; none for who still reads blind in it."""
    rows: QuerySet[Assignment] = Assignment.objects.managed_by(user).filter(round=round_)
    blind = Assignment.objects.filter(reader=user, round=round_, state__in=UNSIGNED_STATES)
    if round_.policy in BLINDED_POLICIES and blind.exists():
        return rows.none()
    rows = rows.select_related("round__project", "study__subject", "reader")
    return rows.order_by("study__number", "reader__name", "stage_no", "repeat_no", "id")


def shown_pipelines(project: Project) -> list[Any]:
    """Return the pipelines whose result a round may show, the active one first.

    ``predictions`` is a room beside this one: its rows are reached by relation.
    """
    rows = project.pipelines.exclude(state__in=["shadow", "retired"])
    return sorted(rows, key=lambda row: (row.state != "active", row.name))


def list_studies(row: CaseList) -> dict[str, Any]:
    """Return what is in a list, and what can join it: ready studies whose subject serves no other purpose."""
    items = CaseListItem.objects.filter(case_list=row).select_related("study__subject").order_by("study__number")
    inside = {item.study_id for item in items}
    taken = dict(
        CaseListItem.objects.filter(case_list__project=row.project_id)
        .exclude(case_list__purpose=row.purpose)
        .values_list("study__subject_id", "case_list__purpose")
    )
    words = dict(ListPurpose.choices)
    others = [
        (study, words.get(taken[study.subject_id], "") if study.subject_id in taken else "")
        for study in ready_studies(row.project)
        if study.pk not in inside
    ]
    return {"items": items, "others": others if row.frozen_at is None else []}
