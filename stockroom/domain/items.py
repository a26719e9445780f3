"""Items of the catalogue: what they are, how a change makes the next version, and a version's validator."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

DEFAULT_UNIT = "piece"
"""What an item is counted in unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item (contract: Item). `tags` are sorted and distinct; `version` grows by one with each change."""

    sku: str
    name: str
    description: str | None
    unit: str
    reorder_point: int | None
    tags: tuple[str, ...]
    archived: bool
    version: int
    created_at: datetime
    updated_at: datetime


def changed(item: Item, changes: Mapping[str, Any], now: datetime) -> Item:
    """Apply a merge-patch (RFC 7396) to the item: the next version of it, or itself where nothing changes.

    `changes` holds only members of the contract's ItemChanges.
    """
    members = {**changes, "tags": distinct(changes["tags"])} if "tags" in changes else changes
    wanted = replace(item, **members)
    return item if wanted == item else replace(wanted, version=item.version + 1, updated_at=now)


def distinct(tags: Iterable[str]) -> tuple[str, ...]:
    """Put tags in their one form: sorted, each once."""
    return tuple(sorted(set(tags)))


def etag(version: int) -> str:
    """Write the strong validator of a version (RFC 9110, 8.8.3), quotes included."""
    return f'"v{version}"'
