"""The views."""

from typing import Any

from django.contrib.auth.hashers import check_password
from django.core.cache import cache
from django.db import IntegrityError
from django.http import HttpRequest, JsonResponse
from rest_framework import generics, status
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import AccessToken

from stock import figures, ledger
from stock.models import Item, User
from stock.serializers import CredentialsSerializer, IssueSerializer, ItemSerializer, MovementSerializer

SCOPES = "items:read items:write stock:read stock:write"


class HasScope(BasePermission):
    """Whether the token holds the scope that the view names for the method."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.auth is not None and view.scopes[request.method] in request.auth["scope"].split()


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT


def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


class Login(APIView):
    authentication_classes = ()
    permission_classes = ()

    def get_authenticate_header(self, request: Request) -> str:
        # Without it a failure to log in would be 403.
        return 'Bearer realm="api"'

    def post(self, request: Request) -> Response:
        credentials = CredentialsSerializer(data=request.data)
        credentials.is_valid(raise_exception=True)
        username, password = credentials.validated_data["username"], credentials.validated_data["password"]
        user = User.objects.filter(username=username, disabled=False).first()
        # Django writes the name of the algorithm before the hash; the table holds the hash alone.
        if user is None or not check_password(password, f"argon2{user.password_hash}"):
            raise AuthenticationFailed
        token = AccessToken()
        token["sub"] = user.username
        token["scope"] = SCOPES
        return Response({"access_token": str(token), "token_type": "Bearer", "expires_in": 600})


class OneItem(generics.RetrieveAPIView[Item]):
    permission_classes = (HasScope,)
    scopes = {"GET": "items:read"}
    queryset = Item.objects.prefetch_related("item_tags")
    serializer_class = ItemSerializer
    lookup_field = "sku"

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        item = self.get_object()
        # ConditionalGetMiddleware compares it with If-None-Match.
        return Response(self.get_serializer(item).data, headers={"ETag": f'"v{item.version}"'})


class Items(generics.ListCreateAPIView[Item]):
    permission_classes = (HasScope,)
    scopes = {"GET": "items:read", "POST": "items:write"}
    queryset = Item.objects.filter(archived=False).order_by("sku").prefetch_related("item_tags")
    serializer_class = ItemSerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            item = serializer.save()
        except IntegrityError:
            raise Conflict("This SKU is taken.") from None
        headers = {"Location": f"/items/{item.sku}", "ETag": f'"v{item.version}"'}
        return Response(serializer.data, status=status.HTTP_201_CREATED, headers=headers)


class Movements(APIView):
    permission_classes = (HasScope,)
    scopes = {"POST": "stock:write"}

    def post(self, request: Request) -> Response:
        serializer = IssueSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        movement = ledger.issue(serializer.validated_data, by=str(request.user.id))
        headers = {"Location": f"/movements/{movement['id']}"}
        return Response(MovementSerializer(movement).data, status=status.HTTP_201_CREATED, headers=headers)


class Summary(APIView):
    permission_classes = (HasScope,)
    scopes = {"GET": "stock:read"}

    def get(self, request: Request) -> Response:
        return Response(cache.get_or_set("summary", figures.count, timeout=60))
