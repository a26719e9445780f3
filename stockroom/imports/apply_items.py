"""Import items: insert or update those of a chunk; rows that repeat a SKU are merged into one item."""

from collections.abc import Mapping, Sequence
from typing import Any

from stockroom.db.unit_of_work import Work
from stockroom.imports import keys
from stockroom.imports.item_rows import Outcome, RowCounts, merged
from stockroom.imports.model import Applied, ImportOptions, Valid
from stockroom.items.upserts import foresee_many, upsert_many
from stockroom.work.model import Lease


class Items:
    """Applies the items of one file. What earlier rows did is in the database, in a dry run too."""

    forgets = False

    def __init__(self, lease: Lease, options: ImportOptions) -> None:
        self._task_id = lease.task_id
        self._options = options

    def changes(self, rows: Sequence[Valid]) -> set[str]:
        return {row["sku"] for _, row in rows}

    def apply(self, work: Work, rows: Sequence[Valid]) -> Applied:
        items = merged(row for _, row in rows)
        outcomes = self._write(work, list(items.values()))
        # What is new was not met before, unless nothing is written.
        known = [sku for sku, outcome in outcomes.items() if outcome != "created" or self._options.dry_run]
        met = keys.find(work.connection, self._task_id, known)
        row_counts = RowCounts(self._options.columns["name"].title, met)
        for line, row in rows:
            row_counts.add(line, row["sku"], row["name"])
        keys.note(work.connection, self._task_id, row_counts.settle(outcomes), known=met.keys())
        return Applied(row_counts.counts, row_counts.errors)

    def _write(self, work: Work, items: Sequence[Mapping[str, Any]]) -> dict[str, Outcome]:
        if self._options.dry_run:
            upserted = foresee_many(work.connection, items)
        else:
            upserted = upsert_many(work.connection, items, now=work.now)
        outcomes: dict[str, Outcome] = dict.fromkeys(upserted.created, "created")
        outcomes.update(dict.fromkeys(upserted.updated, "updated"))
        outcomes.update(dict.fromkeys(upserted.unchanged, "unchanged"))
        return outcomes
