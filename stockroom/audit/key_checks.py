"""Checks of idempotency keys: each was stored in the transaction of its effect, so that each has one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from stockroom.audit.checks import Audited, Check, count, parts
from stockroom.db.connections import Connection
from stockroom.db.statements import Row
from stockroom.db.tables import (
    idempotency_keys,
    movement_lines,
    movements,
    reservation_lines,
    reservations,
    tasks,
)
from stockroom.frozen import frozen

# An answer has up to 500 lines of a movement.
_AT_ONCE = 100

_LOCATION = re.compile(r"/(\w+)/([0-9a-f-]{1,36})")

_KEYS = sa.select(
    idempotency_keys.c.caller,
    idempotency_keys.c.operation,
    idempotency_keys.c.key,
    idempotency_keys.c.headers,
    idempotency_keys.c.body,
    idempotency_keys.c.created_at,
)


class _Effect(NamedTuple):
    """What a request has made: whose it is, when it was made, and how many lines it has."""

    by: str
    at: datetime
    lines: int


def _found(
    table: sa.Table, by: sa.Column[str], lines: sa.Column[Any] | None = None
) -> sa.Select[Any, str, datetime, int]:
    number = (
        sa.literal(0)
        if lines is None
        else sa.select(sa.func.count()).where(lines == table.c.id).scalar_subquery()
    )
    named = table.c.id.in_(sa.bindparam("ids", expanding=True))
    return sa.select(table.c.id, by, table.c.created_at, number.label("lines")).where(named)


_EFFECTS: Mapping[str, sa.Select[Any, str, datetime, int]] = {
    "movements": _found(movements, movements.c.created_by, movement_lines.c.movement_id),
    "reservations": _found(reservations, reservations.c.created_by, reservation_lines.c.reservation_id),
    "tasks": _found(tasks, tasks.c.owner),
}
"""How to find what an answer's `Location` names, by the first part of its path."""


@frozen
class _Effects:
    name: str = "keys-have-effects"
    promise: str = (
        "What the answer of an idempotency key tells of is there: its caller's, whole, of that moment."
    )

    def rows(self, audited: Audited) -> int:
        return count(audited.snapshot, "idempotency_keys")

    def violations(self, audited: Audited) -> Iterator[str]:
        for keys in parts(audited.snapshot, _KEYS, size=_AT_ONCE):
            named = [_named(key) for key in keys]
            effects = _effects(audited.snapshot, named)
            for key, (kind, id_) in zip(keys, named, strict=True):
                if fault := _fault(key, effects.get((kind, id_)), id_):
                    yield f"key {key.key} of {key.caller} for {key.operation}: {fault}"


def _named(key: Row) -> tuple[str, str]:
    """Kind and id of what the answer says was made."""
    location = next((value for name, value in key.headers.items() if name.lower() == "location"), "")
    match = _LOCATION.fullmatch(location)
    return (match[1], match[2]) if match else ("", "")


def _effects(snapshot: Connection, named: Sequence[tuple[str, str]]) -> dict[tuple[str, str], _Effect]:
    found = {}
    for kind, query in _EFFECTS.items():
        ids = [id_ for named_kind, id_ in named if named_kind == kind]
        known = [int(id_) for id_ in ids if id_.isdecimal()] if kind == "movements" else ids
        for id_, *effect in snapshot.execute(query, {"ids": known}) if known else ():
            found[kind, str(id_)] = _Effect(*effect)
    return found


def _fault(key: Row, effect: _Effect | None, id_: str) -> str | None:
    if effect is None:
        return "what it has made is not there"
    answer = orjson.loads(key.body)
    lines = len(answer.get("lines", ()))
    faults = {
        f"its answer is of {answer['id']}, and not of {id_}": str(answer["id"]) != id_,
        f"what it has made is {effect.by}'s": effect.by != key.caller,
        "what it has made is of another moment": effect.at != key.created_at,
        f"what it has made has {effect.lines} lines, and its answer {lines}": effect.lines != lines,
    }
    return next((fault for fault, is_so in faults.items() if is_so), None)


CHECKS: tuple[Check, ...] = (_Effects(),)
