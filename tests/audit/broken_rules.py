"""A row that breaks it, for each rule of each table: what plants the row, and what else that breaks."""

from tests.audit.faults import EXPIRED, IMPORTED, LAMP, LAST, SESSION, TIME, A, B, key, line, movement

Rule = tuple[str, str]

NONE = "999999"


def level(item: str, location: str, on_hand: int, reserved: int = 0) -> str:
    return f"""
        INSERT INTO levels (item_id, location_id, on_hand, reserved, sku)
        VALUES ({item}, {location}, {on_hand}, {reserved}, 'LAMP')
    """


def held_line(
    reservation: str = EXPIRED, number: int = 3, item: str = LAMP, location: str = B, quantity: int = 1
) -> str:
    return f"""
        INSERT INTO reservation_lines (reservation_id, line, item_id, location_id, quantity, held)
        VALUES ({reservation}, {number}, {item}, {location}, {quantity}, {"true" if number == 1 else "false"})
    """


def task(owner: str = "keeper", state: str = "cancelled") -> str:
    return f"""
        INSERT INTO tasks
            (id, owner, kind, parameters, state, done, errors, created_at, finished_at, fence, claims)
        VALUES ('x', '{owner}', 'items-export', '{{}}', '{state}', 0, 0, 0, 0, 0, 0)
    """


def note(task: str = IMPORTED, outcome: str = "created") -> str:
    return f"""
        INSERT INTO import_keys (task_id, key, line, name, outcome) VALUES ({task}, 'x', 1, 'x', '{outcome}')
    """


_HELD = f"""
    INSERT INTO reservations (id, state, expires_at, created_at, created_by)
    VALUES ('x', 'held', {TIME} + 9, {TIME}, 'keeper')
"""

BROKEN_RULES: dict[Rule, tuple[str, ...]] = {
    ("idempotency_keys", "caller is one of users"): (
        f"UPDATE idempotency_keys SET caller = 'nobody' WHERE {key('counts.record')}",
    ),
    ("import_keys", "task_id is one of tasks"): (note(task="'nothing'"),),
    ("import_keys", "outcome IN ('created', 'updated', 'unchanged')"): (note(outcome="x"),),
    ("item_tags", "item_id is one of items"): (
        f"INSERT INTO item_tags (item_id, tag, sku) VALUES ({NONE}, 'x', 'x')",
    ),
    ("items", "reorder_point >= 0"): (f"UPDATE items SET reorder_point = -1 WHERE id = {LAMP}",),
    ("items", "version >= 1"): (f"UPDATE items SET version = 0 WHERE id = {LAMP}",),
    ("known_networks", "username is one of users"): (
        "INSERT INTO known_networks (username, network, seen_at) VALUES ('nobody', 'x', 0)",
    ),
    ("levels", "item_id is one of items"): (level(NONE, A, 0),),
    ("levels", "location_id is one of locations"): (level(LAMP, NONE, 0),),
    ("levels", "on_hand <= 1000000000000000"): (
        level(LAMP, B, 10**15 + 1),
        movement(),
        line(10**15 + 1, location=B),
    ),
    ("levels", "reserved >= 0 AND reserved <= on_hand"): (
        level(LAMP, B, 0, 1),
        _HELD,
        held_line("'x'", 1),
    ),
    ("locations", "version >= 1"): (f"UPDATE locations SET version = 0 WHERE id = {A}",),
    ("movement_lines", "item_id is one of items"): (movement(), line(1, item=NONE)),
    ("movement_lines", "location_id is one of locations"): (movement(), line(1, location=NONE)),
    ("movement_lines", "movement_id is one of movements"): (
        movement(),
        line(-1),
        line(1, movement=NONE),
    ),
    ("movement_lines", "delta <> 0"): (movement(), line(0)),
    ("movements", "created_by is one of users"): (movement("count", by="nobody"),),
    ("movements", "reverses is one of movements"): (movement("reversal", NONE),),
    (
        "movements",
        "kind IN ('receipt', 'issue', 'transfer', 'adjustment', 'count', 'reversal')",
    ): (movement("gift"), line(1), movement(), line(-1)),
    ("movements", "(kind = 'reversal') = (reverses IS NOT NULL)"): (
        movement("count"),
        movement("count", LAST),
    ),
    ("refresh_tokens", "session_id is one of sessions"): (
        "INSERT INTO refresh_tokens (token_hash, session_id) VALUES ('x', 'x')",
    ),
    ("reservation_lines", "item_id is one of items"): (held_line(item=NONE),),
    ("reservation_lines", "location_id is one of locations"): (held_line(location=NONE),),
    ("reservation_lines", "reservation_id is one of reservations"): (held_line("'x'"),),
    ("reservation_lines", "quantity > 0"): (held_line(quantity=0),),
    ("reservations", "created_by is one of users"): (
        f"UPDATE reservations SET created_by = 'nobody' WHERE id = {EXPIRED}",
    ),
    ("reservations", "movement_id is one of movements"): (
        f"UPDATE reservations SET movement_id = {NONE} WHERE state = 'fulfilled'",
    ),
    ("reservations", "state IN ('held', 'released', 'fulfilled', 'expired')"): (
        f"UPDATE reservations SET state = 'lost' WHERE id = {EXPIRED}",
    ),
    ("reservations", "(state = 'held') = (closed_at IS NULL)"): (
        f"UPDATE reservations SET state = 'held' WHERE id = {EXPIRED}",
    ),
    ("reservations", "(state = 'fulfilled') = (movement_id IS NOT NULL)"): (
        f"UPDATE reservations SET state = 'fulfilled', closed_at = closed_at - 1 WHERE id = {EXPIRED}",
    ),
    ("sessions", "username is one of users"): (
        f"UPDATE sessions SET username = 'nobody' WHERE id = {SESSION}",
    ),
    ("tallies", "item_id is one of items"): (
        f"INSERT INTO tallies (item_id, archived, on_hand, low) VALUES ({NONE}, false, 0, false)",
        "UPDATE totals SET items = items + 1",
    ),
    ("task_errors", "task_id is one of tasks"): (
        "INSERT INTO task_errors (id, task_id, kind, line, reason) VALUES (999, 'x', 'merged', 1, '')",
    ),
    ("task_errors", "kind IN ('rejected', 'merged')"): (
        "UPDATE task_errors SET kind = 'x' WHERE id = (SELECT max(id) FROM task_errors)",
    ),
    ("tasks", "owner is one of users"): (task(owner="nobody"),),
    ("tasks", "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')"): (task(state="lost"),),
    ("totals", "id = 1"): (
        "INSERT INTO totals (id, items, archived_items, units, low_stock) VALUES (2, 0, 0, 0, 0)",
    ),
    ("untallied", "item_id is one of items"): (f"INSERT INTO untallied (item_id) VALUES ({NONE})",),
    ("users", "role IN ('viewer', 'clerk', 'manager', 'admin')"): (
        "UPDATE users SET role = 'king' WHERE username = 'bob'",
    ),
}

ALSO_BROKEN: dict[Rule, str] = {
    ("idempotency_keys", "caller is one of users"): "keys-have-effects",
    ("levels", "on_hand <= 1000000000000000"): "balances-in-range",
    ("movement_lines", "item_id is one of items"): "lines-have-levels",
    ("movement_lines", "location_id is one of locations"): "lines-have-levels",
    ("reservations", "movement_id is one of movements"): "fulfilments-issue-what-was-held",
}
"""What cannot be had without another fault, and the check that finds that one."""
