"""Versioned values: how a change makes the next version, and who may make it."""

from collections.abc import Callable, Mapping
from dataclasses import Field, replace
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar


class Versioned(Protocol):
    """A dataclass whose `version` grows by one with each change; it is archived, never deleted."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def archived(self) -> bool: ...
    @property
    def version(self) -> int: ...
    @property
    def updated_at(self) -> datetime: ...


V = TypeVar("V", bound=Versioned)

Expected = Callable[[int], None]
"""Raises PreconditionRequired or PreconditionFailed unless the caller knows the version it is given."""


def changed(thing: V, changes: Mapping[str, Any], now: datetime) -> V:
    """Apply a merge patch (RFC 7396): the next version, or the same value if nothing changes."""
    wanted = replace(thing, **changes)
    return thing if wanted == thing else replace(wanted, version=thing.version + 1, updated_at=now)


def archives(before: Versioned, after: Versioned) -> bool:
    """Whether the change from one version to the other archives the value."""
    return after.archived and not before.archived
