"""Uploads: whether an account may send a file, before it is received and while it grows unannounced."""

from dataclasses import dataclass

from stockroom.db.database import Database
from stockroom.db.storage import Storage
from stockroom.uploads import Received
from stockroom.work.bounds import Amounts, require_room


@dataclass(frozen=True)
class Uploads:
    """What is received here: files that an account, and the disk, have room for."""

    database: Database
    storage: Storage
    bounds: Amounts

    async def admit(self, sender: str, size: int, received: Received) -> None:
        """Raises FileTooLarge, TooMuchWork or StorageFull if the sender may not send so many bytes."""
        # What is there of it already is needed once more, where it will be stored.
        self.storage.require(more=size)
        others = Amounts(tasks=received.files - 1, upload_bytes=max(received.bytes - size, 0))

        def check() -> None:
            with self.database.connect() as reader:
                require_room(
                    reader,
                    sender,
                    self.bounds,
                    asked=Amounts(tasks=1, upload_bytes=size),
                    receiving=others,
                    now=self.database.clock(),
                )

        await self.database.run(check)
