"""The tables, as SQLAlchemy's declarative ORM has them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    type_annotation_map = {int: BigInteger}


class User(Base):
    __tablename__ = "users"

    username: Mapped[str] = mapped_column(primary_key=True)
    password_hash: Mapped[str]
    role: Mapped[str]
    disabled: Mapped[bool]


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str | None]
    unit: Mapped[str]
    reorder_point: Mapped[int | None]
    archived: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    item_tags: Mapped[list["ItemTag"]] = relationship(cascade="all, delete-orphan")

    @property
    def tags(self) -> list[str]:
        return sorted(row.tag for row in self.item_tags)


class ItemTag(Base):
    __tablename__ = "item_tags"

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)


class Location(Base):
    __tablename__ = "locations"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    archived: Mapped[bool] = mapped_column(default=False)


class Level(Base):
    __tablename__ = "levels"

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), primary_key=True)
    on_hand: Mapped[int]
    reserved: Mapped[int]
    item: Mapped[Item] = relationship()
    location: Mapped[Location] = relationship()


class Movement(Base):
    __tablename__ = "movements"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    reference: Mapped[str | None]
    note: Mapped[str | None]
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(ForeignKey("users.username"))
    lines: Mapped[list["MovementLine"]] = relationship(order_by="MovementLine.line")


class MovementLine(Base):
    __tablename__ = "movement_lines"

    movement_id: Mapped[int] = mapped_column(ForeignKey("movements.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    delta: Mapped[int]
    item: Mapped[Item] = relationship()
    location: Mapped[Location] = relationship()
