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

from stockroom.activities import activity
from stockroom.activities.activities import Activities
from stockroom.settings import Settings
from tasks import folder, publisher
from tasks.publisher import BrokerPublisher
from tests.disks import Disk
from tests.observer import Failures

# Far more than it takes, so that a machine that does something else fails no test.
PATIENCE = 30.0


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., Settings]:
    def configure(**changes: Any) -> Settings:
        return Settings(_env_file=None, data_dir=tmp_path, **changes)

    return configure


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is logged of dispatch, however this process has set up its logs."""
    capture = structlog.testing.LogCapture()
    plain = structlog.make_filtering_bound_logger(0)
    for module in (publisher, activity):
        monkeypatch.setattr(
            module, "log", structlog.wrap_logger(None, processors=[capture], wrapper_class=plain)
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
    broker_dir = configure().broker_dir
    seen: list[list[str]] = []

    def replace(part: Path, whole: Path) -> None:
        seen.append([path.name for path in broker_dir.glob("*.msg")])
        part.rename(whole)

    monkeypatch.setattr(Path, "replace", replace)
    broker_publisher = BrokerPublisher(configure(), Activities())
    broker_publisher.publish("one")
    broker_publisher.close()
    assert seen == [[]]
    assert len(messages(broker_dir.parent)) == 1


def messages(folder: Path) -> list[Any]:
    return [json.loads(path.read_text()) for path in sorted((folder / "broker").glob("*.msg"))]


def test_a_message_that_there_is_no_room_for_leaves_nothing(
    configure: Callable[..., Settings], logged: list[Any], make_disk: Callable[..., Disk]
) -> None:
    disk = make_disk(1)
    settings = Settings(_env_file=None, data_dir=disk.folder)
    first, second = (BrokerPublisher(settings, Activities()) for _ in range(2))
    first.publish("one")
    first.close()
    before = disk.names()
    with disk.filled():
        second.publish("two")
        second.close()
    assert disk.names() == before
    assert [log["event"] for log in logged] == ["tasks.not_published"]


def test_a_published_task_waits_in_the_queue_of_the_workers(
    configure: Callable[..., Settings], tmp_path: Path
) -> None:
    broker_publisher = BrokerPublisher(configure(), Activities())
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
    activities = Activities(failures := Failures())
    broker_publisher = BrokerPublisher(configure(broker_url=url), activities)
    for task in ("one", "two"):
        broker_publisher.publish(task)
    wait_for(lambda: failures.counts["dispatch"] > 1)
    broker_publisher.close()
    assert activities.states() == {"dispatch": "failed"}
    assert {log["log_level"] for log in logged} == {"warning"}
    assert [log["event"] for log in logged] == ["activity.failed", "tasks.not_published"]
    assert logged[-1]["count"] == 2


@pytest.mark.parametrize(
    ("where", "name", "error", "level"),
    [
        (folder.Channel, "_put", OSError("no room"), "warning"),
        (publisher, "for_publisher", TypeError("a fault of ours"), "error"),
    ],
    ids=["an outage", "a fault of ours"],
)
def test_what_was_not_sent_is_sent_as_soon_as_it_can_be(
    where: object,
    name: str,
    error: Exception,
    level: str,
    configure: Callable[..., Settings],
    logged: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    activities = Activities(failures := Failures())
    broker_publisher = BrokerPublisher(configure(), activities)
    with monkeypatch.context() as broken:
        broken.setattr(where, name, raising(error))
        for task in ("one", "two"):
            broker_publisher.publish(task)
        wait_for(lambda: activities.states() == {"dispatch": "failed"})
        assert messages(tmp_path) == []
    wait_for(lambda: len(messages(tmp_path)) == 2)
    broker_publisher.close()
    assert activities.states() == {"dispatch": "ok"}
    assert (failures.counts["dispatch"] > 0, failures.failing) == (True, set())
    assert [(log["event"], log["log_level"]) for log in logged] == [
        ("activity.failed", level),
        ("activity.recovered", "info"),
    ]
    # A trace tells of what nobody expects.
    assert logged[0].get("exc_info") == (error if level == "error" else None)


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def wait_for(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_who_comes_after_the_end_is_told_of(configure: Callable[..., Settings], logged: list[Any]) -> None:
    broker_publisher = BrokerPublisher(configure(), Activities())
    broker_publisher.close()
    broker_publisher.publish("one")
    assert [(log["event"], log["task"]) for log in logged] == [("task.not_published", "one")]


def test_publishing_never_waits_even_when_too_much_is_waiting(
    configure: Callable[..., Settings], logged: list[Any], frozen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "_LONGEST_BACKLOG", 3)
    monkeypatch.setattr(publisher, "_DRAIN_SECONDS", 0.0)
    broker_publisher = BrokerPublisher(configure(broker_url=f"redis://127.0.0.1:{frozen}"), Activities())
    for number in range(10):
        broker_publisher.publish(str(number))
    broker_publisher.close()
    assert "too many are waiting" in {log["reason"] for log in logged}


def test_closing_before_anything_was_published_is_nothing(configure: Callable[..., Settings]) -> None:
    BrokerPublisher(configure(), Activities()).close()


def test_the_dispatcher_is_there_before_celery_is() -> None:
    script = "import sys, tasks.publisher; sys.exit('celery' in sys.modules or 'kombu' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])
