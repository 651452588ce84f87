"""How a case enters the reference queue: the readers' answers alone, or a lot among concordant cases.

Nothing here may look at a prediction: a reference that a model's answer had chosen for review would favour the model
(discrepant analysis).
"""

from __future__ import annotations

import hashlib
import math
import uuid

from django.db import transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed
from plaqueweb.reads.models import Round
from plaqueweb.review.models import AdjudicationPlan, Case, QueueEntry, Trigger

SHARE = 0.10
"""Part of the concordant cases that is adjudicated too, unless a coordinator says otherwise."""


def plan_of(round_: Round) -> AdjudicationPlan:
    """Return a round's plan, made on first use: the default share, and the round's own seed."""
    plan, _made = AdjudicationPlan.objects.get_or_create(round=round_, defaults={"share": SHARE, "seed": round_.seed})
    return plan


@transaction.atomic
def set_share(*, round_: Round, share: float, by: User) -> AdjudicationPlan:
    """Choose which part of a round's concordant cases is adjudicated; the seed stays.

    Raises:
        NotAllowed: no right to manage rounds.
        Invalid: the share does not lie between 0 and 1.
        InvalidTransition: a case of the round was compared already: a later share would be chosen by its outcome.
    """
    if not by.can(Capability.MANAGE_ROUNDS, round_.project_id):
        raise NotAllowed(_("You may not manage rounds in this project."))
    if not (math.isfinite(share) and 0 <= share <= 1):
        raise Invalid(_("The share lies between 0 and 100 %."), rule="adjudication-share")
    if share_is_fixed(round_):
        raise InvalidTransition(
            _("Cases of this round were compared already; the share was fixed with the first one."),
            rule="adjudication-share-fixed",
        )
    plan = plan_of(round_)
    before, plan.share = plan.share, share
    plan.save(update_fields=["share"])
    record_event(
        actor=by, verb="adjudication.planned", target=plan, project_id=round_.project_id,
        diff={"round": str(round_.pk), "from": before, "to": share, "seed": plan.seed},
    )  # fmt: skip
    return plan


def share_is_fixed(round_: Round) -> bool:
    """Tell whether a case of the round was compared: then the lot has begun."""
    return Case.objects.filter(round=round_).exclude(state="open").exists()


def draw_of(*, seed: int, study_id: uuid.UUID) -> float:
    """Return the lot of a case in [0, 1): the same for the same seed and study, whoever asks and whenever."""
    digest = hashlib.sha256(f"{seed}:{study_id}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def enter_by_rules(*, case: Case, rules: list[str]) -> None:
    """Put a case whose readers differ into the queue; one that is there stays as it entered."""
    _enter(case, Trigger.RULES, rules=rules)


def enter_by_lot(*, case: Case) -> None:
    """Draw for a concordant case; below the round's share it enters the queue."""
    plan = plan_of(case.round)
    draw = draw_of(seed=plan.seed, study_id=case.study_id)
    if draw < plan.share:
        _enter(case, Trigger.SAMPLE, draw=draw, share=plan.share)


def _enter(case: Case, trigger: str, **fields: object) -> None:
    entry, made = QueueEntry.objects.get_or_create(case=case, defaults={"trigger": trigger, **fields})
    if made:
        diff = {"trigger": trigger, "rules": entry.rules, "draw": entry.draw, "share": entry.share}
        record_event(actor=None, verb="case.queued", target=case, project_id=case.round.project_id, diff=diff)
