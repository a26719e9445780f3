"""Things that are kept in versions: how a change makes the next one, and a version's validator."""

from collections.abc import Mapping
from dataclasses import Field, replace
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar


class Versioned(Protocol):
    """A dataclass whose `version` grows by one with each change, and that is archived, never deleted."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def archived(self) -> bool: ...
    @property
    def version(self) -> int: ...
    @property
    def updated_at(self) -> datetime: ...


V = TypeVar("V", bound=Versioned)


def changed(thing: V, changes: Mapping[str, Any], now: datetime) -> V:
    """Apply a merge-patch (RFC 7396): the next version of the thing, or itself where nothing changes."""
    wanted = replace(thing, **changes)
    return thing if wanted == thing else replace(wanted, version=thing.version + 1, updated_at=now)


def archives(before: Versioned, after: Versioned) -> bool:
    """Whether the change from one version to the other takes the thing out of use."""
    return after.archived and not before.archived


def etag(version: int) -> str:
    """Write the strong validator of a version (RFC 9110, 8.8.3), quotes included."""
    return f'"v{version}"'
