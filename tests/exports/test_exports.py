"""Exports as they are worked off: what a file shows, and that there is a whole one or none."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers._versions import expected_by
from stockroom.accounts.model import ROLE_SCOPES, Principal
from stockroom.activities.activities import Activities
from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.errors import MissingScope, NotFound, ResultGone, TaskUnfinished
from stockroom.exports import actions as exports
from stockroom.exports import execution
from stockroom.exports import queries as stored
from stockroom.exports.model import ExportOptions
from stockroom.items import actions as items
from stockroom.retention import actions as retention
from stockroom.work import actions as tasks
from stockroom.work import leases
from stockroom.work.model import CLAIMS_WITHOUT_PROGRESS, Lease, LeaseLost, Task
from tasks.execution import carry_out
from tests.desk import Shelves
from tests.import_desk import PLENTY

KEEPER = Principal("keeper", ROLE_SCOPES["clerk"], "session")
SKUS = [f"A{number}" for number in range(5)]


class Nobody:
    def publish(self, task_id: str) -> None:
        pass


@dataclass
class Desk:
    """Begins exports of the keeper's and works them off."""

    database: Database
    folder: Path

    @property
    def files(self) -> FileStore:
        return FileStore((self.folder / "files").as_uri())

    def begin(self, kind: Any = "items", format: Any = "jsonl", **filters: Any) -> Task:
        options = ExportOptions(kind, format, filters)
        with self.database.work() as work:
            return exports.begin(work, options, principal=KEEPER, publisher=Nobody(), bounds=PLENTY)

    def claim(self, task: Task, *, later: float = 0) -> Lease:
        moment = self.database.clock() + timedelta(seconds=later)
        with replace(self.database, clock=lambda: moment).work() as work:
            lease = leases.claim(work, task.id, seconds=30)
        assert lease is not None
        return lease

    def do(self, lease: Lease, stopping: Callable[[], bool] = lambda: False) -> bool:
        return execution.run(self.database, self.files, lease, stopping=stopping)

    def find(self, task: Task) -> Task:
        with self.database.connect() as reader:
            return tasks.find(reader, task.id, "keeper")

    def content(self, task: Task) -> str:
        with self.database.connect() as reader:
            result = exports.result(reader, task.id, principal=KEEPER, files=self.files)
        with result.file as file:
            return file.read().decode()

    def records(self, task: Task) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.content(task).splitlines()]

    def stored(self) -> list[str]:
        folder = self.folder / "files"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture
def desk(database: Database, shelves: Shelves, tmp_path: Path) -> Desk:
    shelves.items(*SKUS)
    return Desk(database, tmp_path)


@pytest.fixture(autouse=True)
def _row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything happens record by record: rows are fetched, progress is noted, work may leave off."""
    monkeypatch.setattr(execution, "CHUNK", 1)
    monkeypatch.setattr(execution, "NOTED", 0)
    monkeypatch.setattr(stored, "_FETCHED", 1)


def steps(*events: Callable[[], object] | None) -> Callable[[], bool]:
    """Have each event happen in its turn, before a record is written; then nothing more happens."""
    ahead: Iterator[Callable[[], object] | None] = iter(events)

    def stopping() -> bool:
        event = next(ahead, None)
        return bool(event()) if event else False

    return stopping


def test_an_export_notes_how_far_it_is(desk: Desk) -> None:
    task = desk.begin()
    seen = []

    def look() -> None:
        seen.append(desk.find(task).progress)

    assert desk.do(desk.claim(task), steps(*[look] * 9))
    assert [(progress.done, progress.total) for progress in seen] == [
        (0, None),
        *((done, 5) for done in range(5)),
    ]
    done = desk.find(task)
    assert (done.state, done.progress.done, done.progress.total, done.summary) == ("succeeded", 5, 5, None)


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_what_is_changed_meanwhile_is_not_in_the_file(desk: Desk, shelves: Shelves, format: str) -> None:
    """And whoever changes it does not have to wait, on SQLite neither."""
    shelves.locations("L")

    def change() -> None:
        with shelves.work() as work:
            items.update(work, "A4", expected=expected_by("*"), changes={"name": "Changed", "tags": ["new"]})
            items.archive(work, "A3", expected=expected_by("*"))
        shelves.items("A9")

    task = desk.begin("items", format)
    assert desk.do(desk.claim(task), steps(None, None, change))
    text = desk.content(task)
    found = (
        [row["sku"] for row in csv.DictReader(text.splitlines())]
        if format == "csv"
        else [item["sku"] for item in desk.records(task)]
    )
    assert found == SKUS
    assert "Changed" not in text
    again = desk.begin()
    assert desk.do(desk.claim(again))
    assert [(item["sku"], item["name"]) for item in desk.records(again)][2:] == [
        ("A2", "Item A2"),
        ("A4", "Changed"),
        ("A9", "Item A9"),
    ]


def test_stock_that_moves_meanwhile_is_there_once(desk: Desk, shelves: Shelves) -> None:
    shelves.locations("L", "M")
    shelves.move("A0", "L", 10)
    shelves.move("A0", "M", 10)

    def move() -> None:
        shelves.move("A0", "M", -5)
        shelves.move("A0", "L", 5)

    levels, movements = desk.begin("levels"), desk.begin("movements")
    assert desk.do(desk.claim(levels), steps(None, move))
    assert [level["on_hand"] for level in desk.records(levels)] == [10, 10]
    assert desk.do(desk.claim(movements), steps(None, move))
    assert [movement["lines"][0]["delta"] for movement in desk.records(movements)] == [10, 10, -5, 5]


def test_work_that_leaves_off_leaves_no_file_and_begins_again(desk: Desk, shelves: Shelves) -> None:
    task = desk.begin()
    lease = desk.claim(task)
    assert not desk.do(lease, steps(None, None, lambda: True))
    assert desk.stored() == []
    with desk.database.work() as work:
        leases.release(work, lease)
    shelves.items("A9")
    assert desk.do(desk.claim(task))
    assert len(desk.records(task)) == 6
    assert desk.find(task).progress.done == 6


@pytest.mark.parametrize("records", [0, 2, 5])
def test_a_cancelled_export_leaves_no_file(desk: Desk, records: int) -> None:
    task = desk.begin()

    def cancel() -> None:
        with desk.database.work() as work:
            tasks.cancel(work, task.id, "keeper", files=desk.files)

    with pytest.raises(LeaseLost):
        desk.do(desk.claim(task), steps(*[None] * records, cancel))
    assert desk.stored() == []
    with pytest.raises(NotFound):
        desk.content(task)


def test_an_export_that_is_cancelled_when_it_is_written_leaves_no_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "NOTED", 1e9)
    task = desk.begin()

    def cancel() -> None:
        with desk.database.work() as work:
            tasks.cancel(work, task.id, "keeper", files=desk.files)

    with pytest.raises(LeaseLost):
        desk.do(desk.claim(task), steps(*[None] * 5, cancel))
    assert desk.stored() == []


def test_the_file_is_that_of_the_worker_who_finished(
    desk: Desk, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late another one is done that was believed to be dead, and whatever it wrote."""
    monkeypatch.setattr(execution, "NOTED", 1e9)
    task = desk.begin()
    late = desk.claim(task)

    def overtake() -> None:
        shelves.items("A9")
        assert desk.do(desk.claim(task, later=31))

    with pytest.raises(LeaseLost):
        desk.do(late, steps(None, None, overtake))
    assert len(desk.records(task)) == 6
    assert desk.stored() == [f"{task.id}-2.jsonl"]


