"""The operations of the contract."""

import os
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import security
from cachetools import TTLCache, cached
from connexion import NoContent, problem, request
from models import Item, ItemTag, Level, Location, Movement, MovementLine, User
from sqlalchemy import create_engine, func, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload, sessionmaker

engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"), pool_size=16)
SessionLocal = sessionmaker(engine, expire_on_commit=False)

Place = tuple[str, str]


def live() -> dict[str, str]:
    return {"status": "ok"}


def login(body: dict[str, Any]) -> Any:
    with SessionLocal() as session:
        user = session.get(User, body["username"])
    if user is None or user.disabled or not security.verify_password(body["password"], user.password_hash):
        return problem(401, "Unauthorized", "Name and password do not fit.")
    return {
        "access_token": security.create_token(user.username),
        "token_type": "Bearer",
        "expires_in": int(security.LIFETIME.total_seconds()),
    }


def read_item(sku: str) -> Any:
    query = select(Item).where(Item.sku == sku).options(joinedload(Item.item_tags))
    with SessionLocal() as session:
        item = session.scalars(query).unique().one_or_none()
        if item is None:
            return problem(404, "Not Found", "There is no such item.")
        headers = {"ETag": f'"v{item.version}"'}
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return NoContent, 304, headers
        return _shown(item), 200, headers


def list_items(page: int = 1, per_page: int = 20) -> dict[str, object]:
    in_catalogue = Item.archived.is_(False)
    query = select(Item).where(in_catalogue).order_by(Item.sku).options(selectinload(Item.item_tags))
    with SessionLocal() as session:
        total = session.scalar(select(func.count()).select_from(Item).where(in_catalogue))
        items = session.scalars(query.offset((page - 1) * per_page).limit(per_page)).all()
        return {
            "items": [_shown(item) for item in items],
            "total": total,
            "page": page,
            "per_page": per_page,
        }


def create_item(body: dict[str, Any]) -> Any:
    now = datetime.now(UTC)
    tags = body.pop("tags", [])
    item = Item(**{"unit": "piece", **body}, created_at=now, updated_at=now)
    item.item_tags = [ItemTag(tag=tag) for tag in tags]
    with SessionLocal() as session:
        session.add(item)
        try:
            session.commit()
        except IntegrityError:
            return problem(409, "Conflict", "This SKU is taken.")
        return _shown(item), 201, {"Location": f"/items/{item.sku}", "ETag": f'"v{item.version}"'}


def _shown(item: Item) -> dict[str, object]:
    return {
        "sku": item.sku,
        "name": item.name,
        "description": item.description,
        "unit": item.unit,
        "reorder_point": item.reorder_point,
        "tags": item.tags,
        "archived": item.archived,
        "version": item.version,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }


def record_movement(body: dict[str, Any], user: str) -> Any:
    wanted = {(line["sku"], line["location"]): line["quantity"] for line in body["lines"]}
    if len(wanted) < len(body["lines"]):
        return problem(400, "Bad Request", "Two lines are about the same place.")
    with SessionLocal() as session:
        levels = _locked(session, wanted)
        if missing := wanted.keys() - levels.keys():
            return problem(404, "Not Found", f"Nothing is held at {sorted(missing)}.")
        short = [place for place, level in levels.items() if level.on_hand - level.reserved < wanted[place]]
        if short:
            return problem(409, "Conflict", f"There is not enough stock at {short}.")
        now = datetime.now(UTC)
        movement = Movement(
            kind=body["kind"],
            reference=body.get("reference"),
            note=body.get("note"),
            occurred_at=datetime.fromisoformat(body["occurred_at"]) if "occurred_at" in body else now,
            created_at=now,
            created_by=user,
        )
        for number, (place, quantity) in enumerate(wanted.items(), 1):
            level = levels[place]
            level.on_hand -= quantity
            movement.lines.append(
                MovementLine(
                    line=number, item_id=level.item_id, location_id=level.location_id, delta=-quantity
                )
            )
        session.add(movement)
        session.commit()
    return _recorded(movement, wanted), 201, {"Location": f"/movements/{movement.id}"}


def _locked(session: Session, wanted: dict[Place, int]) -> dict[Place, Level]:
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
    return {(level.item.sku, level.location.code): level for level in session.scalars(query)}


def _recorded(movement: Movement, wanted: dict[Place, int]) -> dict[str, object]:
    return {
        "id": movement.id,
        "kind": movement.kind,
        "reference": movement.reference,
        "note": movement.note,
        "occurred_at": movement.occurred_at,
        "created_at": movement.created_at,
        "created_by": movement.created_by,
        "lines": [
            {"sku": sku, "location": code, "delta": -quantity} for (sku, code), quantity in wanted.items()
        ],
    }


@cached(TTLCache(maxsize=1, ttl=60), lock=Lock())
def read_summary() -> dict[str, object]:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    on_hand = select(func.coalesce(func.sum(Level.on_hand), 0)).where(Level.item_id == Item.id)
    is_low = on_hand.correlate(Item).scalar_subquery() <= Item.reorder_point
    items = select(func.count()).select_from(Item)
    locations = select(func.count(Location.id)).where(Location.archived.is_(False))
    today = select(func.count(Movement.id)).where(Movement.created_at >= midnight)
    with SessionLocal() as session:
        return {
            "items": session.scalar(items.where(Item.archived.is_(False))),
            "archived_items": session.scalar(items.where(Item.archived.is_(True))),
            "locations": session.scalar(locations),
            "units": int(session.scalar(select(func.sum(Level.on_hand))) or 0),
            "low_stock": session.scalar(items.where(Item.archived.is_(False), is_low)),
            "movements_today": session.scalar(today),
            "as_of": now,
        }
