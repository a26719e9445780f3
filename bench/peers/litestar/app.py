"""The works on Litestar with msgspec's structs and asyncpg, in the manner of Litestar's documentation."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import asyncpg
import queries
from ledger import issue
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.exceptions import ClientException, NotAuthorizedException, NotFoundException
from litestar.params import Parameter
from schemas import Credentials, Item, ItemPage, Movement, NewIssue, NewItem, Summary, Tokens
from security import LIFETIME, create_token, jwt_auth, needs, verify_password

Sku = Annotated[str, Parameter(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


async def keep(connection: asyncpg.Connection) -> None:
    """What a connection is reset by when it is released: nothing, for no query here changes its settings."""


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    url = os.environ["DATABASE_URL"]
    async with asyncpg.create_pool(url, min_size=16, max_size=16, reset=keep) as app.state.pool:
        yield


@get("/health/live")
async def live() -> dict[str, str]:
    return {"status": "ok"}


@post("/login", status_code=200)
async def login(data: Credentials, state: State) -> Tokens:
    stored = await state.pool.fetchval(queries.PASSWORD, data.username)
    # Hashing takes a core for a while: in a thread, so that others are answered meanwhile.
    if stored is None or not await asyncio.to_thread(verify_password, data.password, stored):
        raise NotAuthorizedException("Incorrect username or password")
    return Tokens(access_token=create_token(data.username), expires_in=int(LIFETIME.total_seconds()))


@get("/items/{sku:str}", guards=[needs("items:read")])
async def read_item(
    sku: Sku,
    state: State,
    if_none_match: Annotated[str | None, Parameter(header="If-None-Match")] = None,
) -> Response[Item | None]:
    item = await state.pool.fetchrow(queries.ITEM, sku)
    if item is None:
        raise NotFoundException("Item not found")
    etag = f'"v{item["version"]}"'
    if if_none_match == etag:
        return Response(None, status_code=304, headers={"ETag": etag})
    return Response(Item(**item), headers={"ETag": etag})


@get("/items", guards=[needs("items:read")])
async def list_items(
    state: State,
    page: Annotated[int, Parameter(ge=1, le=1_000_000)] = 1,
    per_page: Annotated[int, Parameter(ge=1, le=100)] = 20,
) -> ItemPage:
    async with state.pool.acquire() as connection:
        total = await connection.fetchval(queries.COUNT)
        items = await connection.fetch(queries.PAGE, per_page, (page - 1) * per_page)
    return ItemPage(items=[Item(**item) for item in items], total=total, page=page, per_page=per_page)


@post("/items", guards=[needs("items:write")])
async def create_item(data: NewItem, state: State) -> Response[Item]:
    tags = sorted(set(data.tags))
    try:
        item = await state.pool.fetchrow(
            queries.CREATE, data.sku, data.name, data.description, data.unit, data.reorder_point, tags
        )
    except asyncpg.UniqueViolationError:
        raise ClientException("This SKU is taken", status_code=409) from None
    return Response(
        Item(**item, tags=tags),
        headers={"Location": f"/items/{data.sku}", "ETag": f'"v{item["version"]}"'},
    )


@post("/movements", guards=[needs("stock:write")])
async def record_movement(data: NewIssue, state: State, request: Request) -> Response[Movement]:
    async with state.pool.acquire() as connection, connection.transaction():
        movement = await issue(connection, data, request.user)
    return Response(movement, headers={"Location": f"/movements/{movement.id}"})


@get("/summary", guards=[needs("stock:read")], cache=60)
async def read_summary(state: State) -> Summary:
    return Summary(**await state.pool.fetchrow(queries.SUMMARY))


app = Litestar(
    [live, login, read_item, list_items, create_item, record_movement, read_summary],
    lifespan=[lifespan],
    on_app_init=[jwt_auth.on_app_init],
)
