"""What is frozen stays as it was, whoever asks the database."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from plaqueweb.studies.models import CaseList, CaseListItem, Project, Protocol
from tests.factories import CaseListFactory, StudyFactory

pytestmark = pytest.mark.django_db


def refused(change: Callable[[], object]) -> bool:
    try:
        with transaction.atomic():
            change()
    except DatabaseError as error:
        return "frozen" in str(error)
    return False


def test_a_protocol_changes_until_it_is_frozen_and_never_after(project: Project) -> None:
    mine = Protocol.objects.filter(project=project)

    assert mine.update(required=["class"]) == 1
    assert mine.update(frozen_at=timezone.now()) == 1
    assert refused(lambda: mine.update(required=[]))
    assert refused(lambda: mine.update(frozen_at=None))


def test_a_frozen_case_list_takes_and_gives_nothing(project: Project) -> None:
    listed = CaseListFactory(project=project)
    item = CaseListItem.objects.create(case_list=listed, study=StudyFactory(subject__project=project))
    late = StudyFactory(subject__project=project)
    CaseList.objects.filter(pk=listed.pk).update(frozen_at=timezone.now(), hash="a" * 64)

    assert refused(lambda: CaseListItem.objects.create(case_list=listed, study=late))
    assert refused(lambda: CaseListItem.objects.filter(pk=item.pk).update(study=late))
    assert refused(item.delete)
    assert refused(lambda: CaseList.objects.filter(pk=listed.pk).update(name="another"))
