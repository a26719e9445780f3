"""Checks of the summary's figures: what is tallied of each item, and the totals of all."""

from stockroom.audit.checks import SqlCheck

_TALLIES = SqlCheck(
    "tallies-are-items",
    "Of each item that is not waiting to be tallied, the tally has the stock and whether it is low.",
    "items",
    """
    SELECT items.sku, coalesce(tallies.on_hand, 0) AS tallied, coalesce(stock.on_hand, 0) AS on_hand
    FROM items LEFT JOIN tallies ON tallies.item_id = items.id
        LEFT JOIN (SELECT item_id, sum(on_hand) AS on_hand FROM levels GROUP BY item_id) AS stock
            ON stock.item_id = items.id
        LEFT JOIN (SELECT DISTINCT item_id FROM untallied) AS waiting ON waiting.item_id = items.id
    WHERE waiting.item_id IS NULL AND NOT coalesce(
        tallies.archived = items.archived AND tallies.on_hand = coalesce(stock.on_hand, 0)
            AND tallies.low = (
                items.reorder_point IS NOT NULL AND coalesce(stock.on_hand, 0) <= items.reorder_point
            ),
        false
    )
    """,
    "{sku}: {tallied} are tallied, and {on_hand} on hand; or it is archived or low and not tallied so",
)
_TOTALS = SqlCheck(
    "totals-are-tallies",
    "The totals, with what was added since, are the sums of all tallies.",
    "tallies",
    """
    SELECT kept.*, found.items_found, found.archived_found, found.units_found, found.low_found
    FROM (
        SELECT coalesce(sum(items), 0) AS items, coalesce(sum(archived_items), 0) AS archived_items,
            coalesce(sum(units), 0) AS units, coalesce(sum(low_stock), 0) AS low_stock
        FROM (
            SELECT items, archived_items, units, low_stock FROM totals
            UNION ALL SELECT items, archived_items, units, low_stock FROM additions
        ) AS parts
    ) AS kept, (
        SELECT count(*) FILTER (WHERE NOT archived) AS items_found,
            count(*) FILTER (WHERE archived) AS archived_found,
            coalesce(sum(on_hand), 0) AS units_found,
            count(*) FILTER (WHERE low AND NOT archived) AS low_found
        FROM tallies
    ) AS found
    WHERE items <> items_found OR archived_items <> archived_found OR units <> units_found
        OR low_stock <> low_found
    """,
    "items, archived items, units and low stock are {items}, {archived_items}, {units} and {low_stock} by "
    "the totals, and {items_found}, {archived_found}, {units_found} and {low_found} by the tallies",
)

CHECKS = (_TALLIES, _TOTALS)
