"""Items of the catalogue: what they are, and how a change makes the next version."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from stockroom.domain import versions
from stockroom.frozen import frozen

DEFAULT_UNIT = "piece"
"""What an item is counted in unless it says otherwise."""


@frozen
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
    return versions.changed(item, members, now)


def distinct(tags: Iterable[str]) -> tuple[str, ...]:
    """Put tags in their one form: sorted, each once."""
    return tuple(sorted(set(tags)))
