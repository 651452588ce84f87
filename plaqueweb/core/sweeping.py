"""Objects that no row names any more are removed, bytes and row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models.functions import Now

from plaqueweb.core.models import StoredObject

MIN_AGE = timedelta(hours=1)  # an object is stored before the row that names it


def _links() -> Iterator[tuple[type[models.Model], str]]:
    """Every column that names a stored object."""
    for model in apps.get_models():
        for column in model._meta.concrete_fields:
            if column.is_relation and column.related_model is StoredObject:
                yield model, column.attname


def is_linked(row: StoredObject) -> bool:
    """Tell whether any row names the object."""
    return any(model._default_manager.filter(**{name: row.pk}).exists() for model, name in _links())


@transaction.atomic
def drop_object(row: StoredObject) -> bool:
    """Remove an object unless a row names it; the bytes go after the commit. Returns whether it was removed."""
    if is_linked(row):
        return False
    StoredObject.objects.filter(pk=row.pk).delete()
    transaction.on_commit(lambda: default_storage.delete(row.key))
    return True


def sweep_objects(*, min_age: timedelta = MIN_AGE, limit: int = 500) -> int:
    """Remove objects that are old enough and unlinked; returns how many."""
    waiting = StoredObject.objects.filter(created_at__lt=Now() - min_age)
    for model, name in _links():
        waiting = waiting.exclude(pk__in=model._default_manager.filter(**{f"{name}__isnull": False}).values(name))
    return sum(drop_object(row) for row in waiting.order_by("pk")[:limit])
