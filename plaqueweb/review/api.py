"""Cases, their comparison, the reasons people give, and the references that come out of them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.core.strict import AllowListedFilters, StrictSerializer
from plaqueweb.predictions.models import Prediction
from plaqueweb.predictions.showing import record_shown
from plaqueweb.reads.models import Read
from plaqueweb.review import comments, selectors, services
from plaqueweb.review.comparison import Chosen, Comparison
from plaqueweb.review.comparison import compare as open_comparison
from plaqueweb.review.frame_table import frame_rows
from plaqueweb.review.lesion_rows import lesions_payload
from plaqueweb.review.links import REASON_CHARACTERS, judge_pair
from plaqueweb.review.models import Case, Consensus, DifferenceNote, DifferenceReason, LinkAct
from plaqueweb.review.payload import compare_payload
from plaqueweb.review.sides import PIPELINE, READ


def opened(request: Request, user: User, case: Case) -> Comparison:
    """Open the comparison that the query names, and keep that a model's answer was shown."""
    asked = [(name, value) for name, values in request.query_params.lists() for value in values]
    comparison = open_comparison(user=user, case=case, chosen=Chosen.of(asked))
    if comparison.models:
        record_shown(user=user, studies=[case.study_id], door="comparison")
    return comparison


SIDES = "`read.<id>`, `reference.<kind>` or `pipeline.<id>`"


class CaseOut(serializers.ModelSerializer[Case]):
    """A case; which study it is, only programs of people who may see studies need to know."""

    round_name = serializers.CharField(source="round.name")
    project = serializers.CharField(source="round.project.slug")

    class Meta:
        model = Case
        fields = ["id", "round", "round_name", "project", "number", "state", "created_at"]


class NoteOut(serializers.ModelSerializer[DifferenceNote]):
    by = serializers.CharField(source="by.name")

    class Meta:
        model = DifferenceNote
        fields = ["id", "read_id", "prediction_id", "reason", "comment", "by", "created_at"]


class NoteIn(StrictSerializer):
    read = serializers.UUIDField()
    prediction = serializers.UUIDField()
    reason = serializers.ChoiceField(DifferenceReason.choices)
    comment = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=services.COMMENT_CHARACTERS
    )


class LinkIn(StrictSerializer):
    """A pair of lesions by their names in ``matches/``, and what is said of it."""

    act_id = serializers.UUIDField(help_text="made by the client; the same one again stores nothing twice")
    act = serializers.ChoiceField(LinkAct.choices)
    read = serializers.UUIDField()
    lesion = serializers.CharField(max_length=64)
    prediction = serializers.UUIDField(required=False)
    other_read = serializers.UUIDField(required=False)
    other_lesion = serializers.CharField(max_length=64)
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=REASON_CHARACTERS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("prediction" in attrs) == ("other_read" in attrs):
            raise serializers.ValidationError(_("Name the prediction or the other read, one of them."))
        return attrs


class CommentIn(StrictSerializer):
    """A new thread names its place; an answer names its thread, and may settle it."""

    text = serializers.CharField(allow_blank=True, max_length=comments.CHARACTERS)
    thread = serializers.UUIDField(required=False)
    settles = serializers.BooleanField(required=False, allow_null=True, default=None)
    clip = serializers.UUIDField(required=False)
    frame = serializers.IntegerField(required=False, min_value=1)
    x = serializers.FloatField(required=False)
    y = serializers.FloatField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        place = {"clip", "frame", "x", "y"}
        if "thread" in attrs:
            if place & attrs.keys():
                raise serializers.ValidationError(_("An answer stands where its thread stands."))
        elif not place <= attrs.keys():
            raise serializers.ValidationError(_("A comment needs clip, frame, x and y, or a thread."))
        return attrs


class ConsensusOut(serializers.ModelSerializer[Consensus]):
    by = serializers.CharField(source="by.name", allow_null=True, default=None)

    class Meta:
        model = Consensus
        fields = [
            "id", "study", "case", "kind", "revision", "reader_class", "thickness_mm", "reasons", "source_reads",
            "reason_code", "basis", "by", "model_visible", "created_at",
        ]  # fmt: skip


