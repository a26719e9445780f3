"""kombu's broker in a folder, with messages that are there once they are whole.

kombu makes them where workers look for them, and a worker that finds a half one ends.
"""

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    def _put(  # type: ignore[override] # As its own base class does.
        self, queue: str, payload: Any, **kwargs: Any
    ) -> None:
        # Named as kombu does; nobody looks for names of another ending.
        whole = Path(self.data_folder_out, f"{time.monotonic_ns() // 10**6}_{uuid.uuid4()}.{queue}.msg")
        part = whole.with_name(f"{whole.name}.part")
        part.write_text(dumps(payload))  # type: ignore[no-untyped-call] # kombu ships few types.
        part.replace(whole)


class Transport(filesystem.Transport):
    Channel = Channel


def install() -> None:
    """Have kombu use it for `filesystem://`."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:{Transport.__name__}"
