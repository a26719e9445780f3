"""Physical lines of any text file: the encoding is detected, and lines are limited in length."""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from stockroom.frozen import frozen

LONGEST_LINE = 2**20
"""The most bytes of a line; a longer line is skipped to its end."""

_BLOCK = 2**18
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_HEAD = 4
_TWO_OF_ASCII = re.compile(rb"(?:\0[\x09-\x7e]){2}|(?:[\x09-\x7e]\0){2}")
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


class TextLine(NamedTuple):
    """A line and its number, from 1. `text` includes the line break; it is None if the line is too long.

    Bytes that are invalid in the encoding become lone surrogates (PEP 383).
    """

    number: int
    text: str | None


@frozen
class Survey:
    """The result of a first pass over a file: its encoding, and its number of physical lines."""

    encoding: str
    lines: int


def survey(source: BinaryIO, encoding: str | None) -> Survey:
    """Read `source` once from its beginning: count its lines and, unless given, detect its encoding."""
    found = encoding or _marked(source)
    if found == "utf-16":
        return Survey(found, sum(block.count(b"\n") for block in _unified(_blocks(source, found))))
    evidence = _Evidence()
    lines = sum(block.count(b"\n") for block in _unified(evidence.watch(_raw_blocks(source))))
    return Survey(found or evidence.encoding(), lines)


def encoding_of(head: bytes, *, whole: bool) -> str:
    """Guess the encoding from the beginning of a file or, if `whole`, from all of it."""
    if encoding := _told(head):
        return encoding
    evidence = _Evidence()
    # The head may end within a character; that is no fault of the file.
    for _ in evidence.watch(iter((head,)), final=whole):
        pass
    return evidence.encoding()


def read_lines(source: BinaryIO, encoding: str) -> Iterator[TextLine]:
    """Split `source` at LF, CR LF or CR, with at most one line and one block in memory."""
    # The blocks of a UTF-16 file are UTF-8 already; unpaired surrogates are invalid bytes in them.
    codec = "utf-8" if encoding == "utf-16" else encoding
    for number, raw in enumerate(_cut(_blocks(source, encoding)), start=1):
        yield TextLine(number, None if raw is None else _decoded(raw, codec))


def _decoded(raw: bytes, codec: str) -> str:
    for rule in ("strict", "surrogateescape"):
        try:
            return raw.decode(codec, rule)
        except UnicodeDecodeError:
            continue
    # Of two bytes that are no character, one may be of ASCII, which cannot be escaped.
    return raw.decode("ascii", "surrogateescape")


def _cut(blocks: Iterator[bytes]) -> Iterator[bytes | None]:
    rest, skipping = b"", False
    for block in blocks:
        lines = (rest + block).splitlines(keepends=True)
        # A CR at the end of a block may be the first half of a CR LF.
        rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
        for line in lines:
            yield None if skipping or len(line) > LONGEST_LINE else line
            skipping = False
        if len(rest) > LONGEST_LINE:
            rest, skipping = rest[-1:], True
    if rest or skipping:
        yield None if skipping else rest


def _marked(source: BinaryIO) -> str | None:
    head = source.read(_HEAD)
    source.seek(0)
    return _told(head)


def _told(head: bytes) -> str | None:
    """The encoding that the first bytes give away."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    # The titles are mostly of ASCII, and no other encoding has zeros in every second place.
    return "utf-16" if _TWO_OF_ASCII.match(head) else None


def _raw_blocks(source: BinaryIO) -> Iterator[bytes]:
    while block := source.read(_BLOCK):
        yield block


def _blocks(source: BinaryIO, encoding: str) -> Iterator[bytes]:
    if encoding == "utf-16":
        yield from _from_utf16(_raw_blocks(source))
        return
    for place, block in enumerate(_raw_blocks(source)):
        start = len(codecs.BOM_UTF8) if place == 0 and block.startswith(codecs.BOM_UTF8) else 0
        if content := block[start:]:
            yield content


def _from_utf16(blocks: Iterator[bytes]) -> Iterator[bytes]:
    decoder: codecs.IncrementalDecoder | None = None
    for block in blocks:
        start = 0
        if decoder is None:
            # Unpaired surrogates pass here; the strict UTF-8 decoder rejects them later, line by line.
            decoder = codecs.getincrementaldecoder(_byte_order(block))("surrogatepass")
            start = 2 if block[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else 0
        if text := decoder.decode(block[start:]):
            yield text.encode("utf-8", "surrogatepass")
    if decoder is not None and decoder.getstate()[0]:
        yield b"\xff"


def _byte_order(head: bytes) -> str:
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    # The high byte of most characters is zero; without any zero, little-endian is the usual order.
    return "utf-16-be" if head[0::2].count(0) > head[1::2].count(0) else "utf-16-le"


def _unified(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks, with one LF at the end of each line, also of the last one."""
    pending, last = b"", b"\n"
    for block in blocks:
        joined = pending + block
        pending = b"\r" if joined.endswith(b"\r") else b""
        unified = joined.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        last = unified[-1:] or last
        yield unified
    if pending or last != b"\n":
        yield b"\n"


class _Evidence:
    """Looks through all bytes of a file to distinguish UTF-8 from Windows-1252."""

    def __init__(self) -> None:
        self._valid = True
        self._multibyte = False

    def watch(self, blocks: Iterator[bytes], *, final: bool = True) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        carried = b""
        for block in blocks:
            if not block.isascii() or carried:
                self._multibyte = self._multibyte or bool(_MULTIBYTE.search(carried + block))
                self._check(decoder, block)
                carried = b"" if block.isascii() else block[-3:]
            yield block
        if final:
            self._check(decoder, b"", final=True)

    def _check(self, decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> None:
        if self._valid:
            try:
                decoder.decode(block, final)
            except UnicodeDecodeError:
                self._valid = False

    def encoding(self) -> str:
        # Windows-1252 text hardly ever contains a UTF-8 sequence; a single one makes this UTF-8 with invalid
        # bytes.
        return "utf-8" if self._valid or self._multibyte else "windows-1252"
