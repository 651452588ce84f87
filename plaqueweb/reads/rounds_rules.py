"""What a round may be: its design, and the rules it is checked against before it opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from plaqueweb.core.errors import Conflict, Invalid
from plaqueweb.reads.choices import Frames, Policy, Reveal
from plaqueweb.reads.models import Round
from plaqueweb.reads.rounds_order import most_repeats
from plaqueweb.studies.models import CaseList, CaseListItem, Clip, Project, Protocol

SEED_LIMIT = 2**63
MODEL_POLICIES = (Policy.AI_ASSISTED, Policy.CONCURRENT)
MOST_WASHOUT_DAYS = 3650
WASHOUT_DAYS = 28
"""What the page proposes: four weeks, the least that guidance for reader studies asks for."""


@dataclass(frozen=True)
class Design:
    """How a round is read.

    Args:
        fixed_frames: {clip id: frame numbers} that everybody marks, of frames "fixed".
        reads_per_case: None means that every reader reads every case.
        repeats: cases that each reader meets twice within the round, unannounced.
        repeat_of: an earlier round that is read again, ``washout_days`` after its subjects were last met.
        pipelines: whose result is shown, where the policy shows one.
        practice: a practice set that a reader has to pass before cases open.
        hides_verdict: readers are not told what the label rule says of their answers, and no reason is asked for.
        pass_mark: of a practice set: the percentage of its cases that have to agree with the known answer.
    """

    policy: str = Policy.BLINDED
    reveal: str = Reveal.ALL_SIGNED
    reveal_reason: str = ""
    frames: str = Frames.READER
    fixed_frames: Mapping[str, Sequence[int]] | None = None
    reads_per_case: int | None = None
    repeats: int = 0
    repeat_of: Round | None = None
    washout_days: int | None = None
    pipelines: Sequence[UUID] = ()
    practice: Round | None = None
    pass_mark: int | None = None
    hides_verdict: bool = False


def check_round(project: Project, protocol: Protocol, case_list: CaseList, name: str, seed: int) -> None:
    """Check what every round needs.

    Raises:
        Invalid: no name, something of another project, a seed out of range, or an empty list.
        Conflict: the name is taken.
    """
    if not name.strip():
        raise Invalid(_("The round needs a name."), rule="round-name")
    if Round.objects.filter(project=project, name=name.strip()).exists():
        raise Conflict(_("A round of this name exists."), rule="round-name")
    if protocol.project_id != project.pk or case_list.project_id != project.pk:
        raise Invalid(_("Protocol and case list must belong to the project."), rule="round-project")
    if type(seed) is not int or not 0 <= seed < SEED_LIMIT:
        raise Invalid(_("The seed must be a whole number, not below 0."), rule="round-seed")
    if not CaseListItem.objects.filter(case_list=case_list).exists():
        raise Invalid(_("The case list is empty."), rule="list-empty")


def check_design(design: Design, *, project: Project, case_list: CaseList, readers: int) -> None:
    """Check that a design can be read as it is meant.

    Raises:
        Invalid: it cannot; the rule says why.
    """
    if design.policy not in Policy.values or design.reveal not in Reveal.values or design.frames not in Frames.values:
        raise Invalid(_("Unknown policy, time of revealing or choice of frames."), rule="round-policy")
    if design.reveal == Reveal.AFTER_EACH and not project.is_demo and not design.reveal_reason.strip():
        raise Invalid(
            _("Revealing after each case lets a reader learn from the model while reading: give a reason."),
            rule="round-reveal-reason",
        )
    if design.policy in MODEL_POLICIES and not design.pipelines:
        raise Invalid(_("Say which pipeline’s result this round shows."), rule="round-pipeline")
    cases = CaseListItem.objects.filter(case_list=case_list).count()
    _check_crossing(design, cases, readers)
    _check_repeat(design, project)
    _check_frames(design, case_list, readers)
    _check_practice(design, project, case_list)


def _check_practice(design: Design, project: Project, case_list: CaseList) -> None:
    practice, mark = design.practice, design.pass_mark
    if (design.policy == Policy.PRACTICE) != (mark is not None) or not 1 <= (1 if mark is None else mark) <= 100:
        raise Invalid(_("A practice set, and only one, has a pass mark of 1 to 100 %."), rule="practice-mark")
    if design.policy == Policy.PRACTICE and (design.repeats or design.frames != Frames.READER or practice):
        words = _("A practice set is read once, with frames of the reader’s choice, and asks for no other set.")
        raise Invalid(words, rule="practice-plain")
    if practice is None:
        return
    if practice.project_id != project.pk or practice.policy != Policy.PRACTICE:
        raise Invalid(_("Choose a practice set of this project."), rule="practice-set")
    subjects = CaseListItem.objects.filter(case_list=practice.case_list).values("study__subject")
    if CaseListItem.objects.filter(case_list=case_list, study__subject__in=subjects).exists():
        words = _("A subject of the practice set is in this case list: its readers would know the answer.")
        raise Invalid(words, rule="practice-overlap")


def _check_crossing(design: Design, cases: int, readers: int) -> None:
    each = design.reads_per_case
    if each is not None and not 1 <= each <= readers:
        words = _("Reads a case lie between 1 and the number of readers, %(n)d.") % {"n": readers}
        raise Invalid(words, rule="round-crossing")
    if design.repeats < 0:
        raise Invalid(_("The number of repeated cases is not below 0."), rule="round-repeats")
    if not design.repeats:
        return
    check_repeats(design.policy, design.reveal)
    least = cases if each is None else cases * each // readers
    if design.repeats > most_repeats(least):
        words = _("Each reader has %(cases)d cases: at most %(n)d of them, a third, can be repeated far apart.")
        raise Invalid(words % {"cases": least, "n": most_repeats(least)}, rule="round-repeats")


def check_repeats(policy: str, reveal: str) -> None:
    """Raise Invalid where a second reading of a case would not be blind."""
    if reveal == Reveal.AFTER_EACH:
        words = _("A round with repeated cases cannot reveal after each case: the second reading would not be blind.")
        raise Invalid(words, rule="round-repeats-reveal")
    if policy == Policy.AI_ASSISTED:
        words = _("An AI-assisted round cannot hold repeats: the model was shown after the first reading.")
        raise Invalid(words, rule="round-repeats-model")


def _check_repeat(design: Design, project: Project) -> None:
    first, days = design.repeat_of, design.washout_days
    if first is None:
        if days is not None:
            raise Invalid(_("A washout needs the round that is repeated."), rule="round-washout")
        return
    if first.project_id != project.pk or first.policy == Policy.OPEN:
        raise Invalid(_("Choose a round of this project that was read here."), rule="round-repeat-of")
    if days is None or not 1 <= days <= MOST_WASHOUT_DAYS:
        words = _("The washout lasts 1 to %(n)d days.") % {"n": MOST_WASHOUT_DAYS}
        raise Invalid(words, rule="round-washout")
    if design.reads_per_case is not None:
        words = _("In a repeated round each reader has the cases of the first one: there is nothing to deal.")
        raise Invalid(words, rule="round-repeat-crossing")


def _check_frames(design: Design, case_list: CaseList, readers: int) -> None:
    if design.frames == Frames.TWO_STAGES:
        if design.policy != Policy.BLINDED or design.reveal == Reveal.AFTER_EACH:
            words = _("Two stages are read blind: choose the policy “blinded”, and reveal after the second stage.")
            raise Invalid(words, rule="round-stages-blind")
        if (design.reads_per_case or readers) < 2:
            words = _("Two stages need at least two reads a case: the frames come from two readers.")
            raise Invalid(words, rule="round-stages-readers")
    if design.frames != Frames.FIXED:
        if design.fixed_frames:
            raise Invalid(_("Frames are named where they are fixed only."), rule="round-fixed-frames")
        return
    if not design.fixed_frames:
        raise Invalid(_("Name the frames of each clip that everybody marks."), rule="round-fixed-frames")
    clips = Clip.objects.for_reading().filter(study__list_items__case_list=case_list)
    known = {str(pk): (number, frames) for pk, number, frames in clips.values_list("pk", "number", "frames")}
    for key, numbers in design.fixed_frames.items():
        if key not in known:
            raise Invalid(_("A named clip is not part of the case list."), rule="round-fixed-frames")
        number, frames = known[key]
        if not numbers or any(type(n) is not int or not 1 <= n <= frames for n in numbers):
            words = _("Clip %(clip)d has frames 1 to %(n)d.") % {"clip": number, "n": frames}
            raise Invalid(words, rule="round-fixed-frames")


__all__ = ["MODEL_POLICIES", "SEED_LIMIT", "WASHOUT_DAYS", "Design", "check_design", "check_round"]
