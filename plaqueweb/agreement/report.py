"""One comparison for one user: choices, run and names, as the page, the API and the CSV need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.agreement import present, selectors
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.services import run_for
from plaqueweb.core.errors import NotFound
from plaqueweb.core.models import WorkState
from plaqueweb.studies.models import Project


def visible_project(user: User, slug: str) -> Project:
    """The project of an address.

    Raises:
        NotFound: it does not exist, or the user is no member.
    """
    project = Project.objects.visible_to(user).filter(slug=slug).first()
    if project is None:
        raise NotFound(_("There is nothing here that you may see."))
    return project


@dataclass(frozen=True)
class Report:
    """A comparison; ``run`` is None where there is nothing to compare."""

    user: User
    selection: selectors.Selection
    choices: selectors.Choices
    run: AgreementRun | None

    @property
    def results(self) -> dict[str, Any]:
        """Results of the run, {} while there are none."""
        return self.run.results if self.run is not None and self.run.work_state == WorkState.DONE else {}

    @property
    def has_figures(self) -> bool:
        """Tell whether at least one study has both sides."""
        return any(unit["has_reference"] for unit in self.results.get("units", []))

    @cached_property
    def places(self) -> dict[str, present.Place]:
        """Name and address of every study of the results, for this user."""
        studies = [unit["study"] for unit in self.results.get("units", [])]
        return present.places(self.user, self.selection, studies)


def build(user: User, project: Project, filters: Mapping[str, str]) -> Report:
    """Find or compute the comparison that the filters (round, pipeline, against) ask for.

    Raises:
        NotFound: a filter names something the user may not see.
    """
    round_ = selectors.find_round(user, project, filters.get("round", ""))
    found = selectors.scope(user, project, round_)
    selection = selectors.select(
        project, round_, found, pipeline=filters.get("pipeline", ""), against=filters.get("against", "")
    )
    if selection.pipeline is None or not selection.against:
        return Report(user, selection, found.choices, None)
    run = run_for(manifest=selectors.manifest(user, selection, found), user=user)
    return Report(user, selection, found.choices, run)
