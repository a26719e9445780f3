"""Whether servers do the same work: the answers compared before anything is measured, refusals among them."""

import random
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import httpx

from bench import databases
from bench.generate import PASSWORD, sku
from bench.load import Request
from bench.works import USERNAME, WORKS, Asker, issue, log_in, new_item

# Members of Stockroom's answers that a peer need not have.
_EXTRAS = frozenset(
    {
        "next",
        "total_is_exact",
        "reverses",
        "reversed_by",
        "refresh_token",
        "scope",
        "failed_logins",
        "id",
        "as_of",
    }
)
# Not of the answers but of the moment.
_VOLATILE = frozenset({"access_token", "created_at", "updated_at", "occurred_at"})

Answers = Mapping[str, Any]


def answers(url: str, database_url: str) -> Answers:
    """What a server that was just started says to each work and to what it must refuse."""
    with httpx.Client(base_url=url, timeout=30) as client:
        before = databases.on_hand(database_url)
        log_in(client)
        said = {**dict(_works(client)), **dict(_refusals(client))}
        # All of it by the two movements that were good: one line, and a hundred.
        said["taken from stock"] = before - databases.on_hand(database_url)
        said["times"] = _times(client)
    databases.reset(database_url)
    return said


def differences(reference: Answers, other: Answers) -> list[str]:
    """Where `other` says something else than `reference`; best nothing."""
    return [
        f"{name}: {other.get(name)!r} instead of {said!r}"
        for name, said in reference.items()
        if other.get(name) != said
    ]


def _works(client: httpx.Client) -> Iterator[tuple[str, Any]]:
    for work in WORKS.values():
        # The same numbers, and so the same requests, for every server.
        asker = Asker(client, random.Random(1), seconds=0.001)  # noqa: S311 - nothing secret is drawn
        asked = work.requests(asker)[0]
        if work.name == "create":
            asked = Request("POST", "/items", new_item("CONFORMITY-1"))
        answer = _send(client, asked)
        yield work.name, (answer.status_code, _essential(answer))
        if answer.status_code != work.status:
            yield f"{work.name}: status", f"{answer.status_code}, and not {work.status}: {answer.text[:200]}"


def _refusals(client: httpx.Client) -> Iterator[tuple[str, Any]]:
    path = f"/items/{sku(1)}"
    token = client.headers["Authorization"]
    forged = token[:-5] + ("AAAAA" if not token.endswith("AAAAA") else "BBBBB")
    for name, authorization in (("no token", ""), ("a forged token", forged)):
        for asked in (Request("GET", path), Request("GET", "/items"), Request("GET", "/summary")):
            yield (
                f"{name}: {asked.path}",
                _send(client, asked, {"Authorization": authorization}).status_code,
            )
        moved = _send(client, Request("POST", "/movements", issue([1])), {"Authorization": authorization})
        yield f"{name}: /movements", moved.status_code
    yield "unknown item", client.get("/items/UNKNOWN").status_code
    yield "taken SKU", client.post("/items", json=new_item(sku(1))).status_code
    invalid = client.post("/items", json={**new_item("CONFORMITY-2"), "reorder_point": -1})
    yield "invalid item", invalid.status_code in {400, 422}
    wrong = client.post("/login", json={"username": USERNAME, "password": f"{PASSWORD}!"})
    yield "wrong password", wrong.status_code
    beyond = issue([1]) | {"lines": issue([1])["lines"] + issue([2], quantity=10**12)["lines"]}
    yield "more than there is", client.post("/movements", json=beyond).status_code
    unknown = issue([1])
    unknown["lines"] += [{"sku": "UNKNOWN", "location": "LOC-001", "quantity": 1}]
    yield "movement of an unknown item", client.post("/movements", json=unknown).status_code


def _send(client: httpx.Client, asked: Request, headers: Mapping[str, str] | None = None) -> httpx.Response:
    conditional = {"If-None-Match": asked.etag} if asked.etag else {}
    return client.request(
        asked.method, asked.path, json=asked.body, headers={**conditional, **(headers or {})}
    )


def _essential(answer: httpx.Response) -> Any:
    return _without_extras(answer.json()) if answer.content else None


def _without_extras(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: member for name, member in value.items() if name not in _EXTRAS}
        return {
            name: name in _VOLATILE or _without_extras(member)
            for name, member in kept.items()
            # A cached answer may be of the minute before midnight.
            if name != "movements_today"
        }
    if isinstance(value, list):
        return [_without_extras(member) for member in value]
    return value


def _times(client: httpx.Client) -> list[int]:
    """The times of one item in milliseconds, whatever their form."""
    item = client.get(f"/items/{sku(1)}").json()
    times = [datetime.fromisoformat(item[name]) for name in ("created_at", "updated_at")]
    return [round(time.timestamp() * 1000) for time in times]
