"""Finds the leases that nobody renews, whatever the clock of the system is set to."""

import time
from collections.abc import Callable, Collection

from stockroom.work.model import Standing


class Renewals:
    """Remembers since when each lease stands as it does, by a clock that nobody sets.

    A lease ends at a time of day. Where the clock is set back after that was written, a worker that has died
    would keep its task for as long as the clock was set back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[Standing, float] = {}

    def overdue(self, leases: Collection[Standing], seconds: float) -> list[Standing]:
        """Of all `leases` that stand now, those that have stood unchanged for `seconds`, a whole term.

        Who is alive renews three times a term. If a holder is alive nevertheless, its fencing token keeps it
        from writing once another worker has claimed its task.
        """
        now = self._clock()
        self._since = {lease: self._since.get(lease, now) for lease in leases}
        return [lease for lease, since in self._since.items() if now - since > seconds]
