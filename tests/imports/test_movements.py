"""Imports of movements: what each row does to stock, what is refused, and what a dry run foretells."""

import csv
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from stockroom.db.database import Database
from stockroom.db.tables import (
    items,
    levels,
    locations,
    movement_lines,
    movements,
    reservation_lines,
    reservations,
)
from stockroom.errors import InvalidCsv, MissingScope
from stockroom.imports import apply_movements, execution
from stockroom.stock.ledger import record
from stockroom.stock.model import Draft, Line
from stockroom.work import leases
from stockroom.work.model import LeaseLost, Task, Unworkable
from tests.import_desk import RETAIL, Desk, counts, needs_retail, principal


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    """A desk for movements of the items a, b, c and `old` (archived) at X, Y and `gone` (archived)."""
    desk = Desk(database, tmp_path, kind="movements")
    with database.work() as work:
        common = {"name": "n", "version": 1, "created_at": work.now, "updated_at": work.now}
        for sku in ("a", "b", "c", "old"):
            row = common | {"sku": sku, "unit": "piece", "archived": sku == "old"}
            work.connection.execute(items.insert().values(row))
        for code in ("X", "Y", "gone"):
            row = common | {"code": code, "archived": code == "gone"}
            work.connection.execute(locations.insert().values(row))
    return desk


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "CHUNK", 2)


def stock(desk: Desk) -> dict[tuple[str, str], int]:
    """What is on hand, after it was found to be what the ledger adds up to."""
    place = (items.c.sku, locations.c.code)
    on_hand = sa.select(*place, levels.c.on_hand).join_from(levels, items).join(locations)
    total = sa.func.sum(movement_lines.c.delta)
    added = sa.select(*place, total).join_from(movement_lines, items).join(locations).group_by(*place)
    with desk.database.connect() as reader:
        held = {(sku, code): int(quantity) for sku, code, quantity in reader.execute(on_hand) if quantity}
        summed = {(sku, code): int(quantity) for sku, code, quantity in reader.execute(added) if quantity}
    assert held == summed
    return held


def ledger(desk: Desk) -> list[dict[str, Any]]:
    query = (
        sa.select(movements, items.c.sku, locations.c.code, movement_lines.c.delta)
        .join_from(movements, movement_lines)
        .join(items)
        .join(locations)
        .order_by(movements.c.id)
    )
    with desk.database.connect() as reader:
        return reader.execute(query).mappings()


def receive(desk: Desk, sku: str, code: str, quantity: int) -> None:
    with desk.database.work() as work:
        record(work, Draft("receipt", (Line(sku, code, quantity),)), by="ann")


def outcome(desk: Desk, task: Task) -> tuple[Any, ...]:
    return counts(task), task.errors, task.progress, desk.errors(task)


def test_every_row_is_a_movement_of_its_own_with_all_its_fields(desk: Desk) -> None:
    content = (
        b"SKU,location,quantity,reference,note,occurred_at\n"
        b"a,X,+12,PO 7,by ship,2026-11-23T10:08:00+02:00\n"
        b"a,Y,3,,,NA\n"
    )
    task = desk.run(content)
    assert (task.kind, counts(task), task.progress.done) == ("movements-import", (2, 0, 0, 0, 0), 2)
    first, second = ledger(desk)
    assert (first["kind"], first["sku"], first["code"], first["delta"]) == ("receipt", "a", "X", 12)
    assert (first["reference"], first["note"], first["created_by"]) == ("PO 7", "by ship", "ann")
    assert first["occurred_at"] == datetime(2026, 11, 23, 8, 8, tzinfo=UTC)
    assert (second["reference"], second["note"]) == (None, None)
    assert second["occurred_at"] == second["created_at"]
    assert stock(desk) == {("a", "X"): 12, ("a", "Y"): 3}


