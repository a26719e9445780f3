"""Imports of items: the fields of a row, and how rows with the same SKU become one item."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from stockroom.imports.model import Fields, shown, unwrapped, whole_number
from stockroom.items.model import distinct
from stockroom.work.model import TaskError

Outcome = Literal["created", "updated", "unchanged"]


def _tags(text: str) -> tuple[str, ...]:
    return distinct(tag for part in text.split("|") if (tag := part.strip()))


FIELDS = Fields(
    names=("sku", "name", "description", "unit", "reorder_point", "tags"),
    required={"sku": "0", "name": "0"},
    converters={"sku": unwrapped, "reorder_point": whole_number, "tags": _tags},
    defaults={},
    lines=("name", "unit"),
    texts=("description",),
)


class Met(NamedTuple):
    """What an import knows of a SKU: the line of its first row, its latest name, the outcome for the item."""

    line: int
    name: str
    outcome: Outcome


def merged(rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The items of some rows, by SKU, in the order of the file. If several rows give a value, the last one
    counts.
    """
    items: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        earlier = items.get(row["sku"])
        items[row["sku"]] = row if earlier is None else {**earlier, **row}
    return items


class RowCounts:
    """Counts the outcomes of a chunk. `met` has the SKUs of this chunk that earlier chunks have met."""

    def __init__(self, name_title: str, met: Mapping[str, Met]) -> None:
        self.errors: list[TaskError] = []
        self.counts: Counter[str] = Counter()
        self._name_title = name_title
        self._earlier = met
        self._met = dict(met)

    def add(self, line: int, sku: str, name: str) -> None:
        """Count the next row of the file."""
        known = self._met.get(sku)
        if known is None:
            self._met[sku] = Met(line, name, "unchanged")
            return
        self.counts["merged"] += 1
        if name != known.name:
            self._list(line, sku, name, known)
            self._met[sku] = known._replace(name=name)

    def _list(self, line: int, sku: str, name: str, known: Met) -> None:
        reason = f'repeats {sku} of line {known.line}; name was "{known.name}"'
        self.errors.append(TaskError(line, self._name_title, "merged", reason, shown(name)))

    def settle(self, outcomes: Mapping[str, Outcome]) -> dict[str, Met]:
        """Count the outcome of each item once a file: an item that is created and then renamed counts as
        created.
        """
        settled = {}
        for sku, latest in outcomes.items():
            before = self._earlier.get(sku)
            outcome = latest if before is None or before.outcome == "unchanged" else before.outcome
            if before is not None:
                self.counts[before.outcome] -= 1
            self.counts[outcome] += 1
            line, name, _ = self._met[sku]
            settled[sku] = Met(line, name, outcome)
        return settled
