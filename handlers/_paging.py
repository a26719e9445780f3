"""Lists on the wire: the page asked for, and the answer with its `next` URL and `Link` header (RFC 8288)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from stockroom.db.pages import Page, PageRequest


def asked(page: int | None, per_page: int, cursor: str | None, count: str | None = None) -> PageRequest:
    """Build the page request from the contract's list parameters; `count` is `exact` or anything else."""
    return PageRequest(page=page, per_page=per_page, cursor=cursor, exact=count == "exact")


def answer(
    name: str, page: Page[Any], path: str, filters: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, str]]:
    """Build the body and the headers of a list; `name` is the member that holds its rows.

    `next` is a relative URL with the `filters` that are not None, `per_page` and the cursor.
    """
    following = _following(page, path, filters)
    body: dict[str, object] = {
        name: page.rows,
        "total": page.total,
        "total_is_exact": page.total_is_exact,
        "page": page.page,
        "per_page": page.per_page,
        "next": following,
    }
    return body, {} if following is None else {"Link": f'<{following}>; rel="next"'}


def _following(page: Page[Any], path: str, filters: Mapping[str, object]) -> str | None:
    if page.next is None:
        return None
    given = [(name, quote_plus(_text(value))) for name, value in filters.items() if value is not None]
    query = [*given, ("per_page", page.per_page), ("cursor", page.next)]
    return f"{path}?{'&'.join(f'{name}={text}' for name, text in query)}"


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat()
    return str(value)
