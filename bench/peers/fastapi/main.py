"""The works on FastAPI with Pydantic and SQLAlchemy's ORM, in the manner of FastAPI's tutorial."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Lock
from typing import Annotated

from cachetools import TTLCache, cached
from fastapi import Depends, FastAPI, Header, HTTPException, Path, Query, Response, Security
from models import Item, ItemTag, Level, Location, Movement, MovementLine, User
from schemas import Credentials, ItemPage, NewIssue, NewItem, Summary, Tokens
from schemas import Item as ItemOut
from schemas import Movement as MovementOut
from security import LIFETIME, create_token, current_user, verify_password
from sqlalchemy import create_engine, func, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload, sessionmaker

# As many connections as threads: a session is closed after its answer is sent, when the next may be open.
engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"), pool_size=40)
SessionLocal = sessionmaker(engine, expire_on_commit=False)
app = FastAPI(title="Stock")


def get_session() -> Iterator[Session]:
    with SessionLocal() as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]
ItemReader = Annotated[str, Security(current_user, scopes=["items:read"])]
ItemWriter = Annotated[str, Security(current_user, scopes=["items:write"])]
StockReader = Annotated[str, Security(current_user, scopes=["stock:read"])]
StockWriter = Annotated[str, Security(current_user, scopes=["stock:write"])]


@app.get("/health/live")
def live() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/login")
def login(credentials: Credentials, session: SessionDep) -> Tokens:
    user = session.get(User, credentials.username)
    if user is None or user.disabled or not verify_password(credentials.password, user.password_hash):
        raise HTTPException(401, "Incorrect username or password", headers={"WWW-Authenticate": "Bearer"})
    return Tokens(access_token=create_token(user.username), expires_in=int(LIFETIME.total_seconds()))


@app.get("/items/{sku}", response_model=ItemOut)
def read_item(
    sku: Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")],
    session: SessionDep,
    user: ItemReader,
    response: Response,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Item | Response:
    query = select(Item).where(Item.sku == sku).options(joinedload(Item.item_tags))
    item = session.scalars(query).unique().one_or_none()
    if item is None:
        raise HTTPException(404, "Item not found")
    etag = f'"v{item.version}"'
    if if_none_match == etag:
        return Response(status_code=304, headers={"ETag": etag})
    response.headers["ETag"] = etag
    return item


@app.get("/items", response_model=ItemPage)
def list_items(
    session: SessionDep,
    user: ItemReader,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, object]:
    in_catalogue = Item.archived.is_(False)
    total = session.scalar(select(func.count()).select_from(Item).where(in_catalogue))
    query = select(Item).where(in_catalogue).order_by(Item.sku).options(selectinload(Item.item_tags))
    items = session.scalars(query.offset((page - 1) * per_page).limit(per_page)).all()
    return {"items": items, "total": total, "page": page, "per_page": per_page}


@app.post("/items", response_model=ItemOut, status_code=201)
def create_item(body: NewItem, session: SessionDep, user: ItemWriter, response: Response) -> Item:
    now = datetime.now(UTC)
    item = Item(**body.model_dump(exclude={"tags"}), created_at=now, updated_at=now)
    item.item_tags = [ItemTag(tag=tag) for tag in set(body.tags)]
    session.add(item)
    try:
        session.commit()
    except IntegrityError:
        raise HTTPException(409, "This SKU is taken") from None
    response.headers["Location"] = f"/items/{item.sku}"
    response.headers["ETag"] = f'"v{item.version}"'
    return item


@app.post("/movements", response_model=MovementOut, status_code=201)
def record_movement(
    body: NewIssue, session: SessionDep, user: StockWriter, response: Response
) -> dict[str, object]:
    wanted = {(line.sku, line.location): line.quantity for line in body.lines}
    if len(wanted) < len(body.lines):
        raise HTTPException(400, "Two lines are about the same place")
    query = (
        select(Level)
        .join(Level.item)
        .join(Level.location)
        .where(tuple_(Item.sku, Location.code).in_(wanted))
        .where(Item.archived.is_(False), Location.archived.is_(False))
        .options(contains_eager(Level.item), contains_eager(Level.location))
        .order_by(Level.item_id, Level.location_id)
        .with_for_update(of=Level)
    )
    levels = {(level.item.sku, level.location.code): level for level in session.scalars(query)}
    if missing := wanted.keys() - levels.keys():
        raise HTTPException(404, f"Nothing is held at {sorted(missing)}")
    short = [place for place, level in levels.items() if level.on_hand - level.reserved < wanted[place]]
    if short:
        raise HTTPException(409, f"There is not enough stock at {short}")
    now = datetime.now(UTC)
    movement = Movement(
        kind=body.kind,
        reference=body.reference,
        note=body.note,
        occurred_at=body.occurred_at or now,
        created_at=now,
        created_by=user,
    )
    for number, line in enumerate(body.lines, 1):
        level = levels[line.sku, line.location]
        level.on_hand -= line.quantity
        movement.lines.append(
            MovementLine(
                line=number, item_id=level.item_id, location_id=level.location_id, delta=-line.quantity
            )
        )
    session.add(movement)
    session.commit()
    response.headers["Location"] = f"/movements/{movement.id}"
    return {
        "id": movement.id,
        "kind": movement.kind,
        "reference": movement.reference,
        "note": movement.note,
        "occurred_at": movement.occurred_at,
        "created_at": movement.created_at,
        "created_by": movement.created_by,
        "lines": [
            {"sku": line.sku, "location": line.location, "delta": -line.quantity} for line in body.lines
        ],
    }


@app.get("/summary")
def read_summary(user: StockReader) -> Summary:
    return count_everything()


@cached(TTLCache(maxsize=1, ttl=60), lock=Lock())
def count_everything() -> Summary:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    on_hand = select(func.coalesce(func.sum(Level.on_hand), 0)).where(Level.item_id == Item.id)
    is_low = on_hand.correlate(Item).scalar_subquery() <= Item.reorder_point
    items = select(func.count()).select_from(Item)
    with SessionLocal() as session:
        return Summary(
            items=session.scalar(items.where(Item.archived.is_(False))) or 0,
            archived_items=session.scalar(items.where(Item.archived.is_(True))) or 0,
            locations=session.scalar(select(func.count(Location.id)).where(Location.archived.is_(False)))
            or 0,
            units=session.scalar(select(func.sum(Level.on_hand))) or 0,
            low_stock=session.scalar(items.where(Item.archived.is_(False), is_low)) or 0,
            movements_today=session.scalar(
                select(func.count(Movement.id)).where(Movement.created_at >= midnight)
            )
            or 0,
            as_of=now,
        )
