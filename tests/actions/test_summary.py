"""The summary counts what is there now."""

from datetime import UTC, datetime

from stockroom.actions import items, summary
from stockroom.actions.summary import Summary
from stockroom.storage.engines import Database

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_an_empty_stockroom_counts_nothing(database: Database) -> None:
    with database.reads.connect() as reader:
        assert summary.summarise(reader, now=NOW) == Summary(items=0, archived_items=0, as_of=NOW)


def test_archived_items_are_counted_apart(database: Database) -> None:
    with database.work() as work:
        for sku in ("a", "b", "c"):
            items.create(work, sku=sku, name=sku)
        items.archive(work, "b", if_match="*")
    with database.reads.connect() as reader:
        assert summary.summarise(reader, now=NOW) == Summary(items=2, archived_items=1, as_of=NOW)
