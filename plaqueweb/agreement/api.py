"""GET /api/v1/agreement/: the figures of one comparison, with the n of each."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plaqueweb.accounts.api import current_user
from plaqueweb.agreement import present
from plaqueweb.agreement.export import NOTICE
from plaqueweb.agreement.report import Report, build, visible_project
from plaqueweb.core.models import WorkState

CATEGORY_KEYS = ("complex", "not_complex", "cannot_assess", "no_result")


class AgreementView(APIView):
    """How a model and a reader, or a model and a reference, agree: over what the user may see, and nothing else."""

    @extend_schema(
        parameters=[
            OpenApiParameter("project", str, required=True, description="slug of the project"),
            OpenApiParameter("round", OpenApiTypes.UUID, description="reads and cases of one round; all when absent"),
            OpenApiParameter("pipeline", OpenApiTypes.UUID, description="the active one when absent"),
            OpenApiParameter(
                "against", str, description="known_truth, consensus, adjudicated, or reader:<uuid of the reader>"
            ),
        ],
        responses={200: OpenApiTypes.OBJECT, 202: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request) -> Response:
        """Return the comparison; 202 with the run's state while a large one is being computed."""
        user = current_user(request)
        asked = request.query_params.dict()
        report = build(user, visible_project(user, asked.pop("project", "")), asked)
        waiting = report.run is not None and report.run.work_state != WorkState.DONE
        return Response(as_json(report), status=202 if waiting else 200)


def as_json(report: Report) -> dict[str, Any]:
    """The report's body: ids of cases, not of studies, lead to the pages a user may open."""
    selection, results = report.selection, report.results
    body: dict[str, Any] = {
        "project": selection.project.slug,
        "round": _named(selection.round.pk, selection.round.name) if selection.round else None,
        "pipeline": _named(selection.pipeline.id, selection.pipeline.name) if selection.pipeline else None,
        "against": _against(report),
        "choices": _choices(report),
        "run": _run(report),
        "notice": NOTICE,
    }
    if not results:
        return body
    thickness = {key: _thickness(report, part) for key, part in results["thickness"].items() if isinstance(part, dict)}
    plain = {key: value for key, value in results["thickness"].items() if not isinstance(value, dict)}
    return body | {
        "sentence": present.sentence(selection, results),
        "ground": present.ground(selection, results),
        "n": results["n"],
        "confusion": {"categories": CATEGORY_KEYS, "counts": results["confusion"]},
        "class": results["class"],
        "accuracy": results["accuracy"],
        "coverage": results["coverage"],
        "thickness": thickness | plain,
        "dice": results["dice"],
        "ceiling": results["ceiling"],
        "badges": [key for key in ("simulated", "synthetic") if results[key]],
        "cases": [_placed(report, unit) for unit in results["units"]],
    }


def _named(key: object, name: str) -> dict[str, str]:
    return {"id": str(key), "name": name}


def _against(report: Report) -> dict[str, Any] | None:
    selection = report.selection
    if not selection.against:
        return None
    return {
        "key": selection.against,
        "label": present.against_words(selection),
        "is_reference": selection.has_reference,
        "simulated": bool(selection.reader and selection.reader.simulated),
    }


def _choices(report: Report) -> dict[str, Any]:
    choices = report.choices
    return {
        "rounds": [_named(row.pk, row.name) for row in choices.rounds],
        "pipelines": [_named(row.id, row.name) for row in choices.pipelines],
        "against": [*choices.references, *(reader.key for reader in choices.readers)],
    }


def _run(report: Report) -> dict[str, Any] | None:
    run = report.run
    if run is None:
        return None
    return {
        "id": str(run.pk),
        "state": run.work_state,
        "computed_at": run.finished_at,
        "input_hash": run.input_hash,
        "code_version": run.code_version,
        "seed": run.seed,
        "error": run.error_code,
    }


def _placed(report: Report, row: dict[str, Any]) -> dict[str, Any]:
    place = report.places[row["study"]]
    kept = {key: value for key, value in row.items() if key not in ("study", "subject")}
    return kept | {"case": place.case or None, "label": place.label}


def _thickness(report: Report, part: dict[str, Any]) -> dict[str, Any]:
    return part | {"points": [_placed(report, point) for point in part["points"]]}
