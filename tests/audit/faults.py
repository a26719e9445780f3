"""A fault for each check: what plants it in what the workload leaves behind, in SQL of both databases."""

Fault = tuple[str, ...]

LAMP = "(SELECT id FROM items WHERE sku = 'LAMP')"
SAW = "(SELECT id FROM items WHERE sku = 'SAW')"
A = "(SELECT id FROM locations WHERE code = 'A')"
B = "(SELECT id FROM locations WHERE code = 'B')"
NEXT = "(SELECT max(id) + 1 FROM movements)"
LAST = "(SELECT max(id) FROM movements)"
TIME = "(SELECT max(created_at) FROM movements)"
THE_LEVEL = f"item_id = {LAMP} AND location_id = {A}"


def movement(kind: str = "adjustment", reverses: str = "NULL", by: str = "keeper") -> str:
    return f"""
        INSERT INTO movements (id, kind, occurred_at, created_at, created_by, reverses)
        VALUES ({NEXT}, '{kind}', 0, {TIME}, '{by}', {reverses})
    """


def line(delta: int, *, number: int = 1, item: str = LAMP, location: str = A, movement: str = LAST) -> str:
    return f"""
        INSERT INTO movement_lines (movement_id, line, item_id, location_id, delta, created_at)
        VALUES ({movement}, {number}, {item}, {location}, {delta}, {TIME})
    """


def reservation(state: str) -> str:
    """The id of the reservation in this state that was not made yesterday."""
    return f"(SELECT max(id) FROM reservations WHERE state = '{state}' AND expires_at > {TIME})"


def task(kind: str, state: str) -> str:
    return f"(SELECT max(id) FROM tasks WHERE kind = '{kind}' AND state = '{state}')"


def key(operation: str) -> str:
    return f"""
        operation = 'handlers.{operation}'
        AND key = (SELECT max(key) FROM idempotency_keys WHERE operation = 'handlers.{operation}')
    """


EXPIRED = "(SELECT max(id) FROM reservations WHERE state = 'expired')"
IMPORTED = task("items-import", "succeeded")
SESSION = "(SELECT max(id) FROM sessions)"

STOCK: dict[str, tuple[str, Fault]] = {
    "a level that differs from its lines": (
        "levels-are-sums",
        (f"UPDATE levels SET on_hand = on_hand + 1 WHERE {THE_LEVEL}",),
    ),
    "a line that no level has counted": (
        "levels-are-sums",
        (movement(), line(3)),
    ),
    "a line without a level": ("lines-have-levels", (movement(), line(3, location=B))),
    "a balance below zero for a while": (
        "balances-in-range",
        (movement(), line(-1_000), movement(), line(1_000)),
    ),
    "a balance out of range for a while": (
        "balances-in-range",
        (movement(), line(10**15), movement(), line(-(10**15))),
    ),
    "a movement without lines": ("lines-are-numbered", (movement("receipt"),)),
    "a line that is missing": (
        "lines-are-numbered",
        (movement(), line(-1, number=1), movement(), line(1, number=2)),
    ),
    "a receipt that takes": (
        "receipts-add-issues-take",
        (movement("receipt"), line(-1), movement(), line(1)),
    ),
    "an issue that adds": ("receipts-add-issues-take", (movement("issue"), line(1), movement(), line(-1))),
    "a transfer that loses something": (
        "transfers-balance",
        (movement("transfer"), line(-2), movement(), line(2)),
    ),
    "a transfer to where it comes from": (
        "transfers-balance",
        (movement("transfer"), line(-2), line(2, number=2)),
    ),
    "an adjustment that names a place twice": (
        "lines-name-places-once",
        (movement(), line(1), line(-1, number=2)),
    ),
    "a reversal under another reference": (
        "reversals-follow",
        (
            """UPDATE movements SET reference = 'x'
               WHERE id = (SELECT min(id) FROM movements WHERE reverses > 0)""",
        ),
    ),
    "a reversal that undoes something else": (
        "reversals-undo",
        (movement(), line(2), movement("reversal", LAST), line(-1), movement(), line(-1)),
    ),
    "a line of another time": (
        "lines-have-times",
        (f"UPDATE movement_lines SET created_at = created_at + 1 WHERE movement_id = {LAST} AND line = 1",),
    ),
    "a level of another SKU": ("levels-have-skus", (f"UPDATE levels SET sku = 'x' WHERE {THE_LEVEL}",)),
    "a tag of another SKU": (
        "tags-have-skus",
        (f"UPDATE item_tags SET sku = 'a' WHERE tag = 'x' AND item_id = {LAMP}",),
    ),
    "stock of an archived item": (
        "archived-items-are-gone",
        (f"UPDATE items SET archived = true WHERE id = {LAMP}",),
    ),
    "stock at an archived location": (
        "archived-locations-are-empty",
        (f"UPDATE locations SET archived = true WHERE id = {B}",),
    ),
}

