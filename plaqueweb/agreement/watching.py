"""Alarms without anybody looking: after new signed reads, references or predictions the light worker computes the time
tab of the whole project and raises what lies beyond its limits.

It looks with the eyes of a member who sees every result. Where there is none nobody could be shown an alarm either.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Max
from django.utils import timezone

from plaqueweb.accounts.models import Membership, User
from plaqueweb.accounts.roles import Capability
from plaqueweb.agreement import alarms, selectors
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.evidence import Progress
from plaqueweb.agreement.figures.periods import SPLITS
from plaqueweb.agreement.models import Watch
from plaqueweb.agreement.services import results_at_once
from plaqueweb.core import work
from plaqueweb.core.models import WorkState
from plaqueweb.predictions.models import Prediction
from plaqueweb.reads.models import Read
from plaqueweb.review.models import Consensus
from plaqueweb.studies.models import Project, Study

EACH = timedelta(minutes=1)
BOARD = "time"


def stamps() -> dict[uuid.UUID, str]:
    """What each project with a prediction holds: how many signed reads, references and predictions, the newest of them,
    and how many studies have a site.
    """
    labelled = Study.objects.exclude(site="").order_by().values_list("project").annotate(Count("pk"))
    reads = Read.objects.signed().order_by().values_list("assignment__round__project")
    references = Consensus.objects.order_by().values_list("study__project")
    predictions = Prediction.objects.order_by().values_list("study__project")
    parts = [
        {project: f"{n}@{last:%Y%m%d%H%M%S%f}" for project, n, last in rows}
        for rows in (
            predictions.annotate(Count("pk"), Max("created_at")),
            reads.annotate(Count("pk"), Max("signed_at")),
            references.annotate(Count("pk"), Max("created_at")),
        )
    ]
    parts.append({project: str(n) for project, n in labelled})
    return {project: " ".join(part.get(project, "0") for part in parts) for project in parts[0]}


def queue_changed() -> None:
    """Queue the watch of every project in which something came in since it was last looked at."""
    known = {row.project_id: row for row in Watch.objects.all()}
    for project, stamp in stamps().items():
        row = known.get(project)
        if row is not None and (row.seen == stamp or row.work_state in (WorkState.QUEUED, WorkState.RUNNING)):
            continue
        if watcher_of(project) is None:
            continue
        if row is None:
            Watch.objects.get_or_create(project_id=project)
        else:
            # Whatever came of the last look: there is something new to look at.
            ready = Watch.objects.filter(pk=row.pk, work_state=row.work_state)
            ready.update(work_state=WorkState.QUEUED, attempts=0, failures=0, error_code="", queued_at=timezone.now())


def watcher_of(project_id: uuid.UUID) -> User | None:
    """A member who sees every result of the project, the longest a member first; None where there is none."""
    project = Project.objects.get(pk=project_id)
    rows = Membership.objects.filter(project=project, user__is_active=True).with_capability(Capability.SEE_RESULTS)
    for row in rows.select_related("user").order_by("pk"):
        if alarms.sees_all(row.user, project):
            user: User = row.user
            return user
    return None


def findings(project: Project, progress: Progress | None = None) -> list[dict[str, Any]]:
    """Every alarm of the project's time tab under no filter, computed now or found: of each pipeline as a whole, and of
    its sites and scanners where it has several. The three share one chance of a false alarm (``compute_time``).
    """
    user = watcher_of(project.pk)
    board = registry.board_of(BOARD)
    scope = selectors.scope(user, project, None) if user is not None else None
    selection = selectors.select(project, None, scope) if scope is not None else None
    if user is None or scope is None or selection is None or selection.pipeline is None or not selection.against:
        return []
    found: list[dict[str, Any]] = []
    several: dict[str, int] = {}
    for split in ("", *SPLITS):
        if split and not several.get(split):
            continue
        manifest = selectors.manifest(user, selection, scope, kind=BOARD, parts=board.parts, options={"split": split})
        results = results_at_once(manifest, progress)
        several = results["promise"]["parts"]
        found += alarms.found_alarms(results, split)
    return found


def look_under(claim: work.Claim, progress: Progress) -> int:
    """Look at the project of a claimed watch and close it; returns how many alarms are new.

    Raises:
        Overtaken: the claim was lost; no alarm is written then.
    """
    row = Watch.objects.select_related("project").get(pk=claim.pk)
    stamp = stamps().get(row.project_id, "")  # before the look: what comes in meanwhile is looked at next
    found = findings(row.project, progress)
    with transaction.atomic():
        made = alarms.raise_alarms(project=row.project, found=found)
        work.close(claim, seen=stamp)
    return len(made)
