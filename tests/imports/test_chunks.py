"""Chunks of an import: two at a time where they have nothing in common, committed in the file's order."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa

from stockroom.db.database import Database
from stockroom.db.unit_of_work import Work
from stockroom.imports import chunks as import_chunks
from stockroom.imports.chunks import Chunk, Chunks
from stockroom.imports.item_rows import Met
from stockroom.imports.keys import note
from stockroom.imports.model import Applied, Valid
from stockroom.work.model import LeaseLost
from tests.import_desk import Desk

Step = Callable[[Work], object]

# SQLite has one writer: a chunk begins when the one before has ended.
beside = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


@dataclass
class Steps:
    """Does to the database what is said of each SKU, and tells what it did."""

    steps: dict[str, Step] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    forgets = False

    def changes(self, rows: Sequence[Valid]) -> set[str]:
        return {str(row["sku"]) for _, row in rows}

    def apply(self, work: Work, rows: Sequence[Valid]) -> Applied:
        sku = str(rows[0][1]["sku"])
        self.told.append(f"{sku} begins")
        if sku in self.steps:
            self.steps[sku](work)
        note(work.connection, "some task", {sku: Met(1, "x", "created")}, known=())
        self.told.append(f"{sku} ends")
        return Applied({"created": 1}, [])


def run(desk: Desk, applier: Steps, *skus: str) -> int:
    """Apply chunks of a row each; how many rows the task has done then."""
    task = desk.begin(b"sku,name\nx,X\n")
    chunks = Chunks(desk.database, desk.claim(task), applier)

    async def all_of_them() -> None:
        try:
            for line, sku in enumerate(skus):
                await chunks.begin(Chunk([(line, {"sku": sku})], is_new=True))
            await chunks.end()
        finally:
            await desk.database.close()

    asyncio.run(all_of_them())
    return desk.find(task).progress.done


def kept(desk: Desk) -> set[str]:
    """The SKUs of the chunks that were committed."""
    with desk.database.connect() as reader:
        return set(reader.scalars(sa.text("SELECT key FROM import_keys")))


def sleep(work: Work, seconds: float = 0.2) -> None:
    work.connection.execute(sa.select(sa.func.pg_sleep(seconds)))


def lock(work: Work) -> None:
    work.connection.execute(sa.text("SELECT pg_advisory_xact_lock(81)"))


def fail(work: Work) -> None:
    sleep(work)
    raise ArithmeticError


def test_all_are_applied_in_their_order(desk: Desk) -> None:
    applier = Steps()
    assert run(desk, applier, *"abcdef") == 6
    assert kept(desk) == set("abcdef")
    assert [line for line in applier.told if line.endswith("begins")] == [f"{sku} begins" for sku in "abcdef"]


@beside
def test_two_are_applied_at_a_time(desk: Desk) -> None:
    applier = Steps({"a": sleep, "b": sleep})
    assert run(desk, applier, *"abc") == 3
    assert applier.told[:2] == ["a begins", "b begins"]
    assert applier.told.index("c begins") > applier.told.index("a ends")


@beside
def test_those_with_something_in_common_are_applied_one_after_the_other(desk: Desk) -> None:
    applier = Steps({"a": sleep})
    with pytest.raises(sa.exc.IntegrityError):
        run(desk, applier, "a", "a")
    assert applier.told == ["a begins", "a ends", "a begins"]
    assert kept(desk) == {"a"}


@beside
@pytest.mark.parametrize(
    "seconds", [0, 5], ids=["while it waits for its turn", "while it waits for the database"]
)
def test_one_goes_with_the_one_before(desk: Desk, seconds: float) -> None:
    applier = Steps({"a": fail, "b": lambda work: sleep(work, seconds)})
    with pytest.raises(ArithmeticError):
        run(desk, applier, "a", "b")
    assert "b begins" in applier.told
    assert kept(desk) == set()


@beside
def test_one_that_is_in_the_way_of_the_one_before_is_done_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_chunks, "PATIENCE", 0.1)

    def lock_late(work: Work) -> None:
        sleep(work)
        lock(work)

    applier = Steps({"a": lock_late, "b": lock})
    assert run(desk, applier, *"abc") == 3
    assert kept(desk) == set("abc")
    assert applier.told.count("a begins") == 1
    assert applier.told.count("b begins") == 2


@beside
def test_neither_is_kept_once_the_task_is_anothers(desk: Desk) -> None:
    def take_over(work: Work) -> None:
        with desk.database.work() as others:
            others.connection.execute(sa.text("UPDATE tasks SET fence = fence + 1"))

    with pytest.raises(LeaseLost):
        run(desk, Steps({"a": take_over}), "a", "b")
    assert kept(desk) == set()
