"""What can be imported, by kind: the fields of a row, its schema, the scope it takes, and what applies it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from stockroom.actions.import_items import Items
from stockroom.actions.import_movements import Movements
from stockroom.domain import import_items, import_movements
from stockroom.domain.imports import Applied, Fields, ImportOptions, Kind, Valid, Wishes
from stockroom.domain.tasks import Lease
from stockroom.storage.engines import Work


class Applier(Protocol):
    """Does to the database what the rows of one file say, chunk by chunk."""

    @property
    def forgets(self) -> bool:
        """Whether rows that were applied by an earlier worker must be applied again, to no other effect."""

    def changes(self, rows: Sequence[Valid]) -> set[str] | None:
        """The keys of what the rows change; None where that depends on the rows before them."""

    def apply(self, work: Work, rows: Sequence[Valid]) -> Applied: ...


class ImportKind(NamedTuple):
    """What rows are: `schema` is the contract's name for it, `scope` what importing them takes."""

    schema: str
    scope: str
    fields: Callable[[Wishes | ImportOptions], Fields]
    applier: Callable[[Lease, ImportOptions], Applier]


KINDS: Mapping[Kind, ImportKind] = {
    "items": ImportKind("NewItem", "items:write", lambda _: import_items.FIELDS, Items),
    "movements": ImportKind("MovementRow", "stock:write", import_movements.fields, Movements),
}


def task_kind(kind: Kind) -> str:
    """The kind of the task that imports rows of this kind (contract: Task)."""
    return f"{kind}-import"
