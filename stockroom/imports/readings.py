"""How a file is read, as its owner is told (contract: ImportReading)."""

from collections.abc import Mapping, Sequence
from typing import Any

from stockroom.imports.model import DELIMITERS, ImportOptions, shown

MOST_PASSED_OVER = 50
"""The most columns without a field that are told of."""

_NAMES = {character: name for name, character in DELIMITERS.items()}


def reading_of(options: ImportOptions, titles: Sequence[str]) -> dict[str, Any]:
    """`encoding` is None until the whole file was looked through, unless it was named."""
    fields = {column.place: field for field, column in options.columns.items()}
    columns = [{"number": place + 1, "title": shown(title.strip())} for place, title in enumerate(titles)]
    passed_over = [column for place, column in enumerate(columns) if place not in fields]
    return {
        "encoding": options.encoding,
        "delimiter": _NAMES[options.delimiter],
        "header_line": options.header,
        "columns": [columns[place] | {"field": field} for place, field in sorted(fields.items())],
        "passed_over": passed_over[:MOST_PASSED_OVER],
        "dates": options.dates if "occurred_at" in options.columns else None,
    }


def with_encoding(parameters: Mapping[str, Any], encoding: str) -> dict[str, Any]:
    """The stored parameters of an import, once it is found out which encoding its file has."""
    told = {**parameters, "encoding": encoding}
    # Tasks that were begun by an earlier release have none.
    if reading := parameters.get("reading"):
        told["reading"] = {**reading, "encoding": encoding}
    return told
