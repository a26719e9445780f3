"""The beginning of a CSV file: its header, and the delimiter that fits it best."""

from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO

from stockroom.frozen import frozen
from stockroom.imports.columns import resolve_columns
from stockroom.imports.csv_lines import encoding_of, read_lines
from stockroom.imports.csv_records import CsvRecord, read_records
from stockroom.imports.model import DELIMITERS, Fields, Rejection

LONGEST_HEADER = 2**16
"""Bytes; the header must end within them."""

_SAMPLE = 20


@frozen
class Head:
    """The delimiter and the titles of the header; None if the file does not begin with a header."""

    delimiter: str
    titles: list[str] | None


def read_head(
    source: BinaryIO,
    fields: Fields,
    *,
    encoding: str | None,
    delimiter: str | None,
    wanted: Sequence[str] | None,
) -> Head:
    """Read the header, and detect what is not given; `fields` and `wanted` help to detect the delimiter."""
    raw = source.read(LONGEST_HEADER)
    whole = not source.read(1)
    encoding = encoding or encoding_of(raw, whole=whole)
    candidates = [delimiter] if delimiter else DELIMITERS.values()
    heads = [_split(raw, encoding, candidate, whole=whole) for candidate in candidates]
    best, records = max(heads, key=lambda head: _sense(head[1], fields, wanted))
    first = records[0] if records else None
    return Head(best, first.values if isinstance(first, CsvRecord) else None)


def _split(
    raw: bytes, encoding: str, delimiter: str, *, whole: bool
) -> tuple[str, list[CsvRecord | Rejection]]:
    lines = list(read_lines(BytesIO(raw), encoding))
    if not whole:
        # The last line may be incomplete.
        lines.pop()
    return delimiter, list(read_records(iter(lines), delimiter))


def _sense(
    records: list[CsvRecord | Rejection], fields: Fields, wanted: Sequence[str] | None
) -> tuple[bool, float, int]:
    if not records or isinstance(records[0], Rejection):
        return False, 0.0, 0
    header, rows = records[0].values, records[1 : 1 + _SAMPLE]
    alike = sum(isinstance(row, CsvRecord) and len(row.values) == len(header) for row in rows)
    _, faults = resolve_columns(header, fields, wanted)
    regular = alike / len(rows) if rows and len(header) > 1 else 0.0
    return not faults, regular, len(header)
