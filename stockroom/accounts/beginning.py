"""The beginning of a process of the API, which does not wait for the database."""

from stockroom.accounts.revocation_feed import RevocationFeed
from stockroom.db import migrate
from stockroom.db.database import Database
from stockroom.errors import Overloaded


class Beginning:
    """It is over once the database was there, at the right revision, and its ended sessions are known.

    Until then nothing is done that needs the database, and no token counts.
    """

    def __init__(self, database: Database, feed: RevocationFeed) -> None:
        self._database = database
        self._feed = feed
        self.is_over = False

    async def step(self) -> None:
        """Try to bring it to its end; after that, read on in the feed of ended sessions.

        Raises what `OUTAGES` lists where the database is away, and WrongRevision.
        """
        if not self.is_over:
            await self._database.run(lambda: migrate.require_head(self._database))
        await self._feed.read()
        self.is_over = True

    @staticmethod
    def refusal() -> Overloaded:
        """What is said until then."""
        return Overloaded("The service waits for its database. Try again in a moment.", retry_after=1)
