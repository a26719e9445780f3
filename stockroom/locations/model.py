"""Locations: the places that hold stock."""

from datetime import datetime

from stockroom.frozen import frozen


@frozen
class Location:
    """A location (contract: Location). `version` grows by one with each change."""

    code: str
    name: str
    description: str | None
    archived: bool
    version: int
    created_at: datetime
    updated_at: datetime
