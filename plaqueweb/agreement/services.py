"""Runs: a comparison is computed once for the rows it is made of, and found again by their hash."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from plaqueweb.accounts.models import User
from plaqueweb.agreement.boards import registry
from plaqueweb.agreement.boards.base import Board
from plaqueweb.agreement.compute import CODE_VERSION
from plaqueweb.agreement.evidence import Progress, load, marking_reads
from plaqueweb.agreement.evidence_rows import batches
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.stats.bootstrap import SEED
from plaqueweb.core.models import WorkState
from plaqueweb.reads.models import FrameAnnotation
from plaqueweb.review.mask_references import ensure
from plaqueweb.review.models import FusionMethod

log = logging.getLogger(__name__)
MOST_FRAMES = 60
"""Marked frames that are compared within a request: each costs some milliseconds, for every other side."""
ENDED_BADLY = (WorkState.FAILED, WorkState.DEAD, WorkState.CANCELLED)


def input_hash(manifest: dict[str, Any]) -> str:
    """SHA-256 of the manifest's canonical JSON: the same rows give the same hash, whoever looks."""
    return hashlib.sha256(canonical(manifest).encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON that is the same for the same content: keys in order, no space, no NaN (which is no JSON)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def run_for(*, manifest: dict[str, Any], user: User) -> AgreementRun:
    """Return the run over these rows: from the cache, computed now, or queued for the light worker when large.

    Two requests at once may both compute; one row is kept, and the results are equal.
    """
    board = registry.board_of(manifest["kind"])
    key = {"input_hash": input_hash(manifest), "code_version": board.code_version(CODE_VERSION)}
    found = AgreementRun.objects.filter(**key).defer("manifest").first()
    if found is not None:
        return found
    if takes_long(board, manifest):
        fixed = {"project_id": manifest["project"], "kind": board.slug, "manifest": manifest, "seed": SEED}
        with transaction.atomic():
            run, made = AgreementRun.objects.get_or_create(**key, defaults={**fixed, "owner_id": user.pk})
            if made:
                transaction.on_commit(_ring)
        return run
    return _compute_and_keep(board, manifest, key)


def takes_long(board: Board, manifest: dict[str, Any]) -> bool:
    """Tell whether a run is the worker's: it has many studies, compares many masks, or fuses readers' masks."""
    if len(manifest["units"]) > board.inline or fusion_of(manifest):
        return True
    if not {"frames", "pairs"} & set(manifest["parts"]):
        return False
    marked = 0
    for part in batches(map(uuid.UUID, manifest["reads"])):
        marked += FrameAnnotation.objects.filter(read_id__in=part).count()
    return marked > MOST_FRAMES


def results_at_once(manifest: dict[str, Any], progress: Progress | None = None) -> dict[str, Any]:
    """The results over these rows, from the cache or computed here and kept: for workers, which may take their time."""
    board = registry.board_of(manifest["kind"])
    key = {"input_hash": input_hash(manifest), "code_version": board.code_version(CODE_VERSION)}
    found = AgreementRun.objects.filter(**key, work_state=WorkState.DONE).values_list("results", flat=True).first()
    return found if found is not None else _compute_and_keep(board, manifest, key, progress).results


def _compute_and_keep(
    board: Board, manifest: dict[str, Any], key: dict[str, str], progress: Progress | None = None
) -> AgreementRun:
    """Compute and store a run; the one that somebody queued meanwhile stays as it is, with the results unsaved."""
    results = results_of(board, manifest, progress)
    fixed = {"project_id": manifest["project"], "kind": board.slug, "manifest": manifest, "seed": SEED}
    done = {"work_state": WorkState.DONE, "results": results, "finished_at": timezone.now()}
    run, _made = AgreementRun.objects.get_or_create(**key, defaults={**fixed, **done})
    if run.work_state != WorkState.DONE:
        run.results = results
    return run


def results_of(board: Board, manifest: dict[str, Any], progress: Progress | None = None) -> dict[str, Any]:
    """The figures of a board over the rows of a manifest; ``progress`` counts studies whose frames were compared."""
    options = {
        key: value
        for key, value in manifest.items()
        if key not in ("units", "reads", "repeats", "pipelines", "same_frames", "links", "sites")
    }
    method = fusion_of(manifest)
    fused = ensure(marking_reads(manifest), method) if method else None
    return board.compute(load(manifest, progress, fused), options | dict(manifest["options"]))


def fusion_of(manifest: dict[str, Any]) -> str:
    """How readers' masks are fused into the reference of overlap, "" where each stands for itself.

    Fusing needs SimpleITK, so such a run always goes to the light worker.
    """
    asked = str(manifest["options"].get("masks", ""))
    return asked if asked in FusionMethod.values else ""


@transaction.atomic
def try_again(*, run: AgreementRun, user: User) -> bool:
    """Queue a run that ended badly once more; False when it did not, or somebody else was first."""
    bad = Q(pk=run.pk, work_state__in=ENDED_BADLY)
    queued = {"work_state": WorkState.QUEUED, "attempts": 0, "failures": 0, "error_code": "", "cancel_requested": False}
    changed = AgreementRun.objects.filter(bad).update(**queued, owner_id=user.pk, queued_at=timezone.now())
    if changed:
        transaction.on_commit(_ring)
    return bool(changed)


def recompute(*, run: AgreementRun) -> dict[str, Any]:
    """Compute a run's results again from its manifest alone, for checking what is stored."""
    return results_of(registry.board_of(run.manifest["kind"]), run.manifest)


def _ring() -> None:
    """Ring for the light worker; a broker that is away is no error, the sweeper rings again."""
    from kombu.exceptions import OperationalError

    from plaqueweb.agreement.tasks import compute_waiting  # the task imports this module's neighbours

    try:
        compute_waiting.apply_async(retry=False)
    except (OperationalError, OSError) as error:
        log.warning("doorbell agreement.compute_waiting: %s", error)
