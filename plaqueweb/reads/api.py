"""Cases, reads and rounds over HTTP: parse, call a service, answer. The hot path builds its JSON by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from plaqueweb.accounts.api import current_user
from plaqueweb.accounts.models import User
from plaqueweb.core import limits
from plaqueweb.core.errors import DomainError, Invalid, NotFound, PreconditionRequired
from plaqueweb.core.paging import KeysetPagination
from plaqueweb.core.strict import AllowListedFilters, refuse_unknown
from plaqueweb.reads import ahead, selectors, services
from plaqueweb.reads import serializers as shapes
from plaqueweb.reads.aliases import Aliases, aliases_of
from plaqueweb.reads.bundle import Bundle, load_bundle, own_read, reads_with_assignment
from plaqueweb.reads.choices import SignatureMeaning
from plaqueweb.reads.models import Assignment, Read
from plaqueweb.reads.qualification import feedback, profile_of
from plaqueweb.reads.rawjson import dumps
from plaqueweb.studies.api import ClipViewSet, cine_answer, frame_answer
from plaqueweb.studies.models import Clip

CLIP = "[0-9a-fA-F-]{36}"
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True, description='draft number the change is made on: "7"'
)


def json_answer(payload: dict[str, Any], aliases: Aliases | None = None) -> HttpResponse:
    """Answer with JSON that may hold ready-made parts; with ``aliases`` clips go by their names in a presentation."""
    text = dumps(payload)
    return HttpResponse(text if aliases is None else aliases.hide_text(text), content_type="application/json")


def read_answer(
    bundle: Bundle, *, frames: frozenset[Any] | None = None, aliases: Aliases | None = None, own: bool = True
) -> HttpResponse:
    """Answer with a read and its draft number as ETag."""
    answer = json_answer(selectors.read_payload(bundle, frames=frames, own=own), aliases)
    answer["ETag"] = f'"{bundle.read.draft_no}"'
    return answer


@contextmanager
def refusals_hidden(aliases: Aliases | None) -> Iterator[None]:
    """Let a refusal name clips as the presentation does, too."""
    try:
        yield
    except DomainError as error:
        if aliases is not None:
            error.extra = aliases.hide(error.extra)
        raise


def if_match(request: Request) -> int:
    """Return the draft number of If-Match.

    Raises:
        PreconditionRequired: the header is missing.
        Invalid: it is no draft number.
    """
    value = request.headers.get("If-Match", "").strip()
    if not value:
        raise PreconditionRequired(_("Say with If-Match which draft you change."))
    number = value.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit()) or len(number) > 9:
        raise Invalid(_("If-Match must be a draft number in quotes."), rule="if-match")
    return int(number)


def _small_enough(request: Request) -> None:
    if int(request.META.get("CONTENT_LENGTH") or 0) > limits.REQUEST_BYTES:
        words = _("A save may have %(n)d MB; send fewer frames at once.") % {"n": limits.REQUEST_BYTES // 1024**2}
        raise Invalid(words, rule="too-large")


def signed_payload(reads: Sequence[Read], user: User) -> dict[str, Any]:
    """Return what signing answers: each read and where its comparison is, if it is revealed."""
    return {
        "signed": [
            {
                "read": str(read.pk),
                "public_id": read.assignment.public_id,
                "compare_url": selectors.compare_url(read.assignment, user=user),
                "second_url": selectors.second_url(read.assignment),
            }
            for read in reads
        ]
    }


class WorklistPagination(KeysetPagination):
    """In the reader's own order."""

    ordering = ("order_no", "id")  # type: ignore[assignment]


