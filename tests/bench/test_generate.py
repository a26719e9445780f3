"""The generated stock is one that the service itself could have come to."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench import generate
from bench.generate import Sizes
from stockroom.audit.actions import audit
from stockroom.db.database import open_database
from stockroom.db.files import FileStore
from stockroom.stock import item_totals

KEPT = "SELECT totals.*, (SELECT array_agg(tallies ORDER BY item_id)::text FROM tallies) FROM totals"
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    made: str = request.getfixturevalue("_postgresql_url")
    return made.replace("postgresql+asyncpg:", "postgresql:")


def test_the_ledger_adds_up_and_the_indexes_are_there_again(url: str) -> None:
    with psycopg.connect(url) as connection:
        before = connection.execute(INDEXES).fetchall()
    generate.fill(url, Sizes(items=300, movements=1500))
    with psycopg.connect(url) as connection:
        assert one(connection, "SELECT count(*) FROM items") == 300
        assert one(connection, "SELECT count(*) FROM movement_lines") == 1500
        assert one(connection, "SELECT count(*) FROM levels") == 600
        assert one(connection, "SELECT count(*) FROM item_tags WHERE tag = 'few'") == generate.FEW
        assert connection.execute(INDEXES).fetchall() == before


def test_an_audit_finds_nothing_wrong_with_it(url: str, tmp_path: Path) -> None:
    generate.fill(url, Sizes(items=300, movements=1500))
    database = open_database(url.replace("postgresql:", "postgresql+asyncpg:"), connections=1)
    findings = list(audit(database, FileStore(tmp_path.as_uri())))
    database.dispose()
    assert [finding for finding in findings if finding.violations or finding.fault] == []


def test_the_summary_of_the_stock_is_there(url: str) -> None:
    generate.fill(url, Sizes(items=300, movements=1500))
    with psycopg.connect(url) as connection:
        kept = connection.execute(KEPT).fetchone()
        connection.execute("INSERT INTO untallied (item_id) SELECT id FROM items")
        connection.execute("TRUNCATE tallies, totals")
        connection.commit()
    database = open_database(url.replace("postgresql:", "postgresql+asyncpg:"), connections=1)
    with database.work() as work:
        item_totals.bring_up_to_date(work.connection)
    database.dispose()
    with psycopg.connect(url) as connection:
        assert connection.execute(KEPT).fetchone() == kept


def test_the_place_of_an_item_is_one_of_its_levels(url: str) -> None:
    generate.fill(url, Sizes(items=300, movements=600))
    sku, code = generate.place(250)
    query = """
        SELECT count(*) FROM levels
        JOIN items ON items.id = item_id
        JOIN locations ON locations.id = location_id
        WHERE items.sku = %s AND code = %s AND on_hand = 1000
    """
    with psycopg.connect(url) as connection:
        assert one(connection, query, (sku, code)) == 1


def test_stock_that_nothing_brought_in_is_refused() -> None:
    with pytest.raises(ValueError, match="two movements for each"):
        Sizes(items=100, movements=199)


def one(connection: psycopg.Connection, query: str, parameters: tuple[Any, ...] = ()) -> Any:
    row = connection.execute(query, parameters).fetchone()
    return row and row[0]
