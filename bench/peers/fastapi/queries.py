"""The queries of async_main.py and async_ledger.py."""

PASSWORD = "SELECT password_hash FROM users WHERE username = $1 AND NOT disabled"  # noqa: S105 - a query
_ITEMS = """
    SELECT sku, name, description, unit, reorder_point, archived, version, created_at, updated_at,
        ARRAY(SELECT tag FROM item_tags WHERE item_id = items.id ORDER BY tag) AS tags
    FROM items
"""
ITEM = f"{_ITEMS} WHERE sku = $1"
COUNT = "SELECT count(*) FROM items WHERE NOT archived"
PAGE = f"{_ITEMS} WHERE NOT archived ORDER BY sku LIMIT $1 OFFSET $2"
CREATE = """
    WITH item AS (
        INSERT INTO items
            (sku, name, description, unit, reorder_point, archived, version, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, false, 1, now(), now()) RETURNING *
    ), tagged AS (
        INSERT INTO item_tags (item_id, tag) SELECT item.id, tag FROM item, unnest($6::text[]) AS tag
    )
    SELECT sku, name, description, unit, reorder_point, archived, version, created_at, updated_at
    FROM item
"""
LOCK_LEVELS = """
    SELECT wanted.line, levels.item_id, levels.location_id, wanted.quantity,
        levels.on_hand - levels.reserved AS available
    FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS wanted (sku, code, quantity, line)
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
RECORD_MOVEMENT = """
    INSERT INTO movements (kind, reference, note, occurred_at, created_at, created_by)
    VALUES ($1, $2, $3, coalesce($4, now()), now(), $5)
    RETURNING id, kind, reference, note, occurred_at, created_at, created_by
"""
RECORD_LINES = """
    INSERT INTO movement_lines (movement_id, line, item_id, location_id, delta)
    SELECT $1, line, item_id, location_id, -quantity
    FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
        AS taken (line, item_id, location_id, quantity)
"""
SUMMARY = """
    SELECT
        (SELECT count(*) FROM items WHERE NOT archived) AS items,
        (SELECT count(*) FROM items WHERE archived) AS archived_items,
        (SELECT count(*) FROM locations WHERE NOT archived) AS locations,
        (SELECT coalesce(sum(on_hand), 0)::bigint FROM levels) AS units,
        (SELECT count(*) FROM items WHERE NOT archived AND reorder_point >=
            (SELECT coalesce(sum(on_hand), 0) FROM levels WHERE item_id = items.id)) AS low_stock,
        (SELECT count(*) FROM movements
            WHERE created_at >= date_trunc('day', now(), 'UTC')) AS movements_today,
        now() AS as_of
"""
