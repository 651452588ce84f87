"""Freezing: all tabs of one comparison become one report that never changes, with everything it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.agreement import present, provenance
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.boards.base import Board
from plaqueweb.agreement.boards.overview import BOARD as OVERVIEW
from plaqueweb.agreement.models import AgreementRun, Alarm, FrozenReport
from plaqueweb.agreement.plans import note_look
from plaqueweb.agreement.report import Report, begin, build_tab
from plaqueweb.agreement.report_models import TITLE_CHARACTERS, body_hash
from plaqueweb.agreement.services import ENDED_BADLY, canonical
from plaqueweb.agreement.watch_models import sees_whole
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Conflict, Invalid, NotAllowed
from plaqueweb.core.models import WorkState
from plaqueweb.studies.models import Project

FORMAT = "plaqueweb-report-1"
NOTICE = "Research use only. Not for diagnosis."
LOOKS = 3
"""How often all tabs are looked at again before a report is refused because results keep coming in."""
NEEDS: dict[str, Any] = {
    "pipelines": gettext_lazy("there are no two pipelines"),
    "round": gettext_lazy("no round was chosen, and two pipelines are compared on a frozen list"),
    "frozen": gettext_lazy("the case list is not frozen"),
    "second": gettext_lazy("no second pipeline was chosen"),
    "unseen": gettext_lazy("subjects of the list were seen in training"),
    "margin": gettext_lazy("no margin was set before"),
    "figures": gettext_lazy("no study is left to compare"),
}
"""Why a tab is not in a report, by what its gate needs."""


@dataclass(frozen=True)
class Part:
    """One tab on its way into a report. ``state``: done, queued, failed, or skipped with ``needs``."""

    board: Board
    report: Report
    state: str
    needs: str = ""

    @property
    def why(self) -> str:
        """Why it is left out, in words."""
        return str(NEEDS.get(self.needs, self.needs))


def may_freeze(user: User, project: Project) -> bool:
    """Tell whether the user may freeze reports: sees results, exports them, and answers nothing blind any more."""
    held = all(user.can(capability, project.pk) for capability in (Capability.SEE_RESULTS, Capability.EXPORT))
    return held and Project.objects.filter(sees_whole(user, "pk"), pk=project.pk).exists()


def parts(user: User, project: Project, asked: Mapping[str, str]) -> list[Part]:
    """Every tab of a comparison: found, computed now, or queued for the worker where it is large.

    Raises:
        NotFound: a filter names something the user may not see.
    """
    tabs = [tab for tab in registry.BOARDS if tab.visible is None or tab.visible(user, project)]
    start = begin(user, project, asked)
    return [_part(tab, build_tab(start, tab)) for tab in tabs]


def _part(board: Board, report: Report) -> Part:
    if report.gate is not None:
        return Part(board, report, "skipped", str(report.gate.context["needs"]))
    run = report.run
    if run is None or (run.work_state == WorkState.DONE and not report.has_figures):
        return Part(board, report, "skipped", "figures")
    if run.work_state == WorkState.DONE:
        return Part(board, report, "done")
    return Part(board, report, "failed" if run.work_state in ENDED_BADLY else "queued")


def freeze(*, user: User, project: Project, asked: Mapping[str, str], title: str) -> FrozenReport:
    """Store the tabs of a comparison as they are now, under a title of their own.

    Raises:
        NotAllowed: the user may not export results of the project, or still answers something blind there.
        Invalid: the title is empty or too long, there is nothing to report, or a tab could not be computed.
        Conflict: the title is taken, a worker is still computing a tab, or results kept coming in meanwhile.
        NotFound: a filter names something the user may not see.
    """
    title = " ".join(title.split())
    _check(user, project, title)
    found = settled(user, project, asked)
    done = [part for part in found if part.state == "done"]
    body = canonical(manifest_of(user, title, found))
    try:
        with transaction.atomic():
            row = FrozenReport.objects.create(
                project=project, title=title, frozen_by=user, interim=any(part.report.interim for part in done),
                body=body, sha256=body_hash(body),
            )  # fmt: skip
            diff = {"title": title, "sha256": row.sha256, "tabs": [part.board.slug for part in done]}
            record_event(actor=user, verb="report.frozen", target=row, diff=diff)
    except IntegrityError:
        raise Conflict(_taken(title), rule="report-title-taken") from None
    for part in done:
        _look(part.report, user)
    return row


def settled(user: User, project: Project, asked: Mapping[str, str]) -> list[Part]:
    """All tabs of a comparison as they stood at one moment: no report mixes numbers from before and after a result.

    Each tab reads its rows for itself, and a result may come between two of them. Rows are only added, so when a second
    look finds every tab over the rows of the first, all of them held at the moment between the two. What a look finds
    changed is counted again, here or by the worker.

    Raises:
        Invalid, Conflict, NotFound: as ``freeze``.
    """
    before = parts(user, project, asked)
    _check_parts(before)
    for _look_again in range(LOOKS):
        now = parts(user, project, asked)
        _check_parts(now)
        moved = [part for part, old in zip(now, before, strict=True) if _rows(part) != _rows(old)]
        if not moved:
            return now
        before = now
    raise Conflict(
        _("Results keep coming in: %(tabs)s were counted again. Freeze the report once more.")
        % {"tabs": ", ".join(str(part.board.title) for part in moved)},
        rule="report-waiting",
    )


def _rows(part: Part) -> tuple[str, str, str]:
    """What tells whether a tab rests on the same rows: the hash of all of them, under which it was counted."""
    return part.state, part.needs, part.report.run.input_hash if part.report.run else ""


def _check(user: User, project: Project, title: str) -> None:
    if not user.can(Capability.EXPORT, project.pk) or not user.can(Capability.SEE_RESULTS, project.pk):
        raise NotAllowed(_("Freezing a report needs the right to see and to download results."), rule="report-right")
    if not may_freeze(user, project):
        raise NotAllowed(
            _("You still have cases here to answer blind: somebody who sees every result freezes a report."),
            rule="report-blind",
        )
    if not title:
        raise Invalid(_("A report needs a title."), rule="report-title")
    if len(title) > TITLE_CHARACTERS:
        raise Invalid(
            _("A title has up to %(most)s characters; this one has %(n)s.")
            % {"most": TITLE_CHARACTERS, "n": len(title)},
            rule="report-title",
        )
    if FrozenReport.objects.filter(project=project, title=title).exists():
        raise Conflict(_taken(title), rule="report-title-taken")


def _taken(title: str) -> str:
    return _("A report named “%(title)s” exists here; a frozen one is never replaced.") % {"title": title}


def _check_parts(found: list[Part]) -> None:
    first = next((part for part in found if part.board is OVERVIEW), None)
    if first is None or first.state == "skipped":
        raise Invalid(
            _("There is nothing to report: no study has both a prediction and a read or reference."),
            rule="report-empty",
        )
    failed = [str(part.board.title) for part in found if part.state == "failed"]
    if failed:
        raise Invalid(
            _("Not computed: %(tabs)s. Open that tab and compute it again.") % {"tabs": ", ".join(failed)},
            rule="report-failed",
        )
    waiting = [str(part.board.title) for part in found if part.state == "queued"]
    if waiting:
        raise Conflict(
            _("A worker still computes: %(tabs)s. The report can be frozen when that is done.")
            % {"tabs": ", ".join(waiting)},
            rule="report-waiting",
        )


def _look(report: Report, user: User) -> None:
    round_, run = report.selection.round, report.run
    if round_ is not None and run is not None:
        note_look(case_list=round_.case_list, by=user, input_hash=run.input_hash, board=report.board.slug)


def manifest_of(user: User, title: str, found: list[Part]) -> dict[str, Any]:
    """Everything about a report as JSON-ready data; the rows that all tabs share stand once, under ``inputs``."""
    done = [part for part in found if part.state == "done"]
    runs = [_run(part) for part in done]
    inputs = shared([run.manifest for run in runs])
    report = next(part.report for part in done if part.board is OVERVIEW)
    selection = report.selection
    lines = {selection.pipeline.id for part in done if selection.pipeline} | {
        part.report.options["second"] for part in done if part.report.options.get("second")
    }
    return {
        "format": FORMAT,
        "notice": NOTICE,
        "title": title,
        "project": {"id": str(selection.project.pk), "slug": selection.project.slug, "name": selection.project.name},
        "frozen": {"at": timezone.now().isoformat(), "by": {"id": str(user.pk), "name": user.name}},
        "interim": any(part.report.interim for part in done),
        "comparison": _comparison(report),
        "dataset": provenance.dataset(runs[0].manifest, selection.round),
        "seen_in_training": provenance.seen_in_training(selection.round, map(str, lines)),
        "made_of": provenance.made_of([run.manifest for run in runs]),
        "alarms": _alarms(user, selection.project),
        "statistics": provenance.statistics(),
        "code": provenance.code(),
        "inputs": inputs,
        "tabs": [_tab(part, run, inputs) for part, run in zip(done, runs, strict=True)],
        "left_out": [
            {"tab": part.board.slug, "needs": part.needs} for part in found if part.state == "skipped"
        ],
    }  # fmt: skip


def _run(part: Part) -> AgreementRun:
    if part.report.run is None:
        raise ValueError(f"the tab {part.board.slug} has no run")
    return AgreementRun.objects.get(pk=part.report.run.pk)


def shared(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """What all manifests have alike: a tab's own is this with its ``own`` over it."""
    first, *rest = manifests
    return {key: value for key, value in first.items() if all(key in one and one[key] == value for one in rest)}


