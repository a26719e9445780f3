"""A client that costs little itself: one connection, whose requests are timed."""

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from bench.generate import PASSWORD


class Refused(Exception):
    """The answer was no 2xx."""


class Client:
    """Talks to one server as one user."""

    def __init__(self, url: str, username: str = "manager") -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        self._headers = {"Accept": "application/json"}
        self.username = username

    def log_in(self) -> str:
        """Get the token that is sent from now on, good for ten minutes."""
        self._headers.pop("Authorization", None)
        token: str = self.post("/login", {"username": self.username, "password": PASSWORD})["access_token"]
        self._headers["Authorization"] = f"Bearer {token}"
        return token

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, body: Any) -> Any:
        return self._ask("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def upload(self, path: str, content: bytes) -> Any:
        return self._ask("POST", path, content, {"Content-Type": "text/csv"})

    def download(self, path: str) -> int:
        """Fetch a file, throw it away, and return its size in bytes."""
        self._connection.request("GET", path, headers={**self._headers, "Accept": "*/*"})
        answer = self._connection.getresponse()
        if answer.status != 200:
            raise Refused(f"GET {path}: {answer.status} {answer.read()[:300]!r}")
        size = 0
        while piece := answer.read(2**20):
            size += len(piece)
        return size

    def seconds(self, path: str) -> float:
        """How long a read takes, from its first byte sent to its last one received."""
        started = time.perf_counter()
        self._exchange("GET", path, None, {})
        return time.perf_counter() - started

    def close(self) -> None:
        self._connection.close()

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        return json.loads(self._exchange(method, path, body, headers or {}))

    def _exchange(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        self._connection.request(method, path, body, {**self._headers, **headers})
        answer = self._connection.getresponse()
        content = answer.read()
        if not 200 <= answer.status < 300:
            raise Refused(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content
