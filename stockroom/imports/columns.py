"""Maps the columns of a file to the fields of a row."""

import re
from collections.abc import Sequence

from stockroom.imports.model import IGNORED, Column, Fields, shown

_LONGEST_TITLE = 100
_SHOWN_COLUMNS = 30
_NUMBER = re.compile(r"#([1-9][0-9]{0,5})", re.ASCII)


def resolve_columns(
    header: Sequence[str], fields: Fields, wanted: Sequence[str] | None
) -> tuple[dict[str, Column], list[str]]:
    """Find the column of each field: as `wanted` says ("CSV column:field"), else by the name of the field.

    A column is said by its title or, as `#2`, by its number. One whose field is `ignore` fills none.

    Returns the columns by field, and a sentence for each fault.
    """
    titles = [title.strip() for title in header]
    columns, ignored, faults = _mapped(titles, fields, wanted or ())
    taken = ignored.union(column.place for column in columns.values())
    for field in fields.names:
        if field in columns or any(entry.rpartition(":")[2].strip() == field for entry in wanted or ()):
            continue
        same = [index for index, title in enumerate(titles) if title.lower() == field and index not in taken]
        if len(same) > 1:
            faults.append(f"{len(same)} columns are called {field}; say by `columns` which one is meant")
        elif same:
            columns[field] = Column(same[0], titles[same[0]][:_LONGEST_TITLE])
        elif field in fields.required and field not in fields.defaults:
            faults.append(f"no column gives {field}; {_known(titles)}")
    return columns, faults


def _mapped(
    titles: Sequence[str], fields: Fields, wanted: Sequence[str]
) -> tuple[dict[str, Column], set[int], list[str]]:
    columns: dict[str, Column] = {}
    ignored: set[int] = set()
    faults: list[str] = []
    for entry in wanted:
        title, _, field = (part.strip() for part in entry.rpartition(":"))
        found = _places(titles, title)
        if field not in (*fields.names, IGNORED) or not title:
            faults.append(
                f"{shown(entry)} is not `column:field` with one of the fields "
                f"{', '.join(fields.names)}, or {IGNORED}"
            )
        elif not found:
            faults.append(f"the file has no column {shown(title)}; {_known(titles)}")
        elif len(found) > 1:
            faults.append(f"the file has {len(found)} columns called {shown(title)}; say `#{found[0] + 1}`")
        elif field == IGNORED:
            ignored.update(found)
        elif field in columns:
            faults.append(f"{field} is mapped twice")
        else:
            columns[field] = Column(found[0], titles[found[0]][:_LONGEST_TITLE])
    return columns, ignored, faults


def _places(titles: Sequence[str], said: str) -> list[int]:
    """The columns with this title or, if there is none, the one with this number."""
    places = [place for place, title in enumerate(titles) if title == said]
    number = _NUMBER.fullmatch(said)
    if not places and number and int(number[1]) <= len(titles):
        places = [int(number[1]) - 1]
    return places


def _known(titles: Sequence[str]) -> str:
    names = [shown(title) for title in titles if title]
    more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
    return f"its columns are: {', '.join(names[:_SHOWN_COLUMNS])}{more}"
