"""Rows of any CSV file: each is read, or rejected with a reason; none raises an error."""

import csv
from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple

from stockroom.imports.csv_lines import LONGEST_LINE, TextLine, read_lines
from stockroom.imports.model import Column, FileRow, Rejection, shown

LONGEST_FIELD = 2**16
"""The most characters of a value, and of what follows the first line of a row that spans several."""

_TOO_LONG = f"a value is longer than {LONGEST_FIELD} characters"


class CsvRecord(NamedTuple):
    """The values of a row by index, without their quotes; `line` is the first physical line."""

    line: int
    values: list[str]


def read_rows(
    source: BinaryIO, *, encoding: str, delimiter: str, width: int, columns: Mapping[str, Column]
) -> Iterator[FileRow | Rejection]:
    """Read the rows after the header, with the values of `columns`; a file always gives the same rows.

    A row must have `width` values; further ones must be empty. Empty lines are skipped.
    """
    records = read_records(read_lines(source, encoding), delimiter)
    next(records, None)
    picks = [(field, column.place) for field, column in columns.items()]
    for record in records:
        if isinstance(record, Rejection):
            yield record
            continue
        line, values = record
        if len(values) != width and (misfit := _misfit(record, width, delimiter)):
            yield misfit
            continue
        if not all(map(str.isascii, values)) and (unreadable := _unreadable(record, columns, encoding)):
            yield unreadable
            continue
        yield FileRow(line, {field: values[index].strip() for field, index in picks})


def read_records(lines: Iterator[TextLine], delimiter: str) -> Iterator[CsvRecord | Rejection]:
    """Split lines into records as the csv module reads RFC 4180, and skip empty ones.

    A quoted value that is not closed within 64 KiB is rejected together with the lines that it spans.
    """
    blank = f" \t\r\n{delimiter}"
    for line in lines:
        number, text = line
        if text is None:
            yield Rejection(number, None, f"the line is longer than {LONGEST_LINE} bytes", None)
        elif '"' in text:
            yield _quoted(number, text, lines, delimiter)
        elif text.strip(blank):
            values = text.rstrip("\r\n").split(delimiter)
            yield CsvRecord(number, values) if len(text) <= LONGEST_FIELD else _bounded(number, values)


def _quoted(number: int, text: str, lines: Iterator[TextLine], delimiter: str) -> CsvRecord | Rejection:
    feed = _Feed(number, text, lines)
    reason = "a quoted value is not closed"
    try:
        values = next(csv.reader(feed, delimiter=delimiter))
    except csv.Error:
        # A reader that is not strict only rejects values that are too long.
        feed.dry, reason = True, _TOO_LONG
    if not feed.dry:
        return _bounded(number, values)
    if feed.last > number:
        reason += f"; lines {number} to {feed.last} are left out"
    return Rejection(number, None, reason, shown(text.strip()))


def _bounded(number: int, values: list[str]) -> CsvRecord | Rejection:
    for value in values:
        if len(value) > LONGEST_FIELD:
            return Rejection(number, None, _TOO_LONG, shown(value))
    return CsvRecord(number, values)


class _Feed:
    """Feeds the lines of one record to the csv module: as many as an open quote takes, within bounds."""

    def __init__(self, number: int, text: str, lines: Iterator[TextLine]) -> None:
        self.last = number
        self.dry = False
        self._first: str | None = text
        self._lines = lines
        self._left = LONGEST_FIELD

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._first is not None:
            text, self._first = self._first, None
            return text
        line = next(self._lines, None) if self._left > 0 else None
        if line is not None:
            self.last = line.number
        if line is None or line.text is None or len(line.text) > self._left:
            self.dry = True
            raise StopIteration
        self._left -= len(line.text)
        return line.text


def _misfit(record: CsvRecord, width: int, delimiter: str) -> Rejection | None:
    values = record.values
    if len(values) > width and not any(value.strip() for value in values[width:]):
        return None
    reason = f"has {len(values)} values where the header has {width} columns"
    return Rejection(record.line, None, reason, shown(delimiter.join(values[: width + 1])))


def _unreadable(record: CsvRecord, columns: Mapping[str, Column], encoding: str) -> Rejection | None:
    titles = {column.place: column.title for column in columns.values()}
    for index, value in enumerate(record.values):
        if any("\ud800" <= character <= "\udfff" for character in value):
            return Rejection(record.line, titles.get(index), f"is not {encoding} text", shown(value))
    return None
