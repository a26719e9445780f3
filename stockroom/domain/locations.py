"""Locations: the places that hold stock."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Location:
    """A location (contract: Location). `version` grows by one with each change."""

    code: str
    name: str
    description: str | None
    archived: bool
    version: int
    created_at: datetime
    updated_at: datetime
