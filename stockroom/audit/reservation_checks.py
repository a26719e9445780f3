"""Checks of reservations: what they hold, and what became of those that hold nothing any more."""

from stockroom.audit.checks import SqlCheck
from stockroom.reservations.model import AT_MOST

_RESERVED = SqlCheck(
    "reserved-is-held",
    "A level has reserved what the held lines of reservations add up to.",
    "levels",
    """
    SELECT coalesce(items.sku, '?') AS sku, coalesce(code, '?') AS code, found.reserved, found.held FROM (
        SELECT item_id, location_id, sum(reserved) AS reserved, sum(quantity) AS held FROM (
            SELECT item_id, location_id, reserved, 0 AS quantity FROM levels
            UNION ALL SELECT item_id, location_id, 0, quantity FROM reservation_lines WHERE held
        ) AS booked GROUP BY item_id, location_id HAVING sum(reserved) <> sum(quantity)
    ) AS found LEFT JOIN items ON items.id = item_id LEFT JOIN locations ON locations.id = location_id
    """,
    "{sku} at {code}: {reserved} reserved, and reservations hold {held}",
)
_CLOSED = SqlCheck(
    "closed-hold-nothing",
    "A reservation that is released, fulfilled or stored as expired holds nothing.",
    "reservation_lines WHERE held",
    """
    SELECT id, state, line FROM reservations JOIN reservation_lines ON reservation_id = id
    WHERE held AND state <> 'held'
    """,
    "line {line} of reservation {id} is held, and the reservation is {state}",
)
# Whoever needs the stock of an expired reservation takes it before the reservation is closed. The clock that
# said so may have been ahead of this one, or was set back since: then something bears its time.
_HELD = SqlCheck(
    "held-hold-everything",
    "A reservation that is held and has not expired holds all its lines.",
    "reservations WHERE state = 'held'",
    """
    SELECT id, line FROM reservations JOIN reservation_lines ON reservation_id = id
    WHERE state = 'held' AND NOT held AND expires_at > (
        SELECT max(seen) FROM (
            SELECT CAST(:now AS bigint) AS seen
            UNION ALL SELECT max(created_at) FROM movements
            UNION ALL SELECT max(created_at) FROM reservations
            UNION ALL SELECT max(closed_at) FROM reservations
        ) AS times
    )
    """,
    "line {line} of reservation {id} is not held, though the reservation is",
)
_NUMBERED = SqlCheck(
    "reservations-have-lines",
    "The lines of a reservation are numbered from 1, and there is at least one.",
    "reservations",
    """
    SELECT id, count(line) AS lines FROM reservations LEFT JOIN reservation_lines ON reservation_id = id
    GROUP BY id HAVING count(line) = 0 OR min(line) <> 1 OR max(line) <> count(line)
    """,
    "reservation {id} has {lines} lines, and they are not numbered from 1",
)
_ONCE = SqlCheck(
    "reservations-name-places-once",
    "No two lines of a reservation are about the same item at the same location.",
    "reservation_lines",
    """
    SELECT reservation_id, item_id, location_id, count(*) AS lines FROM reservation_lines
    GROUP BY reservation_id, item_id, location_id HAVING count(*) > 1
    """,
    "reservation {reservation_id} has {lines} lines about item {item_id} at location {location_id}",
)
_TERMS = SqlCheck(
    "reservations-have-terms",
    f"A reservation expires after it is made, within {AT_MOST.days} days; it is released or fulfilled before "
    "that, or closed at that time.",
    "reservations",
    f"""
    SELECT id, state FROM reservations
    WHERE expires_at <= created_at OR expires_at > created_at + {AT_MOST.days} * CAST(86400000 AS bigint)
        OR state = 'expired' AND closed_at <> expires_at
        OR state IN ('released', 'fulfilled') AND closed_at >= expires_at
    """,
    "reservation {id}, which is {state}, has times that do not go together",
)
_FULFILLED = SqlCheck(
    "fulfilments-are-issues",
    "A fulfilled reservation has an issue, with its reference, of the moment it was closed.",
    "reservations WHERE movement_id IS NOT NULL",
    """
    SELECT reservations.id, movement_id, kind FROM reservations JOIN movements ON movements.id = movement_id
    WHERE kind <> 'issue' OR movements.created_at <> closed_at
        OR coalesce(movements.reference, '') <> coalesce(reservations.reference, '')
    """,
    "reservation {id} was fulfilled by movement {movement_id}, a {kind} of another time or reference",
)
_ISSUED = SqlCheck(
    "fulfilments-issue-what-was-held",
    "The issue of a fulfilled reservation takes, line by line, what the reservation held.",
    "reservations WHERE movement_id IS NOT NULL",
    """
    SELECT id, movement_id, line FROM (
        SELECT id, movement_id, line, item_id, location_id, quantity
        FROM reservations JOIN reservation_lines ON reservation_id = id WHERE movement_id IS NOT NULL
        UNION ALL
        SELECT reservations.id, reservations.movement_id, line, item_id, location_id, delta
        FROM reservations JOIN movement_lines ON movement_lines.movement_id = reservations.movement_id
    ) AS mirrored
    GROUP BY id, movement_id, line HAVING sum(quantity) <> 0 OR count(*) <> 2
        OR min(item_id) <> max(item_id) OR min(location_id) <> max(location_id)
    """,
    "line {line} of movement {movement_id} is not what reservation {id} held",
)

CHECKS = (_RESERVED, _CLOSED, _HELD, _NUMBERED, _ONCE, _TERMS, _FULFILLED, _ISSUED)
