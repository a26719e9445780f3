"""Limits on guessing passwords, which strangers cannot turn against an account's owner (docs/security.md)."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from stockroom.accounts import attempt_queries as queries
from stockroom.accounts.model import Credentials, Principal
from stockroom.accounts.queries import find
from stockroom.db.unit_of_work import Work
from stockroom.errors import Overloaded, TooManyAttempts
from stockroom.frozen import frozen
from stockroom.security_log import SecurityLog


@frozen
class Allowance:
    """How many attempts are free at once, and how often there is one more."""

    at_once: int
    every: timedelta


OWN = Allowance(5, timedelta(minutes=1))
"""Of a network that the account knows, and of a session: ten in any five minutes."""
STRANGERS = OWN
"""Of all other networks together."""
STRANGER = Allowance(3, timedelta(minutes=2))
"""Of each of these: five in any five minutes, so that one alone does not keep out the rest."""

KNOWN_FOR = timedelta(days=90)
KNOWN_NETWORKS = 10
"""How long, and how many of the latest networks of an account are known."""

_STRANGERS = ""
_LONGEST_NETWORK = 45  # The longest form of an IPv6 address; what is no address is cut.


@frozen
class Attempt:
    """An attempt that was counted, by what."""

    username: str
    counts: tuple[tuple[str, Allowance], ...]

    @property
    def is_strange(self) -> bool:
        """Whether it came from a network that the account does not know."""
        return self.counts[0][0] == _STRANGERS


class Attempts:
    """Counts attempts before their passwords are checked, each in a transaction of its own.

    So guesses at the same time, whatever process they reach, get no more checks than one after the other.
    The account is found in that transaction, too: who checks its password meanwhile holds no connection.
    """

    def __init__(self, begin: Callable[[], Work]) -> None:
        self._begin = begin

    @contextmanager
    def login(
        self, username: str, network: str, log: SecurityLog
    ) -> Iterator[tuple[Attempt, Credentials | None]]:
        """Count an attempt at a name for as long as its password is checked: that of the account, if there
        is one of that name.

        Raises TooManyAttempts. An attempt that ends in Overloaded was none: no password was checked.
        """
        with self._begin() as work:
            own = (_network(network), OWN)
            since = work.now - KNOWN_FOR
            if queries.knows(work.connection, username, own[0], since=since):
                attempt = Attempt(username, (own,))
            else:
                attempt = Attempt(username, ((_STRANGERS, STRANGERS), (own[0], STRANGER)))
            found = find(work.connection, username)
            _take(work, attempt, partial(log.note, "login.limited", username if found else None))
        with self._withdrawn_if_overloaded(attempt):
            yield attempt, found

    @contextmanager
    def change(self, principal: Principal, log: SecurityLog) -> Iterator[tuple[Attempt, Credentials | None]]:
        """The same for the current password that a session gives in order to change it."""
        name, session = principal.subject, principal.session
        attempt = Attempt(name, ((f"session {session}", OWN),))
        with self._begin() as work:
            found = find(work.connection, name)
            _take(work, attempt, partial(log.note, "password.limited", name, session=session))
        with self._withdrawn_if_overloaded(attempt):
            yield attempt, found

    @contextmanager
    def _withdrawn_if_overloaded(self, attempt: Attempt) -> Iterator[None]:
        try:
            yield
        except Overloaded:
            with self._begin() as work:
                withdraw(work, attempt)
            raise


def _take(work: Work, attempt: Attempt, note_refusal: Callable[[], None]) -> None:
    for origin, allowance in attempt.counts:
        wait = queries.take(
            work.connection,
            attempt.username,
            origin,
            now=work.now,
            at_once=allowance.at_once,
            every=allowance.every,
        )
        if wait is not None:
            note_refusal()
            # What was taken before is rolled back.
            seconds = max(1, math.ceil(wait.total_seconds()))
            raise TooManyAttempts("Too many passwords were given for this name lately.", retry_after=seconds)


def withdraw(work: Work, attempt: Attempt) -> None:
    """Count an attempt no longer: its password was right, or was not checked."""
    for origin, allowance in attempt.counts:
        queries.give_back(work.connection, attempt.username, origin, every=allowance.every)


def count_failure(work: Work, attempt: Attempt) -> None:
    """Note a wrong password, to be told to the owner. The caller then raises an error that is `recorded`."""
    origin, _ = attempt.counts[0]
    queries.count_failure(work.connection, attempt.username, origin)


def accept(work: Work, attempt: Attempt, network: str) -> int:
    """Note a login; returns how many passwords were wrong since the last one."""
    failures = queries.forget_failures(work.connection, attempt.username)
    withdraw(work, attempt)
    see(work, attempt.username, network)
    return failures


def see(work: Work, username: str, network: str) -> None:
    """Note that who is in this network has proved to be the account's owner."""
    queries.see(work.connection, username, _network(network), now=work.now, most=KNOWN_NETWORKS)


def prune_attempts(work: Work) -> None:
    """Delete the counts that are over, and networks that are no longer known."""
    queries.prune(work.connection, now=work.now, since=work.now - KNOWN_FOR)


def _network(network: str) -> str:
    return f"network {network[:_LONGEST_NETWORK]}"
