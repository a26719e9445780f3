"""Maps the columns of a file to the fields of a row."""

from collections import Counter
from collections.abc import Sequence

from stockroom.imports.model import Column, Fields, shown

_LONGEST_TITLE = 100
_SHOWN_COLUMNS = 30


def resolve_columns(
    header: Sequence[str], fields: Fields, wanted: Sequence[str] | None
) -> tuple[dict[str, Column], list[str]]:
    """Find the column of each field: as `wanted` says ("CSV column:field"), else by the name of the field.

    Returns the columns by field, and a sentence for each fault.
    """
    titles = [title.strip() for title in header]
    columns, faults = _mapped(titles, fields, wanted or ())
    taken = {column.place for column in columns.values()}
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
) -> tuple[dict[str, Column], list[str]]:
    columns: dict[str, Column] = {}
    faults: list[str] = []
    occurrences = Counter(titles)
    for entry in wanted:
        title, _, field = (part.strip() for part in entry.rpartition(":"))
        if field not in fields.names or not title:
            faults.append(
                f"{shown(entry)} is not `column:field` with one of the fields {', '.join(fields.names)}"
            )
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
