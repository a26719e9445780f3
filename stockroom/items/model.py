"""Items of the catalogue: what they are, and how a change makes the next version."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from stockroom import versions
from stockroom.frozen import frozen

DEFAULT_UNIT = "piece"
"""The unit of items that name none."""


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
    """Apply a merge patch (RFC 7396): the next version of the item, or the same one if nothing changes.

    `changes` holds only members of the contract's ItemChanges.
    """
    members = {**changes, "tags": distinct(changes["tags"])} if "tags" in changes else changes
    return versions.changed(item, members, now)


def distinct(tags: Iterable[str]) -> tuple[str, ...]:
    """Normalize tags: sorted, each once."""
    return tuple(sorted(set(tags)))
