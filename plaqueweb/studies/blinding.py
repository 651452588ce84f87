"""Blinding follows the person: an unsigned assignment in a blinded round hides a study's results, whatever the role.

``reads`` stands above this room, so its rows are reached by relation names; the words must match ``reads.choices``
(a test compares them).
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from plaqueweb.accounts.models import Membership, User
from plaqueweb.accounts.roles import Capability
from plaqueweb.studies.models import Disclosure, Study, projects_with

BLINDED_POLICIES = ("blinded", "ai_assisted", "concurrent")
UNSIGNED_STATES = ("assigned", "opened", "completed", "skipped")


def blinded_studies(user: User) -> QuerySet[Study]:
    """Studies the user still has to answer: their results stay hidden, but for the model on the page that asks it."""
    return Study.objects.filter(
        assignments__reader=user,
        assignments__state__in=UNSIGNED_STATES,
        assignments__round__policy__in=BLINDED_POLICIES,
    )


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
    blind = blinded_studies(user).values("pk")
    return (may_see_all | disclosed) & ~Q(**{f"{study}_id__in": blind})


def is_disclosed(user: User, study: Study) -> bool:
    """Tell whether results of one study may be shown to the user."""
    if blinded_studies(user).filter(pk=study.pk).exists():
        return False
    if user.can(Capability.SEE_RESULTS, study.project_id):
        return True
    return bool(user.roles_in(study.project_id)) and Disclosure.objects.full().filter(user=user, study=study).exists()
