"""One's own adjudications: begin a queued case, answer blind, decide."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from plaqueweb.accounts.api import current_user
from plaqueweb.core.strict import AllowListedFilters, StrictSerializer
from plaqueweb.reads.choices import PlaqueClass, Reason
from plaqueweb.review import adjudication, queue_selectors
from plaqueweb.review.models import Adjudication, AdjudicationState, DifferenceReason
from plaqueweb.studies.blinding import blinded_studies


class AdjudicationOut(serializers.ModelSerializer[Adjudication]):
    """Which case, and how far it is; answers come with the single document."""

    project = serializers.CharField(source="case.round.project.slug")
    number = serializers.IntegerField(source="case.number")

    class Meta:
        model = Adjudication
        fields = ["id", "case", "number", "project", "state", "created_at"]


class BeginIn(StrictSerializer):
    case = serializers.UUIDField()


class CaliperIn(StrictSerializer):
    clip = serializers.UUIDField()
    frame = serializers.IntegerField(min_value=1)
    region = serializers.IntegerField(min_value=1, required=False, default=1)
    points = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        min_length=2,
        max_length=2,
    )


class FindingIn(StrictSerializer):
    reader_class = serializers.ChoiceField(PlaqueClass.choices)
    reasons = serializers.DictField(child=serializers.ChoiceField(Reason.choices), required=False, default=dict)
    caliper = CaliperIn(required=False, allow_null=True, default=None)


class DecisionIn(StrictSerializer):
    take = serializers.CharField(max_length=8)
    reason_code = serializers.ChoiceField(DifferenceReason.choices)
    finding = FindingIn(required=False, allow_null=True, default=None)


def _finding(values: dict[str, Any] | None) -> adjudication.Finding | None:
    if values is None:
        return None
    return adjudication.Finding(values["reader_class"], values["reasons"], values["caliper"])


class AdjudicationViewSet(
    AllowListedFilters, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Adjudication]
):
    """One's own adjudications. After the blind answer a case's document holds its reads, without names."""

    serializer_class = AdjudicationOut
    queryset = Adjudication.objects.none()
    filters: ClassVar = {"project": "case__round__project__slug", "state": "state"}

    def get_queryset(self) -> QuerySet[Adjudication]:
        user = current_user(self.request)
        rows: QuerySet[Adjudication] = Adjudication.objects.own(user).exclude(state=AdjudicationState.RETURNED)
        rows = rows.exclude(case__study__in=blinded_studies(user).values("pk"))
        return rows.select_related("case__round__project").order_by("-id")

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def retrieve(self, request: Request, pk: str) -> Response:
        """Pictures and question; after the blind answer the reads too."""
        return self._document(request, pk)

    @extend_schema(request=BeginIn, responses={201: AdjudicationOut})
    def create(self, request: Request) -> Response:
        """Begin a case of one's queue; from now on it is hidden everywhere else until it is decided."""
        user = current_user(request)
        form = BeginIn(data=request.data)
        form.is_valid(raise_exception=True)
        row = adjudication.begin(case=queue_selectors.queued_case(user, form.validated_data["case"]), by=user)
        return Response(AdjudicationOut(row).data, status=201)

    @extend_schema(request=FindingIn, responses={201: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["post"])
    def answer(self, request: Request, pk: str) -> Response:
        """Give one's own answer, blind and for good. The answer carries the reads."""
        user = current_user(request)
        row = queue_selectors.own_adjudication(user, pk)
        form = FindingIn(data=request.data)
        form.is_valid(raise_exception=True)
        finding = _finding(dict(form.validated_data))
        assert finding is not None
        adjudication.answer_blind(adjudication=row, finding=finding, by=user)
        return self._document(request, pk, status=201)

    @extend_schema(request=DecisionIn, responses={201: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, pk: str) -> Response:
        """Decide: take a read ("1" is the left one), one's own blind answer, or a new one. Again is a new revision."""
        user = current_user(request)
        row = queue_selectors.own_adjudication(user, pk)
        form = DecisionIn(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        adjudication.decide(
            adjudication=row, take=values["take"], reason_code=values["reason_code"], by=user,
            finding=_finding(values["finding"]),
        )  # fmt: skip
        return self._document(request, pk, status=201)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], url_path="give-back")
    def give_back(self, request: Request, pk: str) -> Response:
        """Leave the case to another adjudicator, before one's own answer."""
        user = current_user(request)
        adjudication.give_back(adjudication=queue_selectors.own_adjudication(user, pk), by=user)
        return Response(status=204)

    @staticmethod
    def _document(request: Request, pk: str, *, status: int = 200) -> Response:
        user = current_user(request)
        row = queue_selectors.own_adjudication(user, pk)
        return Response(queue_selectors.adjudication_payload(row, user=user), status=status)