@pytest.mark.parametrize(
    ("movement", "kinds", "left"),
    [
        ("receipt", [("receipt", 5), ("issue", -2)], 13),
        ("issue", [("issue", -5), ("receipt", 2)], 7),
        ("adjustment", [("adjustment", 5), ("adjustment", -2)], 13),
    ],
)
def test_the_sign_says_which_way(desk: Desk, movement: str, kinds: list[tuple[str, int]], left: int) -> None:
    receive(desk, "a", "X", 10)
    desk.run(b"sku,quantity\na,5\na,-2\n", movement=movement, location="X")
    assert [(row["kind"], row["delta"]) for row in ledger(desk)[1:]] == kinds
    assert stock(desk) == {("a", "X"): left}


def test_rows_that_name_no_location_are_at_the_given_one(desk: Desk) -> None:
    task = desk.run(b"sku,quantity,location\na,1,\nb,2,Y\nc,3,NA\n", location="X")
    assert counts(task) == (3, 0, 0, 0, 0)
    assert stock(desk) == {("a", "X"): 1, ("b", "Y"): 2, ("c", "X"): 3}
    without = desk.run(b"sku,quantity,location\na,1,\nb,2,Y\n")
    assert desk.errors(without) == [(2, "location", "rejected", "location is missing", None)]


@pytest.mark.parametrize(
    ("dates", "text", "moment"),
    [
        ("iso", "2026-11-23", "2026-11-23T00:00:00.000"),
        ("iso", "2026-11-23 10:08", "2026-11-23T10:08:00.000"),
        ("iso", "2026-11-23t10:08:09.123456z", "2026-11-23T10:08:09.123"),
        ("iso", "2026-11-23T01:00-0330", "2026-11-23T04:30:00.000"),
        ("us", "12/06/2010 10:08", "2010-12-06T10:08:00.000"),
        ("us", "2/20/11 11:39", "2011-02-20T11:39:00.000"),
        ("us", "2/3/68 1:02:03", "2068-02-03T01:02:03.000"),
        ("us", "02/03/69", "1969-02-03T00:00:00.000"),
        ("us", "1/1/0001", "0001-01-01T00:00:00.000"),
    ],
)
def test_times_are_read_as_they_are_written(desk: Desk, dates: str, text: str, moment: str) -> None:
    desk.run(f"sku,quantity,occurred_at\na,1,{text}\n".encode(), location="X", dates=dates)
    (row,) = ledger(desk)
    assert row["occurred_at"].isoformat(timespec="milliseconds") == f"{moment}+00:00"


@pytest.mark.parametrize(
    ("dates", "texts"),
    [
        (
            "iso",
            [
                "2/20/11",
                "2026-02-30",
                "2026-11-23T25:00",
                "20261123",
                "2026-11-23x10:08",
                "0001-01-01T00:00+01:00",
                "yesterday",
            ],
        ),
        ("us", ["20/2/11", "2011-02-20", "2/20/111", "2/20/11 24:00", "2/20/11 11", "2/30/11", "1/1/0000"]),
    ],
)
def test_times_that_are_none_are_refused(desk: Desk, dates: str, texts: list[str]) -> None:
    content = "sku,quantity,When\n" + "".join(f"a,1,{text}\n" for text in texts)
    task = desk.run(content.encode(), location="X", dates=dates, columns=["When:occurred_at"])
    assert [(column, value) for _, column, _, _, value in desk.errors(task)] == [
        ("When", text) for text in texts
    ]
    assert all("occurred_at is not a time like" in reason for _, _, _, reason, _ in desk.errors(task))
    assert ledger(desk) == []