RESERVATIONS: dict[str, tuple[str, Fault]] = {
    "more reserved than is held": (
        "reserved-is-held",
        (f"UPDATE levels SET reserved = reserved + 1 WHERE {THE_LEVEL}",),
    ),
    "less reserved than is held": (
        "reserved-is-held",
        (f"UPDATE levels SET reserved = 0 WHERE {THE_LEVEL}",),
    ),
    "a closed reservation that holds": (
        "closed-hold-nothing",
        (
            f"""UPDATE reservation_lines SET held = true
                WHERE reservation_id = {reservation("released")} AND item_id = {LAMP}""",
            f"UPDATE levels SET reserved = reserved + 2 WHERE {THE_LEVEL}",
        ),
    ),
    "a held reservation that does not hold": (
        "held-hold-everything",
        (
            f"""UPDATE reservation_lines SET held = false
                WHERE reservation_id = {reservation("held")} AND item_id = {LAMP}""",
            f"UPDATE levels SET reserved = reserved - 2 WHERE {THE_LEVEL}",
        ),
    ),
    "a reservation without lines": (
        "reservations-have-lines",
        (
            f"""INSERT INTO reservations (id, state, expires_at, created_at, created_by, closed_at)
                VALUES ('x', 'released', {TIME} + 9, {TIME}, 'keeper', {TIME})""",
        ),
    ),
    "a reservation that names a place twice": (
        "reservations-name-places-once",
        (
            f"""INSERT INTO reservation_lines (reservation_id, line, item_id, location_id, quantity, held)
                VALUES ({EXPIRED}, 3, {LAMP}, {A}, 1, false)""",
        ),
    ),
    "a reservation that is released when it has expired": (
        "reservations-have-terms",
        (f"UPDATE reservations SET closed_at = expires_at WHERE id = {reservation('released')}",),
    ),
    "a reservation that expires when it is made": (
        "reservations-have-terms",
        (f"UPDATE reservations SET created_at = expires_at WHERE id = {EXPIRED}",),
    ),
    "a reservation for years": (
        "reservations-have-terms",
        (f"UPDATE reservations SET created_at = 0 WHERE id = {EXPIRED}",),
    ),
    "a reservation that expired at another time": (
        "reservations-have-terms",
        (f"UPDATE reservations SET closed_at = closed_at + 1 WHERE id = {EXPIRED}",),
    ),
    "a fulfilment under another reference": (
        "fulfilments-are-issues",
        ("UPDATE reservations SET reference = 'x' WHERE state = 'fulfilled'",),
    ),
    "a fulfilment of another time": (
        "fulfilments-are-issues",
        ("UPDATE reservations SET closed_at = closed_at - 1 WHERE state = 'fulfilled'",),
    ),
    "a fulfilment of something else": (
        "fulfilments-issue-what-was-held",
        (
            f"""UPDATE reservation_lines SET quantity = quantity + 1
                WHERE reservation_id = {reservation("fulfilled")} AND line = 1""",
        ),
    ),
}

TOTALS: dict[str, tuple[str, Fault]] = {
    "a tally that differs from the stock": (
        "tallies-are-items",
        (
            f"UPDATE tallies SET on_hand = on_hand + 1 WHERE item_id = {SAW}",
            "UPDATE totals SET units = units + 1",
        ),
    ),
    "a tally that does not say low": (
        "tallies-are-items",
        (
            f"UPDATE tallies SET low = NOT low WHERE item_id = {SAW}",
            "UPDATE totals SET low_stock = low_stock + 1",
        ),
    ),
    "a tally that is missing": (
        "tallies-are-items",
        (
            "DELETE FROM tallies WHERE item_id = (SELECT id FROM items WHERE sku = 'OLD')",
            "UPDATE totals SET archived_items = archived_items - 1",
        ),
    ),
    "a change that nobody will tally": ("tallies-are-items", ("DELETE FROM untallied",)),
    "totals that differ from the tallies": ("totals-are-tallies", ("UPDATE totals SET units = units + 1",)),
    "an addition of nothing": (
        "totals-are-tallies",
        ("INSERT INTO additions (items, archived_items, units, low_stock) VALUES (1, 0, 0, 0)",),
    ),
}

