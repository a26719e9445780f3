"""Importing items: those of a chunk are inserted or brought up to date, the ones that repeat a SKU as one."""

from collections.abc import Sequence
from typing import Any

from stockroom.domain.import_items import Merger, Outcome
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

    def apply(self, work: Work, rows: Sequence[Valid]) -> Applied:
        connection = work.connection
        met = import_keys.find(connection, self._task_id, {item["sku"] for _, item in rows})
        merger = Merger(self._options.columns["name"].title, met)
        for line, item in rows:
            merger.add(line, item)
        outcomes = _write(work, list(merger.items.values()), dry_run=self._options.dry_run)
        import_keys.note(connection, self._task_id, merger.settle(outcomes))
        return Applied(merger.counts, merger.errors)


def _write(work: Work, items: list[dict[str, Any]], *, dry_run: bool) -> dict[str, Outcome]:
    if dry_run:
        upserted = foresee_many(work.connection, items)
    else:
        upserted = upsert_many(work.connection, items, now=work.now)
    outcomes: dict[str, Outcome] = dict.fromkeys(upserted.created, "created")
    outcomes.update(dict.fromkeys(upserted.updated, "updated"))
    outcomes.update(dict.fromkeys(upserted.unchanged, "unchanged"))
    return outcomes
