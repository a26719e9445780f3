"""The kinds of imports: a row's fields, its schema, the scope it requires, and the class that applies it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from stockroom.db.unit_of_work import Work
from stockroom.imports import item_rows, movement_rows
from stockroom.imports.apply_items import Items
from stockroom.imports.apply_movements import Movements
from stockroom.imports.model import Applied, Fields, ImportKind, ImportOptions, ImportRequest, Valid
from stockroom.work.model import Lease


class Applier(Protocol):
    """Applies the rows of one file to the database, chunk by chunk."""

    @property
    def forgets(self) -> bool:
        """Whether rows that an earlier worker applied must be applied again, without further effect."""

    def changes(self, rows: Sequence[Valid]) -> set[str] | None:
        """The keys of what the rows change; None if that depends on earlier rows."""

    def apply(self, work: Work, rows: Sequence[Valid]) -> Applied: ...


class ImportRules(NamedTuple):
    """A kind of import: `schema` is the contract's name for a row, `scope` is what importing it requires."""

    schema: str
    scope: str
    fields: Callable[[ImportRequest | ImportOptions], Fields]
    applier: Callable[[Lease, ImportOptions], Applier]


KINDS: Mapping[ImportKind, ImportRules] = {
    "items": ImportRules("NewItem", "items:write", lambda _: item_rows.FIELDS, Items),
    "movements": ImportRules("MovementRow", "stock:write", movement_rows.fields, Movements),
}


def task_kind(kind: ImportKind) -> str:
    """The kind of the task that imports rows of this kind (contract: Task)."""
    return f"{kind}-import"
