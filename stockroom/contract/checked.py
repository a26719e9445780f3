"""What was found to be valid, kept beside it as Python keeps compiled modules beside their source.

To find the contract valid takes a quarter of the start, and it is the same one each time, in the API and in
its worker. Where nothing can be written it is checked each time.
"""

import hashlib
import os
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

_FORM = b"1"
"""Another one for what other code finds valid."""


def find(path: Path, text: bytes) -> dict[str, Any] | None:
    """The tree of a document that was valid as it is now, or None."""
    try:
        raw: dict[str, Any] = orjson.loads(_file(path, text).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return raw


def keep(path: Path, text: bytes, raw: dict[str, Any]) -> None:
    """Remember the tree of a valid document, in the place of all it was before."""
    kept = _file(path, text)
    content = orjson.dumps(raw)
    if orjson.loads(content) != raw:
        # Dates, which YAML knows and JSON does not.
        return
    with suppress(OSError):
        kept.parent.mkdir(exist_ok=True)
        for former in kept.parent.glob(f"{path.name}.*.json"):
            former.unlink(missing_ok=True)
        # Others that start at the same moment must not read the half of it.
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_bytes(content)
        part.replace(kept)


def _file(path: Path, text: bytes) -> Path:
    checker = version("openapi-spec-validator").encode()
    digest = hashlib.blake2b(b"\0".join((_FORM, checker, text)), digest_size=12).hexdigest()
    return path.parent / "__pycache__" / f"{path.name}.{digest}.json"
