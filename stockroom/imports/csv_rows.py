"""Rows of any CSV file: each is read, or rejected with a reason; none raises an error."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import BinaryIO

from stockroom.imports.csv_lines import read_lines
from stockroom.imports.csv_records import CsvRecord, read_records
from stockroom.imports.model import Column, Fields, FileRow, Rejection, shown

_BLANKS = " \t\r\n\v\f"


def read_rows(
    source: BinaryIO,
    *,
    encoding: str,
    delimiter: str,
    width: int,
    columns: Mapping[str, Column],
    fields: Fields,
    header: int = 1,
) -> Iterator[FileRow | Rejection]:
    """Read the rows after the one of titles, which is the first from line `header` on, with the values of
    `columns`; a file always gives the same rows.

    Values that a row lacks at its end are empty, as spreadsheets leave them out; those beyond `width` have to
    be.
    """
    records = read_records(islice(read_lines(source, encoding), header - 1, None), delimiter, width)
    next(records, None)
    places = {field: column.place for field, column in columns.items()}
    lines_at = [(field, place) for field, place in places.items() if field in fields.lines]
    texts_at = [(field, place) for field, place in places.items() if field in fields.texts]
    codes_at = [entry for entry in places.items() if entry not in (*lines_at, *texts_at)]
    for record in records:
        if isinstance(record, Rejection):
            yield record
            continue
        line, values, lines = record
        if len(values) != width:
            if any(map(str.strip, values[width:])):
                yield _misfit(record, width, delimiter)
                continue
            values += [""] * (width - len(values))
        if not all(map(str.isascii, values)) and (unreadable := _unreadable(record, columns, encoding)):
            yield unreadable
            continue
        row = {field: values[place].strip() for field, place in codes_at}
        for field, place in lines_at:
            row[field] = values[place].lstrip(_BLANKS)
        for field, place in texts_at:
            row[field] = values[place]
        yield FileRow(line, row, lines)


def _misfit(record: CsvRecord, width: int, delimiter: str) -> Rejection:
    values = record.values
    reason = f"has {len(values)} values where the header has {width} columns"
    return Rejection(record.line, None, reason, shown(delimiter.join(values[: width + 1])), record.lines)


def _unreadable(record: CsvRecord, columns: Mapping[str, Column], encoding: str) -> Rejection | None:
    titles = {column.place: column.title for column in columns.values()}
    for index, value in enumerate(record.values):
        if any("\ud800" <= character <= "\udfff" for character in value):
            reason = f"is not {encoding} text"
            return Rejection(record.line, titles.get(index), reason, shown(value), record.lines)
    return None
