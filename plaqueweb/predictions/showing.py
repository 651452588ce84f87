"""Who was shown a model's answer on which study. Every page and API that sends one says so here, before it answers."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from plaqueweb.accounts.models import User
from plaqueweb.predictions.models import Showing
from plaqueweb.studies.models import Disclosure

FEW = 200


def record_shown(*, user: User, studies: Iterable[uuid.UUID], door: str) -> int:
    """Write down that answers of a model on these studies are sent to the user; return how many are new.

    One query when nothing is new. Two requests at once leave one row.
    """
    wanted = set(studies)
    if not wanted:
        return 0
    known = Showing.objects.filter(user=user)
    if len(wanted) <= FEW:  # naming thousands of ids takes longer than reading what the person was ever shown
        known = known.filter(study_id__in=wanted)
    new = sorted(wanted.difference(known.values_list("study_id", flat=True)))
    if new:
        rows = [Showing(user=user, study_id=study, door=door) for study in new]
        Showing.objects.bulk_create(rows, ignore_conflicts=True)
    return len(new)


def model_was_shown(*, user: User, study_id: uuid.UUID) -> bool:
    """Tell whether the user had the model's answer on a study: it was sent, or it was disclosed after a reading."""
    sent = Showing.objects.filter(user=user, study_id=study_id).exists()
    return sent or Disclosure.objects.filter(user=user, study_id=study_id).exists()