class CaseViewSet(AllowListedFilters, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Case]):
    """Cases of studies the user is not blinded to."""

    serializer_class = CaseOut
    queryset = Case.objects.none()
    filters: ClassVar = {"project": "round__project__slug", "round": "round_id", "state": "state"}

    def get_queryset(self) -> QuerySet[Case]:
        return selectors.visible_cases(current_user(self.request))

    @extend_schema(
        parameters=[
            OpenApiParameter("left", OpenApiTypes.STR, description=SIDES),
            OpenApiParameter("right", OpenApiTypes.STR, description=f"{SIDES}; `none` leaves the model out"),
            OpenApiParameter("more", OpenApiTypes.UUID, many=True, description="up to four further reads"),
            OpenApiParameter("read", OpenApiTypes.UUID, description="the same as `left=read.<id>`"),
            OpenApiParameter("pipeline", OpenApiTypes.STR, description="the same as `right=pipeline.<id>`, or `none`"),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    @action(detail=True, methods=["get"])
    def compare(self, request: Request, pk: str) -> Response:
        """Two answers side by side, a read and a prediction unless others are named, with every number."""
        user = current_user(request)
        case = selectors.visible_case(user, pk)
        return Response(compare_payload(opened(request, user, case)))

    @extend_schema(methods=["get"], responses=NoteOut(many=True))
    @extend_schema(methods=["post"], request=NoteIn, responses={201: NoteOut})
    @action(detail=True, methods=["get", "post"], pagination_class=None, filter_backends=[])
    def notes(self, request: Request, pk: str) -> Response:
        """Read, or add to, the reasons why reads and predictions differ."""
        user = current_user(request)
        case = selectors.visible_case(user, pk)
        if request.method == "GET":
            rows = DifferenceNote.objects.visible_to(user).filter(case=case).select_related("by").order_by("-id")
            return Response(NoteOut(rows, many=True).data)
        form = NoteIn(data=request.data)
        form.is_valid(raise_exception=True)
        note = services.note_difference(
            case=case,
            read=selectors.read_of(user, case, form.validated_data["read"]),
            prediction=selectors.prediction_of(user, case, form.validated_data["prediction"]),
            reason=form.validated_data["reason"],
            comment=form.validated_data["comment"],
            by=user,
        )
        return Response(NoteOut(note).data, status=201)

    @extend_schema(
        methods=["get"],
        parameters=[
            OpenApiParameter("left", OpenApiTypes.STR, description=SIDES),
            OpenApiParameter("right", OpenApiTypes.STR, description=SIDES),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    @extend_schema(methods=["post"], request=LinkIn, responses={201: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["get", "post"], pagination_class=None, filter_backends=[])
    def matches(self, request: Request, pk: str) -> Response:
        """Which lesions of two answers are the same plaque, or say so of two of them.

        By rule, corrected by what people said last. No act changes an answer or a Consensus.
        """
        user = current_user(request)
        case = selectors.visible_case(user, pk)
        if request.method == "GET":
            asked = [(name, value) for name, values in request.query_params.lists() for value in values]
            return Response(_matches(user, case, Chosen.of(asked)))
        form = LinkIn(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        read = selectors.read_of(user, case, given["read"])
        second: Read | Prediction
        if "other_read" in given:
            second = selectors.read_of(user, case, given["other_read"])
        else:
            second = selectors.prediction_of(user, case, given["prediction"])
        judge_pair(
            case=case, act_id=given["act_id"], act=given["act"], read=read, lesion=given["lesion"], other=second,
            other_lesion=given["other_lesion"], reason=given["reason"], by=user,
        )  # fmt: skip
        right = f"{PIPELINE}.{second.pipeline_id}" if isinstance(second, Prediction) else f"{READ}.{second.pk}"
        return Response(_matches(user, case, Chosen(f"{READ}.{read.pk}", right)), status=201)

    @extend_schema(
        parameters=[OpenApiParameter("left", OpenApiTypes.STR), OpenApiParameter("right", OpenApiTypes.STR)],
        responses=OpenApiTypes.OBJECT,
    )
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def frames(self, request: Request, pk: str) -> Response:
        """Both sides frame by frame; what a side says nothing about has words and no number."""
        user = current_user(request)
        comparison = opened(request, user, selectors.visible_case(user, pk))
        return Response([row.as_dict() for row in frame_rows(comparison)])

    @extend_schema(methods=["get"], responses=OpenApiTypes.OBJECT)
    @extend_schema(methods=["post"], request=CommentIn, responses={201: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["get", "post"], pagination_class=None, filter_backends=[])
    def comments(self, request: Request, pk: str) -> Response:
        """Threads pinned to places on frames; adding to them answers with all of them."""
        user = current_user(request)
        case = selectors.visible_case(user, pk)
        if request.method == "POST":
            form = CommentIn(data=request.data)
            form.is_valid(raise_exception=True)
            given = form.validated_data
            if "thread" in given:
                thread = comments.thread_of(user=user, case=case, pk=given["thread"])
                comments.answer_thread(thread=thread, by=user, text=given["text"], settles=given["settles"])
            else:
                where = {name: given[name] for name in ("clip", "frame", "x", "y")}
                comments.start_thread(case=case, by=user, text=given["text"], **where)
        status = 201 if request.method == "POST" else 200
        return Response(comments.threads_of(user=user, case=case), status=status)


def _matches(user: User, case: Case, chosen: Chosen) -> dict[str, Any]:
    """The document of ``matches/``; that a model's lesions were sent is on record."""
    found = open_comparison(user=user, case=case, chosen=chosen)
    if found.models:
        record_shown(user=user, studies=[case.study_id], door="comparison")
    return lesions_payload(found)


class ConsensusViewSet(AllowListedFilters, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Consensus]):
    """References of studies: known truth, agreement of readers, adjudication. Every change is a new revision.

    They are only read here: a reference comes from the readers, or from an adjudication.
    """

    serializer_class = ConsensusOut
    queryset = Consensus.objects.none()
    filters: ClassVar = {"project": "study__project__slug", "study": "study_id", "case": "case_id", "kind": "kind"}

    def get_queryset(self) -> QuerySet[Consensus]:
        return Consensus.objects.visible_to(current_user(self.request)).select_related("by")
