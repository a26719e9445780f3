"""What tests of several rooms share: a small service, shelves to fill, calls at the same time."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from stockroom.accounts import actions as accounts
from stockroom.accounts import logins, sessions
from stockroom.accounts.attempts import Attempts
from stockroom.accounts.model import Account, Principal, TokenPair
from stockroom.accounts.passwords import Passwords
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import Tokens
from stockroom.db.database import Database
from stockroom.db.tables import users
from stockroom.db.unit_of_work import Work
from stockroom.errors import DomainError, InvalidCredentials
from stockroom.items import actions as items
from stockroom.locations import actions as locations
from stockroom.reservations import actions as reservations
from stockroom.security_log import Event, SecurityLog
from stockroom.stock import ledger
from stockroom.stock.model import Draft, Line, Movement

PASSWORD = "nine tall ships sailed by"
HOME = "192.0.2.1"
"""The network in which accounts are made, and which they know."""


class Notes(SecurityLog):
    """Security events as they were noted, each with its user and its details."""

    def __init__(self) -> None:
        super().__init__("192.0.2.1", lambda user: None)
        self.noted: list[tuple[str, str | None, dict[str, object]]] = []

    def note(self, event: Event, user: str | None, **details: str | int | None) -> None:
        self.noted.append((event, user, details))


class Desk:
    """One process of the service at some time: its database, its keys, and how its boundary ends work."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self.revocations = Revocations()
        self.tokens = Tokens(b"k" * 32, self.revocations)
        self.attempts = Attempts(self._begin)
        self.log = Notes()
        self.now = database.clock()
        self.wait(timedelta(0))

    def wait(self, time: timedelta) -> None:
        self.now += time
        now = self.now
        self.database = dataclasses.replace(self.database, clock=lambda: now)

    def _begin(self) -> Work:
        return self.database.work()

    def do(self, action: Callable[[Work], Any]) -> Any:
        work = self.database.work()
        try:
            result = action(work)
        except DomainError as error:
            if error.recorded:
                work.commit()
            raise
        else:
            work.commit()
            return result
        finally:
            work.rollback()

    def read(self, query: Callable[[sa.Connection], Any]) -> Any:
        with self.database.connect() as reader:
            return query(reader)

    def count(self, table: sa.Table) -> int:
        query = sa.select(sa.func.count()).select_from(table)
        count: int = self.read(lambda reader: reader.scalar(query))
        return count

    def register(self, username: str, **changes: Any) -> Account:
        values = {
            "email": f"{username}@example.com",
            "password": PASSWORD,
            "network": HOME,
            "is_open": True,
            "default_role": "clerk",
            "first_is_admin": False,
            "log": self.log,
        } | changes
        account: Account = self.do(
            lambda work: accounts.register(work, username=username, passwords=self.passwords, **values)
        )
        return account

    def update(self, username: str, **changes: Any) -> Account:
        values = {"role": None, "disabled": None, "by": "root", "log": self.log} | changes
        account: Account = self.do(
            lambda work: accounts.update(work, username, revocations=self.revocations, **values)
        )
        return account

    def login(
        self, username: str, password: str = PASSWORD, scope: str | None = None, network: str = HOME
    ) -> TokenPair:
        values = {"username": username, "password": password, "scope": scope, "network": network}
        keys = {
            "attempts": self.attempts,
            "passwords": self.passwords,
            "tokens": self.tokens,
            "log": self.log,
        }
        pair: TokenPair = self.do(lambda work: logins.login(work, **values, **keys))
        return pair

    def fail(self, username: str, times: int, network: str = HOME) -> None:
        for _ in range(times):
            with pytest.raises(InvalidCredentials):
                self.login(username, "not the password at all", network=network)

    def refresh(self, refresh_token: str, network: str = HOME) -> TokenPair:
        keys = {"tokens": self.tokens, "revocations": self.revocations, "network": network}
        keys["log"] = self.log
        pair: TokenPair = self.do(lambda work: sessions.refresh(work, refresh_token=refresh_token, **keys))
        return pair

    def logout(self, principal: Principal) -> None:
        self.do(lambda work: sessions.logout(work, principal, self.revocations, self.log))

    def principal(self, pair: TokenPair) -> Principal | None:
        """Whose the access token is, if it is still good."""
        return self.tokens.verify(pair.access_token, self.now.timestamp())


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


class Shelves:
    """Items, locations and what is where, brought about as the service does it; `keeper` signs for it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = database.clock()
        keeper = {"username": "keeper", "email": "keeper@example.com", "password_hash": "-", "role": "clerk"}
        with self.work() as begun:
            begun.connection.execute(users.insert(), keeper | {"disabled": False, "created_at": self.now})

    def work(self) -> Work:
        return Work(self.database.connect, self.now)

    def items(self, *skus: str, **members: Any) -> None:
        with self.work() as begun:
            for sku in skus:
                items.create(begun, sku=sku, name=f"Item {sku}", **members)

    def locations(self, *codes: str) -> None:
        with self.work() as begun:
            for code in codes:
                locations.create(begun, code=code, name=f"Location {code}")

    def move(self, sku: str, location: str, delta: int) -> Movement:
        with self.work() as begun:
            return self.record(begun, sku, location, delta)

    def record(self, begun: Work, sku: str, location: str, delta: int) -> Movement:
        draft = Draft("adjustment", (Line(sku, location, delta),))
        return ledger.record(begun, draft, by="keeper")

    def hold(self, sku: str, location: str, quantity: int, *, time: timedelta) -> None:
        lines = [{"sku": sku, "location": location, "quantity": quantity}]
        with self.work() as begun:
            until = (self.now + time).isoformat()
            reservations.hold(begun, by="keeper", lines=lines, expires_at=until)


@pytest.fixture
def shelves(database: Database) -> Shelves:
    return Shelves(database)


@pytest.fixture
def reader(database: Database) -> Iterator[sa.Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def at_once() -> Callable[..., list[object]]:
    """Run calls in threads that start together, and return what each returned or raised."""

    def at_once(*calls: Callable[[], object]) -> list[object]:
        start = threading.Barrier(len(calls))

        def run(call: Callable[[], object]) -> object:
            start.wait()
            try:
                return call()
            except DomainError as error:
                return error

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(run, calls))

    return at_once
