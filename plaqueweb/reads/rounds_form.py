"""What a person fills in to open a round, as plain values: the page, its preview and the API share it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import Invalid
from plaqueweb.reads import overview
from plaqueweb.reads.choices import Frames, Policy, Reveal
from plaqueweb.reads.models import Round
from plaqueweb.reads.rounds import create_round
from plaqueweb.reads.rounds_order import most_repeats
from plaqueweb.reads.rounds_plan import AGREEMENT, COMPLEX, Plan, plan
from plaqueweb.reads.rounds_rules import MODEL_POLICIES, Design
from plaqueweb.studies.models import CaseList, Clip, Project, Protocol, Study
from plaqueweb.studies.services import create_case_list

LINE = re.compile(r"^\s*S-?0*(\d+)\s*/\s*(\d+)\s*:\s*(.+?)\s*$", re.IGNORECASE)
MOST_DIGITS = 9


@dataclass(frozen=True)
class Wanted:
    """A round as it was asked for, with every key found in the project."""

    project: Project
    name: str
    protocol: Protocol
    case_list: CaseList | None
    studies: list[Study]
    purpose: str
    readers: list[User]
    seed: int | None
    design: Design

    def plan(self, *, by: User, agreement: float = AGREEMENT, share: float = COMPLEX) -> Plan:
        """Return what this round takes and gives."""
        return plan(
            project=self.project, design=self.design, readers=self.readers, case_list=self.case_list,
            studies=self.studies, by=by, agreement=agreement, share=share,
        )  # fmt: skip


def wanted(*, project: Project, given: Mapping[str, Any], strict: bool = True) -> Wanted:
    """Find what a form or the API names.

    Args:
        given: name, case_list, studies, purpose, readers, protocol, policy, pipeline, reveal, reveal_reason, frames,
            fixed_frames, reads_per_case, repeats, repeat_of, washout_days, hides_verdict, seed; texts or
            values, what is left out takes its default.
        strict: refuse what does not fit; else leave it out, for a preview of what is half filled in.

    Raises:
        Invalid: something is not of this project, or no number (only when ``strict``).
    """
    case_list = _one(CaseList.objects.filter(project=project), given.get("case_list"), _("case list"), strict)
    if not case_list and not given.get("studies"):
        case_list = _list_of(project, given.get("repeat_of"))
    studies = [] if case_list else _all(overview.ready_studies(project), given.get("studies"))
    readers = _all(overview.possible_readers(project), given.get("readers"))
    if strict:
        _check_chosen(given, case_list, studies, readers)
    protocols = Protocol.objects.filter(project=project).order_by("-version")
    protocol = _one(protocols, given.get("protocol"), _("protocol"), strict) or protocols.first()
    if protocol is None:
        raise Invalid(_("The project has no protocol."), rule="round-protocol")
    cases = case_list.items.count() if case_list else len(studies)
    return Wanted(
        project=project, name=str(given.get("name", "")), protocol=protocol, case_list=case_list, studies=studies,
        purpose=str(given.get("purpose") or "test"), readers=readers,
        seed=_number(given.get("seed"), _("seed"), strict),
        design=_design(project, given, cases, len(readers), strict),
    )  # fmt: skip


def _list_of(project: Project, first: Any) -> CaseList | None:
    """The cases of the round that is repeated, where none are chosen."""
    row = _one(Round.objects.filter(project=project).select_related("case_list"), first, _("round"), False)
    return None if row is None else row.case_list


def _check_chosen(
    given: Mapping[str, Any], case_list: CaseList | None, studies: Sequence[Study], readers: Sequence[User]
) -> None:
    asked = set(map(str, given.get("studies") or []))
    if case_list is None and (len(studies) != len(asked) or not studies):
        raise Invalid(_("Choose studies of this project that are ready."), rule="round-studies")
    if len(readers) != len(set(map(str, given.get("readers") or []))) or not readers:
        raise Invalid(_("Choose readers of this project."), rule="round-readers")


def _design(project: Project, given: Mapping[str, Any], cases: int, readers: int, strict: bool) -> Design:
    policy = str(given.get("policy") or Policy.BLINDED)
    if strict and policy in (Policy.OPEN, Policy.PRACTICE):
        raise Invalid(_("Imported reads and practice sets bring their own round."), rule="round-policy")
    each = _number(given.get("reads_per_case"), _("reads a case"), strict)
    first = _one(Round.objects.filter(project=project), given.get("repeat_of"), _("round"), strict)
    frames = str(given.get("frames") or Frames.READER)
    named = given.get("fixed_frames") if frames == Frames.FIXED else None
    least = cases if each is None or not readers else cases * each // readers
    return Design(
        policy=policy, reveal=str(given.get("reveal") or Reveal.ALL_SIGNED),
        reveal_reason=str(given.get("reveal_reason") or ""), frames=frames,
        fixed_frames=_fixed(project, named, strict), reads_per_case=each,
        repeats=_repeats(given.get("repeats"), least, strict), repeat_of=first,
        washout_days=_number(given.get("washout_days"), _("washout"), strict) if first else None,
        hides_verdict=given.get("hides_verdict") in (True, "1", "on"),
        pipelines=_pipelines(project, given.get("pipeline"), policy),
        practice=_one(practice_rounds(project), given.get("practice"), _("practice set"), strict),
    )  # fmt: skip


def practice_rounds(project: Project) -> Any:
    """Return a project's practice sets, newest first."""
    return Round.objects.filter(project=project, policy=Policy.PRACTICE).order_by("-id")


