"""What comes in and goes out, as Pydantic models."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Sku = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
Tag = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class Incoming(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Outgoing(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Credentials(Incoming):
    username: str = Field(min_length=1, max_length=40)
    password: str = Field(min_length=1, max_length=128)


class Tokens(Outgoing):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the type, not a token
    expires_in: int


class NewItem(Incoming):
    sku: Sku
    name: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=2000)
    unit: str = Field(default="piece", min_length=1, max_length=20)
    reorder_point: int | None = Field(default=None, ge=0, le=1_000_000_000_000)
    tags: list[Tag] = Field(default=[], max_length=20)


class Item(Outgoing):
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


class ItemPage(Outgoing):
    items: list[Item]
    total: int
    page: int
    per_page: int


class StockLine(Incoming):
    sku: Sku
    location: Code
    quantity: int = Field(ge=1, le=1_000_000_000_000)


class NewIssue(Incoming):
    kind: Literal["issue"]
    reference: str | None = Field(default=None, max_length=100)
    note: str | None = Field(default=None, max_length=1000)
    occurred_at: datetime | None = None
    lines: list[StockLine] = Field(min_length=1, max_length=500)


class MovementLine(Outgoing):
    sku: str
    location: str
    delta: int


class Movement(Outgoing):
    id: int
    kind: str
    reference: str | None
    note: str | None
    occurred_at: datetime
    created_at: datetime
    created_by: str
    lines: list[MovementLine]


class Summary(Outgoing):
    items: int
    archived_items: int
    locations: int
    units: int
    low_stock: int
    movements_today: int
    as_of: datetime
