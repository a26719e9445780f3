"""Import items: insert or update those of a chunk; rows that repeat a SKU are merged into one item."""

from collections.abc import Mapping, Sequence
from typing import Any

from stockroom.domain.import_items import Account, Outcome, merged
from stockroom.domain.imports import Applied, ImportOptions, Valid
from stockroom.domain.tasks import Lease
from stockroom.storage import import_keys
from stockroom.storage.engines import Work
from stockroom.storage.item_upserts import foresee_many, upsert_many


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
        met = import_keys.find(work.connection, self._task_id, known)
        account = Account(self._options.columns["name"].title, met)
        for line, row in rows:
            account.add(line, row["sku"], row["name"])
        import_keys.note(work.connection, self._task_id, account.settle(outcomes), known=met.keys())
        return Applied(account.counts, account.errors)

    def _write(self, work: Work, items: Sequence[Mapping[str, Any]]) -> dict[str, Outcome]:
        if self._options.dry_run:
            upserted = foresee_many(work.connection, items)
        else:
            upserted = upsert_many(work.connection, items, now=work.now)
        outcomes: dict[str, Outcome] = dict.fromkeys(upserted.created, "created")
        outcomes.update(dict.fromkeys(upserted.updated, "updated"))
        outcomes.update(dict.fromkeys(upserted.unchanged, "unchanged"))
        return outcomes
