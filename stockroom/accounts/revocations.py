"""Sessions that were ended while access tokens of theirs may still be alive."""

import threading
from datetime import datetime


class Revocations:
    """What this process knows of ended sessions, each until its last access token has expired.

    Looking up takes no lock, because every request does it; a dictionary's membership test is atomic.
    """

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def is_revoked(self, session: str) -> bool:
        return session in self._until

    def add(self, session: str, until: datetime) -> None:
        with self._lock:
            self._until[session] = until

    def prune(self, now: datetime) -> None:
        """Forget the sessions whose access tokens have all expired."""
        with self._lock:
            for session in [session for session, until in self._until.items() if until <= now]:
                del self._until[session]

    def __len__(self) -> int:
        return len(self._until)
