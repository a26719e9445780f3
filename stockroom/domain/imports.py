"""Imports of items: the columns of a file, the options of its reading, and how a row becomes an item."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, Self

FIELDS = ("sku", "name", "description", "unit", "reorder_point", "tags")
REQUIRED = ("sku", "name")
DELIMITERS = {",": ",", ";": ";", "tab": "\t", "|": "|"}
"""Delimiters by their name in the contract."""
ENCODINGS = ("utf-8", "windows-1252", "iso-8859-1", "utf-16")

LONGEST_VALUE = 100
"""Characters of a faulty value that are shown."""
_LONGEST_TITLE = 100
_SHOWN_COLUMNS = 30
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)


class Column(NamedTuple):
    """A column of the file: its place from 0, and its title as written there."""

    place: int
    title: str


class Rejection(NamedTuple):
    """Why a row is no item. `column` is titled as in the file, None if the fault is not one column's."""

    line: int
    column: str | None
    reason: str
    value: str | None


class Row(NamedTuple):
    """A row that could be read: its first physical line, and its values by field, stripped of white space."""

    line: int
    values: dict[str, str]


class Fault(NamedTuple):
    """A fault of one field's value; `field` is None if it is not one field's."""

    field: str | None
    reason: str


Outcome = Literal["created", "updated", "unchanged"]


class Met(NamedTuple):
    """What an import knows of a SKU: the line of its first row, its latest name, what became of the item."""

    line: int
    name: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a stored file is to be read and applied. `encoding` None means: find out from the whole file."""

    file: str
    dry_run: bool
    delimiter: str
    encoding: str | None
    missing: tuple[str, ...]
    width: int
    columns: dict[str, Column]

    def as_parameters(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        columns = {field: Column(*place) for field, place in parameters["columns"].items()}
        return cls(**{**parameters, "missing": tuple(parameters["missing"]), "columns": columns})


def resolve_columns(
    header: Sequence[str], wanted: Sequence[str] | None
) -> tuple[dict[str, Column], list[str]]:
    """Find the column of each field: as `wanted` says ("CSV column:field"), else by the field's own name.

    Returns the columns by field, and what is wrong with them, in sentences.
    """
    titles = [title.strip() for title in header]
    columns, faults = _mapped(titles, wanted or ())
    taken = {column.place for column in columns.values()}
    for field in FIELDS:
        if field in columns or any(entry.rpartition(":")[2].strip() == field for entry in wanted or ()):
            continue
        same = [index for index, title in enumerate(titles) if title.lower() == field and index not in taken]
        if len(same) > 1:
            faults.append(f"{len(same)} columns are called {field}; say by `columns` which one is meant")
        elif same:
            columns[field] = Column(same[0], titles[same[0]][:_LONGEST_TITLE])
        elif field in REQUIRED:
            faults.append(f"no column gives {field}; {_known(titles)}")
    return columns, faults


def _mapped(titles: Sequence[str], wanted: Sequence[str]) -> tuple[dict[str, Column], list[str]]:
    columns: dict[str, Column] = {}
    faults: list[str] = []
    occurrences = Counter(titles)
    for entry in wanted:
        title, _, field = (part.strip() for part in entry.rpartition(":"))
        if field not in FIELDS or not title:
            faults.append(f"{shown(entry)} is not `column:field` with one of the fields {', '.join(FIELDS)}")
        elif title not in occurrences:
            faults.append(f"the file has no column {shown(title)}; {_known(titles)}")
        elif occurrences[title] > 1:
            faults.append(f"the file has {occurrences[title]} columns called {shown(title)}")
        elif field in columns:
            faults.append(f"{field} is mapped twice")
        else:
            columns[field] = Column(titles.index(title), title[:_LONGEST_TITLE])
    return columns, faults


def _known(titles: Sequence[str]) -> str:
    names = [shown(title) for title in titles if title]
    more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
    return f"its columns are: {', '.join(names[:_SHOWN_COLUMNS])}{more}"


def item_from(values: Mapping[str, str], missing: Collection[str]) -> tuple[dict[str, Any], list[Fault]]:
    """Make the fields of an item from the values of a row; those in `missing` count as absent.

    Only what the contract cannot check in an item is checked here. Faulty fields are left out of the item.
    """
    item: dict[str, Any] = {}
    faults = []
    for field, value in values.items():
        if value in missing:
            continue
        if "\0" in value:
            faults.append(Fault(field, f"{field} holds a NUL character"))
        elif field == "tags":
            item[field] = list(dict.fromkeys(tag for part in value.split("|") if (tag := part.strip())))
        elif field != "reorder_point":
            item[field] = value
        elif _WHOLE_NUMBER.fullmatch(value):
            item[field] = int(value)
        else:
            faults.append(Fault(field, f"{field} is not a whole number"))
    if not faults and "sku" in item and "name" in item:
        return item, faults
    absent = [Fault(field, f"{field} is missing") for field in REQUIRED if values[field] in missing]
    return item, absent + faults


def shown(value: str) -> str:
    """Cut a value from a file so that it can be shown, with marks in place of what cannot be printed."""
    cut = value[:LONGEST_VALUE]
    return (
        cut
        if cut.isprintable()
        else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cut)
    )
