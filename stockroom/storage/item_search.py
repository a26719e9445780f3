"""What searches of items look for: text in SKU or name, and a tag; and the indexes that find it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from stockroom.storage.lists import are_few, holding, is_one_of
from stockroom.storage.pages import EXACT_UP_TO
from stockroom.storage.tables import item_tags, items

SAMPLE = 1_000
"""Items that are looked at to see whether a text is common; a quarter of them must hold it."""

_Query = sa.Select[*tuple[Any, ...]]
_Condition = sa.ColumnElement[bool]
_Tag = str | sa.BindParameter[str] | None

_sample = sa.select(items.c.sku, items.c.name).limit(SAMPLE).subquery()

_merge = sa.text(
    "SELECT gin_clean_pending_list(oid) FROM pg_class"
    " WHERE oid = to_regclass('ix_items_trigrams') AND pg_has_role(relowner, 'USAGE')"
)


@dataclass(frozen=True, slots=True)
class Search:
    """Items that are archived or not, hold `q` in SKU or name, and carry the tag; None is no condition.

    A tag may be given to the statement with each request, by its parameter.
    """

    archived: bool
    q: str | None = None
    tag: _Tag = None

    @property
    def finds_nothing(self) -> bool:
        """Whether it asks for a NUL. No item holds one, and PostgreSQL takes none (storage.lists)."""
        return "\0" in (self.q or "")

    def conditions(self) -> Iterator[_Condition]:
        """What holds of the items that are meant."""
        yield self.is_listed()
        if self.q is not None:
            yield holding(self.q, items.c.name, items.c.sku)
        if self.tag is not None:
            # EXISTS would have SQLite look at every item, however few carry the tag.
            yield items.c.id.in_(carrying(self.tag))

    def is_listed(self) -> _Condition:
        """Archived or not, said so that the databases know the index of the archived again."""
        return items.c.archived if self.archived else sa.not_(items.c.archived)

    def tests(self, rows: sa.FromClause) -> Iterator[_Condition]:
        """The rest for `rows` of id, SKU and name, said so that PostgreSQL cannot but test row by row."""
        if self.q is not None:
            yield sa.case((holding(self.q, rows.c.name, rows.c.sku), sa.true()), else_=sa.false())
        if self.tag is not None:
            carried = sa.select(sa.true()).where(
                item_tags.c.item_id == rows.c.id, item_tags.c.tag == self.tag
            )
            yield sa.func.coalesce(carried.scalar_subquery(), sa.false())

    def tagged(self) -> _Query:
        """The items of the tag, `q` aside; their index tells the archived ones, so that no row is read."""
        archived = sa.exists().where(items.c.id == item_tags.c.item_id, items.c.archived)
        return carrying(self.tag).where(archived if self.archived else sa.not_(archived))

    def by_tag(self) -> _Condition:
        return is_one_of(items.c.id, carrying(self.tag), "postgresql")

    def by_text(self) -> _Condition:
        """What holds the text has all its trigrams."""
        return sa.func.item_trigrams(items.c.sku, items.c.name).bool_op("@@")(sa.func.trigram_query(self.q))

    def has_rare_tag(self, reader: sa.Connection) -> bool:
        """Whether so few items carry the tag that they are looked up, rather than what holds the text."""
        return self.tag is not None and are_few(reader, carrying(self.tag), EXACT_UP_TO)

    def has_common_text(self, reader: sa.Connection) -> bool:
        """Whether so many items hold the text that its index finds them no quicker than a look at each."""
        if self.q is None:
            return False
        held = sa.select(sa.func.count()).where(holding(self.q, _sample.c.name, _sample.c.sku))
        return (reader.scalar(held) or 0) * 4 >= SAMPLE


def merge_pending(connection: sa.Connection) -> None:
    """Merge into the index of trigrams what was written of late, which PostgreSQL keeps in a list until then.

    Every search reads that list, and a writer who fills it merges all of it. Only the index's owner may.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_merge)


def carrying(tag: _Tag) -> _Query:
    return sa.select(item_tags.c.item_id).where(item_tags.c.tag == tag)