KEYS: dict[str, tuple[str, Fault]] = {
    "a key whose movement is not there": (
        "keys-have-effects",
        (
            f"""UPDATE idempotency_keys SET headers = '{{"Location": "/movements/99999"}}'
                WHERE {key("movements.record")}""",
        ),
    ),
    "a key that names nothing": (
        "keys-have-effects",
        (f"UPDATE idempotency_keys SET headers = '{{}}' WHERE {key('reservations.hold')}",),
    ),
    "a key of somebody else": (
        "keys-have-effects",
        (f"UPDATE idempotency_keys SET caller = 'ann' WHERE {key('exports.create')}",),
    ),
    "a key of another moment": (
        "keys-have-effects",
        (f"UPDATE idempotency_keys SET created_at = created_at + 1 WHERE {key('imports.create')}",),
    ),
    "a key whose reservation has lost a line": (
        "keys-have-effects",
        (f"DELETE FROM reservation_lines WHERE reservation_id = {reservation('released')} AND line = 2",),
    ),
    "a key whose answer is of something else": (
        "keys-have-effects",
        (
            f"""UPDATE idempotency_keys SET body = (
                    SELECT other.body FROM idempotency_keys AS other
                    WHERE other.key <> idempotency_keys.key AND other.operation = idempotency_keys.operation
                    ORDER BY other.key LIMIT 1
                ) WHERE {key("movements.record")}""",
        ),
    ),
}

WORK: dict[str, tuple[str, Fault]] = {
    "a task that has ended without a time": (
        "tasks-have-states",
        (f"UPDATE tasks SET finished_at = NULL WHERE id = {task('items-import', 'cancelled')}",),
    ),
    "a task that has ended and is leased": (
        "tasks-have-states",
        (f"UPDATE tasks SET lease_until = 1 WHERE id = {IMPORTED}",),
    ),
    "a task that runs without a lease": (
        "tasks-have-states",
        (f"UPDATE tasks SET lease_until = NULL WHERE id = {task('movements-import', 'running')}",),
    ),
    "a task that has succeeded and was never claimed": (
        "tasks-have-states",
        (f"UPDATE tasks SET fence = 0 WHERE id = {IMPORTED}",),
    ),
    "a task that has failed for no reason": (
        "tasks-have-states",
        (f"UPDATE tasks SET failure = NULL WHERE id = {task('items-import', 'failed')}",),
    ),
    "a task that has succeeded and is not done": (
        "tasks-have-states",
        (f"UPDATE tasks SET total = total + 1 WHERE id = {IMPORTED}",),
    ),
    "a task that counts below zero": (
        "tasks-have-states",
        (f"UPDATE tasks SET claims = -1 WHERE id = {IMPORTED}",),
    ),
    "errors that are not listed": (
        "errors-are-counted",
        (f"UPDATE tasks SET errors = errors + 1 WHERE id = {IMPORTED}",),
    ),
    "errors that are not counted": (
        "errors-are-counted",
        ("DELETE FROM task_errors WHERE id = (SELECT max(id) FROM task_errors)",),
    ),
    "notes of another kind of task": (
        "notes-are-of-imports",
        (
            f"""INSERT INTO import_keys (task_id, key, line, name, outcome)
                VALUES ({task("items-export", "succeeded")}, 'x', 1, 'x', 'created')""",
        ),
    ),
    "a summary that does not add up": (
        "summaries-add-up",
        (f"UPDATE tasks SET done = done + 1, total = total + 1 WHERE id = {IMPORTED}",),
    ),
}

ACCOUNTS: dict[str, tuple[str, Fault]] = {
    "a session of a disabled account": (
        "disabled-have-no-sessions",
        (
            f"INSERT INTO sessions (id, username, created_at, expires_at) VALUES ('x', 'eve', 0, {TIME})",
            "INSERT INTO refresh_tokens (token_hash, session_id) VALUES ('x', 'x')",
        ),
    ),
    "a session that has expired before it began": (
        "sessions-have-terms",
        (f"UPDATE sessions SET expires_at = created_at WHERE id = {SESSION}",),
    ),
    "a session with two refresh tokens": (
        "sessions-have-one-token",
        (f"INSERT INTO refresh_tokens (token_hash, session_id) VALUES ('x', {SESSION})",),
    ),
    "a session without a refresh token": (
        "sessions-have-one-token",
        (f"UPDATE refresh_tokens SET used_at = 1 WHERE used_at IS NULL AND session_id = {SESSION}",),
    ),
    "a session that was revoked": (
        "revoked-sessions-are-gone",
        (f"INSERT INTO revocations (session_id, expires_at) VALUES ({SESSION}, 1)",),
    ),
    "fewer wrong passwords than none": (
        "attempts-are-counted",
        ("INSERT INTO login_attempts (username, origin, free_at, failures) VALUES ('x', '', 0, -1)",),
    ),
}

FAULTS = STOCK | RESERVATIONS | TOTALS | KEYS | WORK | ACCOUNTS
"""By what they are: the check that finds each, and nothing else does, and the statements that plant it."""
