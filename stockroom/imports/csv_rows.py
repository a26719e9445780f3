"""Rows of any CSV file: each is read, or rejected with a reason; none raises an error."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from stockroom.imports.csv_lines import read_lines
from stockroom.imports.csv_records import CsvRecord, read_records
from stockroom.imports.model import Column, FileRow, Rejection, shown


def read_rows(
    source: BinaryIO, *, encoding: str, delimiter: str, width: int, columns: Mapping[str, Column]
) -> Iterator[FileRow | Rejection]:
    """Read the rows after the header, with the values of `columns`; a file always gives the same rows.

    A row must have `width` values; further ones must be empty. Empty rows are skipped.
    """
    records = read_records(read_lines(source, encoding), delimiter, width)
    next(records, None)
    picks = [(field, column.place) for field, column in columns.items()]
    for record in records:
        if isinstance(record, Rejection):
            yield record
            continue
        line, values, lines = record
        if len(values) != width and (misfit := _misfit(record, width, delimiter)):
            yield misfit
            continue
        if not all(map(str.isascii, values)) and (unreadable := _unreadable(record, columns, encoding)):
            yield unreadable
            continue
        yield FileRow(line, {field: values[index].strip() for field, index in picks}, lines)


def _misfit(record: CsvRecord, width: int, delimiter: str) -> Rejection | None:
    values = record.values
    if len(values) > width and not any(value.strip() for value in values[width:]):
        return None
    reason = f"has {len(values)} values where the header has {width} columns"
    return Rejection(record.line, None, reason, shown(delimiter.join(values[: width + 1])), record.lines)


def _unreadable(record: CsvRecord, columns: Mapping[str, Column], encoding: str) -> Rejection | None:
    titles = {column.place: column.title for column in columns.values()}
    for index, value in enumerate(record.values):
        if any("\ud800" <= character <= "\udfff" for character in value):
            reason = f"is not {encoding} text"
            return Rejection(record.line, titles.get(index), reason, shown(value), record.lines)
    return None
