"""An audit finds nothing where nothing is wrong, whatever is done meanwhile, and tells what it finds."""

import threading
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bench.audit import fill
from stockroom.audit import model
from stockroom.audit.actions import audit, checks
from stockroom.contract.contract import Contract
from stockroom.contract.operations import IDEMPOTENCY_KEY
from stockroom.db import migrate
from stockroom.db.database import Database, open_database
from stockroom.db.files import FileStore
from stockroom.db.tables import idempotency_keys
from stockroom.summary import actions as summary
from stockroom.work.actions import discard
from tests.audit.planting import planted
from tests.desk import Shelves
from tests.import_desk import Desk

Stockroom = Any


def faulty(findings: list[model.Finding]) -> list[model.Finding]:
    return [finding for finding in findings if finding.violations or finding.fault]


def test_what_a_service_leaves_behind_breaks_nothing(stockroom: Stockroom):
    findings = stockroom.audit()
    assert faulty(findings) == []
    assert [finding.name for finding in findings] == [c.name for c in checks(stockroom.database.name)]
    # There was something to look at for each of them.
    assert [finding.name for finding in findings if not finding.rows] == []


def test_an_empty_database_breaks_nothing(database: Database, tmp_path: Path):
    assert faulty(list(audit(database, FileStore(tmp_path.as_uri())))) == []


def test_an_audit_is_of_one_moment(database: Database, shelves: Shelves, tmp_path: Path):
    shelves.items("LAMP")
    shelves.locations("A")
    shelves.move("LAMP", "A", 5)
    begun = audit(database, FileStore(tmp_path.as_uri()))
    next(begun)
    shelves.move("LAMP", "A", 5)
    findings = list(begun)
    assert faulty(findings) == []
    assert next(finding.rows for finding in findings if finding.name == "levels-are-sums") == 1


def test_an_import_that_ends_during_the_audit_needs_its_file_no_more(database: Database, tmp_path: Path):
    desk = Desk(database, tmp_path)
    task = desk.begin(b"sku,name\nLAMP,Lamp\n")
    begun = audit(database, desk.files)
    next(begun)
    lease = desk.claim(task)
    assert desk.do(lease)
    discard(desk.files, lease.source)
    assert desk.stored() == []
    findings = list(begun)
    assert faulty(findings) == []
    assert next(finding.rows for finding in findings if finding.name == "tasks-have-files") == 1


def test_audits_beside_writers_find_nothing(database: Database, shelves: Shelves, tmp_path: Path):
    shelves.items("LAMP", "AXE", reorder_point=10)
    shelves.locations("A", "B")
    over = threading.Event()

    def write(sku: str, location: str) -> None:
        while not over.is_set():
            shelves.move(sku, location, 7)
            shelves.hold(sku, location, 2, time=timedelta(hours=1))
            shelves.move(sku, location, -3)

    def tally() -> None:
        while not over.is_set():
            with database.work() as work:
                summary.update_totals(work)

    places = [("LAMP", "A"), ("AXE", "A"), ("LAMP", "B")]
    threads = [threading.Thread(target=write, args=place) for place in places]
    threads.append(threading.Thread(target=tally))
    for thread in threads:
        thread.start()
    try:
        found = [faulty(list(audit(database, FileStore(tmp_path.as_uri())))) for _ in range(5)]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert found == [[]] * 5


def test_stock_taken_from_what_has_expired_by_a_clock_that_was_ahead_is_no_fault(
    database: Database, shelves: Shelves, tmp_path: Path
):
    shelves.items("LAMP")
    shelves.locations("A")
    shelves.move("LAMP", "A", 5)
    shelves.hold("LAMP", "A", 4, time=timedelta(hours=1))
    shelves.now += timedelta(hours=2)
    shelves.move("LAMP", "A", -5)
    assert faulty(list(audit(database, FileStore(tmp_path.as_uri())))) == []


def test_there_is_a_key_of_each_operation_that_takes_one(stockroom: Stockroom, contract: Contract):
    takers = {name for name, operation in contract.operations.items() if operation.takes(IDEMPOTENCY_KEY)}
    with stockroom.database.connect() as reader:
        assert set(reader.scalars(sa.select(idempotency_keys.c.operation))) == takers


def test_a_check_that_cannot_be_made_leaves_the_others(stockroom: Stockroom):
    findings = stockroom.audit("DROP TABLE login_attempts")
    (finding,) = faulty(findings)
    assert finding.name == "attempts-are-counted"
    assert "login_attempts" in (finding.fault or "")
    assert model.outcome(findings) == model.UNCHECKED


def test_however_much_there_is_little_of_it_is_in_memory(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'stockroom.db'}"
    migrate.upgrade(url)
    fill(tmp_path / "stockroom.db", 30_000)
    database = open_database(url, connections=1)
    spoil = "UPDATE levels SET on_hand = on_hand + 1", "INSERT INTO untallied (item_id) SELECT id FROM items"
    with planted(database, *spoil) as spoilt:
        tracemalloc.start()
        findings = list(audit(spoilt, FileStore((tmp_path / "files").as_uri())))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    database.dispose()
    (finding,) = faulty(findings)
    assert (finding.name, finding.violations, len(finding.listed)) == ("levels-are-sums", 6_000, 20)
    assert peak < 2_000_000


def test_a_finding_is_told_in_lines_and_as_json(stockroom: Stockroom):
    fault = "UPDATE levels SET on_hand = on_hand + 1 WHERE sku IN ('BOLT-M8', 'WASHER')"
    findings = stockroom.audit(fault, "INSERT INTO untallied (item_id) SELECT id FROM items", listed=1)
    (finding,) = faulty(findings)
    told = list(model.lines(finding))
    assert told[0].startswith("BROKEN  levels-are-sums")
    assert told[0].endswith(f"{finding.rows} rows  A level has on hand what its lines add up to.")
    assert told[1] == "        - BOLT-M8 at A: 38 on hand, and its lines add up to 37"
    assert told[2:] == ["        - and 1 more"]
    assert model.summary(findings).endswith(": 2 violations of levels-are-sums.")
    assert model.as_json(finding) == {
        "name": "levels-are-sums",
        "promise": "A level has on hand what its lines add up to.",
        "rows": finding.rows,
        "violations": 2,
        "listed": ["BOLT-M8 at A: 38 on hand, and its lines add up to 37"],
        "fault": None,
    }


@pytest.mark.parametrize(
    ("violations", "fault", "outcome"),
    [(0, None, model.CLEAN), (1, None, model.VIOLATED), (0, "away", model.UNCHECKED)],
)
def test_a_violation_weighs_more_than_what_could_not_be_checked(
    violations: int, fault: str | None, outcome: int
):
    finding = model.Finding("a", "A.", 1, violations, (), fault)
    clean = model.Finding("b", "B.", 1, 0, ())
    unknown = model.Finding("c", "C.", 0, 0, (), "away")
    assert model.outcome([clean, finding]) == outcome
    assert model.outcome([unknown, finding]) == (outcome or model.UNCHECKED)
