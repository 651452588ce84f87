"""Propagation over HTTP: ask, look how far it is, take the drafts, cancel. Only for one's own draft."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plaqueweb.accounts.api import current_user
from plaqueweb.core.strict import StrictSerializer
from plaqueweb.core.work import WorkState
from plaqueweb.reads import propagation
from plaqueweb.reads.aliases import aliases_of
from plaqueweb.reads.bundle import own_read
from plaqueweb.reads.draft_shapes import MaskShape, Shape
from plaqueweb.reads.models import Propagation, Read


class PropagationIn(StrictSerializer):
    """Which painted lesion to carry from which frame. It must be saved."""

    clip = s.UUIDField()
    frame = s.IntegerField(min_value=1)
    region = s.IntegerField(min_value=1, max_value=1000)
    lesion = s.IntegerField(min_value=1, max_value=1000)


class PropagatedShape(Shape):
    """A draft of one frame; ``likeness`` is the correlation with the painted frame around the mask."""

    frame = s.IntegerField()
    mask = MaskShape()
    likeness = s.FloatField()


class PropagationOut(Shape):
    id = s.UUIDField()
    clip = s.UUIDField()
    frame = s.IntegerField()
    region = s.IntegerField()
    lesion = s.IntegerField()
    state = s.ChoiceField(choices=WorkState.choices)
    done = s.IntegerField()
    total = s.IntegerField()
    frames = PropagatedShape(many=True)


def _shown(read: Read, row: Propagation) -> dict[str, Any]:
    """One row as the API shows it; where a case may come twice, under the clip's name in this presentation."""
    aliases, found = aliases_of(read.assignment), propagation.payload(row)
    return found if aliases is None else {**found, "clip": aliases.hide(found["clip"])}


class PropagationsView(APIView):
    """The propagations of one's own read."""

    @extend_schema(responses=PropagationOut(many=True), operation_id="propagations_list")
    def get(self, request: Request, pk: UUID) -> Response:
        """Return what is running and what waits to be accepted."""
        read = own_read(user=current_user(request), pk=pk)
        rows = Propagation.objects.filter(read=read).exclude(work_state=WorkState.CANCELLED).select_related("clip")
        return Response([_shown(read, row) for row in rows])

    @extend_schema(request=PropagationIn, responses={202: PropagationOut})
    def post(self, request: Request, pk: UUID) -> Response:
        """Ask for a saved mask to be carried over its clip."""
        form = PropagationIn(data=request.data)
        form.is_valid(raise_exception=True)
        given: dict[str, Any] = form.validated_data
        user = current_user(request)
        read = own_read(user=user, pk=pk)
        aliases = aliases_of(read.assignment)
        clip = given["clip"] if aliases is None else UUID(aliases.find(str(given["clip"])))
        row = propagation.ask_propagation(
            read=read, by=user, clip_id=clip, frame=given["frame"], region=given["region"], lesion=given["lesion"]
        )
        return Response(_shown(read, row), status=202)


class PropagationView(APIView):
    """One propagation of one's own read."""

    @extend_schema(responses=PropagationOut)
    def get(self, request: Request, pk: UUID, row: UUID) -> Response:
        """Return how far it is, and the drafts once it is done."""
        read = own_read(user=current_user(request), pk=pk)
        return Response(_shown(read, propagation.own_propagation(read=read, row=row)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: UUID, row: UUID) -> Response:
        """Cancel it, or throw its drafts away."""
        user = current_user(request)
        propagation.cancel_propagation(read=own_read(user=user, pk=pk), row=row, by=user)
        return Response(status=204)