def _tab(part: Part, run: AgreementRun, inputs: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: value for key, value in run.manifest.items() if key not in inputs}
    return {
        "tab": part.board.slug,
        "title": str(part.board.title),
        "run": str(run.pk),
        "input_hash": run.input_hash,
        "code_version": run.code_version,
        "options": part.report.options,
        "own": own,
        "results": run.results,
    }


def _comparison(report: Report) -> dict[str, Any]:
    selection = report.selection
    pipeline, reader = selection.pipeline, selection.reader
    return {
        "round": str(selection.round.pk) if selection.round else "",
        "pipeline": {"id": str(pipeline.id), "name": pipeline.name} if pipeline else None,
        "pipelines": [{"id": str(row.id), "name": row.name, "active": row.active} for row in report.choices.pipelines],
        "against": selection.against,
        "against_words": present.against_words(selection),
        "reader": {"id": str(reader.id), "name": reader.name, "simulated": reader.simulated} if reader else None,
        "asked": [list(pair) for pair in selection.asked],
    }


def _alarms(user: User, project: Project) -> list[dict[str, Any]]:
    rows = Alarm.objects.visible_to(user).filter(project=project).select_related("pipeline").order_by("starts_on", "pk")
    return [
        {
            "id": str(row.pk), "chart": row.chart, "pipeline": row.pipeline.name, "split": row.split,
            "part": row.part, "from": row.starts_on.isoformat(), "value": row.value, "limit": row.limit, "n": row.n,
            "state": row.state,
            "cause": row.cause, "decision": row.decision,
        }
        for row in rows
    ]  # fmt: skip
