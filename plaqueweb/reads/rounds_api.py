"""Rounds over HTTP: everything their pages do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.core.errors import Invalid, NotFound
from plaqueweb.core.strict import AllowListedFilters
from plaqueweb.reads import overview, services
from plaqueweb.reads import serializers as shapes
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.reads.qualification import qualifications
from plaqueweb.reads.rounds_form import open_round, wanted
from plaqueweb.studies.models import CaseList, Project, Study
from plaqueweb.studies.services import add_to_case_list, create_case_list, freeze_case_list


class RoundViewSet(AllowListedFilters, mixins.ListModelMixin, GenericViewSet[Round]):
    """Rounds one manages, audits or reads in."""

    serializer_class = shapes.RoundOut
    queryset = Round.objects.none()
    filters: ClassVar = {"project": "project__slug"}

    def get_queryset(self) -> QuerySet[Round]:
        rows: QuerySet[Round] = Round.objects.visible_to(current_user(self.request))
        return rows.select_related("project")

    @extend_schema(responses=shapes.RoundOut(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List rounds."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        rows = overview.rounds_payload(page or [], user=current_user(request))
        return self.get_paginated_response(shapes.RoundOut(rows, many=True).data)

    @extend_schema(responses=shapes.RoundOut)
    def retrieve(self, request: Request, pk: str) -> Response:
        """Return one round."""
        return self._answer(self.get_object())

    @extend_schema(request=shapes.RoundIn, responses={201: shapes.RoundOut})
    def create(self, request: Request) -> Response:
        """Open a round over a case list, or over studies, for readers."""
        form = shapes.RoundIn(data=request.data)
        form.is_valid(raise_exception=True)
        user, given = current_user(request), form.validated_data
        project = overview.managed_project(user=user, slug=given["project"])
        return self._answer(open_round(wanted=wanted(project=project, given=given), by=user), status=201)

    @extend_schema(request=None, responses=shapes.RoundOut)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Close a round."""
        return self._answer(services.close_round(round_=self._managed(), by=current_user(request)))

    @extend_schema(request=shapes.RevealIn, responses=shapes.RevealedOut)
    @action(detail=True, methods=["post"])
    def reveal(self, request: Request, pk: str) -> Response:
        """Reveal a closed round's signed cases to their readers."""
        reason = self._form(shapes.RevealIn)["reason"]
        shown = services.reveal_round(round_=self._managed(), by=current_user(request), reason=reason)
        return Response({"disclosed": shown})

    @extend_schema(request=None, responses=shapes.StageTwoOut)
    @action(detail=True, methods=["post"], url_path="stage-two", url_name="stage-two")
    def stage_two(self, request: Request, pk: str) -> Response:
        """Give every reader the same frames of each case to outline."""
        return Response({"frames": services.open_stage_two(round_=self._managed(), by=current_user(request))})

    @extend_schema(request=shapes.ReaderIn, responses=shapes.RoundOut)
    @action(detail=True, methods=["post"])
    def readers(self, request: Request, pk: str) -> Response:
        """Add a reader to a round."""
        round_, key = self._managed(), self._form(shapes.ReaderIn)["reader"]
        services.add_reader(round_=round_, reader=self._reader(round_, key), by=current_user(request))
        return self._answer(round_)

    @extend_schema(responses=shapes.QualificationOut(many=True))
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def qualifications(self, request: Request, pk: str) -> Response:
        """Return profile and practice results of a round's readers; empty for who still reads blind in it."""
        round_ = self._managed()
        payload = overview.rounds_payload([round_], user=current_user(request))[0]
        inside = [row["reader_id"] for row in payload["progress"] or []]
        readers = User.objects.filter(pk__in=inside).order_by("name", "pk")
        rows = qualifications(readers=readers, project_id=round_.project_id)
        return Response(shapes.QualificationOut(rows, many=True).data)

    @extend_schema(responses=shapes.ManagedAssignmentOut(many=True))
    @action(detail=True, methods=["get"])
    def assignments(self, request: Request, pk: str) -> Response:
        """List a round's cases with their readers and states; empty for who still reads blind in it."""
        rows: Any = overview.managed_assignments(user=current_user(request), round_=self._managed()).order_by("-id")
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response([_managed_row(row) for row in page or []])

    @extend_schema(request=shapes.AssignmentIn, responses=shapes.ManagedAssignmentOut)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take an unread case from its reader."""
        row = self._case(self._form(shapes.AssignmentIn)["assignment"])
        services.withdraw(assignment=row, by=current_user(request))
        return Response(_managed_row(row))

    @extend_schema(request=shapes.AssignmentIn, responses=shapes.ManagedAssignmentOut)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Give a withdrawn case back to its reader."""
        row = self._case(self._form(shapes.AssignmentIn)["assignment"])
        services.restore(assignment=row, by=current_user(request))
        return Response(_managed_row(row))

    @extend_schema(request=shapes.ReassignIn, responses=shapes.ManagedAssignmentOut)
    @action(detail=True, methods=["post"])
    def reassign(self, request: Request, pk: str) -> Response:
        """Give an unread case to another reader."""
        given = self._form(shapes.ReassignIn)
        row = self._case(given["assignment"])
        new = services.reassign(assignment=row, to=self._reader(row.round, given["to"]), by=current_user(request))
        return Response(_managed_row(new))

    def _managed(self) -> Round:
        return overview.managed_round(user=current_user(self.request), pk=self.get_object().pk)

    def _form(self, shape: type[Serializer[Any]]) -> dict[str, Any]:
        form = shape(data=self.request.data)
        form.is_valid(raise_exception=True)
        return dict(form.validated_data)

    def _reader(self, round_: Round, key: UUID) -> User:
        reader = overview.possible_readers(round_.project).filter(pk=key).first()
        if reader is None:
            raise Invalid(_("Choose readers of this project."), rule="round-readers")
        return reader

    def _case(self, key: UUID) -> Assignment:
        rows = overview.managed_assignments(user=current_user(self.request), round_=self._managed())
        row = rows.select_related("round__project", "round__repeat_of", "study", "reader").filter(pk=key).first()
        if row is None:
            raise NotFound(_("There is nothing here that you may see."))
        return row

    def _answer(self, round_: Round, status: int = 200) -> Response:
        payload = overview.rounds_payload([round_], user=current_user(self.request))[0]
        return Response(shapes.RoundOut(payload).data, status=status)


