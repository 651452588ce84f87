"""Blinding follows the person: an unsigned assignment in a blinded round hides a study's results, whatever the role.

So does an adjudication: whoever is deciding a study's reference, or may be asked to and sees results as an adjudicator
only, meets its answers nowhere but in the queue. ``reads`` and ``review`` stand above this room, so their rows are
reached by relation names; the words must match theirs (a test compares them).
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from plaqueweb.accounts.models import Membership, User
from plaqueweb.accounts.roles import Capability, roles_with
from plaqueweb.studies.models import ASSIGNED_STATES, Disclosure, Study, projects_with

BLINDED_POLICIES = ("blinded", "ai_assisted", "concurrent", "practice")
UNSIGNED_STATES = ("assigned", "opened", "completed", "skipped")
LIVE_ADJUDICATION = ("begun", "answered")
UNDECIDED_CASES = ("agreed", "discordant")


def blinded_studies(user: User) -> QuerySet[Study]:
    """Studies the user still has to answer: their results stay hidden, but for the model on the page that asks it."""
    return Study.objects.filter(
        assignments__reader=user,
        assignments__state__in=UNSIGNED_STATES,
        assignments__round__policy__in=BLINDED_POLICIES,
    )


def adjudicating(user: User) -> QuerySet[Study]:
    """Studies whose reference the user is deciding now, or may be asked to decide while an adjudicator only.

    Who sees results by another role too (a coordinator) is blinded from the moment a case is begun; what was shown
    before is on record (``predictions.showing``). Who has read a study is no adjudicator of it.
    """
    begun = Study.objects.filter(
        cases__adjudications__adjudicator=user, cases__adjudications__state__in=LIVE_ADJUDICATION
    )
    only = Membership.objects.filter(user=user).with_capability(Capability.ADJUDICATE)
    for role in roles_with(Capability.SEE_RESULTS):
        if role not in roles_with(Capability.ADJUDICATE):
            only = only.exclude(role_flags__contains=f",{role},")
    read = Study.objects.filter(assignments__reader=user, assignments__state__in=ASSIGNED_STATES)
    waiting = Study.objects.filter(
        project_id__in=only.values("project_id"), cases__queue_entry__isnull=False, cases__state__in=UNDECIDED_CASES
    ).exclude(pk__in=read.values("pk"))
    return Study.objects.filter(Q(pk__in=begun.values("pk")) | Q(pk__in=waiting.values("pk")))


def results_visible(user: User, *, study: str = "study") -> Q:
    """Condition on rows that lead to a study by ``study``: results of it may be shown to the user.

    Not while the user is blinded to the study; then by capability, or by a disclosure.
    """
    may_see_all = Q(**{f"{study}__project_id__in": projects_with(user, Capability.SEE_RESULTS)})
    disclosed = Q(
        **{
            f"{study}_id__in": Disclosure.objects.full().filter(user=user).values("study_id"),
            f"{study}__project_id__in": Membership.objects.filter(user=user).values("project_id"),
        }
    )
    blind, deciding = blinded_studies(user).values("pk"), adjudicating(user).values("pk")
    return (may_see_all | disclosed) & ~Q(**{f"{study}_id__in": blind}) & ~Q(**{f"{study}_id__in": deciding})


def is_disclosed(user: User, study: Study) -> bool:
    """Tell whether results of one study may be shown to the user."""
    if blinded_studies(user).filter(pk=study.pk).exists() or adjudicating(user).filter(pk=study.pk).exists():
        return False
    if user.can(Capability.SEE_RESULTS, study.project_id):
        return True
    return bool(user.roles_in(study.project_id)) and Disclosure.objects.full().filter(user=user, study=study).exists()
