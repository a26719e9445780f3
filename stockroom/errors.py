"""Refusals of the domain. They know no HTTP: `code` names an entry of the contract's problem catalogue."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar


class DomainError(Exception):
    """A request that is understood and refused.

    `detail` is a sentence for people; `errors` lists single faults as `{"detail", "pointer" | "parameter"}`;
    `retry_after` is in seconds; further members travel with the problem as they are.
    `recorded` refusals keep what was written before them: a failed login must still be counted.
    """

    code: ClassVar[str]
    recorded: ClassVar[bool] = False

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[dict[str, str]] = (),
        retry_after: int | None = None,
        **members: object,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after = retry_after
        self.members = members


class NotFound(DomainError):
    code = "not-found"


class UnknownItem(NotFound):
    """A line names an item that does not exist; its location may be missing too."""


class UnknownLocation(NotFound):
    """A line names a location that does not exist."""


class InvalidRequest(DomainError):
    """Values that are each well-formed, but contradict each other or what is stored."""

    code = "validation-failed"


class MissingScope(DomainError):
    """The request requires more scopes than the operation. `scopes` are all that it requires."""

    code = "insufficient-scope"

    def __init__(self, detail: str, scopes: Iterable[str]) -> None:
        super().__init__(detail)
        self.scopes = frozenset(scopes)


class RepeatedLine(DomainError):
    """Two lines name the same place: which one was meant would be a guess."""

    code = "repeated-line"


class SameLocation(DomainError):
    code = "same-location"


class ExpiryOutOfRange(DomainError):
    code = "expiry-out-of-range"


class PreconditionRequired(DomainError):
    code = "precondition-required"


class PreconditionFailed(DomainError):
    code = "precondition-failed"


class Overloaded(DomainError):
    code = "unavailable"


class InvalidCredentials(DomainError):
    code = "invalid-credentials"
    recorded = True


class TooManyAttempts(DomainError):
    code = "too-many-attempts"


class InvalidToken(DomainError):
    """A refresh token that is unknown, expired or used twice; using it twice ends its session."""

    code = "invalid-token"
    recorded = True


class RegistrationClosed(DomainError):
    code = "registration-closed"


class UsernameTaken(DomainError):
    code = "username-taken"


class WeakPassword(DomainError):
    code = "weak-password"


class WrongPassword(DomainError):
    code = "wrong-password"
    recorded = True


class LastAdmin(DomainError):
    code = "last-admin"


class SkuTaken(DomainError):
    code = "sku-taken"


class InvalidCsv(DomainError):
    code = "invalid-csv"


class TooMuchWork(DomainError):
    """The account has as much here as one account may; `bound` says of what, and how much is used."""

    code = "too-much-work"


class FileTooLarge(DomainError):
    """The file alone is more than the account may have: no waiting helps."""

    code = "content-too-large"


class StorageFull(DomainError):
    code = "storage-full"


class TaskFinished(DomainError):
    code = "task-finished"


class TaskUnfinished(DomainError):
    code = "task-unfinished"


class ResultGone(DomainError):
    code = "result-gone"


class NotReady(DomainError):
    """A service that this one depends on does not answer, or a background activity is not well."""

    code = "unavailable"


class LocationTaken(DomainError):
    code = "location-taken"


class ItemInUse(DomainError):
    code = "item-in-use"


class LocationInUse(DomainError):
    code = "location-in-use"


class ItemArchived(DomainError):
    code = "item-archived"


class LocationArchived(DomainError):
    code = "location-archived"


class InsufficientStock(DomainError):
    """`shortages` lists every line that asks for too much."""

    code = "insufficient-stock"

    def __init__(self, detail: str, *, shortages: Sequence[Mapping[str, str | int]]) -> None:
        super().__init__(detail, shortages=shortages)
        self.shortages = shortages


class BalanceOutOfRange(DomainError):
    code = "balance-out-of-range"


class AlreadyReversed(DomainError):
    code = "already-reversed"


class NotReversible(DomainError):
    code = "not-reversible"


class CountStale(DomainError):
    """`stale` lists every line whose balance was not the expected one."""

    code = "count-stale"


class ReservationClosed(DomainError):
    code = "reservation-closed"
