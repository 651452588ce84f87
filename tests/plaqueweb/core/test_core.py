"""Keys, transitions, storage and problem documents."""

from __future__ import annotations

import io

import pytest
from django.core.files.storage import default_storage

from plaqueweb.core.errors import Invalid, InvalidTransition
from plaqueweb.core.ids import uuid7
from plaqueweb.core.models import ObjectKind, StoredObject
from plaqueweb.core.storage import put_file, read_all, read_range
from plaqueweb.core.transitions import Machine
from plaqueweb.studies.models import Project

MACHINE = Machine("Thing", ("a", "b"), {("a", "go"): "b"})


def test_keys_sort_by_the_time_they_were_made_and_say_version_7() -> None:
    keys = [uuid7() for _ in range(2000)]

    assert keys == sorted(keys)
    assert len(set(keys)) == 2000
    assert {(key.version, key.variant) for key in keys} == {(7, "specified in RFC 4122")}


def test_a_machine_knows_only_what_its_table_says() -> None:
    assert MACHINE.next("a", "go") == "b"
    assert list(MACHINE.terminal()) == ["b"]
    with pytest.raises(InvalidTransition, match="while it is b"):
        MACHINE.next("b", "go")


@pytest.mark.django_db
def test_the_same_bytes_are_stored_once_and_read_in_ranges(project: Project) -> None:
    first = put_file(source=io.BytesIO(b"0123456789"), project_id=project.pk, kind=ObjectKind.CINE)

    second = put_file(source=io.BytesIO(b"0123456789"), project_id=project.pk, kind=ObjectKind.CINE)

    assert first.pk == second.pk
    assert StoredObject.objects.count() == 1
    assert read_range(first, 3, 4) == b"3456"
    assert read_all(first) == b"0123456789"
    assert default_storage.exists(first.key)


def test_a_problem_document_names_rule_tag_and_trace() -> None:
    error = Invalid("Rows is 0.", rule="intake-07", tag="(0028,0010)", extra={"missing": []})

    problem = error.as_problem(instance="/api/v1/uploads/", trace_id="abc")

    assert problem["status"] == 422
    assert problem["rule"] == "intake-07"
    assert problem["tag"] == "(0028,0010)"
    assert problem["trace_id"] == "abc"
    assert problem["missing"] == []
