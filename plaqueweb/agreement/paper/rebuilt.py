"""A tab of a frozen report as the dashboard's own object, from the manifest alone: the tabs' charts then draw it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from plaqueweb.accounts.models import User
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.comparison import Choices, PipelineChoice, ReaderChoice, Selection
from plaqueweb.agreement.models import AgreementRun, FrozenReport
from plaqueweb.agreement.report import Report
from plaqueweb.agreement.report_models import inputs_of
from plaqueweb.core.models import WorkState
from plaqueweb.reads.models import Round


def tabs_of(frozen: FrozenReport, user: User) -> dict[str, Report]:
    """Every tab of a report by its slug; ``user`` decides only which studies are named."""
    body = frozen.manifest
    selection, choices = _selection(frozen, body), _choices(body)
    return {
        tab["tab"]: Report(
            user,
            selection,
            choices,
            _run(frozen, body, tab),
            registry.board_of(tab["tab"]),
            options=dict(tab["options"]),
            interim=body["interim"],
        )
        for tab in body["tabs"]
    }


def _run(frozen: FrozenReport, body: Mapping[str, Any], tab: Mapping[str, Any]) -> AgreementRun:
    """The run as it was, never saved: the cache may have been emptied since."""
    return AgreementRun(
        pk=uuid.UUID(tab["run"]), project_id=frozen.project_id, kind=tab["tab"], input_hash=tab["input_hash"],
        manifest=inputs_of(body, tab), results=tab["results"], code_version=tab["code_version"],
        seed=body["statistics"]["seed"], work_state=WorkState.DONE, finished_at=frozen.created_at,
    )  # fmt: skip


def _choices(body: Mapping[str, Any]) -> Choices:
    rows = body["comparison"]["pipelines"]
    pipelines = tuple(PipelineChoice(uuid.UUID(row["id"]), row["name"], row["active"]) for row in rows)
    return Choices((), pipelines, (), ())


def _selection(frozen: FrozenReport, body: Mapping[str, Any]) -> Selection:
    said = body["comparison"]
    round_ = Round.objects.select_related("case_list").get(pk=said["round"]) if said["round"] else None
    pipeline, reader = said["pipeline"], said["reader"]
    return Selection(
        frozen.project,
        round_,
        PipelineChoice(uuid.UUID(pipeline["id"]), pipeline["name"], False) if pipeline else None,
        said["against"],
        ReaderChoice(uuid.UUID(reader["id"]), reader["name"], reader["simulated"], 0) if reader else None,
        tuple((str(name), str(value)) for name, value in said["asked"]),
    )
