"""The resources, as Flask-RESTful has them."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from flask import Response, jsonify, make_response, request
from flask_caching import Cache
from flask_jwt_extended import create_access_token, get_jwt, get_jwt_identity, jwt_required
from flask_restful import Resource, abort
from models import Item, ItemTag, Level, Location, Movement, MovementLine, User, db
from schemas import (
    CredentialsSchema,
    IssueSchema,
    ItemSchema,
    MovementSchema,
    PageSchema,
    SummarySchema,
)
from sqlalchemy import func, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import contains_eager, joinedload, selectinload

SCOPES = "items:read items:write stock:read stock:write"

cache = Cache()
passwords = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)
credentials_schema, page_schema, item_schema = CredentialsSchema(), PageSchema(), ItemSchema()
items_schema = ItemSchema(many=True)
issue_schema, movement_schema, summary_schema = IssueSchema(), MovementSchema(), SummarySchema()


def scope_required(scope: str) -> Callable[..., Any]:
    """Have a method ask for a good token that holds `scope`."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        @jwt_required()
        def checked(*args: Any, **kwargs: Any) -> Any:
            if scope not in get_jwt()["scope"].split():
                abort(403, message="The token does not allow this.")
            return method(*args, **kwargs)

        return checked

    return decorate


class Login(Resource):
    def post(self) -> dict[str, object]:
        credentials = credentials_schema.load(request.get_json())
        user = db.session.get(User, credentials["username"])
        if user is None or user.disabled or not _fits(credentials["password"], user.password_hash):
            abort(401, message="Name and password do not fit.")
        token = create_access_token(user.username, additional_claims={"scope": SCOPES})
        return {"access_token": token, "token_type": "Bearer", "expires_in": 600}


def _fits(password: str, stored: str) -> bool:
    try:
        return passwords.verify(stored, password)
    except VerificationError:
        return False


class ItemResource(Resource):
    @scope_required("items:read")
    def get(self, sku: str) -> Response:
        query = select(Item).where(Item.sku == sku).options(joinedload(Item.item_tags))
        item = db.session.scalars(query).unique().one_or_none()
        if item is None:
            abort(404, message="There is no such item.")
        response = jsonify(item_schema.dump(item))
        response.set_etag(f"v{item.version}")
        return response.make_conditional(request)


class ItemsResource(Resource):
    @scope_required("items:read")
    def get(self) -> dict[str, object]:
        asked = page_schema.load(request.args)
        query = (
            select(Item)
            .where(Item.archived.is_(False))
            .order_by(Item.sku)
            .options(selectinload(Item.item_tags))
        )
        page = db.paginate(query, page=asked["page"], per_page=asked["per_page"], error_out=False)
        return {
            "items": items_schema.dump(page.items),
            "total": page.total,
            "page": page.page,
            "per_page": page.per_page,
        }

    @scope_required("items:write")
    def post(self) -> Response:
        values = item_schema.load(request.get_json())
        tags = set(values.pop("tags"))
        now = datetime.now(UTC)
        item = Item(**values, created_at=now, updated_at=now)
        item.item_tags = [ItemTag(tag=tag) for tag in tags]
        db.session.add(item)
        try:
            db.session.commit()
        except IntegrityError:
            db.session.rollback()
            abort(409, message="This SKU is taken.")
        response = make_response(item_schema.dump(item), 201)
        response.headers["Location"] = f"/items/{item.sku}"
        response.set_etag(f"v{item.version}")
        return response


class MovementsResource(Resource):
    @scope_required("stock:write")
    def post(self) -> Response:
        body = issue_schema.load(request.get_json())
        wanted = {(line["sku"], line["location"]): line["quantity"] for line in body["lines"]}
        levels = _locked(wanted)
        if missing := wanted.keys() - levels.keys():
            abort(404, message=f"Nothing is held at {sorted(missing)}.")
        short = [place for place, level in levels.items() if level.on_hand - level.reserved < wanted[place]]
        if short:
            abort(409, message=f"There is not enough stock at {short}.")
        now = datetime.now(UTC)
        movement = Movement(
            kind=body["kind"],
            reference=body["reference"],
            note=body["note"],
            occurred_at=body["occurred_at"] or now,
            created_at=now,
            created_by=get_jwt_identity(),
        )
        for number, (place, quantity) in enumerate(wanted.items(), 1):
            level = levels[place]
            level.on_hand -= quantity
            movement.lines.append(
                MovementLine(
                    line=number, item_id=level.item_id, location_id=level.location_id, delta=-quantity
                )
            )
        db.session.add(movement)
        db.session.commit()
        lines = [
            {"sku": sku, "location": code, "delta": -quantity} for (sku, code), quantity in wanted.items()
        ]
        shown = {name: getattr(movement, name) for name in movement_schema.fields if name != "lines"}
        response = make_response(movement_schema.dump(shown | {"lines": lines}), 201)
        response.headers["Location"] = f"/movements/{movement.id}"
        return response


def _locked(wanted: dict[tuple[str, str], int]) -> dict[tuple[str, str], Level]:
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
    return {(level.item.sku, level.location.code): level for level in db.session.scalars(query)}


class SummaryResource(Resource):
    @scope_required("stock:read")
    def get(self) -> dict[str, object]:
        return count_everything()


@cache.cached(timeout=60, key_prefix="summary")
def count_everything() -> dict[str, object]:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    on_hand = select(func.coalesce(func.sum(Level.on_hand), 0)).where(Level.item_id == Item.id)
    is_low = on_hand.correlate(Item).scalar_subquery() <= Item.reorder_point
    items = select(func.count()).select_from(Item)
    locations = select(func.count(Location.id)).where(Location.archived.is_(False))
    today = select(func.count(Movement.id)).where(Movement.created_at >= midnight)
    figures = {
        "items": db.session.scalar(items.where(Item.archived.is_(False))),
        "archived_items": db.session.scalar(items.where(Item.archived.is_(True))),
        "locations": db.session.scalar(locations),
        "units": db.session.scalar(select(func.sum(Level.on_hand))) or 0,
        "low_stock": db.session.scalar(items.where(Item.archived.is_(False), is_low)),
        "movements_today": db.session.scalar(today),
        "as_of": now,
    }
    dumped: dict[str, object] = summary_schema.dump(figures)
    return dumped
