"""Writes records to a file, one after the other, without keeping them."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from typing import BinaryIO

import orjson

from stockroom.exports.model import TABLES, ExportKind, Format, Record


def _write_csv(target: BinaryIO, kind: ExportKind, records: Iterable[Record]) -> None:
    """RFC 4180. None is an empty, unquoted value."""
    table = TABLES[kind]
    text = io.TextIOWrapper(target, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(table.columns)
    for record in records:
        writer.writerows(table.rows(record))
    text.flush()
    # The file stays open: its owner closes it.
    text.detach()


def _write_json_lines(target: BinaryIO, kind: ExportKind, records: Iterable[Record]) -> None:
    target.writelines(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for record in records)


WRITERS: Mapping[Format, Callable[[BinaryIO, ExportKind, Iterable[Record]], None]] = {
    "csv": _write_csv,
    "jsonl": _write_json_lines,
}
"""Writers by format; each writes the whole content."""
