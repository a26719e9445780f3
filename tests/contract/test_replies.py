"""Replies: values as JSON, and If-None-Match (RFC 9110, 13.1.2)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest

from stockroom.contract.contract import Contract
from stockroom.http.conditional import conditional
from stockroom.http.replies import Reply, render, to_json

REPLY = Reply(200, {"ETag": '"v7"', "Content-Type": "application/json", "Cache-Control": "no-cache"}, b"{}")


@pytest.mark.parametrize(
    "wanted",
    ["*", '"v7"', 'W/"v7"', '"v6", "v7"', '"v6","v7"', 'W/"v1", W/"v7" , "v8"'],
)
def test_what_the_client_has_is_not_sent_again(wanted: str) -> None:
    reply = conditional(REPLY, {"if_none_match": wanted})
    assert reply == Reply(304, {"ETag": '"v7"', "Cache-Control": "no-cache"}, b"")


@pytest.mark.parametrize("wanted", [None, '"v6"', 'W/"v6"', '"V7"', '"v77"', "v7", '"v6", "v8"', '""'])
def test_what_the_client_has_not_is_sent(wanted: str | None) -> None:
    assert conditional(REPLY, {"if_none_match": wanted}) is REPLY


def test_what_has_no_validator_is_sent() -> None:
    reply = Reply(200, {}, b"{}")
    assert conditional(reply, {"if_none_match": "*"}) is reply


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    made: datetime | None
    tags: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 22, 10, 0, 0, 123456, UTC), "2026-11-22T10:00:00.123Z"),
        (datetime(2026, 11, 22, 10, tzinfo=UTC), "2026-11-22T10:00:00.000Z"),
        (datetime(2026, 11, 22, 10, tzinfo=timezone(timedelta(hours=2))), "2026-11-22T08:00:00.000Z"),
    ],
)
def test_times_are_utc_with_milliseconds(moment: datetime, text: str) -> None:
    assert to_json(Thing("a", moment)) == f'{{"name":"a","made":"{text}","tags":[]}}'.encode()


def test_what_has_no_form_in_json_is_a_fault() -> None:
    with pytest.raises(TypeError):
        to_json({"a": object()})


def test_a_validator_is_made_of_the_body_where_the_contract_promises_one(contract: Contract) -> None:
    operation = contract.operations["handlers.summary.read"]
    first, again, other = (render(operation, {"items": n}).headers["ETag"] for n in (1, 1, 2))
    assert first == again != other
    assert first.startswith('"')


def test_a_handler_has_the_last_word_on_its_headers(contract: Contract) -> None:
    operation = contract.operations["handlers.items.read"]
    reply = render(operation, ({}, {"ETag": '"v9"', "Cache-Control": "private"}))
    assert reply.headers["ETag"] == '"v9"'
    assert reply.headers["Cache-Control"] == "private"
