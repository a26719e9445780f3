"""Opaque cursors: the order of a list and the sort keys of one row, as a short text that is safe in URLs."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from stockroom.db.statements import Row
from stockroom.db.tables import EPOCH, MILLISECOND, Moment, stored
from stockroom.errors import InvalidRequest
from stockroom.frozen import frozen

LONGEST = 1_500
"""The most characters of a cursor (contract: Cursor); a name of 200 four-byte characters takes 1,200."""


@frozen
class SortKey:
    """A column to sort by: text, integer or Moment, and never NULL."""

    column: sa.ColumnElement[Any]
    descending: bool = False


def encode(keys: Sequence[SortKey], row: Row) -> str:
    """Make the cursor of the page that begins after `row`."""
    values = [_plain(getattr(row, str(key.column.key))) for key in keys]
    return urlsafe_b64encode(orjson.dumps([_order(keys), *values])).rstrip(b"=").decode()


def decode(keys: Sequence[SortKey], cursor: str) -> tuple[object, ...]:
    """Read the values of `keys` from a cursor. Raises InvalidRequest if it was made for other keys."""
    try:
        values = _unpack(cursor, _order(keys))
        return tuple(_typed(key.column.type, value) for key, value in zip(keys, values, strict=True))
    except (ValueError, TypeError, OverflowError):
        raise InvalidRequest(
            "The cursor was not made by this list in this order.",
            errors=[{"detail": "is not a cursor of this list and order", "parameter": "cursor"}],
        ) from None


def _order(keys: Sequence[SortKey]) -> str:
    return ",".join(f"-{key.column}" if key.descending else str(key.column) for key in keys)


def _unpack(cursor: str, order: str) -> list[object]:
    if len(cursor) > LONGEST:
        raise ValueError("too long")
    content = orjson.loads(b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    if not isinstance(content, list) or content[:1] != [order]:
        raise TypeError("made for another order")
    return content[1:]


def _plain(value: object) -> object:
    return stored(value) if isinstance(value, datetime) else value


def _typed(kind: sa.types.TypeEngine[Any], value: object) -> object:
    """Check the type of the value: databases reject other types, larger values and NUL with an error."""
    if isinstance(kind, Moment):
        return EPOCH + _whole(value, bits=64) * MILLISECOND
    if isinstance(kind, sa.Integer):
        return _whole(value, bits=64 if isinstance(kind, sa.BigInteger) else 32)
    if isinstance(kind, sa.String) and isinstance(value, str) and "\0" not in value:
        return value
    raise TypeError("of another type than its column")


def _whole(value: object, *, bits: int) -> int:
    limit = 2 ** (bits - 1)
    if type(value) is not int or not -limit <= value < limit:
        raise TypeError("not an integer of the column's size")
    return value
