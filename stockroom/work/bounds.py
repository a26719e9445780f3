"""Bounds on what one account may have here: tasks that have not ended, and bytes in files."""

from dataclasses import asdict
from datetime import datetime

from stockroom.db.connections import Connection
from stockroom.errors import FileTooLarge, TooMuchWork
from stockroom.frozen import frozen
from stockroom.work import queries
from stockroom.work.model import RESULT_KEPT

PATIENCE = 60
"""Seconds after which to ask again: the time in which the operations that begin tasks count requests."""


@frozen
class Amounts:
    """Unfinished tasks, bytes of files that wait to be imported, and of exported files that are kept."""

    tasks: int = 0
    upload_bytes: int = 0
    export_bytes: int = 0


NOTHING = Amounts()
AN_EXPORT = Amounts(tasks=1, export_bytes=1)
"""What an export takes, as far as it is known before it is made."""


def require_room(
    reader: Connection,
    owner: str,
    bounds: Amounts,
    *,
    asked: Amounts,
    now: datetime,
    receiving: Amounts = NOTHING,
) -> None:
    """Raise TooMuchWork if the account has no room for what is `asked`, beside what it is still sending;
    FileTooLarge if it never will.
    """
    if asked.upload_bytes > bounds.upload_bytes:
        raise FileTooLarge(
            f"A file may have {bounds.upload_bytes} bytes: all that wait to be imported of an account may."
        )
    there = queries.held_by(reader, owner, since=now - RESULT_KEPT)
    for name, wanted in asdict(asked).items():
        limit, used = getattr(bounds, name), there[name] + getattr(receiving, name)
        if wanted and used + wanted > limit:
            raise TooMuchWork(
                _TOLD[name].format(used=used, limit=limit),
                retry_after=PATIENCE,
                bound={"name": name, "limit": limit, "used": used},
            )


_TOLD = {
    "tasks": (
        "You have {used} unfinished tasks, with files that are still arriving, and {limit} are allowed. "
        "Wait until some have ended, or cancel some."
    ),
    "upload_bytes": (
        "Your files that arrive or wait to be imported have {used} bytes, and {limit} are allowed. "
        "Wait until some have been imported, or cancel some."
    ),
    "export_bytes": (
        "Your exported files have {used} bytes, and {limit} are allowed. Each of them is deleted after a day."
    ),
}
