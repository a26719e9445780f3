"""The whole service in this process, over both databases; every answer is held against the contract."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from app import create_app
from stockroom.accounts.model import ROLE_SCOPES, Role
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import Tokens
from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract, load_contract
from stockroom.db.database import Database
from stockroom.db.tables import users
from stockroom.settings import Settings
from tests.observer import Counts
from tests.witness import Witness

KEY = "a key for tests that is long enough"


class CheckedClient(TestClient):
    """A client that lets no answer pass that the contract does not declare."""

    def __init__(self, app: ASGIApp, conformance: Conformance) -> None:
        super().__init__(app, base_url="http://stockroom.test", follow_redirects=False)
        self._witness = Witness(conformance)

    def send(self, request: Any, **options: Any) -> Any:
        response = super().send(request, **options)
        self._witness.see_response(response)
        return response


@pytest.fixture(scope="session")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return load_contract(uploads=tmp_path_factory.mktemp("uploads"))


@pytest.fixture(scope="session")
def conformance(contract: Contract) -> Conformance:
    return Conformance(contract)


@pytest.fixture(scope="session")
def witness(conformance: Conformance) -> Witness:
    """What sees the answers of services that a test asks in its own way."""
    return Witness(conformance)


@pytest.fixture
def unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """For services that run another contract than ours, or are broken: what they do proves nothing of it."""
    monkeypatch.setattr("tests.contract.gates.facts._recorder", lambda: None)


@pytest.fixture
def configure(database_url: str, tmp_path: Path) -> Callable[..., Settings]:
    """Make settings for the test's own database and folder, with changes."""

    def configure(**changes: Any) -> Settings:
        values = {
            "data_dir": tmp_path / "var",
            "database_url": database_url,
            "jwt_key": KEY,
            "drift_sample": 1,
            "registration": "open",
        }
        return Settings(_env_file=None, **(values | changes))

    return configure


@pytest.fixture
def serve(
    configure: Callable[..., Settings], contract: Contract, conformance: Conformance
) -> Iterator[Callable[..., CheckedClient]]:
    """Start a service with changed settings and get a client of it; all are stopped in the end."""
    clients = []
    counts = Counts()

    def serve(database: Database | None = None, **changes: Any) -> CheckedClient:
        app = create_app(configure(**changes), contract=contract, database=database, observer=counts)
        client = CheckedClient(app, conformance)
        client.__enter__()
        clients.append(client)
        return client

    yield serve
    for client in reversed(clients):
        client.__exit__()
    # What the service itself saw of its answers, also to those who do not ask through these clients.
    assert (counts.drifts, counts.failures) == ([], 0)


@pytest.fixture
def client(serve: Callable[..., CheckedClient]) -> CheckedClient:
    """A client of a service as it comes."""
    return serve()


@pytest.fixture
def sign_in(database: Database) -> Callable[..., dict[str, str]]:
    """Make an account and get the header of a token for it, without the cost of a password."""
    tokens = Tokens(KEY.encode(), Revocations())

    def sign_in(role: Role = "admin", name: str | None = None) -> dict[str, str]:
        name, now = name or role, database.clock()
        with database.work() as work:
            account = {"username": name, "email": f"{name}@example.com", "password_hash": "-", "role": role}
            work.connection.execute(users.insert(), account | {"disabled": False, "created_at": now})
        token = tokens.issue(name, f"session-of-{name}", ROLE_SCOPES[role], now)
        return {"Authorization": f"Bearer {token}"}

    return sign_in