def _pipelines(project: Project, given: Any, policy: str) -> list[UUID]:
    """The pipeline whose result the round shows; ``predictions`` is a room beside this one, reached by relation."""
    if policy not in MODEL_POLICIES:
        return []
    rows = project.pipelines.exclude(state__in=["shadow", "retired"])
    return [row.pk for row in rows if str(row.pk) == str(given or "")]


def _repeats(given: Any, cases: int, strict: bool) -> int:
    """A number of cases, or a share of them: “5” or “10 %”; a share is never more than fits."""
    text = str(given or "").strip()
    if text.endswith("%"):
        part = _number(text[:-1].strip(), _("repeated cases"), strict) or 0
        return min(round(cases * part / 100), most_repeats(cases)) if part <= 100 or not strict else part * cases
    return _number(text, _("repeated cases"), strict) or 0


def _fixed(project: Project, given: Any, strict: bool) -> dict[str, list[int]] | None:
    """Frames of each clip: {clip id: numbers}, or lines of text “S-0012 / 2: 5, 14, 30”."""
    if not given or isinstance(given, Mapping):
        return dict(given) if given else None
    clips = Clip.objects.for_reading().filter(study__project=project)
    known = {(study, number): str(pk) for study, number, pk in clips.values_list("study__number", "number", "pk")}
    found: dict[str, list[int]] = {}
    for line in str(given).splitlines():
        if not line.strip():
            continue
        match = LINE.match(line)
        numbers = re.split(r"[,\s]+", match[3]) if match else []
        key = known.get((int(match[1]), int(match[2]))) if match else None
        if key is None or not all(n.isascii() and n.isdigit() and len(n) < MOST_DIGITS for n in numbers):
            if strict:
                words = _("“%(line)s”: write the study, the clip and its frames, as in S-0012 / 2: 5, 14, 30.")
                raise Invalid(words % {"line": line.strip()[:60]}, rule="round-fixed-frames")
            continue
        found.setdefault(key, []).extend(int(n) for n in numbers)
    return found or None


def _number(given: Any, what: str, strict: bool) -> int | None:
    text = str("" if given is None else given).strip()
    if not text:
        return None
    if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20:
        return int(text)
    if strict:
        raise Invalid(_("“%(text)s” is no whole number (%(what)s).") % {"text": text[:20], "what": what}, rule="number")
    return None


def _one(rows: Any, given: Any, what: str, strict: bool) -> Any:
    if not given:
        return None
    found = next((row for row in rows if str(row.pk) == str(given)), None)
    if found is None and strict:
        raise Invalid(_("There is no such %(what)s in this project.") % {"what": what}, rule="round-project")
    return found


def _all(rows: Any, given: Any) -> list[Any]:
    asked = set(map(str, given or []))
    return [row for row in rows if str(row.pk) in asked]


@transaction.atomic
def open_round(*, wanted: Wanted, by: User) -> Round:
    """Open a round as asked for; studies without a list become a frozen one of the round's name.

    Raises:
        NotAllowed, Invalid, Conflict: as in ``create_round`` and ``create_case_list``.
    """
    case_list = wanted.case_list
    if case_list is None:
        case_list = create_case_list(
            project=wanted.project, name=wanted.name.strip(), purpose=wanted.purpose, studies=wanted.studies, by=by
        )
    design = wanted.design
    return create_round(
        project=wanted.project, protocol=wanted.protocol, case_list=case_list, name=wanted.name,
        readers=wanted.readers, seed=secrets.randbits(48) if wanted.seed is None else wanted.seed, by=by,
        **{name: getattr(design, name) for name in design.__dataclass_fields__},
    )  # fmt: skip
