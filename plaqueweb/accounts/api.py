"""Who am I, and tokens for programs."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plaqueweb.accounts.models import Membership, User
from plaqueweb.accounts.roles import capabilities_of
from plaqueweb.accounts.services import check_password, set_keys


def current_user(request: Request | Any) -> User:
    """Return the logged-in user with its real type."""
    return cast(User, request.user)


class MembershipOut(serializers.Serializer[Any]):
    project = serializers.CharField()
    name = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    capabilities = serializers.ListField(child=serializers.CharField())


class MeOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.EmailField()
    memberships = MembershipOut(many=True)


class TokenIn(serializers.Serializer[Any]):
    password = serializers.CharField()


class TokenOut(serializers.Serializer[Any]):
    token = serializers.CharField()
    expires = serializers.DateTimeField()


class MeView(APIView):
    """The user behind this session or token, with roles by project."""

    @extend_schema(responses=MeOut)
    def get(self, request: Request) -> Response:
        """Return name, address and memberships."""
        user = current_user(request)
        rows = Membership.objects.filter(user=user).select_related("project").order_by("project__name")
        return Response(
            {
                "id": user.pk,
                "name": user.name,
                "email": user.email,
                "memberships": [
                    {
                        "project": row.project.slug,
                        "name": row.project.name,
                        "roles": row.roles,
                        "capabilities": sorted(capabilities_of(row.roles)),
                    }
                    for row in rows
                ],
            }
        )


class KeysShape(serializers.Serializer[Any]):
    """Own keys: the default chord of an act, and the chord that does it instead ("Shift+KeyB", physical codes)."""

    keys = serializers.DictField(child=serializers.CharField())


class KeysView(APIView):
    """The keys one has changed, the same at every computer."""

    @extend_schema(responses=KeysShape)
    def get(self, request: Request) -> Response:
        """Return what differs from the defaults."""
        return Response({"keys": current_user(request).keys or {}})

    @extend_schema(request=KeysShape, responses=KeysShape)
    def put(self, request: Request) -> Response:
        """Replace one's own keys; an empty object restores the defaults."""
        keys = request.data.get("keys") if isinstance(request.data, dict) else None
        set_keys(user=current_user(request), keys=keys)
        return Response({"keys": keys})


class TokenView(APIView):
    """Make a token (hashed at rest, 90 days) for a program; the password is asked again."""

    @extend_schema(request=TokenIn, responses={201: TokenOut})
    def post(self, request: Request) -> Response:
        """Return a new token once; it cannot be read again."""
        form = TokenIn(data=request.data)
        form.is_valid(raise_exception=True)
        user = current_user(request)
        check_password(user=user, password=form.validated_data["password"], purpose="token")
        row, token = AuthToken.objects.create(user)
        return Response({"token": token, "expires": row.expiry}, status=201)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """End all of one's tokens."""
        AuthToken.objects.filter(user=current_user(request)).delete()
        return Response(status=204)
