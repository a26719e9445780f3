"""What a running import has met so far, by SKU: it outlives the chunk, the worker and the dry run.

PostgreSQL takes a chunk's values as arrays, and is tied to one index look-up a SKU: given a list it reads
all rows of the task, as long as it has no statistics of a table that grows so fast.
"""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from stockroom.domain.import_items import Met
from stockroom.storage.tables import import_keys

_COLUMNS = (import_keys.c.key, import_keys.c.line, import_keys.c.name, import_keys.c.outcome)
_of_task = import_keys.c.task_id == sa.bindparam("task")

_find = sa.select(*_COLUMNS).where(
    _of_task, import_keys.c.key.in_(sa.bindparam("keys", expanding=True, type_=sa.Text))
)


def _array(name: str, kind: type[sa.types.TypeEngine[Any]]) -> sa.ColumnElement[Any]:
    return sa.func.unnest(sa.bindparam(name, type_=postgresql.ARRAY(kind)))


_wanted = sa.select(_array("keys", sa.Text).label("key")).subquery("wanted")
# The offset of nothing keeps the planner from turning this into a join it finds cheaper.
_one = sa.select(*_COLUMNS).where(_of_task, import_keys.c.key == _wanted.c.key).offset(0).lateral()
_find_by_array = sa.select(_one).select_from(_wanted.join(_one, sa.true()))

# PostgreSQL's construct also compiles for SQLite, whose syntax here is the same.
_insert = postgresql.insert(import_keys)
_changed = {"name": _insert.excluded.name, "outcome": _insert.excluded.outcome}
_key = [import_keys.c.task_id, import_keys.c.key]
_note = _insert.on_conflict_do_update(index_elements=_key, set_=_changed)
_note_arrays = _insert.from_select(
    ["task_id", "key", "line", "name", "outcome"],
    sa.select(
        sa.bindparam("task", type_=sa.Text),
        _array("keys", sa.Text),
        _array("lines", sa.BigInteger),
        _array("names", sa.Text),
        _array("outcomes", sa.Text),
    ),
).on_conflict_do_update(index_elements=_key, set_=_changed)


def find(connection: sa.Connection, task_id: str, skus: Collection[str]) -> dict[str, Met]:
    if not skus:
        return {}
    query = _find_by_array if connection.dialect.name == "postgresql" else _find
    rows = connection.execute(query, {"task": task_id, "keys": list(skus)})
    return {key: Met(line, name, outcome) for key, line, name, outcome in rows}


def note(connection: sa.Connection, task_id: str, met: Mapping[str, Met]) -> None:
    """Write down what was met; of a SKU that is known the line of its first row stays."""
    if not met:
        return
    if connection.dialect.name == "postgresql":
        lines, names, outcomes = map(list, zip(*met.values(), strict=True))
        arrays = {"keys": list(met), "lines": lines, "names": names, "outcomes": outcomes}
        connection.execute(_note_arrays, {"task": task_id, **arrays})
        return
    connection.execute(
        _note,
        [
            {"task_id": task_id, "key": sku, "line": line, "name": name, "outcome": outcome}
            for sku, (line, name, outcome) in met.items()
        ],
    )