@pytest.mark.parametrize(
    "quantity",
    [
        "0",
        "-0",
        "1.5",
        "1e3",
        "1 000",
        "0x10",
        "\u0661",
        "--1",
        "1000000000001",
        "-1000000000001",
        "9" * 19,
        "NA",
    ],
)
def test_a_quantity_is_a_whole_number_that_moves_something(desk: Desk, quantity: str) -> None:
    task = desk.run(f"sku,Pieces\na,{quantity}\nb,1\n".encode(), columns=["Pieces:quantity"], location="X")
    assert counts(task) == (1, 0, 0, 0, 1)
    (error,) = desk.errors(task)
    assert (error[0], error[1], error[4]) == (2, "Pieces", quantity)
    assert stock(desk) == {("b", "X"): 1}


def test_all_faults_of_a_row_are_listed(desk: Desk) -> None:
    content = (
        b"sku;quantity;location;reference;note\n"
        b"a a;x;X X;\x01;\x02\n"
        b";;;;\n"
        b";1;;;\n"
        b"a;1;X;" + b"r" * 101 + b";" + b"n" * 1001 + b"\n"
    )
    task = desk.run(content)
    assert counts(task) == (0, 0, 0, 0, 3)
    assert {(line, column) for line, column, *_ in desk.errors(task)} == {
        *((2, column) for column in ("sku", "quantity", "location", "reference", "note")),
        *((4, column) for column in ("sku", "location")),
        *((5, column) for column in ("reference", "note")),
    }


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_the_ledger_refuses_is_listed_by_the_files_own_columns(desk: Desk, dry_run: bool) -> None:
    content = b"Code|Pieces|Place\nzz|1|X\na|1|Z\nold|1|X\na|1|gone\na|-7|X\nzz|1|Z\nb|2|Y\n"
    receive(desk, "a", "X", 5)
    columns = ["Code:sku", "Pieces:quantity", "Place:location"]
    task = desk.run(content, columns=columns, dry_run=dry_run)
    assert counts(task) == (1, 0, 0, 0, 6)
    assert desk.errors(task) == [
        (2, "Code", "rejected", "There is no item zz.", "zz"),
        (3, "Place", "rejected", "There is no location Z.", "Z"),
        (4, "Code", "rejected", "Archived: old.", "old"),
        (5, "Place", "rejected", "Archived: gone.", "gone"),
        (6, "Pieces", "rejected", "7 requested, 5 available", "-7"),
        (7, "Code", "rejected", "There is no item zz, no location Z.", "zz"),
    ]
    assert stock(desk) == {("a", "X"): 5} | ({} if dry_run else {("b", "Y"): 2})


def test_a_default_location_that_is_not_there_is_no_columns_fault(desk: Desk) -> None:
    task = desk.run(b"sku,quantity\na,1\n", location="Z")
    assert desk.errors(task) == [(2, None, "rejected", "There is no location Z.", "Z")]


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_balance_has_a_bound(desk: Desk, dry_run: bool) -> None:
    content = b"sku,quantity\n" + b"a,1000000000000\n" * 1001
    task = desk.run(content, location="X", dry_run=dry_run)
    assert counts(task) == (1000, 0, 0, 0, 1)
    assert [error[:2] for error in desk.errors(task)] == [(1002, "quantity")]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("dry_run", [False, True])
