"""The floor's ledger: four statements for a movement, however many lines it has."""

from datetime import UTC, datetime
from typing import Any

import psycopg

LOCK = """
    SELECT wanted.number, levels.item_id, levels.location_id, levels.on_hand - levels.reserved
    FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS wanted (sku, code, number)
    JOIN items ON items.sku = wanted.sku AND NOT items.archived
    JOIN locations ON locations.code = wanted.code AND NOT locations.archived
    JOIN levels ON levels.item_id = items.id AND levels.location_id = locations.id
    ORDER BY levels.item_id, levels.location_id
    FOR UPDATE OF levels
"""
TAKE = """
    UPDATE levels SET on_hand = on_hand - taken.quantity
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS taken (item_id, location_id, quantity)
    WHERE levels.item_id = taken.item_id AND levels.location_id = taken.location_id
"""
RECORD = """
    INSERT INTO movements (kind, reference, note, occurred_at, created_at, created_by)
    VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
"""
LINES = """
    INSERT INTO movement_lines (movement_id, line, item_id, location_id, delta)
    SELECT %s, line, item_id, location_id, -quantity
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])
        WITH ORDINALITY AS taken (item_id, location_id, quantity, line)
"""
FIGURES = """
    SELECT
        (SELECT count(*) FROM items WHERE NOT archived),
        (SELECT count(*) FROM items WHERE archived),
        (SELECT count(*) FROM locations WHERE NOT archived),
        (SELECT coalesce(sum(on_hand), 0)::bigint FROM levels),
        (SELECT count(*) FROM items WHERE NOT archived AND reorder_point >=
            (SELECT coalesce(sum(on_hand), 0) FROM levels WHERE item_id = items.id)),
        (SELECT count(*) FROM movements WHERE created_at >= date_trunc('day', now(), 'UTC'))
"""
FIGURE_NAMES = ("items", "archived_items", "locations", "units", "low_stock", "movements_today")


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def issue(connection: psycopg.Connection, body: dict[str, Any], by: str) -> dict[str, Any]:
    """Take the lines from stock, all of them or none."""
    lines = body["lines"]
    with connection.transaction():
        rows = connection.execute(
            LOCK, ([line["sku"] for line in lines], [line["location"] for line in lines])
        ).fetchall()
        if len(rows) < len(lines):
            raise Refused(404, "Nothing is held at some of these places")
        rows.sort()
        if any(row[3] < line["quantity"] for row, line in zip(rows, lines, strict=True)):
            raise Refused(409, "There is not enough stock")
        _, item_ids, location_ids, _ = map(list, zip(*rows, strict=True))
        taken = (item_ids, location_ids, [line["quantity"] for line in lines])
        connection.execute(TAKE, taken)
        now = datetime.now(UTC)
        own = {name: body.get(name) for name in ("kind", "reference", "note")}
        own |= {"occurred_at": now, "created_at": now, "created_by": by}
        recorded = connection.execute(RECORD, list(own.values())).fetchone()
        key = recorded[0] if recorded else 0
        connection.execute(LINES, (key, *taken))
    shown = [{"sku": line["sku"], "location": line["location"], "delta": -line["quantity"]} for line in lines]
    return {"id": key, **own, "lines": shown}


def summarise(connection: psycopg.Connection) -> dict[str, Any]:
    row = connection.execute(FIGURES).fetchone() or ()
    return {**dict(zip(FIGURE_NAMES, row, strict=True)), "as_of": datetime.now(UTC)}
