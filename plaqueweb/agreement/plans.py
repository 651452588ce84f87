"""Two pipelines on one list: the margin comes first, what was trained on judges nobody, and looks are counted."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.agreement.models import ComparisonPlan, ListLook
from plaqueweb.agreement.watch_models import MAX_MARGIN
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Conflict, Invalid, NotAllowed
from plaqueweb.predictions.models import Pipeline
from plaqueweb.studies.choices import ListPurpose
from plaqueweb.studies.models import CaseList, CaseListItem

MAY_PLAN = (Capability.MANAGE_ROUNDS, Capability.MANAGE_PIPELINES)


@dataclass(frozen=True)
class TrainedOn:
    """Why a list must not judge a pipeline: ``subjects`` of it were seen in training."""

    pipelines: tuple[str, ...]
    lists: tuple[str, ...]
    subjects: int


def may_plan(user: User, project_id: uuid.UUID) -> bool:
    """Tell whether the user may set a margin: who sees results, and runs rounds or pipelines."""
    runs = any(user.can(capability, project_id) for capability in MAY_PLAN)
    return runs and user.can(Capability.SEE_RESULTS, project_id)


def plan_for(*, case_list: CaseList, first: uuid.UUID, second: uuid.UUID, against: str) -> ComparisonPlan | None:
    """The plan of a comparison, if its margin was set."""
    rows = ComparisonPlan.objects.filter(case_list=case_list, first_id=first, second_id=second, against=against)
    return rows.select_related("by").first()


def trained_on(case_list: CaseList, pipelines: Sequence[Pipeline]) -> TrainedOn | None:
    """What of a list was seen in training; None where nothing was.

    Seen is a subject of a list of the project that serves training or tuning, and one of a list whose hash a model's
    card names as its training export, whatever that list serves now.
    """
    subjects = CaseListItem.objects.filter(case_list=case_list).values("study__subject_id")
    rows = CaseListItem.objects.filter(study__subject_id__in=subjects, case_list__project_id=case_list.project_id)
    rows = rows.select_related("case_list")
    named = {pipeline.name: _export_hashes(pipeline) for pipeline in pipelines}
    every = set().union(*named.values()) if named else set()
    found: dict[str, set[uuid.UUID]] = {}
    guilty: set[str] = set()
    for name, hash_, purpose, subject in rows.values_list(
        "case_list__name", "case_list__hash", "case_list__purpose", "study__subject_id"
    ):
        trains = purpose in (ListPurpose.TRAIN, ListPurpose.TUNE)
        if trains or (hash_ and hash_ in every):
            found.setdefault(name, set()).add(subject)
            guilty |= {label for label, hashes in named.items() if trains or hash_ in hashes}
    if not found:
        return None
    return TrainedOn(tuple(sorted(guilty)), tuple(sorted(found)), len(set().union(*found.values())))


def _export_hashes(pipeline: Pipeline) -> set[str]:
    """Hashes of the case lists that the cards of both models name as their training export."""
    hashes: set[str] = set()
    for model in (pipeline.classifier, pipeline.segmenter):
        training = model.card.get("training") if isinstance(model.card, dict) else None
        data = training.get("data") if isinstance(training, dict) else None
        export = data.get("export") if isinstance(data, dict) else None
        lists = export.get("lists", []) if isinstance(export, dict) else []
        hashes |= {str(row["hash"]) for row in lists if isinstance(row, dict) and row.get("hash")}
    return hashes


def set_margin(
    *, case_list: CaseList, first: Pipeline, second: Pipeline, against: str, margin: float, by: User
) -> ComparisonPlan:
    """Store how much agreement the second pipeline may lose to the first, before anybody sees the result.

    Raises:
        NotAllowed: the user may not plan comparisons.
        Invalid: the list is not frozen, the pipelines are one or of another project, a margin outside 0 to 0.5, or
            subjects of the list were seen in training.
        Conflict: the margin was set before; it is never changed.
    """
    if not may_plan(by, case_list.project_id):
        raise NotAllowed(_("You may not plan comparisons in this project."), rule="comparison-plan")
    if case_list.frozen_at is None:
        raise Invalid(_("Two pipelines are compared on a frozen list; this one may still change."), rule="list-open")
    if first.pk == second.pk or {first.project_id, second.project_id} != {case_list.project_id}:
        raise Invalid(_("A comparison needs two pipelines of this project."), rule="comparison-two")
    if not (math.isfinite(margin) and 0 < margin <= MAX_MARGIN):
        raise Invalid(
            _("The margin is a share above 0 and up to 50 %%; got %(got)s %%.") % {"got": f"{100 * margin:g}"},
            rule="comparison-margin",
        )
    refuse_trained_on(case_list, (first, second))
    try:
        with transaction.atomic():
            plan = ComparisonPlan.objects.create(
                project_id=case_list.project_id, case_list=case_list, first=first, second=second, against=against,
                margin=margin, by=by,
            )  # fmt: skip
            diff = {"list": case_list.hash, "first": first.hash, "second": second.hash, "against": against}
            record_event(actor=by, verb="comparison.margin_set", target=plan, diff={**diff, "margin": margin})
    except IntegrityError:
        raise Conflict(
            _("The margin of this comparison was set before; it does not change any more."),
            rule="comparison-margin-set",
        ) from None
    return plan


def refuse_trained_on(case_list: CaseList, pipelines: Sequence[Pipeline]) -> None:
    """Refuse a list that holds subjects seen in training.

    Raises:
        Invalid: rule ``trained-on``.
    """
    seen = trained_on(case_list, pipelines)
    if seen is not None:
        raise Invalid(trained_words(seen), rule="trained-on")


def trained_words(seen: TrainedOn) -> str:
    """The refusal in a sentence."""
    return _(
        "%(n)s subjects of this list were seen in training or tuning (%(lists)s); what a model has learnt from cannot "
        "judge it."
    ) % {"n": seen.subjects, "lists": ", ".join(seen.lists)}


@transaction.atomic
def note_look(*, case_list: CaseList, by: User, input_hash: str, board: str) -> bool:
    """Count that somebody saw a result over a test list; the same result seen again by the same person is no new look.

    Lists that serve something else are not counted. Returns whether this was a new look.
    """
    if case_list.purpose != ListPurpose.TEST:
        return False
    look, made = ListLook.objects.get_or_create(
        case_list=case_list, by=by, input_hash=input_hash, defaults={"board": board}
    )
    if made:
        record_event(
            actor=by, verb="test_list.looked", target=look, project_id=case_list.project_id,
            diff={"list": str(case_list.pk), "board": board, "input": input_hash},
        )  # fmt: skip
    return made


@dataclass(frozen=True)
class Looks:
    """How often results over a list were looked at, and by how many people."""

    looks: int
    people: int


def looks_at(case_lists: Iterable[CaseList]) -> Looks:
    """Count the looks at lists."""
    rows = list(ListLook.objects.filter(case_list__in=list(case_lists)).values_list("by_id", flat=True))
    return Looks(len(rows), len(set(rows)))
