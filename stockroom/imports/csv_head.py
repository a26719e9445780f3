"""The beginning of a CSV file: its header, and the delimiter that fits it best."""

import re
from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO

from stockroom.frozen import frozen
from stockroom.imports.columns import resolve_columns
from stockroom.imports.csv_lines import TextLine, encoding_of, read_lines
from stockroom.imports.csv_records import CsvRecord, read_records
from stockroom.imports.model import DELIMITERS, Fields, Rejection

LONGEST_HEADER = 2**16
"""Bytes; the header must end within them."""

_SAMPLE = 20
_HINT = re.compile(r'"?sep=([,;\t|])"?[\r\n]*', re.IGNORECASE)


@frozen
class Head:
    """The delimiter, the line of the header, and its titles; None if the file begins with no header."""

    delimiter: str
    line: int
    titles: list[str] | None


def read_head(
    source: BinaryIO,
    fields: Fields,
    *,
    encoding: str | None,
    delimiter: str | None,
    wanted: Sequence[str] | None,
    line: int | None = None,
) -> Head:
    """Read the header, which begins at `line` if given, and detect what else is not given.

    `fields` and `wanted` help to detect the delimiter.
    """
    raw = source.read(LONGEST_HEADER)
    whole = not source.read(1)
    encoding = encoding or encoding_of(raw, whole=whole)
    lines = list(read_lines(BytesIO(raw), encoding))
    if not whole:
        # The last line may be incomplete.
        lines.pop()
    hint = _hint(lines)
    del lines[: line - 1 if line else int(hint is not None)]
    said = delimiter or hint
    candidates = [said] if said else DELIMITERS.values()
    heads = [(candidate, list(read_records(iter(lines), candidate))) for candidate in candidates]
    best, records = max(heads, key=lambda head: _sense(head[1], fields, wanted))
    first = records[0] if records and line in (None, records[0].line) else None
    return Head(best, first.line if first else 1, first.values if isinstance(first, CsvRecord) else None)


def _hint(lines: Sequence[TextLine]) -> str | None:
    """The delimiter that a first line `sep=;` names, which tells spreadsheets and is no row."""
    match = _HINT.fullmatch(lines[0].text or "") if lines else None
    return match[1] if match else None


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
