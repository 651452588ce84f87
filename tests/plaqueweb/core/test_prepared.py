"""Prepared queries: the SQL is made once, the rows never are."""

from __future__ import annotations

import threading
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from plaqueweb.core.prepared import Prepared, PreparedIn
from plaqueweb.studies.models import Project
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db


def test_each_call_asks_for_its_own_rows() -> None:
    first, second = ProjectFactory(), ProjectFactory()
    query = Prepared(lambda pk: Project.objects.filter(pk=pk), "pk")

    assert query.first(pk=first.pk) == first
    assert query.first(pk=second.pk) == second
    assert query.first(pk=uuid.uuid4()) is None


def test_rows_are_read_anew_at_each_call() -> None:
    project = ProjectFactory()
    query = Prepared(lambda slug: Project.objects.filter(slug=slug), "slug")
    assert query.first(slug=project.slug).name == project.name

    Project.objects.filter(pk=project.pk).update(name="Renamed")

    assert query.first(slug=project.slug).name == "Renamed"


def test_a_query_that_ignores_a_parameter_is_refused() -> None:
    query = Prepared(lambda pk, user: Project.objects.filter(pk=pk), "pk", "user")

    with pytest.raises(RuntimeError, match="does not depend on user"):
        query(pk=uuid.uuid4(), user=uuid.uuid4())


def test_a_missing_parameter_and_a_text_that_is_no_key_are_refused() -> None:
    query = Prepared(lambda pk: Project.objects.filter(pk=pk), "pk")

    with pytest.raises(TypeError):
        query()
    with pytest.raises(ValueError, match="badly formed"):
        query(pk="nothing")


def test_a_list_of_keys_takes_one_query_for_fifty_and_gives_each_row_once() -> None:
    projects = [ProjectFactory() for _ in range(3)]
    query = PreparedIn(lambda keys: Project.objects.filter(pk__in=keys))
    keys = [*(project.pk for project in projects), *(uuid.uuid4() for _ in range(48))]

    with CaptureQueriesContext(connection) as seen:
        found = query(keys)

    assert sorted(row.pk for row in found) == sorted(project.pk for project in projects)
    assert len(seen) == 2
    assert query([]) == []


def test_each_thread_has_its_own_sql() -> None:
    query = Prepared(lambda pk: Project.objects.filter(pk=pk), "pk")
    query(pk=uuid.uuid4())
    seen: list[bool] = []

    thread = threading.Thread(target=lambda: seen.append(hasattr(query._local, "compiled")))
    thread.start()
    thread.join()

    assert hasattr(query._local, "compiled")
    assert seen == [False]
