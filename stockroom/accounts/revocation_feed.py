"""The feed of ended sessions, which every process reads again and again."""

from stockroom.accounts import sessions
from stockroom.accounts.revocations import Revocations
from stockroom.activities.activity import Pace
from stockroom.db.database import OUTAGES, Database

POLL = 0.5
"""Seconds between two looks: a logout reaches every process within one."""


def pace() -> Pace:
    """How often to `read` after the first time: soon again after an outage, too."""
    return Pace(every=POLL, delay=POLL, longest=2, patience=POLL + 2.5, expected=OUTAGES)


class RevocationFeed:
    """Keeps `revocations` up to date. What has ended before is known after the first look."""

    def __init__(self, database: Database, revocations: Revocations) -> None:
        self._database = database
        self._revocations = revocations
        self._after = 0

    async def read(self) -> None:
        """Look for sessions that have ended since the last look."""
        self._after = await self._database.run(self._poll)

    def _poll(self) -> int:
        with self._database.connect() as reader:
            return sessions.poll(reader, self._revocations, self._after, self._database.clock())
