"""The works on FastAPI with Pydantic and asyncpg, without an ORM: every operation is a coroutine."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import asyncpg
import queries
from async_ledger import issue
from async_lru import alru_cache
from fastapi import Depends, FastAPI, Header, HTTPException, Path, Query, Request, Response, Security
from fastapi.concurrency import run_in_threadpool
from schemas import Credentials, Item, ItemPage, Movement, NewIssue, NewItem, Summary, Tokens
from security import LIFETIME, create_token, current_user, verify_password


async def keep(connection: asyncpg.Connection) -> None:
    """What a connection is reset by when it is released: nothing, for no query here changes its settings."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    url = os.environ["DATABASE_URL"]
    async with asyncpg.create_pool(url, min_size=16, max_size=16, reset=keep) as app.state.pool:
        yield


app = FastAPI(title="Stock", lifespan=lifespan)


async def get_pool(request: Request) -> asyncpg.Pool:
    pool: asyncpg.Pool = request.app.state.pool
    return pool


PoolDep = Annotated[asyncpg.Pool, Depends(get_pool)]
ItemReader = Annotated[str, Security(current_user, scopes=["items:read"])]
ItemWriter = Annotated[str, Security(current_user, scopes=["items:write"])]
StockReader = Annotated[str, Security(current_user, scopes=["stock:read"])]
StockWriter = Annotated[str, Security(current_user, scopes=["stock:write"])]


@app.get("/health/live")
async def live() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/login")
async def login(credentials: Credentials, pool: PoolDep) -> Tokens:
    stored = await pool.fetchval(queries.PASSWORD, credentials.username)
    # Hashing takes a core for a while: in a thread, so that others are answered meanwhile.
    if stored is None or not await run_in_threadpool(verify_password, credentials.password, stored):
        raise HTTPException(401, "Incorrect username or password", headers={"WWW-Authenticate": "Bearer"})
    return Tokens(access_token=create_token(credentials.username), expires_in=int(LIFETIME.total_seconds()))


@app.get("/items/{sku}", response_model=Item)
async def read_item(
    sku: Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")],
    pool: PoolDep,
    user: ItemReader,
    response: Response,
    if_none_match: Annotated[str | None, Header()] = None,
) -> dict[str, object] | Response:
    item = await pool.fetchrow(queries.ITEM, sku)
    if item is None:
        raise HTTPException(404, "Item not found")
    etag = f'"v{item["version"]}"'
    if if_none_match == etag:
        return Response(status_code=304, headers={"ETag": etag})
    response.headers["ETag"] = etag
    return dict(item)


@app.get("/items", response_model=ItemPage)
async def list_items(
    pool: PoolDep,
    user: ItemReader,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, object]:
    async with pool.acquire() as connection:
        total = await connection.fetchval(queries.COUNT)
        items = await connection.fetch(queries.PAGE, per_page, (page - 1) * per_page)
    return {"items": map(dict, items), "total": total, "page": page, "per_page": per_page}


@app.post("/items", response_model=Item, status_code=201)
async def create_item(
    body: NewItem, pool: PoolDep, user: ItemWriter, response: Response
) -> dict[str, object]:
    tags = sorted(set(body.tags))
    try:
        item = await pool.fetchrow(
            queries.CREATE, body.sku, body.name, body.description, body.unit, body.reorder_point, tags
        )
    except asyncpg.UniqueViolationError:
        raise HTTPException(409, "This SKU is taken") from None
    response.headers["Location"] = f"/items/{body.sku}"
    response.headers["ETag"] = f'"v{item["version"]}"'
    return {**item, "tags": tags}


@app.post("/movements", response_model=Movement, status_code=201)
async def record_movement(
    body: NewIssue, pool: PoolDep, user: StockWriter, response: Response
) -> dict[str, object]:
    async with pool.acquire() as connection, connection.transaction():
        movement = await issue(connection, body, user)
    response.headers["Location"] = f"/movements/{movement['id']}"
    return movement


@app.get("/summary")
async def read_summary(pool: PoolDep, user: StockReader) -> Summary:
    return await count_everything(pool)


@alru_cache(ttl=60)
async def count_everything(pool: asyncpg.Pool) -> Summary:
    return Summary(**await pool.fetchrow(queries.SUMMARY))
