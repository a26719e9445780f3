"""Import movements: each row is one, recorded in the order of the file; a dry run only checks them."""

from collections.abc import Sequence

from stockroom.db.unit_of_work import Work
from stockroom.errors import DomainError
from stockroom.imports.model import Applied, ImportOptions, Valid
from stockroom.imports.movement_rows import draft, rejection
from stockroom.stock.ledger import foresee_many, record_many
from stockroom.stock.model import Place
from stockroom.work.model import Lease, Unworkable

MOST_CARRIED = 500_000
"""The most balances that a dry run keeps; with short codes they take 94 MB (tracemalloc)."""


class Movements:
    """Applies the movements of one file.

    A dry run records nothing, so it adds up what earlier rows would have done to each balance. These sums are
    lost with the worker, and the next worker checks those rows again.
    """

    def __init__(self, lease: Lease, options: ImportOptions) -> None:
        self._owner = lease.owner
        self._options = options
        self._carried: dict[Place, int] = {}

    @property
    def forgets(self) -> bool:
        return self._options.dry_run

    def changes(self, rows: Sequence[Valid]) -> None:
        """None: movements are recorded in the order of the file, whatever they change."""

    def apply(self, work: Work, rows: Sequence[Valid]) -> Applied:
        drafts = [draft(row, self._options.movement) for _, row in rows]
        if self._options.dry_run:
            outcomes: Sequence[object] = foresee_many(work, drafts, self._carried)
            self._refuse_too_many()
        else:
            outcomes = record_many(work, drafts, by=self._owner)
        refused = [
            rejection(line, row, outcome, self._options).as_error()
            for (line, row), outcome in zip(rows, outcomes, strict=True)
            if isinstance(outcome, DomainError)
        ]
        return Applied({"created": len(rows) - len(refused), "rejected": len(refused)}, refused)

    def _refuse_too_many(self) -> None:
        if len(self._carried) > MOST_CARRIED:
            raise Unworkable(
                f"A dry run follows {MOST_CARRIED:,} balances at most, and this file moves more."
            )
