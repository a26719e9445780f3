"""What comes in and goes out, as msgspec's structs."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

Sku = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Code = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
Tag = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000_000_000)]


class Credentials(Struct, forbid_unknown_fields=True):
    username: Annotated[str, Meta(min_length=1, max_length=40)]
    password: Annotated[str, Meta(min_length=1, max_length=128)]


class Tokens(Struct):
    access_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the type, not a token


class NewItem(Struct, forbid_unknown_fields=True):
    sku: Sku
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    description: Annotated[str, Meta(max_length=2000)] | None = None
    unit: Annotated[str, Meta(min_length=1, max_length=20)] = "piece"
    reorder_point: Annotated[int, Meta(ge=0, le=1_000_000_000_000)] | None = None
    tags: Annotated[list[Tag], Meta(max_length=20)] = []


class Item(Struct):
    sku: str
    name: str
    description: str | None
    unit: str
    reorder_point: int | None
    tags: list[str]
    archived: bool
    version: int
    created_at: datetime
    updated_at: datetime


class ItemPage(Struct):
    items: list[Item]
    total: int
    page: int
    per_page: int


class StockLine(Struct, forbid_unknown_fields=True):
    sku: Sku
    location: Code
    quantity: Quantity


class NewIssue(Struct, forbid_unknown_fields=True):
    kind: Literal["issue"]
    lines: Annotated[list[StockLine], Meta(min_length=1, max_length=500)]
    reference: Annotated[str, Meta(max_length=100)] | None = None
    note: Annotated[str, Meta(max_length=1000)] | None = None
    occurred_at: Annotated[datetime, Meta(tz=True)] | None = None


class MovementLine(Struct):
    sku: str
    location: str
    delta: int


class Movement(Struct):
    id: int
    kind: str
    reference: str | None
    note: str | None
    occurred_at: datetime
    created_at: datetime
    created_by: str
    lines: list[MovementLine]


class Summary(Struct):
    items: int
    archived_items: int
    locations: int
    units: int
    low_stock: int
    movements_today: int
    as_of: datetime
