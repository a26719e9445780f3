"""Servers that do other work than Stockroom are told apart before anything is measured."""

from bench import conformity

REFERENCE = {"read": (200, {"sku": "A"}), "no token: /items": 401, "taken from stock": 101}


def test_equal_answers_differ_in_nothing() -> None:
    assert conformity.differences(REFERENCE, dict(REFERENCE)) == []


def test_a_server_that_asks_for_no_token_is_named() -> None:
    (line,) = conformity.differences(REFERENCE, REFERENCE | {"no token: /items": 200})
    assert line == "no token: /items: 200 instead of 401"


def test_a_server_that_moves_no_stock_is_named() -> None:
    (line,) = conformity.differences(REFERENCE, REFERENCE | {"taken from stock": 0})
    assert line.startswith("taken from stock")


def test_a_work_that_is_missing_is_named() -> None:
    (line,) = conformity.differences(REFERENCE, {k: v for k, v in REFERENCE.items() if k != "read"})
    assert line.startswith("read: None instead of")
