"""Checks of the ledger: movements and their lines, the levels they add up to, items and locations."""

from stockroom.audit.checks import SqlCheck
from stockroom.stock.rules import MOST

# What has no item or location is found by the checks of tables; here it must not get lost.
_PLACE = """
    LEFT JOIN items ON items.id = found.item_id LEFT JOIN locations ON locations.id = found.location_id
"""
_NAMED = "coalesce(items.sku, '?') AS sku, coalesce(locations.code, '?') AS code"

# Each level once, and each line.
_BOOKED = """
    SELECT item_id, location_id, on_hand, 0 AS delta, 1 AS level FROM levels
    UNION ALL SELECT item_id, location_id, 0, delta, 0 FROM movement_lines
"""
_LEVELS = SqlCheck(
    "levels-are-sums",
    "A level has on hand what its lines add up to.",
    "movement_lines",
    f"""
    SELECT {_NAMED}, found.on_hand, found.total FROM (
        SELECT item_id, location_id, sum(on_hand) AS on_hand, sum(delta) AS total
        FROM ({_BOOKED}) AS booked GROUP BY item_id, location_id
        HAVING sum(level) > 0 AND sum(on_hand) <> sum(delta)
    ) AS found {_PLACE}
    """,
    "{sku} at {code}: {on_hand} on hand, and its lines add up to {total}",
)
_LINES_HAVE_LEVELS = SqlCheck(
    "lines-have-levels",
    "There is a level wherever there is a line.",
    "movement_lines",
    f"""
    SELECT {_NAMED}, found.total FROM (
        SELECT item_id, location_id, sum(delta) AS total
        FROM ({_BOOKED}) AS booked GROUP BY item_id, location_id HAVING sum(level) = 0
    ) AS found {_PLACE}
    """,
    "{sku} at {code}: there are lines, which add up to {total}, and no level",
)
# A movement is one step: its lines may take what others of them bring.
_BALANCES = SqlCheck(
    "balances-in-range",
    f"After each movement, in the ledger's order, every balance is between 0 and {MOST}.",
    "movement_lines",
    f"""
    SELECT {_NAMED}, found.movement_id, found.balance FROM (
        SELECT item_id, location_id, movement_id, sum(change) OVER (
            PARTITION BY item_id, location_id ORDER BY movement_id ROWS UNBOUNDED PRECEDING
        ) AS balance
        FROM (
            SELECT item_id, location_id, movement_id, sum(delta) AS change
            FROM movement_lines GROUP BY item_id, location_id, movement_id
        ) AS steps
    ) AS found {_PLACE} WHERE found.balance < 0 OR found.balance > {MOST}
    """,
    "{sku} at {code}: movement {movement_id} leaves {balance}",
)
_NUMBERED = SqlCheck(
    "lines-are-numbered",
    "The lines of a movement are numbered from 1; only a count, or its reversal, has none.",
    "movements",
    """
    SELECT movements.id, kind, count(line) AS lines, max(line) AS last
    FROM movements LEFT JOIN movement_lines ON movement_id = movements.id
    GROUP BY movements.id, kind
    HAVING count(line) = 0 AND kind NOT IN ('count', 'reversal')
        OR count(line) > 0 AND (min(line) <> 1 OR max(line) <> count(line))
    """,
    "movement {id}, of kind {kind}, has {lines} lines, and the last is number {last}",
)
_SIGNS = SqlCheck(
    "receipts-add-issues-take",
    "The lines of a receipt add, and those of an issue take.",
    "movement_lines JOIN movements ON movements.id = movement_id WHERE kind IN ('receipt', 'issue')",
    """
    SELECT movement_id, line, kind, delta FROM movement_lines JOIN movements ON movements.id = movement_id
    WHERE kind = 'receipt' AND delta < 0 OR kind = 'issue' AND delta > 0
    """,
    "line {line} of movement {movement_id}, of kind {kind}, has the delta {delta}",
)
_TRANSFERS = SqlCheck(
    "transfers-balance",
    "Of each two lines of a transfer the second puts elsewhere what the first takes.",
    "movements WHERE kind = 'transfer'",
    """
    SELECT movements.id, taken.line
    FROM movements JOIN movement_lines AS taken ON taken.movement_id = movements.id
        LEFT JOIN movement_lines AS put ON put.movement_id = movements.id AND put.line = taken.line + 1
    WHERE kind = 'transfer' AND taken.line % 2 = 1 AND NOT coalesce(
        taken.delta < 0 AND put.delta = -taken.delta AND put.item_id = taken.item_id
            AND put.location_id <> taken.location_id,
        false
    )
    """,
    "what line {line} of transfer {id} takes is not put elsewhere by the next line",
)
_ONCE = SqlCheck(
    "lines-name-places-once",
    "No two lines of a receipt, issue, adjustment or count are about the same item at the same location.",
    "movements WHERE kind NOT IN ('transfer', 'reversal')",
    f"""
    SELECT {_NAMED}, found.id, found.lines FROM (
        SELECT movements.id, item_id, location_id, count(*) AS lines
        FROM movement_lines JOIN movements ON movements.id = movement_id
        WHERE kind NOT IN ('transfer', 'reversal')
        GROUP BY movements.id, item_id, location_id HAVING count(*) > 1
    ) AS found {_PLACE}
    """,
    "movement {id} has {lines} lines about {sku} at {code}",
)
_REVERSALS = SqlCheck(
    "reversals-follow",
    "A reversal has the reference of an earlier movement, which is no reversal.",
    "movements WHERE reverses IS NOT NULL",
    """
    SELECT movements.id, original.id AS reverses, original.kind
    FROM movements JOIN movements AS original ON original.id = movements.reverses
    WHERE original.kind = 'reversal' OR original.id >= movements.id
        OR coalesce(original.reference, '') <> coalesce(movements.reference, '')
    """,
    "movement {id} reverses movement {reverses}, a {kind} that is later or has another reference",
)
# What a reversal and its original come to, line by line, is nothing.
_MIRRORED = SqlCheck(
    "reversals-undo",
    "The lines of a reversal are those of its original, each with the opposite sign.",
    "movements WHERE reverses IS NOT NULL",
    """
    SELECT id, line FROM (
        SELECT movements.id, line, item_id, location_id, delta
        FROM movements JOIN movement_lines ON movement_id = movements.id WHERE reverses IS NOT NULL
        UNION ALL
        SELECT movements.id, line, item_id, location_id, delta
        FROM movements JOIN movement_lines ON movement_id = reverses
    ) AS mirrored
    GROUP BY id, line HAVING sum(delta) <> 0 OR count(*) <> 2
        OR min(item_id) <> max(item_id) OR min(location_id) <> max(location_id)
    """,
    "line {line} of movement {id} is not the opposite of the line that it reverses",
)
_TIMES = SqlCheck(
    "lines-have-times",
    "A line has the time of its movement.",
    "movement_lines",
    """
    SELECT movement_id, line FROM movement_lines JOIN movements ON movements.id = movement_id
    WHERE movement_lines.created_at <> movements.created_at
    """,
    "line {line} of movement {movement_id} has another time than the movement",
)
_LEVEL_SKUS = SqlCheck(
    "levels-have-skus",
    "A level has the SKU of its item.",
    "levels",
    """
    SELECT items.sku, levels.sku AS copied, location_id FROM levels JOIN items ON items.id = item_id
    WHERE levels.sku <> items.sku
    """,
    "the level of {sku} at location {location_id} has the SKU {copied}",
)
_TAG_SKUS = SqlCheck(
    "tags-have-skus",
    "A tag has the SKU of its item.",
    "item_tags",
    """
    SELECT items.sku, tag, item_tags.sku AS copied FROM item_tags JOIN items ON items.id = item_id
    WHERE item_tags.sku <> items.sku
    """,
    "the tag {tag} of {sku} has the SKU {copied}",
)
_ARCHIVED_ITEMS = SqlCheck(
    "archived-items-are-gone",
    "There is no stock of an archived item.",
    "items WHERE archived",
    """
    SELECT items.sku, sum(on_hand) AS on_hand FROM items JOIN levels ON item_id = items.id
    WHERE archived AND on_hand > 0 GROUP BY items.sku
    """,
    "{sku} is archived, and there are {on_hand} of it",
)
_ARCHIVED_LOCATIONS = SqlCheck(
    "archived-locations-are-empty",
    "There is no stock at an archived location.",
    "locations WHERE archived",
    """
    SELECT code, count(*) AS items FROM locations JOIN levels ON location_id = locations.id
    WHERE archived AND on_hand > 0 GROUP BY code
    """,
    "{code} is archived, and {items} items lie there",
)

CHECKS = (
    _LEVELS,
    _LINES_HAVE_LEVELS,
    _BALANCES,
    _NUMBERED,
    _SIGNS,
    _TRANSFERS,
    _ONCE,
    _REVERSALS,
    _MIRRORED,
    _TIMES,
    _LEVEL_SKUS,
    _TAG_SKUS,
    _ARCHIVED_ITEMS,
    _ARCHIVED_LOCATIONS,
)
