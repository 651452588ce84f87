"""Runs: a comparison is computed once for the rows it is made of, and found again by their hash."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from plaqueweb.accounts.models import User
from plaqueweb.agreement.compute import CODE_VERSION, compute
from plaqueweb.agreement.evidence import load
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.selectors import KIND
from plaqueweb.agreement.stats.bootstrap import SEED
from plaqueweb.core.models import WorkState

log = logging.getLogger(__name__)
INLINE_PAIRS = 500
"""Comparisons up to this many studies are computed within the request (measured: 0.15 s of CPU for 200 studies without
masks, 1.1 s for 2 000; each study with masks adds some milliseconds); larger ones by the light worker."""
ENDED_BADLY = (WorkState.FAILED, WorkState.DEAD, WorkState.CANCELLED)


def input_hash(manifest: dict[str, Any]) -> str:
    """SHA-256 of the manifest's canonical JSON: the same rows give the same hash, whoever looks."""
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def run_for(*, manifest: dict[str, Any], user: User) -> AgreementRun:
    """Return the run over these rows: from the cache, computed now, or queued for the light worker when large.

    Two requests at once may both compute; one row is kept, and the results are equal.
    """
    digest = input_hash(manifest)
    key = {"input_hash": digest, "code_version": CODE_VERSION}
    found = AgreementRun.objects.filter(**key).first()
    if found is not None:
        return found
    fixed = {"project_id": manifest["project"], "kind": KIND, "manifest": manifest, "seed": SEED}
    if len(manifest["units"]) > INLINE_PAIRS:
        with transaction.atomic():
            run, made = AgreementRun.objects.get_or_create(**key, defaults={**fixed, "owner_id": user.pk})
            if made:
                transaction.on_commit(_ring)
        return run
    results = compute(manifest, load(manifest))
    done = {"work_state": WorkState.DONE, "results": results, "finished_at": timezone.now()}
    run, _made = AgreementRun.objects.get_or_create(**key, defaults={**fixed, **done})
    return run


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
    return compute(run.manifest, load(run.manifest))


def _ring() -> None:
    """Ring for the light worker; a broker that is away is no error, the sweeper rings again."""
    from kombu.exceptions import OperationalError

    from plaqueweb.agreement.tasks import compute_waiting  # the task imports this module's neighbours

    try:
        compute_waiting.apply_async(retry=False)
    except (OperationalError, OSError) as error:
        log.warning("doorbell agreement.compute_waiting: %s", error)
