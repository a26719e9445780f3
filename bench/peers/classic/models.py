"""The tables, as Flask-SQLAlchemy has them."""

from datetime import datetime
from typing import Annotated

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(
    model_class=Base,
    engine_options={"pool_size": 16},
    session_options={"expire_on_commit": False},
)

BigInt = Annotated[int, mapped_column(BigInteger)]


class User(db.Model):
    __tablename__ = "users"

    username: Mapped[str] = mapped_column(primary_key=True)
    password_hash: Mapped[str]
    role: Mapped[str]
    disabled: Mapped[bool]


class Item(db.Model):
    __tablename__ = "items"

    id: Mapped[BigInt] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str | None]
    unit: Mapped[str]
    reorder_point: Mapped[BigInt | None]
    archived: Mapped[bool] = mapped_column(default=False)
    version: Mapped[BigInt] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    item_tags: Mapped[list["ItemTag"]] = relationship(cascade="all, delete-orphan")

    @property
    def tags(self) -> list[str]:
        return sorted(row.tag for row in self.item_tags)


class ItemTag(db.Model):
    __tablename__ = "item_tags"

    item_id: Mapped[BigInt] = mapped_column(ForeignKey("items.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)


class Location(db.Model):
    __tablename__ = "locations"

    id: Mapped[BigInt] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    archived: Mapped[bool] = mapped_column(default=False)


class Level(db.Model):
    __tablename__ = "levels"

    item_id: Mapped[BigInt] = mapped_column(ForeignKey("items.id"), primary_key=True)
    location_id: Mapped[BigInt] = mapped_column(ForeignKey("locations.id"), primary_key=True)
    on_hand: Mapped[BigInt]
    reserved: Mapped[BigInt]
    item: Mapped[Item] = relationship()
    location: Mapped[Location] = relationship()


class Movement(db.Model):
    __tablename__ = "movements"

    id: Mapped[BigInt] = mapped_column(primary_key=True)
    kind: Mapped[str]
    reference: Mapped[str | None]
    note: Mapped[str | None]
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(ForeignKey("users.username"))
    lines: Mapped[list["MovementLine"]] = relationship(order_by="MovementLine.line")


class MovementLine(db.Model):
    __tablename__ = "movement_lines"

    movement_id: Mapped[BigInt] = mapped_column(ForeignKey("movements.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[BigInt] = mapped_column(ForeignKey("items.id"))
    location_id: Mapped[BigInt] = mapped_column(ForeignKey("locations.id"))
    delta: Mapped[BigInt]
