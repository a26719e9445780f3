"""Calling for workers, through brokers that answer and brokers that do not."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog

from stockroom.settings import Settings
from tasks import publisher
from tasks.publisher import BrokerPublisher

# Far more than it takes, so that a machine that does something else fails no test.
PATIENCE = 30.0


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., Settings]:
    def configure(**changes: Any) -> Settings:
        return Settings(_env_file=None, data_dir=tmp_path, **changes)

    return configure


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the broker_publisher logs, however this process has set up its logs."""
    capture = structlog.testing.LogCapture()
    plain = structlog.make_filtering_bound_logger(0)
    monkeypatch.setattr(
        publisher, "log", structlog.wrap_logger(None, processors=[capture], wrapper_class=plain)
    )
    return capture.entries


@pytest.fixture
def frozen() -> Iterator[int]:
    """The port of a broker that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def dead() -> int:
    """A port where nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_a_message_in_the_folder_is_there_once_it_is_whole(
    configure: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that found a half one would end."""
    folder = configure().broker_dir
    seen: list[list[str]] = []

    def replace(part: Path, whole: Path) -> None:
        seen.append([path.name for path in folder.glob("*.msg")])
        part.rename(whole)

    monkeypatch.setattr(Path, "replace", replace)
    broker_publisher = BrokerPublisher(configure())
    broker_publisher.publish("one")
    broker_publisher.close()
    assert seen == [[]]
    assert len(messages(folder.parent)) == 1


def messages(folder: Path) -> list[Any]:
    return [json.loads(path.read_text()) for path in sorted((folder / "broker").glob("*.msg"))]


def test_a_published_task_waits_in_the_queue_of_the_workers(
    configure: Callable[..., Settings], tmp_path: Path
) -> None:
    broker_publisher = BrokerPublisher(configure())
    broker_publisher.publish("one")
    broker_publisher.publish("two")
    broker_publisher.close()
    waiting = messages(tmp_path)
    assert [message["headers"]["task"] for message in waiting] == ["stockroom.run"] * 2
    assert sorted(message["headers"]["argsrepr"] for message in waiting) == ["('one',)", "('two',)"]
    assert {message["content-type"] for message in waiting} == {"application/json"}


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
@pytest.mark.parametrize("state", ["dead", "frozen"])
def test_a_broker_that_is_away_costs_a_warning_and_nobodys_time(
    configure: Callable[..., Settings],
    logged: list[Any],
    request: pytest.FixtureRequest,
    scheme: str,
    state: str,
) -> None:
    url = f"{scheme}://127.0.0.1:{request.getfixturevalue(state)}"
    broker_publisher = BrokerPublisher(configure(broker_url=url))
    for task in ("one", "two"):
        broker_publisher.publish(task)
    give_up = time.monotonic() + PATIENCE
    while len(logged) < 2 and time.monotonic() < give_up:
        time.sleep(0.05)
    broker_publisher.close()
    assert [(log["event"], log["task"], log["log_level"]) for log in logged] == [
        ("task.not_published", "one", "warning"),
        ("task.not_published", "two", "warning"),
    ]


def test_publishing_never_waits_even_when_too_much_is_waiting(
    configure: Callable[..., Settings], logged: list[Any], frozen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "_LONGEST_BACKLOG", 3)
    monkeypatch.setattr(publisher, "_DRAIN_SECONDS", 0.0)
    broker_publisher = BrokerPublisher(configure(broker_url=f"redis://127.0.0.1:{frozen}"))
    for number in range(10):
        broker_publisher.publish(str(number))
    broker_publisher.close()
    assert "too many are waiting" in {log["reason"] for log in logged}


def test_closing_before_anything_was_published_is_nothing(configure: Callable[..., Settings]) -> None:
    BrokerPublisher(configure()).close()


def test_the_dispatcher_is_there_before_celery_is() -> None:
    script = "import sys, tasks.publisher; sys.exit('celery' in sys.modules or 'kombu' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])
