"""What a backup holds: its parts with their sizes and checksums, as its manifest lists them."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from stockroom.frozen import frozen

FORMAT = 1
MANIFEST = "manifest.json"
KEY = "jwt.key"
FILES = "files"

DATABASES: Mapping[str, str] = {"sqlite": "stockroom.db", "postgresql": "stockroom.dump"}
"""The part that holds the database, by its kind: SQLite's file, or what pg_dump has written."""

# Never a way out of the folder: there is one slash at most, and no name begins with a dot.
_NAME = re.compile(rf"(?:{FILES}/)?[A-Za-z0-9][A-Za-z0-9._-]{{0,254}}")
_TOLD = ("version", "database", "revision", "taken_at")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class BackupError(Exception):
    """Nothing was backed up or restored; the text says why, in a sentence."""


@frozen
class Part:
    """A file of the backup, by its path in the folder; `sha256` in hexadecimal."""

    name: str
    bytes: int
    sha256: str


@frozen
class Manifest:
    """`version` is Stockroom's, `revision` the database's, `taken_at` an RFC 3339 time."""

    version: str
    database: str
    revision: str
    taken_at: str
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """All parts together, in bytes."""
        return sum(part.bytes for part in self.parts)

    @property
    def files(self) -> tuple[Part, ...]:
        """The parts that belong into the file store."""
        return tuple(part for part in self.parts if part.name.startswith(f"{FILES}/"))

    @property
    def has_key(self) -> bool:
        return any(part.name == KEY for part in self.parts)

    def written(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"


def read_manifest(text: str) -> Manifest:
    """Raises BackupError for what is no manifest, one of a later format, and names that no backup has."""
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise BackupError(f"The backup has format {found['format']}; this version reads format {FORMAT}.")
        parts = tuple(_part(part) for part in found["parts"])
        version, database, revision, taken_at = (str(found[name]) for name in _TOLD)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(f"{MANIFEST} cannot be read: {error!r}.") from None
    names = [part.name for part in parts]
    if len(names) != len(set(names)) or DATABASES.get(database) not in names:
        raise BackupError(f"{MANIFEST} lists no database, or a part twice.")
    return Manifest(version, database, revision, taken_at, parts)


def _part(found: Mapping[str, Any]) -> Part:
    part = Part(found["name"], int(found["bytes"]), found["sha256"])
    if not _NAME.fullmatch(part.name) or not _DIGEST.fullmatch(part.sha256) or part.bytes < 0:
        raise BackupError(f"{MANIFEST} lists a part that no backup has: {part.name!r}.")
    top = {KEY, *DATABASES.values()}
    if "/" not in part.name and part.name not in top:
        raise BackupError(f"{MANIFEST} lists a part that no backup has: {part.name!r}.")
    return part