def test_rows_find_what_earlier_rows_have_left(desk: Desk, dry_run: bool) -> None:
    # In chunks of two: an issue too early, one within its chunk's stock, and those of later chunks.
    content = b"sku,quantity\na,-1\na,5\na,-2\nb,1\na,-4\na,-3\na,-1\nb,-1\n"
    task = desk.run(content, location="X", dry_run=dry_run)
    assert counts(task) == (5, 0, 0, 0, 3)
    assert [(line, reason) for line, _, _, reason, _ in desk.errors(task)] == [
        (2, "1 requested, 0 available"),
        (6, "4 requested, 3 available"),
        (8, "1 requested, 0 available"),
    ]
    assert stock(desk) == {}
    assert len(ledger(desk)) == (0 if dry_run else 5)


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_is_reserved_is_not_available_until_it_expires(desk: Desk, dry_run: bool) -> None:
    receive(desk, "a", "X", 5)
    receive(desk, "b", "X", 5)
    with desk.database.work() as work:
        for name, sku, minutes in (("live", 1, 5), ("over", 2, -5)):
            row = {"id": name, "state": "held", "created_at": work.now, "created_by": "ann"}
            expires = work.now + timedelta(minutes=minutes)
            work.connection.execute(reservations.insert().values(**row, expires_at=expires))
            level = levels.c.item_id == (key := _key(work.connection, "ab"[sku - 1]))
            work.connection.execute(levels.update().where(level).values(reserved=4))
            place = {"item_id": key, "location_id": work.connection.scalar(sa.select(levels.c.location_id))}
            line = {"reservation_id": name, "line": 1, "quantity": 4, "held": True, **place}
            work.connection.execute(reservation_lines.insert().values(line))
    task = desk.run(b"sku,quantity\na,2\nb,2\n", movement="issue", location="X", dry_run=dry_run)
    assert counts(task) == (1, 0, 0, 0, 1)
    assert [(line, reason) for line, _, _, reason, _ in desk.errors(task)] == [
        (2, "2 requested, 1 available")
    ]
    with desk.database.connect() as reader:
        held = reader.scalar(sa.select(sa.func.count()).where(reservation_lines.c.held))
    assert held == (2 if dry_run else 1)


def _key(connection: sa.Connection, sku: str) -> int:
    return int(connection.execute(sa.select(items.c.id).where(items.c.sku == sku)).scalar_one())


FILE = b"sku,quantity\n" + b"a,3\na,-2\n?,1\na,-1\na,-1\nzz,1\nb,4\nb,-5\n"


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("dry_run", [False, True])
def test_work_that_leaves_off_is_resumed_where_it_stood(desk: Desk, dry_run: bool) -> None:
    expected = outcome(desk, desk.run(FILE, location="X", dry_run=True))
    task = desk.begin(FILE, location="X", dry_run=dry_run)
    for done in (2, 4):
        lease = desk.claim(task)
        # A dry run must see again what it had done before it does one more.
        again = done // 2 - 1 if dry_run else 0
        steps = chain([False] * (again + 1), repeat(True))
        assert not desk.do(lease, stopping=partial(next, steps))
        assert desk.find(task).progress.done == done
        with desk.database.work() as work:
            leases.release(work, lease)
    assert desk.do(desk.claim(task))
    assert outcome(desk, desk.find(task)) == expected
    assert stock(desk) == ({} if dry_run else {("b", "X"): 4})


@pytest.mark.usefixtures("small_chunks")
def test_a_cancelled_import_keeps_its_chunks_and_records_no_more(desk: Desk) -> None:
    task = desk.begin(b"sku,quantity\n" + b"a,1\nb,1\n" * 200, location="X")
    with desk.cancelling(task, after=4) as stopping, pytest.raises(LeaseLost):
        desk.do(desk.claim(task), stopping=stopping)
    found = desk.find(task)
    assert found.state == "cancelled"
    assert 4 <= found.progress.done < 400
    assert stock(desk) == {(sku, "X"): found.progress.done // 2 for sku in "ab"}


def test_a_dry_run_says_so_when_it_cannot_follow(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_movements, "MOST_CARRIED", 1)
    content = b"sku,quantity\na,1\nb,1\n"
    with pytest.raises(Unworkable, match="follows 1 balances at most"):
        desk.run(content, location="X", dry_run=True)
    assert counts(desk.run(content, location="X")) == (2, 0, 0, 0, 0)


@pytest.mark.parametrize(("kind", "scope"), [("items", "items:write"), ("movements", "stock:write")])
def test_each_kind_takes_its_own_scope(desk: Desk, kind: str, scope: str) -> None:
    others = {"tasks:write", "items:write", "stock:write"} - {scope}
    content = b"sku,name,location,quantity\nd,D,X,1\n"
    with pytest.raises(MissingScope) as refusal:
        desk.begin(content, kind=kind, by=principal(*others))
    assert refusal.value.scopes == {"tasks:write", scope}
    assert desk.stored() == []
    assert desk.begin(content, kind=kind, by=principal("tasks:write", scope)).kind == f"{kind}-import"


def test_a_file_without_what_movements_need_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidCsv) as refusal:
        desk.begin(b"code,name\na,A\n")
    missing = [error["detail"].split(";")[0] for error in refusal.value.errors]
    assert missing == [f"no column gives {field}" for field in ("sku", "quantity", "location")]
    with pytest.raises(InvalidCsv):
        desk.begin(b"sku,quantity\na,1\n")
    with pytest.raises(InvalidCsv):
        desk.begin(b"sku,quantity,name\na,1,A\n", location="X", columns=["name:name"])


