"""The floor: the works with nothing but what they cannot do without. Not a program to run anywhere.

A bare ASGI application, a driver (database.py has two to choose from) and a token's signature: no framework,
no ORM, hardly any validation.
"""

import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson
import tokens
from database import database
from ledger import Refused, issue, summarise

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
        VALUES ($1, $2, $3, $4, $5, false, 1, $6, $7) RETURNING *
    ), tagged AS (
        INSERT INTO item_tags (item_id, tag) SELECT item.id, tag FROM item, unnest($8::text[]) AS tag
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
    await database.open()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _answer(scope: dict[str, Any], receive: Callable[..., Any]) -> Answer:
    method, path = scope["method"], scope["path"]
    headers = dict(scope["headers"])
    if path == "/health/live":
        return 200, {"status": "ok"}, []
    if path == "/login":
        return await login(await _read(receive))
    user = tokens.user(headers.get(b"authorization", b""))
    if user is None:
        raise Refused(401, "No good token")
    if method == "POST":
        body = await _read(receive)
        return await (create_item(body) if path == "/items" else record(body, user))
    if path == "/items":
        return await list_items(scope["query_string"])
    if path == "/summary":
        return 200, await summary(), []
    return await read_item(path.removeprefix("/items/"), headers.get(b"if-none-match"))


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


async def login(body: dict[str, Any]) -> Answer:
    query = "SELECT password_hash FROM users WHERE username = $1 AND NOT disabled"
    found = await database.rows(query, body["username"])
    if not found or not await tokens.fits(body["password"], found[0][0]):
        raise Refused(401, "Name and password do not fit")
    token = tokens.create(body["username"])
    return 200, {"access_token": token, "token_type": "Bearer", "expires_in": tokens.LIFETIME}, []


async def read_item(sku: str, known: bytes | None) -> Answer:
    found = await database.rows(f"{ITEM} WHERE sku = $1", sku)
    if not found:
        raise Refused(404, "There is no such item")
    item = dict(zip(COLUMNS, found[0], strict=True))
    etag = b'"v%d"' % item["version"]
    if known == etag:
        return 304, None, [(b"etag", etag)]
    return 200, item, [(b"etag", etag)]


async def list_items(query: bytes) -> Answer:
    asked = dict(parse_qsl(query.decode()))
    page, per_page = int(asked.get("page", "1")), int(asked.get("per_page", "20"))
    ((total,),) = await database.rows("SELECT count(*) FROM items WHERE NOT archived")
    rows = await database.rows(
        f"{ITEM} WHERE NOT archived ORDER BY sku LIMIT $1 OFFSET $2", per_page, (page - 1) * per_page
    )
    items = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return 200, {"items": items, "total": total, "page": page, "per_page": per_page}, []


async def create_item(body: dict[str, Any]) -> Answer:
    reorder_point = body.get("reorder_point")
    if not SKU.fullmatch(body["sku"]) or (reorder_point is not None and reorder_point < 0):
        raise Refused(400, "Not valid")
    now = datetime.now(UTC)
    own = [body["sku"], body["name"], body.get("description"), body.get("unit", "piece"), reorder_point]
    tags = sorted(body.get("tags", ()))
    try:
        await database.rows(CREATE, *own, now, now, tags)
    except database.Taken:
        raise Refused(409, "This SKU is taken") from None
    item = dict(zip(COLUMNS, [*own, False, 1, now, now, tags], strict=True))
    return 201, item, [(b"location", b"/items/" + body["sku"].encode()), (b"etag", b'"v1"')]


async def record(body: dict[str, Any], user: str) -> Answer:
    movement = await issue(body, user)
    return 201, movement, [(b"location", b"/movements/%d" % movement["id"])]


async def summary() -> dict[str, Any]:
    if cached.get("until", 0) < time.monotonic():
        cached.update(value=await summarise(), until=time.monotonic() + 60)
    value: dict[str, Any] = cached["value"]
    return value
