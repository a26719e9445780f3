"""What tests of imports share: a desk that begins them and works them off, as service and worker would."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa

from stockroom.accounts.model import ROLE_SCOPES, Principal
from stockroom.contract.rows import row_validator
from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.db.pages import PageRequest
from stockroom.db.tables import items, users
from stockroom.imports import actions as imports
from stockroom.imports import execution
from stockroom.imports.model import ImportKind, ImportRequest
from stockroom.work import actions as tasks
from stockroom.work import leases
from stockroom.work.bounds import Amounts
from stockroom.work.model import Lease, Task
from tasks.imports import validators

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLE = REPOSITORY / "samples" / "items.csv"
RETAIL = REPOSITORY.parent / "shared" / "data" / "online-retail-sample.csv"

needs_retail = pytest.mark.skipif(not RETAIL.exists(), reason=f"{RETAIL.name} is not beside the repository")

PLENTY = Amounts(tasks=10**6, upload_bytes=10**12, export_bytes=10**12)
"""Bounds that are out of reach."""

ALL = PageRequest(page=None, per_page=100, cursor=None, exact=False)

row_validators = functools.cache(lambda: validators(row_validator))
"""Made once; reading the contract takes a second."""


def principal(*scopes: str) -> Principal:
    """Ann, who may what managers may if no scopes are given."""
    return Principal("ann", frozenset(scopes) or ROLE_SCOPES["manager"], "session")


@dataclass
class Upload:
    path: Path
    charset: str | None = None

    @property
    def size(self) -> int:
        return self.path.stat().st_size


class Nobody:
    """A publisher that wakes no worker: the tests work themselves."""

    def publish(self, task_id: str) -> None:
        pass


@dataclass
class Desk:
    """Begins imports of Ann's and works them off, over one database and one folder."""

    database: Database
    folder: Path
    kind: ImportKind = "items"

    def __post_init__(self) -> None:
        with self.database.work() as work:
            ann = {"username": "ann", "email": "a@example.org", "password_hash": "-", "role": "manager"}
            work.connection.execute(users.insert().values({**ann, "disabled": False, "created_at": work.now}))

    @property
    def files(self) -> FileStore:
        return FileStore((self.folder / "files").as_uri())

    def begin(
        self,
        content: bytes | Path,
        *,
        charset: str | None = None,
        by: Principal | None = None,
        **asked: Any,
    ) -> Task:
        if isinstance(content, bytes):
            path = self.folder / "upload"
            path.write_bytes(content)
        else:
            path = content
        with self.database.work() as work:
            return imports.begin(
                work,
                ImportRequest(**({"kind": self.kind} | asked)),
                principal=by or principal(),
                upload=Upload(path, charset),
                files=self.files,
                publisher=Nobody(),
                bounds=PLENTY,
            )

    def claim(self, task: Task) -> Lease:
        with self.database.work() as work:
            lease = leases.claim(work, task.id, seconds=30)
        assert lease is not None
        return lease

    def do(self, lease: Lease, stopping: Callable[[], bool] = lambda: False) -> bool:
        return execution.run(self.database, self.files, lease, validators=row_validators(), stopping=stopping)

    @contextmanager
    def cancelling(self, task: Task, *, after: int) -> Iterator[Callable[[], bool]]:
        """What an import asks before each chunk; after so many the task is cancelled, from elsewhere."""

        def cancel() -> None:
            with self.database.work() as work:
                tasks.cancel(work, task.id, "ann", files=self.files)

        thread = Thread(target=cancel)
        asked = count()

        def stopping() -> bool:
            number = next(asked)
            if number == after:
                thread.start()
            elif number > after:
                # The one who cancels waits for a chunk, perhaps, and that one for us.
                time.sleep(0.01)
            return False

        yield stopping
        thread.join()

    def run(self, content: bytes | Path, **asked: Any) -> Task:
        task = self.begin(content, **asked)
        assert self.do(self.claim(task))
        return self.find(task)

    def find(self, task: Task) -> Task:
        with self.database.connect() as reader:
            return tasks.find(reader, task.id, "ann")

    def errors(self, task: Task) -> list[tuple[int, str | None, str, str, str | None]]:
        with self.database.connect() as reader:
            page = tasks.list_errors(reader, task.id, "ann", ALL)
        return [(error.line, error.column, error.kind, error.reason, error.value) for error in page.rows]

    def names(self) -> dict[str, str]:
        with self.database.connect() as reader:
            return dict(reader.execute(sa.select(items.c.sku, items.c.name)).all())

    def stored(self) -> list[str]:
        folder = self.folder / "files"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def counts(task: Task) -> tuple[int, ...]:
    """Created, updated, unchanged, merged and rejected, of a task that succeeded."""
    assert task.state == "succeeded"
    assert task.summary is not None
    return tuple(task.summary[name] for name in ("created", "updated", "unchanged", "merged", "rejected"))
