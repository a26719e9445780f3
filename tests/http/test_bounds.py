"""What one account may have here is bounded, whichever process it asks."""

import asyncio
import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from stockroom.contract.contract import Contract
from stockroom.db.database import Database
from stockroom.db.tables import tasks
from stockroom.settings import Settings
from stockroom.uploads import PREFIX
from tests.contract.conftest import new_token
from tests.service import KEY

Client = Any
Headers = dict[str, str]
Serve = Callable[..., Any]
SignIn = Callable[..., Headers]

ROWS = b"sku,name\n" + b"".join(b"A%03d,Axe\n" % n for n in range(100))
MEGABYTE = b"sku,name\n" + b"A1,Axe\n" * 150_000


@pytest.fixture
def admin(sign_in: SignIn) -> Headers:
    return sign_in("admin")


def send(client: Client, who: Headers, content: bytes | Iterator[bytes] = ROWS) -> httpx.Response:
    headers = who | {"Content-Type": "text/csv"}
    answer: httpx.Response = client.post("/imports?kind=items", headers=headers, content=content)
    return answer


def export(client: Client, who: Headers) -> httpx.Response:
    answer: httpx.Response = client.post("/exports", headers=who, json={"kind": "items", "format": "csv"})
    return answer


def refused(answer: httpx.Response) -> dict[str, int]:
    """The bound that was reached."""
    assert answer.status_code == 429, answer.text
    assert answer.json()["type"] == "/problems/too-much-work"
    # No earlier than the caller may ask again.
    assert answer.headers["Retry-After"] == "60"
    bound: dict[str, int] = answer.json()["bound"]
    assert str(bound["used"]) in answer.json()["detail"]
    assert str(bound["limit"]) in answer.json()["detail"]
    return bound


def test_unfinished_tasks_are_bounded(
    serve: Serve, admin: Headers, sign_in: SignIn, work_off: Callable[[str], None]
) -> None:
    client, other = serve(account_tasks=3), sign_in("manager")
    begun = [send(client, admin), export(client, admin), send(client, admin)]
    assert [answer.status_code for answer in begun] == [202] * 3
    for begin in (send, export):
        assert refused(begin(client, admin)) == {"name": "tasks", "limit": 3, "used": 3}
    assert send(client, other).status_code == 202
    assert client.delete(begun[0].headers["Location"], headers=admin).status_code == 202
    assert send(client, admin).status_code == 202
    assert refused(send(client, admin))["used"] == 3
    work_off(begun[2].json()["id"])
    assert export(client, admin).status_code == 202


def test_bytes_that_wait_to_be_imported_are_bounded(
    serve: Serve, admin: Headers, sign_in: SignIn, work_off: Callable[[str], None]
) -> None:
    client, other = serve(account_upload_bytes=2 * len(ROWS)), sign_in("manager")
    begun = [send(client, admin), send(client, admin)]
    assert [answer.status_code for answer in begun] == [202] * 2
    expected = {"name": "upload_bytes", "limit": 2 * len(ROWS), "used": 2 * len(ROWS)}
    assert refused(send(client, admin, ROWS[:20])) == expected
    assert send(client, other).status_code == 202
    assert export(client, admin).status_code == 202
    work_off(begun[0].json()["id"])
    assert send(client, admin, ROWS + b"B1,Bag\n").status_code == 429
    assert send(client, admin).status_code == 202


def test_a_file_that_is_larger_than_all_may_be_is_too_large_and_not_to_be_sent_again(
    serve: Serve, admin: Headers
) -> None:
    client = serve(account_upload_bytes=len(ROWS) - 1)
    # With its length, and found out at its end.
    for content in (ROWS, iter([ROWS])):
        answer = send(client, admin, content)
        assert (answer.status_code, answer.json()["type"]) == (413, "/problems/content-too-large")
        assert f"{len(ROWS) - 1} bytes" in answer.json()["detail"]
    assert send(client, admin, ROWS[:-8]).status_code == 202


def test_a_file_that_is_still_arriving_counts_as_a_task(
    serve: Serve, admin: Headers, contract: Contract
) -> None:
    client = serve(account_tasks=1)
    reader: Any = contract.operations["handlers.imports.create"].bodies["text/csv"]
    upload, _ = asyncio.run(reader.folder.begin("admin", 0))
    try:
        answer = send(client, admin)
        assert refused(answer) == {"name": "tasks", "limit": 1, "used": 1}
        assert "still arriving" in answer.json()["detail"]
    finally:
        upload.close()


