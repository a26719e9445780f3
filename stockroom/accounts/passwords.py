"""Passwords: hashed with Argon2id, few at once, and refused when easy to guess (NIST SP 800-63B-4)."""

import base64
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from stockroom.accounts.strength import weakness
from stockroom.errors import Overloaded, WeakPassword

SHORTEST, LONGEST = 15, 128

T = TypeVar("T")


class Passwords:
    """Hashing and verifying, bounded: each takes 19 MiB and a core for a while, so at most `at_once` run.

    Call these outside transactions: a hash under SQLite's only write lock would stall every writer.
    """

    def __init__(
        self, hasher: PasswordHasher | None = None, *, at_once: int = 2, patience: float = 2.0
    ) -> None:
        """`patience` is in seconds: who waits longer for a turn is refused with Overloaded."""
        # The first choice of OWASP's password storage cheat sheet: Argon2id with 19 MiB.
        self._hasher = hasher or PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)
        # A thread that has hashed keeps the memory; so these do it, and not all that handle requests.
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._patience = patience
        self._dummy = _nobodys_hash(self._hasher)

    def hash(self, password: str) -> str:
        return self._in_turn(lambda: self._hasher.hash(_octets(password)))

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether `stored` is a hash of `password`. None, for a name nobody has, costs as much as one."""
        return self._in_turn(lambda: self._fits(password, stored or self._dummy)) and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether `stored` was made with other parameters than are in use now."""
        return self._hasher.check_needs_rehash(stored)

    def refuse_weak(self, password: str, *, username: str, email: str) -> None:
        """Raise WeakPassword, saying why, for a password that guessers try early."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise WeakPassword(f"The password must have {SHORTEST} to {LONGEST} characters.")
        local_part, _, domain = email.rpartition("@")
        names = (username, email, local_part, domain.partition(".")[0])
        if fault := weakness(password, names=names):
            raise WeakPassword(f"The password {fault}.")

    def _fits(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, _octets(password))
        except (VerificationError, InvalidHashError):
            return False

    def _in_turn(self, work: Callable[[], T]) -> T:
        turn = self._threads.submit(work)
        try:
            return turn.result(self._patience)
        except TimeoutError:
            if turn.cancel():
                detail = "Too many passwords are being checked at the moment."
                raise Overloaded(detail, retry_after=1) from None
            return turn.result()


def _nobodys_hash(hasher: PasswordHasher) -> str:
    """A hash that was never made of a password: to verify against it costs the same, to make it nothing."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"


def _octets(password: str) -> bytes:
    # The same letters typed on another system may be composed differently (NIST SP 800-63B section 3.1.1.2).
    # Lone surrogates cannot be typed, and must not raise either.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
