"""How connections are set up."""

import pytest
import sqlalchemy as sa

from stockroom.storage.engines import open_database


def test_postgresql_compiles_no_statements(request: pytest.FixtureRequest) -> None:
    database = open_database(request.getfixturevalue("_postgresql_url"), connections=1)
    for engine in (database.reads, database.writes):
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SHOW jit")) == "off"
    database.dispose()
