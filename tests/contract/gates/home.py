"""A service that runs in this process, and what tests do to it past HTTP."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from stockroom.accounts.model import ROLE_SCOPES
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import Tokens
from stockroom.db.database import Database
from stockroom.db.tables import idempotency_keys, tasks, users
from stockroom.settings import Settings
from tests import workers
from tests.service import KEY, CheckedClient

Headers = dict[str, str]

_TOKENS = Tokens(KEY.encode(), Revocations())


@dataclass(frozen=True)
class Home:
    """A client of the service, the database that it uses, and its settings."""

    client: CheckedClient
    database: Database
    settings: Settings

    def sign_in(self, user: str, scopes: Iterable[str] | None = None) -> Headers:
        """The headers of an administrator in a new session, whose token allows `scopes`, or everything."""
        account = {"username": user, "email": "nobody@example.com", "password_hash": "-", "role": "admin"}
        with self.database.work() as work:
            found = sa.select(users.c.username).where(users.c.username == user)
            if work.connection.execute(found).one_or_none() is None:
                work.connection.execute(users.insert(), account | {"disabled": False, "created_at": work.now})
        allowed = ROLE_SCOPES["admin"] if scopes is None else frozenset(scopes)
        token = _TOKENS.issue(user, str(uuid.uuid4()), allowed, datetime.now(UTC))
        return {"Authorization": f"Bearer {token}"}

    def work_off(self, task_id: str) -> None:
        """Do a task to its end, as a worker does."""
        workers.work_off(task_id, self.database, self.settings)

    def work_off_all(self) -> None:
        """Do all tasks that wait."""
        with self.database.connect() as reader:
            waiting = reader.execute(sa.select(tasks.c.id).where(tasks.c.state == "queued")).all()
        for (task_id,) in waiting:
            self.work_off(task_id)

    @contextmanager
    def blocked(self) -> Iterator[None]:
        """Meanwhile no transaction ends that keeps an idempotency key: a lock of the database is held."""
        # On SQLite the transaction itself is the lock: there is one for all writes.
        with self.database.work() as work:
            # Begun at first use.
            connection = work.connection
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text(f"LOCK TABLE {idempotency_keys.name} IN EXCLUSIVE MODE"))
            yield
