"""Rows of the table: a change of the contract and what it breaks, and then what the way back breaks."""

from datetime import date
from functools import cache
from typing import Any

import pytest

from stockroom.contract.document import CONTRACT, Document, parse_document
from tests.contract.changes import Change, all_of
from tests.contract.gates.compatibility import breaking_changes

HARMLESS = ""
GONE = "the operation is gone and was not deprecated"
TODAY = date(2027, 6, 15)


def case(name: str, change: Change, forth: str, back: str) -> Any:
    return pytest.param(change, forth, back, id=name)


def schema(name: str) -> str:
    """The trail to a schema."""
    return f"\n  schemas: > \n    {name}:"


@cache
def present() -> Document:
    return parse_document(CONTRACT, CONTRACT.read_bytes())


def changed(*changes: Change) -> Document:
    """The present contract with its text changed; it need not be one that could be served."""
    before = CONTRACT.read_text()
    text = all_of(*changes)(before)
    assert text != before
    return parse_document(CONTRACT, text.encode())


def told(before: Document, after: Document, today: date = TODAY) -> str:
    """What is told of the changes, without lines and places, each once, in the order of the alphabet."""
    lines = breaking_changes(before, after, today)
    return "; ".join(sorted({line.partition(": ")[2].rpartition(" (")[0] for line in lines}))
