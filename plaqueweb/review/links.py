"""People say which lesions are the same plaque: the acts, what they add up to, and the matching that follows.

No act touches a read, a prediction or a Consensus: it only says how lesions are counted together.
"""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterable
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Conflict, Invalid, NotAllowed, NotFound
from plaqueweb.predictions.models import Prediction
from plaqueweb.reads.models import Read
from plaqueweb.review.lesion_sides import model_ref
from plaqueweb.review.link_models import LesionLink, LinkAct
from plaqueweb.review.matching import RULE_VERSION, Pair, Ref, Verdicts
from plaqueweb.review.models import Case
from plaqueweb.studies.models import Project

REASON_CHARACTERS = 300


@dataclass(frozen=True)
class Said:
    """One act as far as it counts: what was said of two lesions, ``a`` of the first answer and ``b`` of the second."""

    act: str
    a: Ref
    b: Ref


def verdicts_of(acts: Iterable[Said]) -> Verdicts:
    """What acts in the order of time add up to.

    The last act on a pair counts; of several links that name one lesion the latest stands.
    """
    last: dict[Pair, str] = {}
    for one in acts:
        last.pop((one.a, one.b), None)  # a later act moves its pair to the end
        last[(one.a, one.b)] = one.act
    linked: list[Pair] = []
    taken: tuple[set[Ref], set[Ref]] = set(), set()
    for pair, act in reversed(last.items()):
        if act == LinkAct.LINK and pair[0] not in taken[0] and pair[1] not in taken[1]:
            linked.append(pair)
            taken[0].add(pair[0])
            taken[1].add(pair[1])
    return Verdicts(tuple(linked), frozenset(pair for pair, act in last.items() if act == LinkAct.UNLINK))


def acts_between(first: uuid.UUID, second: uuid.UUID, *, prediction: bool) -> list[LesionLink]:
    """The acts on two answers in the order of time; of two reads the one with the lower id is first."""
    other = {"prediction_id": second} if prediction else {"other_read_id": second}
    return list(LesionLink.objects.filter(read_id=first, **other).select_related("by").order_by("id"))


def said(acts: Iterable[LesionLink]) -> list[Said]:
    """Acts without who and when."""
    return [Said(row.act, row.lesion, row.other_lesion) for row in acts]


def in_order(a: uuid.UUID, b: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID]:
    """Two reads as they are stored: the lower id first."""
    return (a, b) if a <= b else (b, a)


@transaction.atomic
def judge_pair(
    *,
    case: Case,
    act_id: uuid.UUID,
    act: str,
    read: Read,
    lesion: Ref,
    other: Read | Prediction,
    other_lesion: Ref,
    reason: str,
    by: User,
) -> LesionLink:
    """Say of two lesions that they are the same plaque, that they are not, or leave them to the rule again.

    Args:
        case: from ``selectors.visible_case``; read and other from ``selectors.read_of`` and ``prediction_of``.
        act_id: made by the client; the same act again stores nothing twice.

    Raises:
        NotFound: the user may not see the case, or an answer has no such lesion.
        NotAllowed: the user's role does not say which lesions are the same.
        Invalid: an act that there is not, two lesions of one answer, or a reason that is too long.
        Conflict: ``act_id`` was used for something else.
    """
    if not Case.objects.visible_to(by).filter(pk=case.pk).exists():
        raise NotFound(_("There is nothing here that you may see."))
    if not by.can(Capability.MATCH_LESIONS, case.round.project_id):
        raise NotAllowed(_("Coordinators and adjudicators say which lesions are the same."), rule="match-lesions")
    if act not in LinkAct.values:
        raise Invalid(_("Unknown act: %(act)s") % {"act": act}, rule="link-act")
    if len(reason) > REASON_CHARACTERS:
        limit = {"limit": REASON_CHARACTERS}
        raise Invalid(_("A reason has at most %(limit)d characters.") % limit, rule="reason-length")
    if read.pk == other.pk:
        raise Invalid(_("Lesions of one and the same answer are never linked."), rule="link-one-answer")
    if lesion not in lesions_of(read) or other_lesion not in lesions_of(other):
        raise NotFound(_("This answer has no such lesion."), rule="lesion")
    fields = _sides(read, lesion, other, other_lesion) | {"case_id": case.pk, "act": act, "reason": reason.strip()}
    known = LesionLink.objects.filter(act_id=act_id).first()
    if known is not None:
        return _again(known, fields, by)
    try:
        with transaction.atomic():
            row = LesionLink.objects.create(act_id=act_id, by=by, rule_version=RULE_VERSION, **fields)
    except IntegrityError:  # the same request arrived twice at once
        return _again(LesionLink.objects.get(act_id=act_id), fields, by)
    diff: dict[str, object] = {
        key: str(value) for key, value in fields.items() if value is not None and key not in ("case_id", "reason")
    }
    diff |= {"rule": RULE_VERSION, "reason": bool(row.reason)}
    record_event(actor=by, verb="lesions.judged", target=row, project_id=case.round.project_id, diff=diff)
    return row


def _sides(read: Read, lesion: Ref, other: Read | Prediction, other_lesion: Ref) -> dict[str, object]:
    if isinstance(other, Prediction):
        return {"read_id": read.pk, "lesion": lesion, "prediction_id": other.pk, "other_lesion": other_lesion}
    if in_order(read.pk, other.pk)[0] != read.pk:
        read, lesion, other, other_lesion = other, other_lesion, read, lesion
    return {"read_id": read.pk, "lesion": lesion, "other_read_id": other.pk, "other_lesion": other_lesion}


def _again(known: LesionLink, fields: dict[str, object], by: User) -> LesionLink:
    same = known.by_id == by.pk and all(getattr(known, key) == value for key, value in fields.items())
    if not same:
        raise Conflict(_("This act’s id was used before for another act."), rule="act-id")
    return known


def lesions_of(answer: Read | Prediction) -> set[Ref]:
    """The lesions of one answer by their names in ``matching``."""
    if isinstance(answer, Prediction):
        parts = answer.clips.filter(no_result_reason="").values_list("clip_id", "region_number", "lesions")
        return {model_ref(clip, region, int(one["number"])) for clip, region, listed in parts for one in listed or []}
    return {str(number) for number in answer.lesions.values_list("number", flat=True)}


def acts_on(project: Project, reads: Container[uuid.UUID], others: Container[uuid.UUID]) -> list[list[str]]:
    """A project's acts between these reads and these others: [act, first, second, lesion, other lesion] in the order of
    time.

    ``others`` are reads and predictions. For a manifest: whoever froze it was allowed to see them.
    """
    names = ("act", "read_id", "other_read_id", "prediction_id", "lesion", "other_lesion")
    rows = LesionLink.objects.filter(case__round__project=project).order_by("id").values_list(*names)
    return [
        [act, str(read), str(second or prediction), a, b]
        for act, read, second, prediction, a, b in rows
        if read in reads and (second or prediction) in others
    ]


__all__ = [
    "REASON_CHARACTERS", "Said", "acts_between", "acts_on", "in_order", "judge_pair", "lesions_of", "said",
    "verdicts_of",
]  # fmt: skip
