"""The floor: the works with nothing but what they cannot do without. Not a program to run anywhere.

A bare ASGI application, psycopg and a token's signature: no framework, no ORM, hardly any validation. It
waits for the database in the event loop, which costs the least CPU time of all ways and stalls all others.
"""

import base64
import hmac
import os
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson
import psycopg
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from ledger import Refused, issue, summarise

KEY = os.environ["JWT_KEY"].encode()
HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
SCOPES = "items:read items:write stock:read stock:write"
SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ITEM = """
    SELECT sku, name, description, unit, reorder_point, archived, version, created_at, updated_at,
        ARRAY(SELECT tag FROM item_tags WHERE item_id = items.id ORDER BY tag) AS tags
    FROM items
"""
CREATE = """
    WITH item AS (
        INSERT INTO items
            (sku, name, description, unit, reorder_point, archived, version, created_at, updated_at)
        VALUES (%s, %s, %s, %s, %s, false, 1, %s, %s) RETURNING *
    ), tagged AS (
        INSERT INTO item_tags (item_id, tag) SELECT item.id, tag FROM item, unnest(%s::text[]) AS tag
    )
    SELECT version FROM item
"""
COLUMNS = (
    "sku",
    "name",
    "description",
    "unit",
    "reorder_point",
    "archived",
    "version",
    "created_at",
    "updated_at",
    "tags",
)

Answer = tuple[int, object, list[tuple[bytes, bytes]]]

passwords = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)
connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
cached: dict[str, Any] = {}


async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    try:
        status, value, headers = await _answer(scope, receive)
    except Refused as refused:
        status, value, headers = refused.status, {"message": str(refused)}, []
    body = b"" if value is None else orjson.dumps(value)
    headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _answer(scope: dict[str, Any], receive: Callable[..., Any]) -> Answer:
    method, path = scope["method"], scope["path"]
    headers = dict(scope["headers"])
    if path == "/health/live":
        return 200, {"status": "ok"}, []
    if path == "/login":
        return login(await _read(receive))
    user = authenticate(headers.get(b"authorization", b""))
    if method == "POST":
        body = await _read(receive)
        return create_item(body) if path == "/items" else record(body, user)
    if path == "/items":
        return list_items(scope["query_string"])
    if path == "/summary":
        return 200, summary(), []
    return read_item(path.removeprefix("/items/"), headers.get(b"if-none-match"))


async def _read(receive: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    value = orjson.loads(body)
    if not isinstance(value, dict):
        raise Refused(400, "Not an object")
    return value


def authenticate(authorization: bytes) -> str:
    """The user of the token, once its signature and its expiry have been checked."""
    with suppress(ValueError):
        signed, signature = authorization.removeprefix(b"Bearer ").rsplit(b".", 1)
        if hmac.compare_digest(_signature(signed), signature):
            header, payload = signed.split(b".")
            claims = orjson.loads(base64.urlsafe_b64decode(payload + b"=="))
            if header == HEADER and claims["exp"] > time.time():
                return str(claims["sub"])
    raise Refused(401, "No good token")


def _signature(signed: bytes) -> bytes:
    return base64.urlsafe_b64encode(hmac.digest(KEY, signed, "sha256")).rstrip(b"=")


def login(body: dict[str, Any]) -> Answer:
    query = "SELECT password_hash FROM users WHERE username = %s AND NOT disabled"
    row = connection.execute(query, (body["username"],)).fetchone()
    try:
        passwords.verify(row[0] if row else "", body["password"])
    except VerificationError:
        raise Refused(401, "Name and password do not fit") from None
    claims = {"sub": body["username"], "scope": SCOPES, "exp": int(time.time()) + 600}
    signed = HEADER + b"." + base64.urlsafe_b64encode(orjson.dumps(claims)).rstrip(b"=")
    token = (signed + b"." + _signature(signed)).decode()
    return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 600}, []


def read_item(sku: str, known: bytes | None) -> Answer:
    row = connection.execute(f"{ITEM} WHERE sku = %s", (sku,)).fetchone()
    if row is None:
        raise Refused(404, "There is no such item")
    etag = b'"v%d"' % row[6]
    if known == etag:
        return 304, None, [(b"etag", etag)]
    return 200, dict(zip(COLUMNS, row, strict=True)), [(b"etag", etag)]


def list_items(query: bytes) -> Answer:
    asked = dict(parse_qsl(query.decode()))
    page, per_page = int(asked.get("page", "1")), int(asked.get("per_page", "20"))
    counted = connection.execute("SELECT count(*) FROM items WHERE NOT archived").fetchone()
    rows = connection.execute(
        f"{ITEM} WHERE NOT archived ORDER BY sku LIMIT %s OFFSET %s", (per_page, (page - 1) * per_page)
    )
    items = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return 200, {"items": items, "total": counted and counted[0], "page": page, "per_page": per_page}, []


def create_item(body: dict[str, Any]) -> Answer:
    reorder_point = body.get("reorder_point")
    if not SKU.fullmatch(body["sku"]) or (reorder_point is not None and reorder_point < 0):
        raise Refused(400, "Not valid")
    now = datetime.now(UTC)
    own = [body["sku"], body["name"], body.get("description"), body.get("unit", "piece"), reorder_point]
    tags = sorted(body.get("tags", ()))
    try:
        connection.execute(CREATE, [*own, now, now, tags])
    except psycopg.errors.UniqueViolation:
        raise Refused(409, "This SKU is taken") from None
    item = dict(zip(COLUMNS, [*own, False, 1, now, now, tags], strict=True))
    return 201, item, [(b"location", b"/items/" + body["sku"].encode()), (b"etag", b'"v1"')]


def record(body: dict[str, Any], user: str) -> Answer:
    movement = issue(connection, body, user)
    return 201, movement, [(b"location", b"/movements/%d" % movement["id"])]


def summary() -> dict[str, Any]:
    if cached.get("until", 0) < time.monotonic():
        cached.update(value=summarise(connection), until=time.monotonic() + 60)
    value: dict[str, Any] = cached["value"]
    return value
