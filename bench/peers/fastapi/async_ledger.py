"""Movements: four statements, however many lines there are."""

import asyncpg
import queries
from fastapi import HTTPException
from schemas import NewIssue


async def issue(connection: asyncpg.Connection, body: NewIssue, by: str) -> dict[str, object]:
    """Take the lines from stock, all of them or none, in the transaction that is open."""
    if len({(line.sku, line.location) for line in body.lines}) < len(body.lines):
        raise HTTPException(400, "Two lines are about the same place")
    levels = await connection.fetch(
        queries.LOCK_LEVELS,
        [line.sku for line in body.lines],
        [line.location for line in body.lines],
        [line.quantity for line in body.lines],
    )
    if len(levels) < len(body.lines):
        raise HTTPException(404, "Nothing is held at some of these places")
    if any(level["available"] < level["quantity"] for level in levels):
        raise HTTPException(409, "There is not enough stock")
    numbers, *taken, _ = (list(column) for column in zip(*levels, strict=True))
    await connection.execute(queries.TAKE, *taken)
    movement = await connection.fetchrow(
        queries.RECORD_MOVEMENT, body.kind, body.reference, body.note, body.occurred_at, by
    )
    await connection.execute(queries.RECORD_LINES, movement["id"], numbers, *taken)
    lines = [{"sku": line.sku, "location": line.location, "delta": -line.quantity} for line in body.lines]
    return {**movement, "lines": lines}
