"""Processes of the API are killed at random moments while movements are recorded: `make faults`."""

import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.load import BROKEN_OFF, Load, assert_nothing_lost, assert_replayed, audit, stock_up
from tests.faults.services import Restartable, restartable
from tests.processes import PATIENCE
from tests.service import KEY
from tests.trees import have_ended

ROUNDS = 20
MOVEMENTS = 10_000


def kill_all(service: Restartable) -> None:
    service.kill(*service.processes)
    service.start_again()


def kill_parent(service: Restartable) -> None:
    """Those that answer end with it, and leave the port to the next ones."""
    parent, *children = service.processes
    service.kill(parent)
    assert have_ended(children, PATIENCE)
    service.start_again()


def kill_child(service: Restartable) -> None:
    """Another is started in its place, by gunicorn."""
    _, *children = service.processes
    service.kill(secrets.choice(children))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_acknowledged_stays(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    settings = {"jwt_key": KEY, "rate_limits": "report", "web_workers": 2}
    if kind == "postgresql":
        settings["database_url"] = request.getfixturevalue("_postgresql_url")
    killed = Counter[str]()
    with restartable(tmp_path / "service", settings) as service:
        stock_up(service.service)
        with Load(service.url, movements=MOVEMENTS, reads=False) as load:
            for number in range(ROUNDS):
                load.await_more(secrets.randbelow(MOVEMENTS // ROUNDS))
                kill = (kill_all, kill_parent, kill_child)[number % 3]
                kill(service)
                killed[kill.__name__] += 1
            load.finish()
        assert len(load.accepted) == MOVEMENTS
        assert load.kinds().keys() <= {"201", *BROKEN_OFF}
        assert_nothing_lost(service.service, load)
        assert_replayed(service.url, load)
        told = audit(service.service)
    tell(f"{kind}: {dict(killed)}; {MOVEMENTS:,} movements accepted in {dict(load.kinds())}; {told}")
