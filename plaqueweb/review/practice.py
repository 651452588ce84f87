"""Practice sets: cases whose answer is known, for readers to qualify on. The answers are kept with the set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import Invalid
from plaqueweb.reads.choices import Policy, Reveal
from plaqueweb.reads.models import Round
from plaqueweb.reads.qualification import add_key
from plaqueweb.reads.services import create_round
from plaqueweb.review.models import Consensus, ConsensusKind
from plaqueweb.studies.models import CaseList, CaseListItem, Project, Protocol

RANK = (ConsensusKind.ADJUDICATED, ConsensusKind.KNOWN_TRUTH, ConsensusKind.AGREED)
PASS_MARK = 80
"""What the page proposes, in %: two physicians agree in 84 to 88 % at 4 mm."""


def known_answers(studies: Sequence[UUID], *, by: User | None) -> dict[UUID, Consensus]:
    """Return the reference in force of each study that has one: adjudicated, else known truth, else agreed by readers.

    A reference made with a model in sight, or one that says "can't assess", is no known answer; nor is one that ``by``
    may not see, being still to read the study blind.
    """
    seen = Consensus.objects.all() if by is None else Consensus.objects.visible_to(by)
    rows = seen.in_force().scoring().filter(study__in=studies, reader_class__in=[0, 1])
    best: dict[UUID, Consensus] = {}
    for row in rows.filter(kind__in=RANK).order_by("revision", "id"):
        held = best.get(row.study_id)
        if held is None or _rank(row) <= _rank(held):
            best[row.study_id] = row
    return best


def _rank(row: Consensus) -> int:
    return [str(kind) for kind in RANK].index(row.kind)


@transaction.atomic
def open_practice(
    *,
    project: Project,
    case_list: CaseList,
    name: str,
    readers: Sequence[User],
    pass_mark: int,
    seed: int,
    by: User | None,
    repeat_of: Round | None = None,
    washout_days: int | None = None,
) -> Round:
    """Open a practice set: blind answers, then the known answer after each case.

    Args:
        pass_mark: percentage of the cases whose class has to agree, 1 to 100.
        repeat_of: an earlier practice set that is tried again; passing either qualifies.

    Raises:
        NotAllowed: ``by`` may not manage rounds, or a reader may not read.
        Invalid: a study has no known answer (rule ``practice-unknown``), or as in ``create_round``.
    """
    protocol = Protocol.objects.filter(project=project).order_by("-version").first()
    if protocol is None:
        raise Invalid(_("The project has no protocol."), rule="round-protocol")
    if repeat_of is not None and repeat_of.policy != Policy.PRACTICE:
        raise Invalid(_("Choose a practice set of this project."), rule="practice-set")
    items = CaseListItem.objects.filter(case_list=case_list).select_related("study").order_by("study__number")
    studies = [item.study for item in items]
    known = known_answers([study.pk for study in studies], by=by)
    unknown = [study.label for study in studies if study.pk not in known]
    if unknown:
        words = _("No answer is known for %(studies)s. A practice set needs one for each case.")
        raise Invalid(words % {"studies": ", ".join(unknown[:8])}, rule="practice-unknown")
    round_ = create_round(
        project=project, protocol=protocol, case_list=case_list, name=name, readers=readers, seed=seed, by=by,
        policy=Policy.PRACTICE, reveal=Reveal.NEVER, pass_mark=pass_mark, repeat_of=repeat_of,
        washout_days=washout_days,
    )  # fmt: skip
    add_key(round_=round_, answers=[_answer(known[study.pk]) for study in studies])
    return round_


def _answer(row: Consensus) -> dict[str, Any]:
    return {
        "study": row.study_id, "reader_class": row.reader_class, "thickness_mm": row.thickness_mm,
        "source": str(row.get_kind_display()),
    }  # fmt: skip
