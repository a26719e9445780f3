"""One service for all that leaves no trace, and requests below HTTP; on SQLite, no database matters here."""

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.types import ASGIApp

from app import create_app
from stockroom.accounts.model import ROLE_SCOPES, Role
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import Tokens
from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract, load_contract
from stockroom.contract.document import CONTRACT, ContractError
from stockroom.db.database import Database, open_database
from stockroom.db.tables import users
from stockroom.settings import Settings
from tests.contract.asgi import Answer, Headers, ask
from tests.contract.changes import Change, Refusal, find
from tests.observer import Counts
from tests.service import KEY, CheckedClient
from tests.witness import Witness

Ask = Callable[..., Answer]
AskLater = Callable[..., Awaitable[Answer | None]]


@pytest.fixture
def database_url(_sqlite_url: str) -> str:
    return _sqlite_url


@pytest.fixture(scope="session")
def empty(_sqlite_template: Path) -> Callable[[Database], None]:
    """Empty a SQLite database that a service has open."""

    def empty(database: Database) -> None:
        file = str(sa.make_url(database.url).database)
        # Past the service's connections, as one transaction: to start it anew takes ten times as long.
        with closing(sqlite3.connect(_sqlite_template)) as nothing, closing(sqlite3.connect(file)) as present:
            nothing.backup(present)

    return empty


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory,
    _sqlite_template: Path,
    contract: Contract,
    conformance: Conformance,
) -> Iterator[CheckedClient]:
    """A client of one service for all tests that change nothing; it counts requests and limits none."""
    folder = tmp_path_factory.mktemp("service")
    url = f"sqlite:///{shutil.copy(_sqlite_template, folder / 'stockroom.db')}"
    settings = Settings(
        _env_file=None,
        data_dir=folder / "var",
        database_url=url,
        jwt_key=KEY,
        rate_limits="report",
        drift_sample=1,
    )
    counts = Counts()
    database = open_database(url, connections=8)
    with database.work() as work:
        account = {"username": "ada", "email": "ada@example.com", "password_hash": "-", "role": "admin"}
        work.connection.execute(users.insert(), account | {"disabled": False, "created_at": work.now})
    app = create_app(settings, contract=contract, database=database, observer=counts)
    with CheckedClient(app, conformance) as client:
        yield client
    assert (counts.drifts, counts.failures) == ([], 0)


@pytest.fixture(scope="session")
def token(service: CheckedClient) -> str:
    """A token of `ada`, who is an administrator."""
    return new_token("ada")


@pytest.fixture(scope="session")
def ada(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="session")
def ask_seen(witness: Witness) -> AskLater:
    """Ask any service below HTTP; what it answers must be declared all the same."""

    async def ask_seen(
        app: ASGIApp,
        method: str,
        target: str,
        headers: Headers = (),
        chunks: Iterable[bytes] = (b"",),
        **options: Any,
    ) -> Answer | None:
        headers, body = list(headers), bytearray()
        pieces = (body.extend(piece) or piece for piece in chunks)
        answer = await ask(app, method, target, headers, pieces, **options)
        if answer:
            sent = method, target, dict(headers), bytes(body)
            witness.see(*sent, answer.status, answer.headers, answer.body)
        return answer

    return ask_seen


@pytest.fixture(scope="session")
def raw(service: CheckedClient, ask_seen: AskLater) -> Ask:
    """Ask the shared service below HTTP."""

    def raw(*args: Any, **options: Any) -> Answer:
        answer = asyncio.run(ask_seen(service.app, *args, **options))
        assert answer
        return answer

    return raw


@pytest.fixture
def refusal(tmp_path: Path, configure: Any) -> Refusal:
    """Hold that the contract, once changed, is refused with a message at the line that a trail leads to."""

    def refusal(change: Change, trail: str, message: str) -> None:
        before = CONTRACT.read_text()
        text = change(before)
        assert text != before
        path = tmp_path / "openapi" / "openapi.yaml"
        path.parent.mkdir()
        path.write_text(text)
        with pytest.raises(ContractError) as caught:
            create_app(configure(), contract=load_contract(tmp_path, path))
        place = f"openapi/openapi.yaml:{1 + text.count(chr(10), 0, find(text, trail) + 1)}: "
        told = str(caught.value).splitlines()
        assert any(line.startswith(place) and message in line for line in told), (place, message, told)
        assert all(line.startswith("openapi/openapi.yaml:") for line in told)

    return refusal


def new_token(name: str, role: Role = "admin", now: datetime | None = None, session: str = "one") -> str:
    tokens = Tokens(KEY.encode(), Revocations())
    return tokens.issue(name, f"session-{session}-of-{name}", ROLE_SCOPES[role], now or datetime.now(UTC))
