"""What a running import has met so far, by SKU: it outlives the chunk, the worker and the dry run."""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from stockroom.domain.import_items import Met
from stockroom.storage.json_rows import DIALECTS, JsonRows
from stockroom.storage.tables import import_keys

_columns = (import_keys.c.key, import_keys.c.line, import_keys.c.name, import_keys.c.outcome)
_task = sa.bindparam("task", type_=import_keys.c.task_id.type)


class _Statements:
    """Statements in the words of a database, each of which takes its keys or rows as one JSON array."""

    def __init__(self, dialect: str) -> None:
        rows = JsonRows(dialect)
        self.find = _found_one_by_one(rows) if dialect == "postgresql" else _found(rows)
        # SQLite takes ON CONFLICT after a SELECT for part of it, unless that ends in a WHERE. PostgreSQL's
        # construct also compiles for SQLite, whose syntax here is the same.
        source = sa.select(_task, *map(rows.value, _columns)).where(sa.true())
        insert = postgresql.insert(import_keys).from_select([import_keys.c.task_id, *_columns], source)
        self.note = insert.on_conflict_do_update(
            index_elements=[import_keys.c.task_id, import_keys.c.key],
            set_={name: insert.excluded[name] for name in ("name", "outcome")},
        )


def _found(rows: JsonRows) -> sa.Select[*tuple[Any, ...]]:
    keys = sa.select(rows.value(import_keys.c.key))
    return sa.select(*_columns).where(import_keys.c.task_id == _task, import_keys.c.key.in_(keys))


def _found_one_by_one(rows: JsonRows) -> sa.Select[*tuple[Any, ...]]:
    """Tied to one index look-up a SKU: PostgreSQL would read all rows of the task, as long as it has no
    statistics of a table that grows so fast. The offset of nothing keeps it from making this a join.
    """
    of_task = import_keys.c.task_id == _task
    one = (
        sa.select(*_columns)
        .where(of_task, import_keys.c.key == rows.value(import_keys.c.key))
        .correlate(rows.elements)
    )
    return sa.select(one.offset(0).lateral()).select_from(rows.elements)


_statements = {dialect: _Statements(dialect) for dialect in DIALECTS}


def find(connection: sa.Connection, task_id: str, skus: Collection[str]) -> dict[str, Met]:
    if not skus:
        return {}
    given = {"task": task_id, "rows": [{"key": sku} for sku in skus]}
    rows = connection.execute(_statements[connection.dialect.name].find, given).all()
    return {key: Met(line, name, outcome) for key, line, name, outcome in rows}


def note(connection: sa.Connection, task_id: str, met: Mapping[str, Met]) -> None:
    """Write down what was met; of a SKU that is known the line of its first row stays."""
    if not met:
        return
    rows = [
        {"key": sku, "line": line, "name": name, "outcome": outcome}
        for sku, (line, name, outcome) in met.items()
    ]
    connection.execute(_statements[connection.dialect.name].note, {"task": task_id, "rows": rows})
