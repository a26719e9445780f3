"""Imports: the options of an import, and how rows of a file become what the contract describes."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, NamedTuple, Self

from stockroom.frozen import frozen
from stockroom.work.model import TaskError

ImportKind = Literal["items", "movements"]
"""What a row describes."""

DELIMITERS = {",": ",", ";": ";", "tab": "\t", "|": "|"}
"""Delimiters by their name in the contract."""

ENCODINGS = (
    *("utf-8", "utf-16", *(f"windows-{number}" for number in range(1250, 1259))),
    *(f"iso-8859-{number}" for number in range(1, 17) if number != 12),  # There is no twelfth.
    *("koi8-r", "koi8-u", "ibm437", "ibm850", "ibm852", "ibm866", "macintosh"),
    *("shift-jis", "euc-jp", "gb18030", "big5", "euc-kr"),
)
"""Encodings by their name in the contract, which Python knows, too. None has line ends within a character."""

IGNORED = "ignore"
"""What stands for the field of a column that is left out."""

LONGEST_VALUE = 100
"""The most characters that are shown of a faulty value."""
_WHOLE_NUMBER = re.compile(r"([+-]?[0-9]{1,18})(?:[.,](0+))?", re.ASCII)
_THOUSANDS = 3


class Column(NamedTuple):
    """A column of the file: its index from 0, and its title as written there."""

    place: int
    title: str


class Rejection(NamedTuple):
    """Why a row of so many `lines` is rejected. `column` is its title in the file, or None if the fault is
    not of one column.
    """

    line: int
    column: str | None
    reason: str
    value: str | None
    lines: int = 1

    def as_error(self) -> TaskError:
        reason = self.reason
        if self.lines > 1:
            reason += f"; lines {self.line} to {self.line + self.lines - 1} are left out"
        return TaskError(self.line, self.column, "rejected", reason, self.value)


class FileRow(NamedTuple):
    """A row that could be read: its first physical line, its values by field, and the number of its lines."""

    line: int
    values: dict[str, str]
    lines: int = 1


Valid = tuple[int, dict[str, Any]]
"""The line of a row, and its values, which the contract allows."""

Checked = Valid | list[Rejection]
"""A valid row, or the reasons why it is rejected."""


class Applied(NamedTuple):
    """The outcome of some valid rows: counts for the summary, and entries of the error list by line."""

    counts: Mapping[str, int]
    errors: Sequence[TaskError]


class FieldFault(NamedTuple):
    """A fault of one field's value; `field` is None if it is not of one field."""

    field: str | None
    reason: str


class Fields(NamedTuple):
    """The fields of a row, by the contract's names.

    `required` maps each required field to a placeholder that the contract allows. `defaults` are the values
    for rows that give none. A converter raises ValueError(what the value is not).

    Values of `texts` are as they are written, those of `lines` begin with their first visible character, and
    all others have no blanks at either end.
    """

    names: tuple[str, ...]
    required: Mapping[str, Any]
    converters: Mapping[str, Callable[[str], Any]]
    defaults: Mapping[str, Any]
    lines: tuple[str, ...]
    texts: tuple[str, ...]


@frozen
class ImportRequest:
    """How a file is to be imported (contract: POST /imports). None means: detect it.

    Only imports of movements use `movement`, `location` and `dates`.
    """

    kind: ImportKind
    dry_run: bool = False
    columns: Sequence[str] | None = None
    delimiter: str | None = None
    encoding: str | None = None
    missing: Sequence[str] = ("NA",)
    movement: str = "receipt"
    location: str | None = None
    dates: str = "iso"
    header_line: int | None = None


@frozen
class ImportOptions:
    """How a stored file is to be read and applied. `encoding` None means: detect it from the whole file.

    `header` is the physical line at which the row of titles is looked for.
    """

    file: str
    dry_run: bool
    delimiter: str
    encoding: str | None
    missing: tuple[str, ...]
    width: int
    columns: dict[str, Column]
    kind: ImportKind = "items"
    movement: str = "receipt"
    location: str | None = None
    dates: str = "iso"
    header: int = 1

    def as_parameters(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        columns = {field: Column(*place) for field, place in parameters["columns"].items()}
        said = {name: value for name, value in parameters.items() if name != "reading"}
        return cls(**{**said, "missing": tuple(parameters["missing"]), "columns": columns})


def read_row(
    values: Mapping[str, str], fields: Fields, missing: Collection[str]
) -> tuple[dict[str, Any], list[FieldFault]]:
    """Convert the values of a row to what the contract describes; fields in `missing` count as absent.

    Checks only what the contract cannot check. Faulty fields are left out.
    """
    row: dict[str, Any] = dict(fields.defaults)
    faults = []
    for field, value in values.items():
        if value in missing:
            continue
        if "\0" in value:
            faults.append(FieldFault(field, f"{field} holds a NUL character"))
        elif convert := fields.converters.get(field):
            try:
                row[field] = convert(value)
            except ValueError as error:
                faults.append(FieldFault(field, f"{field} is not {error}"))
        else:
            row[field] = value
    blamed = {fault.field for fault in faults}
    absent = [field for field in fields.required if field not in row and field not in blamed]
    return row, [*(FieldFault(field, f"{field} is missing") for field in absent), *faults]


def unwrapped(text: str) -> str:
    """The code in `="00123"`, by which spreadsheets keep its zeros; any other text as it is."""
    return text[2:-1] if text.startswith('="') and text.endswith('"') else text


def whole_number(text: str) -> int:
    """Raises ValueError for anything but an integer of at most 18 digits; a fraction of zeros is none."""
    match = _WHOLE_NUMBER.fullmatch(unwrapped(text))
    if match is None:
        raise ValueError("a whole number")
    if match[2] and len(match[2]) == _THOUSANDS:
        raise ValueError("clear: its mark may stand before a fraction or between thousands")
    return int(match[1])


def shown(value: str) -> str:
    """Shorten a value from a file for display, with marks in place of unprintable characters."""
    cut = value[:LONGEST_VALUE]
    return (
        cut
        if cut.isprintable()
        else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cut)
    )
