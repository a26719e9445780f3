"""Records of any CSV file, quoted strictly as RFC 4180 says: each is read, or rejected."""

import csv
import re
from collections.abc import Iterator
from typing import NamedTuple

from stockroom.imports.csv_lines import LONGEST_LINE, TextLine
from stockroom.imports.model import Rejection, shown

LONGEST_FIELD = 2**16
"""The most characters of a value, and of what follows the first line of a row that spans several."""

_TOO_LONG = f"a value is longer than {LONGEST_FIELD} characters"
_LINE_TOO_LONG = f"the line is longer than {LONGEST_LINE} bytes"


class CsvRecord(NamedTuple):
    """The values of a row by index, without their quotes; `line` is the first of its `lines`."""

    line: int
    values: list[str]
    lines: int = 1


def read_records(
    lines: Iterator[TextLine], delimiter: str, width: int | None = None
) -> Iterator[CsvRecord | Rejection]:
    """Split lines into records, and skip those of empty values.

    Behind a quote that is stray, or not closed within 64 KiB, rows cannot be told apart. Such lines are left
    out, up to one that is a record by itself, of `width` values (of any number, if None).
    """
    blank = f" \t\r\n{delimiter}"
    for number, text in lines:
        if text is None:
            yield from _left_out(number, _LINE_TOO_LONG, "", number, lines, delimiter, width)
        elif '"' in text:
            try:
                values = next(csv.reader((text,), delimiter=delimiter, strict=True))
            except csv.Error:
                yield from _of_several_lines(number, text, lines, delimiter, width)
            else:
                if values[0].strip() or any(map(str.strip, values)):
                    yield _bounded(number, values, 1)
        elif text.strip(blank):
            values = text.rstrip("\r\n").split(delimiter)
            yield CsvRecord(number, values) if len(text) <= LONGEST_FIELD else _bounded(number, values, 1)


def _of_several_lines(
    number: int, text: str, lines: Iterator[TextLine], delimiter: str, width: int | None
) -> Iterator[CsvRecord | Rejection]:
    feed = _Feed(number, text, lines)
    try:
        values = next(csv.reader(feed, delimiter=delimiter, strict=True))
    except csv.Error:
        yield from _left_out(number, _reason(feed, delimiter), text, feed.last, lines, delimiter, width)
        return
    if any(map(str.strip, values)):
        yield _bounded(number, values, feed.last - number + 1)


def _reason(feed: "_Feed", delimiter: str) -> str:
    if feed.dry:
        return "a quoted value is not closed"
    try:
        # A reader that is not strict only refuses values that are too long.
        next(csv.reader(feed.taken, delimiter=delimiter))
    except csv.Error:
        return _TOO_LONG
    return "a quote stands within a value without being doubled"


def _left_out(
    number: int,
    reason: str,
    text: str,
    last: int,
    lines: Iterator[TextLine],
    delimiter: str,
    width: int | None,
) -> Iterator[CsvRecord | Rejection]:
    """Reject lines from `number` on, at least to `last`; then comes the record that is sure, if any is."""
    record, passed = None, 0
    value = shown(text.strip()) or None
    for line in lines:
        if record := _by_itself(line, delimiter, width):
            break
        if passed > LONGEST_FIELD:
            # Neither this loop nor a row of the error list is without bound.
            yield Rejection(number, None, reason, value, last - number + 1)
            number, passed, value = line.number, 0, None
        last = line.number
        passed += len(line.text or "") or LONGEST_LINE
    yield Rejection(number, None, reason, value, last - number + 1)
    if record:
        yield record


def _by_itself(line: TextLine, delimiter: str, width: int | None) -> CsvRecord | None:
    number, text = line
    if text is None or len(text) > LONGEST_FIELD or not _STRICT[delimiter].fullmatch(text):
        return None
    values = next(csv.reader([text], delimiter=delimiter, strict=True))
    return CsvRecord(number, values) if any(values) and width in (None, len(values)) else None


def _strict(delimiter: str) -> re.Pattern[str]:
    value = rf'(?:"(?:[^"\r\n]|"")*"|[^"\r\n{re.escape(delimiter)}]*)'
    return re.compile(rf"{value}(?:{re.escape(delimiter)}{value})*[\r\n]*")


_STRICT = {delimiter: _strict(delimiter) for delimiter in ",;\t|"}
"""Lines by delimiter in which each quote is where RFC 4180 has it, and none is open at the end."""


def _bounded(number: int, values: list[str], lines: int) -> CsvRecord | Rejection:
    for value in values:
        if len(value) > LONGEST_FIELD:
            return Rejection(number, None, _TOO_LONG, shown(value), lines)
    return CsvRecord(number, values, lines)


class _Feed:
    """Feeds the lines of one record to the csv module: as many as an open quote takes, within bounds."""

    def __init__(self, number: int, text: str, lines: Iterator[TextLine]) -> None:
        self.last = number
        self.dry = False
        self.taken: list[str] = []
        self._first = text
        self._lines = lines
        self._left = LONGEST_FIELD

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self.taken:
            self.taken.append(self._first)
            return self._first
        line = next(self._lines, None) if self._left > 0 else None
        if line is not None:
            self.last = line.number
        if line is None or line.text is None or len(line.text) > self._left:
            self.dry = True
            raise StopIteration
        self._left -= len(line.text)
        self.taken.append(line.text)
        return line.text