# Real input

OPENING = 100
RETAIL_COLUMNS = ["StockCode:sku", "Quantity:quantity", "InvoiceNo:reference", "InvoiceDate:occurred_at"]


@needs_retail
def test_the_retail_sample_is_issued_against_an_opening_stock_and_returned(desk: Desk) -> None:
    desk.run(RETAIL, kind="items", columns=["StockCode:sku", "Description:name"])
    known = set(desk.names()) - {"a", "b", "c", "old"}
    opening = "sku,quantity\n" + "".join(f"{sku},{OPENING}\n" for sku in sorted(known))
    assert counts(desk.run(opening.encode(), location="X")) == (1681, 0, 0, 0, 0)

    with RETAIL.open(encoding="utf-8", newline="") as file:
        rows = [
            (row["StockCode"].strip(), int(row["Quantity"])) for row in csv.DictReader(file, delimiter=";")
        ]
    left = dict.fromkeys(known, OPENING)
    refused = []
    for line, (sku, quantity) in enumerate(rows, start=2):
        if sku not in left:
            refused.append((line, "StockCode", f"There is no item {sku}."))
        elif quantity > left[sku]:
            refused.append((line, "Quantity", f"{quantity} requested, {left[sku]} available"))
        else:
            left[sku] -= quantity
    assert (len(rows), len(refused), sum(left.values())) == (5000, 99, 138_401)  # Counted by hand, once.

    wishes: dict[str, Any] = {"columns": RETAIL_COLUMNS, "location": "X", "movement": "issue", "dates": "us"}
    foretold = desk.run(RETAIL, dry_run=True, **wishes)
    assert len(ledger(desk)) == 1681
    done = desk.run(RETAIL, **wishes)
    assert outcome(desk, foretold) == outcome(desk, done)
    assert counts(done) == (4901, 0, 0, 0, 99)
    assert done.progress.done == done.progress.total == 5000
    assert [(line, column, reason) for line, column, _, reason, _ in desk.errors(done)] == refused
    assert stock(desk) == {(sku, "X"): quantity for sku, quantity in left.items() if quantity}
    issued = ledger(desk)[1681:]
    assert {row["kind"] for row in issued} == {"issue"}
    first = issued[0]
    assert (first["sku"], first["delta"], first["reference"]) == ("84347", -2, "537240")
    assert first["occurred_at"] == datetime(2010, 12, 6, 10, 8, tzinfo=UTC)

    # The file itself holds no returns: all that was issued comes back by the lines' opposites.
    recorded = [row for line, row in enumerate(rows, start=2) if line not in {line for line, *_ in refused}]
    back = "StockCode;Quantity\n" + "".join(f"{sku};{-quantity}\n" for sku, quantity in recorded)
    returned = desk.run(back.encode(), columns=RETAIL_COLUMNS[:2], location="X", movement="issue")
    assert counts(returned) == (4901, 0, 0, 0, 0)
    assert {row["kind"] for row in ledger(desk)[1681 + 4901 :]} == {"receipt"}
    assert stock(desk) == {(sku, "X"): OPENING for sku in known}
