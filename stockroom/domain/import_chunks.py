"""Some rows of an import put together: faults are listed, and rows that repeat a SKU become one item."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from stockroom.domain.imports import Met, Outcome, Rejection, shown
from stockroom.domain.tasks import TaskError

LONGEST_REASON = 300

Checked = tuple[int, dict[str, Any]] | list[Rejection]
"""The line and the item of a row, or why it is none."""


class Chunk:
    """Rows in the order of the file. `met` is what earlier chunks know of their SKUs."""

    def __init__(self, name_title: str, met: Mapping[str, Met]) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.errors: list[TaskError] = []
        self.counts: Counter[str] = Counter()
        self._name_title = name_title
        self._earlier = met
        self._met = dict(met)

    def add(self, row: Checked) -> None:
        if isinstance(row, tuple):
            self._merge(*row)
            return
        self.counts["rejected"] += 1
        for line, column, reason, value in row:
            self.errors.append(TaskError(line, column, "rejected", reason[:LONGEST_REASON], value))

    def _merge(self, line: int, item: dict[str, Any]) -> None:
        sku, name = item["sku"], item["name"]
        known = self._met.get(sku)
        if known is None:
            self._met[sku] = Met(line, name, "unchanged")
        else:
            self.counts["merged"] += 1
            if name != known.name:
                self._list_merger(line, sku, name, known)
                self._met[sku] = known._replace(name=name)
        self.items[sku] = {**self.items.get(sku, {}), **item}

    def _list_merger(self, line: int, sku: str, name: str, known: Met) -> None:
        reason = f'repeats {sku} of line {known.line}; name was "{known.name}"'
        error = TaskError(line, self._name_title, "merged", reason[:LONGEST_REASON], shown(name))
        self.errors.append(error)

    def settle(self, outcomes: Mapping[str, Outcome]) -> dict[str, Met]:
        """Count what became of the items, each once a file: created and renamed later is created."""
        settled = {}
        for sku, latest in outcomes.items():
            before = self._earlier.get(sku)
            outcome = latest if before is None or before.outcome == "unchanged" else before.outcome
            if before is not None:
                self.counts[before.outcome] -= 1
            self.counts[outcome] += 1
            settled[sku] = self._met[sku]._replace(outcome=outcome)
        return settled
