"""Statements: values take the form of a driver, and rows that of the service."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from stockroom.db.statements import Statement
from stockroom.db.tables import MILLISECOND, tasks

MOMENT = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_each_value_of_a_list_takes_the_form_of_its_column() -> None:
    chosen = sa.select(tasks.c.id).where(tasks.c.created_at.in_(sa.bindparam("moments", expanding=True)))
    text, parameters = Statement(chosen, sqlite.dialect(), ()).bound(
        {"moments": [MOMENT, MOMENT + MILLISECOND]}
    )
    assert text.endswith("IN (?, ?)")
    assert parameters == [1000, 1001]
