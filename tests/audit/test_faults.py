"""A fault that is planted is found, by the check whose matter it is and by no other."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from stockroom.audit import table_checks
from stockroom.audit.actions import audit, checks
from stockroom.audit.guard_checks import TRIGGERS
from stockroom.audit.model import VIOLATED, Finding, outcome
from stockroom.db.database import Database, open_database
from stockroom.db.files import FileStore
from stockroom.db.tables import tasks
from tests.audit.broken_rules import ALSO_BROKEN, BROKEN_RULES, Rule
from tests.audit.faults import FAULTS
from tests.damaging import damage

Stockroom = Any

# Found by the tests below, each of which says how.
OTHERS = {"database-file-is-sound", "triggers-are-active", "files-have-tasks", "tasks-have-files"}

TABLES = ("items", "levels", "movement_lines", "movements")


def broken(findings: list[Finding]) -> dict[str, int]:
    assert [finding for finding in findings if finding.fault] == []
    return {finding.name: finding.violations for finding in findings if finding.violations}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(stockroom: Stockroom, fault: str):
    check, statements = FAULTS[fault]
    assert broken(stockroom.audit(*statements)) == {check: 1}


@pytest.mark.parametrize("rule", BROKEN_RULES, ids=": ".join)
def test_a_row_that_breaks_a_rule_of_its_table_is_found(stockroom: Stockroom, rule: Rule):
    table, text = rule
    found = stockroom.audit(*BROKEN_RULES[rule], unchecked=True)
    name = f"rows-of-{table.replace('_', '-')}"
    (violation,) = next(finding.listed for finding in found if finding.name == name)
    assert violation.endswith(f"not so: {text}")
    assert broken(found).keys() == {name, *ALSO_BROKEN.get(rule, "").split()}


def test_there_is_a_fault_for_each_check_and_each_rule():
    rules = {
        (check.table.name, rule): f"rows-of-{check.table.name.replace('_', '-')}"
        for check in table_checks.CHECKS
        for rule, _ in check.rules
    }
    assert rules.keys() == BROKEN_RULES.keys()
    names = [check.name for check in checks("sqlite")]
    assert len(names) == len(set(names))
    assert set(names) == {check for check, _ in FAULTS.values()} | set(rules.values()) | OTHERS


# What guards the data


def test_the_triggers_that_must_be_active_are_those_of_the_migrations(database: Database):
    query = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    with database.connect() as reader:
        assert set(reader.scalars(sa.text(query[database.name]))) == TRIGGERS[database.name]


@pytest.mark.parametrize("trigger", sorted(TRIGGERS["postgresql"]))
def test_a_trigger_that_is_switched_off_is_found(postgresql_stockroom: Stockroom, trigger: str):
    table = next(table for table in TABLES if trigger.startswith(table))
    found = postgresql_stockroom.audit(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
    assert broken(found) == {"triggers-are-active": 1}


@pytest.mark.parametrize("trigger", sorted(TRIGGERS["sqlite"]))
def test_a_trigger_that_is_missing_is_found(sqlite_stockroom: Stockroom, tmp_path: Path, trigger: str):
    spoilt = copied(sqlite_stockroom, tmp_path, f"DROP TRIGGER {trigger}")
    assert broken(spoilt) == {"triggers-are-active": 1}


def test_an_index_that_lacks_a_row_is_found(sqlite_stockroom: Stockroom, tmp_path: Path):
    # Hidden from SQLite, the index stays as it is while its table changes.
    hidden = "name = 'ix_locations_name_code'"
    found = copied(
        sqlite_stockroom,
        tmp_path,
        "PRAGMA writable_schema = ON",
        "CREATE TABLE kept AS SELECT * FROM sqlite_master WHERE " + hidden,
        f"DELETE FROM sqlite_master WHERE {hidden}",
        "reopen",
        "INSERT INTO locations (id, code, name, archived, version, created_at, updated_at) "
        "VALUES (99, 'C', 'Room C', false, 1, 0, 0)",
        "PRAGMA writable_schema = ON",
        "INSERT INTO sqlite_master SELECT * FROM kept",
    )
    (finding,) = [finding for finding in found if finding.violations]
    assert finding.name == "database-file-is-sound"
    assert any("missing from index ix_locations_name_code" in violation for violation in finding.listed)


def test_a_page_that_is_garbage_is_found(sqlite_stockroom: Stockroom, tmp_path: Path):
    copied(sqlite_stockroom, tmp_path)
    damage(tmp_path / "copied.db", "items")
    found = audited(sqlite_stockroom, tmp_path / "copied.db")
    assert {finding.name for finding in found if finding.violations} == {"database-file-is-sound"}
    assert outcome(found) == VIOLATED


def copied(stockroom: Stockroom, folder: Path, *statements: str) -> list[Finding]:
    """What an audit finds in a copy of a database, once the statements were run there."""
    origin = sqlite3.connect(stockroom.database.url.removeprefix("sqlite:///"))
    path = folder / "copied.db"
    spoilt = sqlite3.connect(path, isolation_level=None)
    origin.backup(spoilt)
    origin.close()
    for statement in statements:
        if statement == "reopen":
            spoilt.close()
            spoilt = sqlite3.connect(path, isolation_level=None)
        else:
            spoilt.execute(statement)
    spoilt.close()
    return audited(stockroom, path)


def audited(stockroom: Stockroom, path: Path) -> list[Finding]:
    database = open_database(f"sqlite:///{path}", connections=1)
    try:
        return list(audit(database, FileStore(stockroom.folder.as_uri())))
    finally:
        database.dispose()


# Files


def test_a_file_without_a_task_is_found_when_it_is_older_than_a_day(stockroom: Stockroom):
    for name in (f"{'0' * 8}-0000-0000-0000-{'0' * 12}.csv", ".half.csv.part"):
        orphan = stockroom.folder / name
        orphan.touch()
        assert broken(stockroom.audit()) == {}
        yesterday = orphan.stat().st_mtime - 90_000
        os.utime(orphan, (yesterday, yesterday))
        assert broken(stockroom.audit()) == {"files-have-tasks": 1}
        orphan.unlink()


def test_an_old_file_of_a_task_is_no_orphan(stockroom: Stockroom):
    for file in stockroom.folder.iterdir():
        os.utime(file, (0, 0))
    assert broken(stockroom.audit()) == {}


@pytest.mark.parametrize("state", ["queued", "running"])
def test_an_import_that_needs_a_file_that_is_gone_is_found(stockroom: Stockroom, state: str):
    (stockroom.folder / f"{a_task(stockroom, state, '%-import')}.csv").unlink()
    assert broken(stockroom.audit()) == {"tasks-have-files": 1}


def test_an_export_whose_file_is_gone_is_found_until_it_may_be_deleted(stockroom: Stockroom):
    task = a_task(stockroom, "succeeded", "items-export")
    (stockroom.folder / f"{task}-1.csv").unlink()
    assert broken(stockroom.audit()) == {"tasks-have-files": 1}
    late = f"UPDATE tasks SET finished_at = finished_at - 86400000 WHERE id = '{task}'"
    assert broken(stockroom.audit(late)) == {}


def a_task(stockroom: Stockroom, state: str, kind: str) -> str:
    query = sa.select(tasks.c.id).where(tasks.c.state == state, tasks.c.kind.like(kind))
    with stockroom.database.connect() as reader:
        found: str = reader.scalar(query)
    return found
