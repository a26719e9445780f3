"""The kinds of imports: a row's fields, its schema, the scope it requires, and the class that applies it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from stockroom.actions.import_items import Items
from stockroom.actions.import_movements import Movements
from stockroom.domain import import_items, import_movements
from stockroom.domain.imports import Applied, Fields, ImportOptions, Kind, Valid, Wishes
from stockroom.domain.tasks import Lease
from stockroom.storage.engines import Work


class Applier(Protocol):
    """Applies the rows of one file to the database, chunk by chunk."""

    @property
    def forgets(self) -> bool:
        """Whether rows that an earlier worker applied must be applied again, without further effect."""

    def changes(self, rows: Sequence[Valid]) -> set[str] | None:
        """The keys of what the rows change; None if that depends on earlier rows."""

    def apply(self, work: Work, rows: Sequence[Valid]) -> Applied: ...


class ImportKind(NamedTuple):
    """A kind of import: `schema` is the contract's name for a row, `scope` is what importing it requires."""

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
