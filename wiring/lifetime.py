"""What goes on from the start of a process of the API to its end, besides requests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from starlette.types import ASGIApp

from stockroom.accounts import revocation_feed
from stockroom.accounts.beginning import Beginning
from stockroom.db import migrate
from stockroom.db.database import OUTAGES, Database
from stockroom.uploads import UploadFolder
from wiring.observation import Observation

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Lifetime:
    """The lifespan of the application. `close` ends what sends tasks to the broker."""

    data_dir: Path
    database: Database
    beginning: Beginning
    observation: Observation
    close: Callable[[], None]

    @asynccontextmanager
    async def span(self, app: ASGIApp) -> AsyncIterator[None]:
        try:
            await asyncio.to_thread(UploadFolder(self.data_dir).clear)
            async with self.database.serving():
                await self._begin()
                try:
                    async with self._feed(), self.observation.showing(self.database):
                        yield
                finally:
                    self.close()
                    if self.observation.tracing:
                        await asyncio.to_thread(self.observation.tracing.close)
        finally:
            self.database.dispose()

    def _feed(self) -> AbstractAsyncContextManager[None]:
        activities = self.observation.activities
        return activities.on_loop("revocations", self.beginning.step, revocation_feed.pace())

    async def _begin(self) -> None:
        """Take the first step. Only a database of another version is a reason not to serve."""
        try:
            await self.beginning.step()
        except OUTAGES as error:
            log.warning("start.database_away", reason=str(error))
        except migrate.WrongRevision as error:
            reason = f"the database is {error}"
            log.critical("start.refused", reason=reason)
            raise RuntimeError(reason) from None
