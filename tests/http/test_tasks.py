"""Long work on the wire: watched, cancelled, listed, and nobody else's business."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Client = Any
Headers = dict[str, str]
Begin = Callable[..., str]

UNKNOWN = "0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a11"


@pytest.fixture
def admin(sign_in: Callable[..., Headers]) -> Headers:
    return sign_in("admin")


@pytest.fixture
def begin(client: Client, admin: Headers) -> Begin:
    """Begin an import, and answer its path."""

    def begin(content: bytes = b"sku,name\nA1,Axe\n", who: Headers | None = None) -> str:
        headers = (who or admin) | {"Content-Type": "text/csv"}
        answer = client.post("/imports?kind=items", headers=headers, content=content)
        assert answer.status_code == 202
        location: str = answer.headers["Location"]
        return location

    return begin


@pytest.fixture
def finish(work_off: Callable[[str], None]) -> Callable[[str], None]:
    return lambda path: work_off(path.removeprefix("/tasks/"))


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def test_a_pending_task_says_when_to_look_again_and_an_ended_one_does_not(
    client: Client, admin: Headers, begin: Begin, finish: Callable[[str], None]
) -> None:
    path = begin()
    pending = client.get(path, headers=admin)
    assert (pending.json()["state"], pending.headers["Retry-After"]) == ("queued", "1")
    finish(path)
    ended = client.get(path, headers=admin)
    assert ended.json()["state"] == "succeeded"
    assert "Retry-After" not in ended.headers
    assert ended.json()["created_at"] <= ended.json()["started_at"] <= ended.json()["finished_at"]


def test_a_cancelled_task_does_nothing_more(
    client: Client, admin: Headers, begin: Begin, finish: Callable[[str], None]
) -> None:
    path = begin()
    cancelled = client.delete(path, headers=admin)
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    finish(path)
    assert client.get(path, headers=admin).json() == cancelled.json()
    assert client.get("/items", headers=admin).json()["total"] == 0


def test_what_has_ended_cannot_be_cancelled(
    client: Client, admin: Headers, begin: Begin, finish: Callable[[str], None]
) -> None:
    path = begin()
    finish(path)
    assert problem(client.delete(path, headers=admin)) == (409, "task-finished")


def test_the_tasks_of_others_do_not_exist(
    client: Client, begin: Begin, sign_in: Callable[..., Headers]
) -> None:
    path, other = begin(), sign_in("admin", "eve")
    assert problem(client.get(path, headers=other)) == (404, "not-found")
    assert problem(client.delete(path, headers=other)) == (404, "not-found")
    assert problem(client.get(f"{path}/errors", headers=other)) == (404, "not-found")
    assert client.get("/tasks", headers=other).json()["total"] == 0


def test_an_unknown_task_is_nowhere_and_an_odd_id_is_refused(client: Client, admin: Headers) -> None:
    for suffix in ("", "/errors"):
        assert problem(client.get(f"/tasks/{UNKNOWN}{suffix}", headers=admin)) == (404, "not-found")
        assert problem(client.get(f"/tasks/7{suffix}", headers=admin)) == (400, "validation-failed")


def test_the_list_has_the_newest_first_and_is_walked_by_links(
    client: Client, admin: Headers, begin: Begin, finish: Callable[[str], None]
) -> None:
    paths = [begin() for _ in range(5)]
    finish(paths[2])
    found, following = [], "/tasks?per_page=2&state=queued"
    while following:
        answer = client.get(following, headers=admin)
        found += [f"/tasks/{task['id']}" for task in answer.json()["tasks"]]
        assert answer.json()["total"] == 4
        following = answer.json()["next"]
        assert answer.headers.get("Link") == (f'<{following}>; rel="next"' if following else None)
    assert sorted(found) == sorted(paths[:2] + paths[3:])
    times = [client.get(path, headers=admin).json()["created_at"] for path in found]
    assert times == sorted(times, reverse=True)


def test_faults_are_walked_by_links_and_told_apart_by_kind(
    client: Client, admin: Headers, begin: Begin, finish: Callable[[str], None]
) -> None:
    path = begin(b"sku,name\nA1,Axe\nA1,Adze\n!,x\nA1,Maul\n?,x\n")
    assert client.get(f"{path}/errors", headers=admin).json()["total"] == 0
    finish(path)
    lines, following = [], f"{path}/errors?per_page=1"
    while following:
        page = client.get(following, headers=admin).json()
        lines += [error["line"] for error in page["errors"]]
        following = page["next"]
    assert lines == [3, 4, 5, 6]
    for kind, expected in (("merged", [3, 5]), ("rejected", [4, 6])):
        page = client.get(f"{path}/errors?kind={kind}", headers=admin).json()
        assert [error["line"] for error in page["errors"]] == expected
        assert page["total"] == 2
