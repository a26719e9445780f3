"""A service as requests find it that want to get somewhere: an account for each role, and stock to move."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from stockroom.accounts.model import ROLE_SCOPES
from stockroom.accounts.passwords import Passwords
from stockroom.db.database import open_database
from stockroom.db.tables import users
from tests.contract.conftest import new_token
from tests.fuzz.stock import LOCATIONS, PASSWORD, SKUS
from tests.service import KEY


@pytest.fixture
def start_stocked(start_service: Callable[..., Any], database_url: str) -> Callable[..., Any]:
    """Start a service over SQLite or PostgreSQL whose accounts are called like their roles."""

    def start(**settings: Any) -> Any:
        service = start_service(
            database_url=database_url,
            jwt_key=KEY,
            registration="open",
            # Limits are counted, told and not enforced: there is one caller, and it is in a hurry.
            rate_limits="report",
            log_level="error",
            **settings,
        )
        _make_accounts(service.database_url)
        _bring_in_stock(service.url)
        return service

    return start


@pytest.fixture
def stocked(start_stocked: Callable[..., Any]) -> Any:
    """A service with stock in it."""
    return start_stocked()


def _make_accounts(database_url: str) -> None:
    password_hash = Passwords().hash(PASSWORD)
    database = open_database(database_url, connections=2)
    with database.work() as work:
        for role in ROLE_SCOPES:
            account = {"username": role, "email": f"{role}@example.com", "role": role, "disabled": False}
            work.connection.execute(
                users.insert(), account | {"password_hash": password_hash, "created_at": work.now}
            )
    database.dispose()


def _bring_in_stock(url: str) -> None:
    lines = [{"sku": sku, "location": code, "quantity": 10**9} for sku in SKUS for code in LOCATIONS]
    # The last one is the one to be found and reversed, and there is stock all the same.
    receipts = [{"kind": "receipt", "lines": lines}, {"kind": "receipt", "lines": lines[:1]}]
    requests = [
        *(("/items", {"sku": sku, "name": sku}) for sku in SKUS),
        *(("/locations", {"code": code, "name": code}) for code in LOCATIONS),
        *(("/movements", receipt) for receipt in receipts),
    ]
    headers = {"Authorization": f"Bearer {new_token('admin')}"}
    with httpx.Client(base_url=url, headers=headers, timeout=20) as client:
        for path, body in requests:
            client.post(path, json=body).raise_for_status()
