"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header): the first answer is kept and replayed."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from stockroom.contract.operations import IDEMPOTENCY_KEY, Operation
from stockroom.contract.problems import Problem
from stockroom.frozen import frozen
from stockroom.http.context import RequestContext
from stockroom.http.replies import Reply


@frozen
class IdempotencyKey:
    """Whose key for what, and the `fingerprint` (SHA-256, hexadecimal) of the request it came with."""

    caller: str
    operation: str
    key: str
    fingerprint: str


@frozen
class Kept:
    """The answer that a key got, and the fingerprint of the request it belongs to."""

    fingerprint: str
    status: int
    headers: dict[str, str]
    body: bytes


class KeyStore(Protocol):
    """Keeps keys in the transaction of their effect. `work` is the unit of work that handlers get."""

    def find(self, key: IdempotencyKey) -> Kept | None:
        """What is committed for the key. No transaction is begun for this: most keys are new."""
        ...

    def save(self, work: Any, key: IdempotencyKey, kept: Kept) -> None:
        """Raises KeyTaken when another transaction has kept the key meanwhile."""
        ...


class KeyTaken(Exception):
    """Another process has done the same request: roll this one back and send the first answer."""


class InFlight:
    """The keys at work in this process. Other processes wait for each other in the database instead."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, str, str]] = set()
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, key: IdempotencyKey) -> Iterator[None]:
        """Raises Problem while the same key is held already."""
        entry = (key.caller, key.operation, key.key)
        with self._lock:
            if entry in self._keys:
                raise Problem(
                    "idempotency-in-flight", "The first request with this idempotency key is still running."
                )
            self._keys.add(entry)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(entry)


def key_of(operation: Operation, context: RequestContext) -> IdempotencyKey | None:
    """The key the client sent, if it sent one; quoted (RFC 9651) and unquoted are the same key."""
    text = context.arguments.get(IDEMPOTENCY_KEY)
    if text is None or context.principal is None:
        return None
    values = [
        (name, value)
        for name, value in sorted(context.arguments.items())
        if name not in ("body", IDEMPOTENCY_KEY)
    ]
    fingerprint = hashlib.sha256(repr(values).encode() + b"\0" + context.fingerprint).hexdigest()
    return IdempotencyKey(context.principal.subject, operation.id, text.strip('"'), fingerprint)


def replay(kept: Kept | None, key: IdempotencyKey) -> Reply:
    """The first answer again. Raises Problem when it answered another request."""
    if kept is None:
        raise RuntimeError("an idempotency key was taken by a transaction that is not there")
    if kept.fingerprint != key.fingerprint:
        raise Problem("idempotency-mismatch", "This idempotency key was used with another request.")
    return Reply(kept.status, kept.headers, kept.body)
