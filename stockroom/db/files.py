"""The file store: uploaded and exported files by name, in a folder or a bucket (any fsspec URL)."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec


class FileStore:
    """Files under `url`, such as `file:///srv/files` or `s3://bucket/prefix`. Names hold no slash."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def folder(self) -> Path | None:
        """The folder of this machine that holds the files; None if they are kept elsewhere."""
        if not self._url.startswith(("file:", "local:")):
            return None
        return Path(self._system()[1])

    def put(self, path: Path, name: str) -> None:
        """Store a copy of the local file `path` as `name`; it is durable on return."""
        system, root = self._system()
        if not _is_local(system):
            system.put_file(str(path), f"{root}/{name}")
            return
        with _made(Path(root), name) as writer, path.open("rb") as reader:
            shutil.copyfileobj(reader, writer, 2**20)

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """Write a new file; `name` exists, complete and durable, once the context exits without error."""
        system, root = self._system()
        if _is_local(system):
            with _made(Path(root), name) as writer:
                yield writer
            return
        # A bucket stores a file in one operation.
        with tempfile.NamedTemporaryFile() as spool:
            yield cast(BinaryIO, spool)
            spool.flush()
            system.put_file(spool.name, f"{root}/{name}")

    def open(self, name: str) -> BinaryIO:
        """Open for reading. Raises FileNotFoundError."""
        system, root = self._system()
        return cast(BinaryIO, system.open(f"{root}/{name}", "rb"))

    def delete(self, name: str) -> None:
        """Delete the file; no error if it does not exist."""
        system, root = self._system()
        with contextlib.suppress(FileNotFoundError):
            system.rm_file(f"{root}/{name}")

    def names_older_than(self, moment: datetime) -> Iterator[str]:
        """The names of files that were last written before `moment`, an aware datetime."""
        system, root = self._system()
        try:
            entries = system.ls(root, detail=True, refresh=True)
        except FileNotFoundError:
            return
        for entry in entries:
            if entry["type"] == "file" and _written(entry) < moment:
                yield str(entry["name"]).rsplit("/", 1)[-1]

    def _system(self) -> tuple[Any, str]:
        # fsspec caches its file systems by URL, so this is cheap and works after a fork.
        system, root = fsspec.url_to_fs(self._url)
        return system, root.rstrip("/")


def _is_local(system: Any) -> bool:
    protocols = system.protocol if isinstance(system.protocol, tuple) else (system.protocol,)
    return "file" in protocols


@contextlib.contextmanager
def _made(folder: Path, name: str) -> Iterator[BinaryIO]:
    """A new file in the folder, renamed to its name once it is complete."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f".{name}.part"
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb", 2**20) as writer:
            yield writer
            writer.flush()
            os.fsync(writer.fileno())
        part.replace(folder / name)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync(folder)


def _sync(folder: Path) -> None:
    # Without this the content is on the disk, but perhaps not the name.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _written(entry: dict[str, Any]) -> datetime:
    """The time of the last write, which each kind of store names differently."""
    moment = next(entry[key] for key in ("mtime", "LastModified", "last_modified", "created") if key in entry)
    return moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