def test_work_that_ends_its_workers_is_given_up_however_far_it_comes(desk: Desk) -> None:
    task = desk.begin()

    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    for number in range(CLAIMS_WITHOUT_PROGRESS):
        with pytest.raises(Killed):
            desk.do(desk.claim(task, later=31 * number), steps(None, None, kill))
    moment = desk.database.clock() + timedelta(hours=1)
    database = replace(desk.database, clock=lambda: moment)
    carry_out(database, desk.files, desk.claim(task, later=3600), desk.do, Activities())
    assert desk.find(task).state == "failed"
    with pytest.raises(NotFound):
        desk.content(task)


def test_a_file_is_kept_for_a_day(desk: Desk) -> None:
    task = desk.begin()
    assert desk.do(desk.claim(task))
    # What a worker leaves that is killed while it writes.
    (desk.folder / "files" / f".{task.id}-9.jsonl.part").write_bytes(b"{")
    # Files bear the time they were really written at.
    now = datetime.now(UTC)
    for hours, kept in ((23, True), (25, False)):
        moment = now + timedelta(hours=hours)
        retention.tidy(replace(desk.database, clock=lambda moment=moment: moment), desk.files)
        assert bool(desk.stored()) is kept
    with pytest.raises(ResultGone):
        desk.content(task)
    assert desk.find(task).state == "succeeded"


def test_what_earlier_attempts_have_left_is_removed_before_its_day_is_over(desk: Desk) -> None:
    task = desk.begin()
    desk.claim(task)
    lease = desk.claim(task, later=31)
    folder = desk.folder / "files"
    folder.mkdir()
    left = [f".{task.id}-1.jsonl.part", f"{task.id}-1.jsonl"]
    for name in (*left, f".{task.id}-2.jsonl.part"):
        (folder / name).write_bytes(b"{")
    # Files bear the time they were really written at.
    moment = datetime.now(UTC) + timedelta(seconds=1)
    database = replace(desk.database, clock=lambda: moment)
    retention.tidy(database, desk.files)
    assert desk.stored() == [f".{task.id}-2.jsonl.part"]
    with desk.database.work() as work:
        leases.finish(work, lease, done=0)
    (folder / f"{task.id}-2.jsonl").write_bytes(b"{")
    retention.tidy(database, desk.files)
    assert desk.stored() == [f"{task.id}-2.jsonl"]


def test_a_file_is_there_once_it_is_whole(desk: Desk) -> None:
    task = desk.begin()
    with pytest.raises(TaskUnfinished):
        desk.content(task)

    def look() -> None:
        assert [name for name in desk.stored() if not name.startswith(".")] == []
        with pytest.raises(TaskUnfinished):
            desk.content(task)

    assert desk.do(desk.claim(task), steps(*[look] * 5))
    assert len(desk.records(task)) == 5


def test_a_kind_takes_its_own_scope(desk: Desk) -> None:
    clerk = replace(KEEPER, scopes=frozenset({"tasks:write", "items:read"}))
    options = ExportOptions("levels", "csv")
    refused = pytest.raises(MissingScope, match=r"Exporting levels needs the scope stock:read\.")
    with refused, desk.database.work() as work:
        exports.begin(work, options, principal=clerk, publisher=Nobody(), bounds=PLENTY)