class AssignmentViewSet(AllowListedFilters, GenericViewSet[Assignment]):
    """One's own cases, under opaque ids."""

    lookup_field = "public_id"
    lookup_value_regex = "[A-Za-z0-9_-]{1,24}"
    serializer_class = shapes.AssignmentOut
    pagination_class = WorklistPagination
    queryset = Assignment.objects.none()
    filters: ClassVar = {"round": "round_id", "state": "state"}

    def _assignment(self) -> Assignment:
        return selectors.own_assignment(user=current_user(self.request), public_id=self.kwargs["public_id"])

    @extend_schema(
        responses=shapes.AssignmentRowOut(many=True),
        parameters=[OpenApiParameter("round", str), OpenApiParameter("state", str)],
    )
    def list(self, request: Request) -> Response:
        """Return one's worklist, page by page."""
        user = current_user(request)
        rows = self.filter_queryset(selectors.worklist(user=user))
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(selectors.assignment_rows(list(page or []), user=user))

    @extend_schema(responses=shapes.AssignmentOut)
    def retrieve(self, request: Request, public_id: str) -> HttpResponse:
        """Return a case without opening it."""
        assignment = self._assignment()
        detail = selectors.assignment_detail(assignment, user=current_user(request))
        return json_answer(detail, aliases_of(assignment))

    @extend_schema(request=None, responses=shapes.AssignmentOut)
    @action(detail=True, methods=["post"])
    def open(self, request: Request, public_id: str) -> HttpResponse:
        """Open a case: its draft is made the first time."""
        user = current_user(request)
        assignment = self._assignment()
        read = services.open_assignment(assignment=assignment, by=user)
        detail = selectors.assignment_detail(assignment, user=user, read=read)
        return json_answer(detail, aliases_of(assignment))

    @extend_schema(request=shapes.SkipIn, responses=shapes.AssignmentRowOut)
    @action(detail=True, methods=["post"])
    def skip(self, request: Request, public_id: str) -> Response:
        """Set a case aside with a reason."""
        form = shapes.SkipIn(data=request.data)
        form.is_valid(raise_exception=True)
        user, assignment = current_user(request), self._assignment()
        services.skip_assignment(assignment=assignment, by=user, reason=form.validated_data["reason"])
        row = selectors.assignment_rows([assignment], user=user)[0]
        return Response({**row, "next_url": selectors.next_url(assignment, user=user)})

    @extend_schema(request=shapes.CorrectIn, responses=shapes.AssignmentOut)
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, public_id: str) -> HttpResponse:
        """Begin to correct a signed answer: the draft of a new revision, which begins as what was signed."""
        form = shapes.CorrectIn(data=request.data)
        form.is_valid(raise_exception=True)
        user, assignment = current_user(request), self._assignment()
        read = services.begin_correction(assignment=assignment, by=user, **form.validated_data)
        detail = selectors.assignment_detail(assignment, user=user, read=read)
        return json_answer(detail, aliases_of(assignment))

    @extend_schema(request=shapes.ActivityIn, responses=shapes.ActivityOut)
    @action(detail=True, methods=["post"])
    def activity(self, request: Request, public_id: str) -> Response:
        """Add seconds of active reading, and keep where the reader is."""
        form = shapes.ActivityIn(data=request.data)
        form.is_valid(raise_exception=True)
        given, user, assignment = form.validated_data, current_user(request), self._assignment()
        if "place" in given:
            place, aliases = given["place"], aliases_of(assignment)
            clip = place["clip"] if aliases is None else UUID(aliases.find(str(place["clip"])))
            services.keep_place(assignment=assignment, by=user, clip=clip, frame=place["frame"])
        if given["seconds"]:
            services.add_activity(assignment=assignment, by=user, seconds=given["seconds"])
        return Response({"active_seconds": assignment.active_seconds})

    @extend_schema(responses=shapes.FeedbackOut)
    @action(detail=True, methods=["get"])
    def feedback(self, request: Request, public_id: str) -> Response:
        """Return the known answer of a practice case, once one's own is signed."""
        found = feedback(self._assignment())
        if found is None:
            raise NotFound(_("There is nothing here that you may see."))
        return Response(shapes.FeedbackOut(found).data)

    @extend_schema(
        parameters=[OpenApiParameter("clip", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["get"], url_path=f"clips/(?P<clip>{CLIP})/cine", url_name="cine")
    def cine(self, request: Request, public_id: str, clip: str) -> HttpResponse | FileResponse:
        """Return all frames of a clip under its name in this presentation; see ``clips/{id}/cine``."""
        found, tag = self._presented(clip)
        return cine_answer(request, found, tag)

    @extend_schema(
        parameters=[
            OpenApiParameter("clip", OpenApiTypes.UUID, OpenApiParameter.PATH),
            OpenApiParameter("n", int, OpenApiParameter.PATH, description="frame number, from 1"),
        ],
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY, (200, "image/png"): OpenApiTypes.BINARY},
    )
    @action(
        detail=True, methods=["get"], url_path=f"clips/(?P<clip>{CLIP})/frames/(?P<n>[0-9]{{1,6}})", url_name="frame"
    )
    def frame(self, request: Request, public_id: str, clip: str, n: str) -> HttpResponse:
        """Return one frame of a clip under its name in this presentation."""
        found, tag = self._presented(clip, frame=int(n))
        return frame_answer(request, found, tag, int(n))

    @extend_schema(responses=shapes.AheadOut(many=True))
    @action(detail=True, methods=["get"])
    def ahead(self, request: Request, public_id: str) -> Response:
        """Return where the next case's pictures are, to be fetched while this one is read. That opens nothing."""
        return Response(ahead.ahead_payload(self._assignment(), user=current_user(request)))

    def _presented(self, name: str, *, frame: int | None = None) -> tuple[Clip, str]:
        assignment = self._assignment()
        if assignment.opened_at is not None:
            aliases = aliases_of(assignment)
        elif frame in (None, ahead.FIRST_FRAME):
            aliases = ahead.ahead_aliases(assignment, user=current_user(self.request))
        else:
            aliases = None
        clip = aliases.clip(name) if aliases is not None else None
        if aliases is None or clip is None:
            raise NotFound(_("There is nothing here that you may see."))
        return clip, aliases.tag(clip)


class ReaderClipViewSet(ClipViewSet):
    """Clips; besides, a reader may fetch pictures of the own next case while the one before it is open."""

    def _stored(self) -> Clip:
        try:
            return super()._stored()
        except (Http404, NotFound):
            if self.action == "cine" or self.kwargs.get("n") == str(ahead.FIRST_FRAME):
                clip = ahead.ahead_clip(self.kwargs["pk"], user=current_user(self.request))
                if clip is not None:
                    return clip
            raise


class ReadViewSet(AllowListedFilters, GenericViewSet[Read]):
    """One's own reads, and others' where they may be seen. Drafts are saved, completed, signed; never deleted."""

    serializer_class = shapes.ReadOut
    queryset = Read.objects.none()
    filters: ClassVar = {
        "state": "state",
        "assignment": "assignment__public_id",
        "project": "assignment__round__project__slug",
    }

    def _visible(self) -> QuerySet[Read]:
        rows: QuerySet[Read] = Read.objects.visible_to(current_user(self.request))
        return rows

    @extend_schema(responses=shapes.ReadSummaryOut(many=True))
    def list(self, request: Request) -> Response:
        """List reads without their marks."""
        rows = self.filter_queryset(self._visible().select_related("assignment__reader", "assignment__round"))
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(
            shapes.ReadSummaryOut([_summary(read, current_user(request)) for read in page or []], many=True).data
        )

    @extend_schema(responses=shapes.ReadOut)
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """Return a read with all its marks."""
        read = self._one_visible(pk)
        own = read.assignment.reader_id == current_user(request).pk
        return read_answer(load_bundle(read, masks=True), aliases=aliases_of(read.assignment) if own else None, own=own)

    def _one_visible(self, pk: str) -> Read:
        from django.core.exceptions import ValidationError

        try:
            visible = self._visible().filter(pk=pk).values("pk")
            read: Read | None = reads_with_assignment().filter(pk__in=visible).first()
        except (ValidationError, ValueError):
            read = None
        if read is None:
            raise NotFound(_("There is nothing here that you may see."))
        return read

    @extend_schema(parameters=[IF_MATCH], request=shapes.SaveIn, responses=shapes.ReadOut)
    def partial_update(self, request: Request, pk: str) -> HttpResponse:
        """Save what changed in a draft."""
        return self._save(request, pk)

    @extend_schema(parameters=[IF_MATCH], request=shapes.FramesIn, responses=shapes.ReadOut)
    @action(detail=True, methods=["put"])
    def frames(self, request: Request, pk: str) -> HttpResponse:
        """Save frames of a draft."""
        if isinstance(request.data, dict):
            refuse_unknown(request.data, ("save_id", "frames"))
        return self._save(request, pk)

    def _save(self, request: Request, pk: str) -> HttpResponse:
        _small_enough(request)
        user = current_user(request)
        read = own_read(user=user, pk=pk)
        aliases = aliases_of(read.assignment)
        body = request.data if aliases is None else aliases.find(request.data)
        with refusals_hidden(aliases):
            bundle, saved = services.save_draft(read=read, by=user, draft_no=if_match(request), body=body)
        return read_answer(bundle, frames=saved, aliases=aliases)

    @extend_schema(parameters=[IF_MATCH], request=None, responses=shapes.ReadOut)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, pk: str) -> HttpResponse:
        """Complete a draft; the answer names what is missing."""
        user = current_user(request)
        read = own_read(user=user, pk=pk)
        aliases = aliases_of(read.assignment)
        with refusals_hidden(aliases):
            bundle = services.complete_read(read=read, by=user, draft_no=if_match(request))
        return read_answer(bundle, aliases=aliases)

    @extend_schema(request=None, responses=shapes.ReadOut)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> HttpResponse:
        """Make a completed read a draft again."""
        user = current_user(request)
        read = own_read(user=user, pk=pk)
        return read_answer(services.reopen_read(read=read, by=user), aliases=aliases_of(read.assignment))

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"])
    def discard(self, request: Request, pk: str) -> Response:
        """Give up a correction that is not signed; the signed answer goes on to stand."""
        user = current_user(request)
        services.discard_correction(read=own_read(user=user, pk=pk), by=user)
        return Response(status=204)

    @extend_schema(operation_id="reads_sign_one", request=shapes.SignOneIn, responses=shapes.SignedOut)
    @action(detail=True, methods=["post"], url_path="sign", url_name="sign-one")
    def sign_one(self, request: Request, pk: str) -> Response:
        """Sign one completed read with the password."""
        form = shapes.SignOneIn(data=request.data)
        form.is_valid(raise_exception=True)
        return self._sign(request, [pk], form.validated_data)

    @extend_schema(request=shapes.SignIn, responses=shapes.SignedOut)
    @action(detail=False, methods=["post"], url_path="sign", url_name="sign")
    def sign(self, request: Request) -> Response:
        """Sign several completed reads with the password: all of them, or none."""
        form = shapes.SignIn(data=request.data)
        form.is_valid(raise_exception=True)
        return self._sign(request, [str(pk) for pk in form.validated_data["reads"]], form.validated_data)

    def _sign(self, request: Request, pks: Sequence[str], given: dict[str, Any]) -> Response:
        user = current_user(request)
        reads = [own_read(user=user, pk=pk) for pk in dict.fromkeys(pks)]
        signed = services.confirm_and_sign(
            reads=reads, by=user, password=given["password"], meaning=SignatureMeaning(given["meaning"])
        )
        return Response(signed_payload(signed, user))


class ProfileView(APIView):
    """One's own reader profile."""

    @extend_schema(responses=shapes.ProfileShape)
    def get(self, request: Request) -> Response:
        """Return it; 404 before it is filled in."""
        row = profile_of(current_user(request))
        if row is None:
            raise NotFound(_("This profile is not filled in yet."), rule="profile-empty")
        return Response(shapes.ProfileShape(row).data)

    @extend_schema(request=shapes.ProfileShape, responses=shapes.ProfileShape)
    def put(self, request: Request) -> Response:
        """Keep it."""
        form = shapes.ProfileShape(data=request.data)
        form.is_valid(raise_exception=True)
        row = services.save_profile(user=current_user(request), **form.validated_data)
        return Response(shapes.ProfileShape(row).data)


def _summary(read: Read, user: User) -> dict[str, Any]:
    reader = read.assignment.reader
    own = ("id", "state", "revision", "arm", "reader_class", "rule_class", "thickness_mm", "thickness_px", "signed_at")
    hidden = {"rule_class": None} if reader == user and read.assignment.round.hides_verdict else {}
    return (
        {name: getattr(read, name) for name in own} | hidden | {"reader": reader.name, "simulated": reader.is_simulated}
    )
