"""The SKUs that a running import has met, kept across chunks, workers and dry runs."""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.json_rows import DIALECTS, JsonRows
from stockroom.db.tables import import_keys
from stockroom.imports.item_rows import Met

_columns = (import_keys.c.key, import_keys.c.line, import_keys.c.name, import_keys.c.outcome)
_task = sa.bindparam("task", type_=import_keys.c.task_id.type)


class _Statements:
    """Statements in a database's dialect, each of which takes its keys or rows as one JSON array."""

    def __init__(self, dialect: str) -> None:
        rows = JsonRows(dialect)
        self.find = _found_one_by_one(rows) if dialect == "postgresql" else _found(rows)
        new = sa.select(_task, *map(rows.value, _columns))
        self.insert = sa.insert(import_keys).from_select([import_keys.c.task_id, *_columns], new)
        self.update = (
            sa.update(import_keys)
            .where(import_keys.c.task_id == _task, import_keys.c.key == rows.value(import_keys.c.key))
            .values({name: rows.value(import_keys.c[name]) for name in ("name", "outcome")})
        )


def _found(rows: JsonRows) -> sa.Select[*tuple[Any, ...]]:
    keys = sa.select(rows.value(import_keys.c.key))
    return sa.select(*_columns).where(import_keys.c.task_id == _task, import_keys.c.key.in_(keys))


def _found_one_by_one(rows: JsonRows) -> sa.Select[*tuple[Any, ...]]:
    """Look up each SKU by the index. Without statistics, which a table that grows so fast lacks, PostgreSQL
    would read all rows of the task. OFFSET 0 keeps it from turning this into a join.
    """
    of_task = import_keys.c.task_id == _task
    one = (
        sa.select(*_columns)
        .where(of_task, import_keys.c.key == rows.value(import_keys.c.key))
        .correlate(rows.elements)
    )
    return sa.select(one.offset(0).lateral()).select_from(rows.elements)


_statements = {dialect: _Statements(dialect) for dialect in DIALECTS}


def find(connection: Connection, task_id: str, skus: Collection[str]) -> dict[str, Met]:
    if not skus:
        return {}
    given = {"task": task_id, "rows": [{"key": sku} for sku in skus]}
    rows = connection.execute(_statements[connection.dialect.name].find, given).all()
    return {key: Met(line, name, outcome) for key, line, name, outcome in rows}


def note(connection: Connection, task_id: str, met: Mapping[str, Met], *, known: Collection[str]) -> None:
    """Store what was met. SKUs in `known` have a row already, which keeps its line."""
    statements = _statements[connection.dialect.name]
    for statement, skus in (
        (statements.insert, [sku for sku in met if sku not in known]),
        (statements.update, [sku for sku in met if sku in known]),
    ):
        if skus:
            rows = [_row(sku, met[sku]) for sku in skus]
            connection.execute(statement, {"task": task_id, "rows": rows})


def _row(sku: str, met: Met) -> dict[str, Any]:
    return {"key": sku, "line": met.line, "name": met.name, "outcome": met.outcome}
