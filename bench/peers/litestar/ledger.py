"""Movements: four statements, however many lines there are."""

import asyncpg
import queries
from litestar.exceptions import ClientException, NotFoundException
from schemas import Movement, MovementLine, NewIssue


async def issue(connection: asyncpg.Connection, data: NewIssue, by: str) -> Movement:
    """Take the lines from stock, all of them or none, in the transaction that is open."""
    if len({(line.sku, line.location) for line in data.lines}) < len(data.lines):
        raise ClientException("Two lines are about the same place")
    levels = await connection.fetch(
        queries.LOCK_LEVELS,
        [line.sku for line in data.lines],
        [line.location for line in data.lines],
        [line.quantity for line in data.lines],
    )
    if len(levels) < len(data.lines):
        raise NotFoundException("Nothing is held at some of these places")
    if any(level["available"] < level["quantity"] for level in levels):
        raise ClientException("There is not enough stock", status_code=409)
    numbers, *taken, _ = (list(column) for column in zip(*levels, strict=True))
    await connection.execute(queries.TAKE, *taken)
    movement = await connection.fetchrow(
        queries.RECORD_MOVEMENT, data.kind, data.reference, data.note, data.occurred_at, by
    )
    await connection.execute(queries.RECORD_LINES, movement["id"], numbers, *taken)
    lines = [MovementLine(line.sku, line.location, -line.quantity) for line in data.lines]
    return Movement(**movement, lines=lines)
