"""kombu's filesystem broker, with messages that appear only when they are complete.

kombu writes messages where workers look for them, and a worker that reads an incomplete one ends. So it would
for one that is damaged.
"""

import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

import structlog
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

log = structlog.get_logger(__name__)


class Channel(filesystem.Channel):
    def _put(  # type: ignore[override] # As its own base class does.
        self, queue: str, payload: Any, **kwargs: Any
    ) -> None:
        # Named as kombu names them; workers ignore other suffixes.
        whole = Path(self.data_folder_out, f"{time.monotonic_ns() // 10**6}_{uuid.uuid4()}.{queue}.msg")
        part = whole.with_name(f"{whole.name}.part")
        try:
            part.write_text(dumps(payload))  # type: ignore[no-untyped-call] # kombu ships few types.
            part.replace(whole)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def _get(  # type: ignore[override] # As its own base class does.
        self, queue: str
    ) -> Any:
        """The next message, as it was put. Raises Empty where there is none, or none that can be read."""
        try:
            message = super()._get(queue)  # type: ignore[no-untyped-call] # kombu ships few types.
            # Reads all of it.
            self.Message(message, channel=self)  # type: ignore[no-untyped-call] # as above
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            # Its file is gone. What it was to announce, the sweep finds.
            log.warning("message.unreadable", reason=repr(error))
            raise Empty from None
        return message


class Transport(filesystem.Transport):
    Channel = Channel


def install() -> None:
    """Make kombu use it for `filesystem://`."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:{Transport.__name__}"
