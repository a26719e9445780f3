"""Small files as people have them, each with what is right for it. They stand for kinds of files."""

from pathlib import Path

import pytest

from stockroom.db.database import Database
from stockroom.db.tables import items, locations
from tests.import_desk import Desk, counts


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    """A desk for items and movements; there is an item FX-1 and a location FX."""
    with database.work() as work:
        common = {"name": "FX", "version": 1, "created_at": work.now, "updated_at": work.now}
        work.connection.execute(
            items.insert().values(common | {"sku": "FX-1", "unit": "piece", "archived": False})
        )
        work.connection.execute(locations.insert().values(common | {"code": "FX", "archived": False}))
    return Desk(database, tmp_path)


CODE = "letters (A to Z, a to z), digits, `.`, `_` and `-`, beginning with a letter or digit"


def test_part_numbers_that_cannot_be_codes_are_refused_in_words(desk: Desk) -> None:
    task = desk.run(b"sku,name\r\nFT232BL/TR,USB bridge\r\n225212011/012,Pump\r\n")
    assert counts(task) == (0, 0, 0, 0, 2)
    assert desk.errors(task) == [
        (2, "sku", "rejected", f"sku must be {CODE}", "FT232BL/TR"),
        (3, "sku", "rejected", f"sku must be {CODE}", "225212011/012"),
    ]


def test_a_row_that_moves_nothing_is_refused_in_words(desk: Desk) -> None:
    task = desk.run(b"sku,location,quantity\r\nFX-1,FX,0\r\nFX-1,FX,4\r\n", kind="movements")
    assert counts(task) == (1, 0, 0, 0, 1)
    assert desk.errors(task) == [(2, "quantity", "rejected", "quantity must not be 0", "0")]