def _managed_row(row: Assignment) -> dict[str, Any]:
    return {
        "id": row.pk, "study": row.study_id, "study_label": row.study.label, "reader": row.reader_id,
        "reader_name": row.reader.name, "number": row.order_no, "stage": row.stage_no, "repeat": row.repeat_no,
        "arm": row.arm, "state": row.state,
    }  # fmt: skip


class CaseListViewSet(AllowListedFilters, mixins.ListModelMixin, GenericViewSet[CaseList]):
    """Case lists of the projects in which one manages rounds."""

    serializer_class = shapes.CaseListOut
    queryset = CaseList.objects.none()
    filters: ClassVar = {"project": "project__slug", "purpose": "purpose"}

    def get_queryset(self) -> QuerySet[CaseList]:
        rows: QuerySet[CaseList] = CaseList.objects.in_projects(current_user(self.request), Capability.MANAGE_ROUNDS)
        return rows.select_related("project").annotate(studies=Count("items"))

    @extend_schema(responses=shapes.CaseListDetailOut)
    def retrieve(self, request: Request, pk: str) -> Response:
        """Return one list with the ids of its studies."""
        return self._answer(self.get_object())

    @extend_schema(request=shapes.CaseListIn, responses={201: shapes.CaseListDetailOut})
    def create(self, request: Request) -> Response:
        """Make an open list."""
        form = shapes.CaseListIn(data=request.data)
        form.is_valid(raise_exception=True)
        user, given = current_user(request), form.validated_data
        project = overview.managed_project(user=user, slug=given["project"])
        row = create_case_list(
            project=project, name=given["name"].strip(), purpose=given["purpose"],
            studies=_studies(project, given["studies"]), by=user,
        )  # fmt: skip
        return self._answer(row, status=201)

    @extend_schema(request=shapes.StudiesIn, responses=shapes.CaseListDetailOut)
    @action(detail=True, methods=["post"])
    def studies(self, request: Request, pk: str) -> Response:
        """Add studies to an open list."""
        row = self.get_object()
        form = shapes.StudiesIn(data=request.data)
        form.is_valid(raise_exception=True)
        studies = _studies(row.project, form.validated_data["studies"])
        add_to_case_list(case_list=row, studies=studies, by=current_user(request))
        return self._answer(row)

    @extend_schema(request=None, responses=shapes.CaseListDetailOut)
    @action(detail=True, methods=["post"])
    def freeze(self, request: Request, pk: str) -> Response:
        """Freeze a list: it never changes from now on."""
        row = self.get_object()
        freeze_case_list(case_list=row, by=current_user(request))
        return self._answer(row)

    def _answer(self, row: CaseList, status: int = 200) -> Response:
        fresh = self.get_queryset().get(pk=row.pk)
        inside = list(fresh.items.order_by("id").values_list("study_id", flat=True))
        return Response({**shapes.CaseListOut(fresh).data, "study_ids": inside}, status=status)


def _studies(project: Project, keys: Sequence[UUID]) -> list[Study]:
    rows = list(overview.ready_studies(project).filter(pk__in=keys))
    if len(rows) != len(set(keys)):
        raise Invalid(_("Choose studies of this project that are ready."), rule="round-studies")
    return rows
