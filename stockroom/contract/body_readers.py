"""Readers of request bodies, one a media type: a body becomes a value if it is as the contract says."""

import gc
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jiter

from stockroom.contract.discriminator import Validator
from stockroom.contract.parameters import RequestFault, read_query
from stockroom.contract.problems import Problem, unavailable
from stockroom.contract.schemas import faults, pointer
from stockroom.frozen import frozen
from stockroom.uploads import Received, Upload, UploadFolder

# Bodies that are held in memory; a file's bound is the maxLength of its schema.
MAX_BYTES = 1_048_576

# Of a file whose length is not announced so many bytes more are taken before its sender is asked after again.
ADMITTED = 2**21


@frozen
class MediaType:
    """A Content-Type (RFC 9110, 8.3), lower-cased; `charset` as Python's codec is called."""

    name: str
    charset: str | None


@frozen
class Body:
    """What was sent: `value` for the handler, `fingerprint` for telling it from another."""

    value: Any
    fingerprint: bytes


Admit = Callable[[str, int, Received], Awaitable[None]]
"""Raises where a sender may not send so many bytes in one file, beside all that is being received of his."""


class Sender(NamedTuple):
    """Who sends a file, and as many bytes as are announced of it."""

    name: str
    length: int | None
    admit: Admit | None


class BodyReader(Protocol):
    """Reads the bodies of one media type of one operation; what is wrong goes to `errors`."""

    @property
    def limit(self) -> int:
        """The bytes a body may have."""

    async def read(
        self,
        chunks: AsyncIterator[bytes],
        media: MediaType,
        errors: list[RequestFault],
        sender: Sender | None,
    ) -> Body:
        """The body of its chunks. A file's `sender` is told."""


@frozen
class JsonReader:
    validator: Validator
    limit: int = MAX_BYTES

    async def read(
        self,
        chunks: AsyncIterator[bytes],
        media: MediaType,
        errors: list[RequestFault],
        sender: Sender | None,
    ) -> Body:
        content = await _text(chunks, media)
        if not content:
            errors.append({"detail": "The body is empty.", "pointer": ""})
            return Body(None, b"")
        value = parse_json(content)
        errors += _faults(self.validator, value)
        return Body(value, content)


@frozen
class FormReader:
    validator: Validator
    limit: int = MAX_BYTES

    async def read(
        self,
        chunks: AsyncIterator[bytes],
        media: MediaType,
        errors: list[RequestFault],
        sender: Sender | None,
    ) -> Body:
        content = await _text(chunks, media)
        pairs = read_query(content)
        errors.extend(
            {"detail": f"{name[:80]} is there {len(texts)} times.", "pointer": pointer([name[:80]])}
            for name, texts in pairs.items()
            if len(texts) > 1
        )
        value = {name: texts[0] for name, texts in pairs.items()}
        errors += _faults(self.validator, value)
        return Body(value, content)


@frozen
class FileReader:
    """Streams a body to disk, so that neither its size nor a slow client costs memory or a thread.

    Its sender is asked after before the first byte is taken, and again while it grows unannounced.
    """

    limit: int
    folder: UploadFolder

    async def read(
        self,
        chunks: AsyncIterator[bytes],
        media: MediaType,
        errors: list[RequestFault],
        sender: Sender | None,
    ) -> Body:
        name, length, admit = sender or _NOBODY
        try:
            upload, received = await self.folder.begin(name, length)
        except TimeoutError:
            told = "Too many files are being sent."
            raise unavailable(told) from None
        upload.charset = media.charset
        try:
            if admit:
                await admit(name, length or 0, received)
            if length:
                upload.allocate(length)
            digest = await self._receive(chunks, upload, sender or _NOBODY)
            upload.complete()
        except BaseException:
            upload.close()
            raise
        # The same bytes in another encoding are another file.
        return Body(upload, digest + (upload.charset or "").encode())

    async def _receive(self, chunks: AsyncIterator[bytes], upload: Upload, sender: Sender) -> bytes:
        content, admitted = hashlib.sha256(), sender.length or 0
        async for chunk in chunks:
            content.update(chunk)
            upload.write(chunk)
            if sender.admit and upload.size > admitted:
                admitted = upload.size + ADMITTED
                await sender.admit(sender.name, upload.size, self.folder.received_of(sender.name))
        return content.digest()


_NOBODY = Sender("", None, None)


def parse_json(content: bytes) -> Any:
    """JSON (RFC 8259) without its latitude: no duplicate names, no NaN, no NUL, at most 200 levels."""
    # JSON has no cycles; but a megabyte of lists would be searched for some again and again while it grows.
    gc.disable()
    try:
        value = jiter.from_json(content, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        raise Problem("malformed-request", f"The body is not JSON: {error}"[:500]) from None
    finally:
        gc.enable()
    # A NUL can only come as this escape, and only then is the tree searched for it.
    if b"\\u0000" in content and _holds_nul(value):
        raise Problem("malformed-request", "The body holds a NUL character.")
    return value


def _holds_nul(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value
        case list():
            return any(map(_holds_nul, value))
        case dict():
            return any("\0" in name or _holds_nul(member) for name, member in value.items())
    return False


async def _text(chunks: AsyncIterator[bytes], media: MediaType) -> bytes:
    if media.charset not in (None, "utf-8", "ascii"):
        raise Problem("unsupported-media-type", "The charset must be utf-8.")
    return b"".join([chunk async for chunk in chunks])


def _faults(validator: Validator, value: Any) -> list[RequestFault]:
    return [{"detail": message, "pointer": where} for where, message in faults(validator, value)]


Readers = Mapping[str, BodyReader]
