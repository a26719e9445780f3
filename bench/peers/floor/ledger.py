"""The floor's ledger: four statements for a movement, however many lines it has."""

from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from database import database

LOCK = """
    SELECT wanted.number, levels.item_id, levels.location_id, levels.on_hand - levels.reserved
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (sku, code, number)
    JOIN items ON items.sku = wanted.sku AND NOT items.archived
    JOIN locations ON locations.code = wanted.code AND NOT locations.archived
    JOIN levels ON levels.item_id = items.id AND levels.location_id = locations.id
    ORDER BY levels.item_id, levels.location_id
    FOR UPDATE OF levels
"""
TAKE = """
    UPDATE levels SET on_hand = on_hand - taken.quantity
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS taken (item_id, location_id, quantity)
    WHERE levels.item_id = taken.item_id AND levels.location_id = taken.location_id
"""
RECORD = """
    INSERT INTO movements (kind, reference, note, occurred_at, created_at, created_by)
    VALUES ($1, $2, $3, $4, $5, $6) RETURNING id
"""
LINES = """
    INSERT INTO movement_lines (movement_id, line, item_id, location_id, delta)
    SELECT $1, line, item_id, location_id, -quantity
    FROM unnest($2::bigint[], $3::bigint[], $4::bigint[])
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


async def issue(body: dict[str, Any], by: str) -> dict[str, Any]:
    """Take the lines from stock, all of them or none."""
    lines = body["lines"]
    async with database.transaction() as run:
        levels = await run(LOCK, [line["sku"] for line in lines], [line["location"] for line in lines])
        if len(levels) < len(lines):
            raise Refused(404, "Nothing is held at some of these places")
        levels = sorted(levels, key=itemgetter(0))
        if any(level[3] < line["quantity"] for level, line in zip(levels, lines, strict=True)):
            raise Refused(409, "There is not enough stock")
        _, item_ids, location_ids, _ = map(list, zip(*levels, strict=True))
        taken = (item_ids, location_ids, [line["quantity"] for line in lines])
        await run(TAKE, *taken)
        now = datetime.now(UTC)
        own = {name: body.get(name) for name in ("kind", "reference", "note")}
        own |= {"occurred_at": now, "created_at": now, "created_by": by}
        ((key,),) = await run(RECORD, *own.values())
        await run(LINES, key, *taken)
    shown = [{"sku": line["sku"], "location": line["location"], "delta": -line["quantity"]} for line in lines]
    return {"id": key, **own, "lines": shown}


async def summarise() -> dict[str, Any]:
    (row,) = await database.rows(FIGURES)
    return {**dict(zip(FIGURE_NAMES, row, strict=True)), "as_of": datetime.now(UTC)}