def test_bytes_that_were_exported_are_bounded_and_kept_for_a_day(
    serve: Serve, admin: Headers, work_off: Callable[[str], None]
) -> None:
    client = serve(account_export_bytes=100)
    task = export(client, admin).json()["id"]
    # What it will have is not known before it is done.
    second = export(client, admin)
    assert second.status_code == 202
    work_off(task)
    size = len(client.get(f"/tasks/{task}/result", headers=admin).content)
    work_off(second.json()["id"])
    assert size < 100 <= 2 * size
    assert refused(export(client, admin)) == {"name": "export_bytes", "limit": 100, "used": 2 * size}
    assert send(client, admin).status_code == 202


def test_what_is_exported_no_longer_counts_when_its_day_is_over(
    serve: Serve, admin: Headers, database: Database, work_off: Callable[[str], None]
) -> None:
    client = serve(account_export_bytes=1)
    work_off(export(client, admin).json()["id"])
    assert refused(export(client, admin))["name"] == "export_bytes"
    with database.work() as work:
        work.connection.execute(tasks.update().values(finished_at=work.now - timedelta(hours=24)))
    assert export(client, admin).status_code == 202


def test_what_a_killed_process_has_left_of_a_file_is_removed_at_the_start(
    serve: Serve, configure: Callable[..., Settings]
) -> None:
    folder = configure().data_dir
    folder.mkdir()
    leftover, held = folder / f"{PREFIX}0-9-0", folder / f"{PREFIX}0-9-1"
    leftover.write_bytes(b"sku,name\n")
    with held.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        serve()
        assert (leftover.exists(), held.exists()) == (False, True)


@pytest.mark.parametrize("end", ["cancelled", "succeeded", "failed"])
def test_a_file_goes_with_the_end_of_its_task(
    client: Client,
    admin: Headers,
    configure: Callable[..., Settings],
    work_off: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    end: str,
) -> None:
    stored = configure().data_dir / "files"
    task = send(client, admin).json()["id"]
    assert [path.name for path in stored.iterdir()] == [f"{task}.csv"]
    if end == "cancelled":
        client.delete(f"/tasks/{task}", headers=admin).raise_for_status()
    else:
        if end == "failed":
            monkeypatch.setattr("stockroom.imports.execution.survey", None)
        work_off(task)
    assert client.get(f"/tasks/{task}", headers=admin).json()["state"] == end
    assert list(stored.iterdir()) == []


def test_processes_that_are_asked_at_the_same_time_take_no_more_than_is_allowed(
    start_service: Callable[..., Any], database_url: str, sign_in: SignIn
) -> None:
    sign_in("admin", "ann")
    size = len(MEGABYTE)
    service = start_service(
        database_url=database_url,
        jwt_key=KEY,
        web_workers=2,
        rate_limits="report",
        account_tasks=7,
        account_upload_bytes=5 * size,
    )
    folder = Path(service.environment["STOCKROOM_DATA_DIR"])
    headers = {"Authorization": f"Bearer {new_token('ann')}"}
    most, over = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.is_set():
            found = [*folder.glob(f"{PREFIX}*"), *folder.glob("files/*.csv")]
            most = max(most, sum(_size(path) for path in found))
            time.sleep(0.01)

    watching = threading.Thread(target=watch)
    watching.start()
    # Each request has a connection of its own, which either process may take.
    headers["Connection"] = "close"
    with httpx.Client(base_url=service.url, headers=headers, timeout=60) as client:
        answers = at_once(lambda number: send(client, {}, MEGABYTE) if number % 2 else export(client, {}), 36)
        assert filled_up(answers, lambda: export(client, {})) == 7
        for task in client.get("/tasks?per_page=100").json()["tasks"]:
            client.delete(f"/tasks/{task['id']}").raise_for_status()
        assert list(folder.glob("files/*")) == []
        answers = at_once(lambda number: send(client, {}, MEGABYTE), 24)
        assert filled_up(answers, lambda: send(client, {}, MEGABYTE)) == 5
    over.set()
    watching.join()
    # A file that was received is there twice while it is stored.
    assert most <= 10 * size


def filled_up(answers: list[httpx.Response], ask: Callable[[], httpx.Response]) -> int:
    """How many were accepted once as many more were asked for, one after the other, as there is room for.

    Of several at the same time one that is refused in the end counts for the others while it arrives.
    """
    taken = accepted(answers)
    assert taken > 0
    while ask().status_code == 202:
        taken += 1
    return taken


def accepted(answers: list[httpx.Response]) -> int:
    """How many were; the others were refused because of a bound."""
    others = [answer for answer in answers if answer.status_code != 202]
    assert {refused(answer)["name"] for answer in others} <= {"tasks", "upload_bytes"}
    return len(answers) - len(others)


def at_once(ask: Callable[[int], httpx.Response], times: int) -> list[httpx.Response]:
    with ThreadPoolExecutor(12) as pool:
        return list(pool.map(ask, range(times)))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
