"""What `stockroom check` shows: every setting with its origin, and the state of the database."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from dotenv import dotenv_values
from pydantic import SecretStr

from stockroom.db import migrate
from stockroom.db.database import open_database
from stockroom.db.read_only import ReadOnly
from stockroom.process import data_dir
from stockroom.process.masking import MASK, masked
from stockroom.settings import PREFIX, Settings


@dataclass(frozen=True)
class SettingLine:
    """One setting: its variable, its value with secrets masked, where it came from and what it means."""

    variable: str
    value: str
    source: str
    description: str


def settings_lines(settings: Settings) -> Iterator[SettingLine]:
    origins = {name.upper(): ".env" for name, value in _dotenv().items() if value}
    origins |= {name.upper(): "environment" for name, value in os.environ.items() if value}
    for field, info in Settings.model_fields.items():
        variable = PREFIX + field.upper()
        value = _shown(field, getattr(settings, field))
        yield SettingLine(variable, value, origins.get(variable, "default"), info.description or "")


def unknown_variables() -> list[str]:
    """Variables that begin like settings and are none: most likely misspelt."""
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    given = {name.upper() for name in (*_dotenv(), *os.environ) if name.upper().startswith(PREFIX)}
    # Those of the tests are read by the tests alone.
    return sorted(name for name in given - known if not name.startswith(f"{PREFIX}TEST_"))


def registration(settings: Settings) -> str:
    """Who gets an account, as a sentence."""
    if settings.registration == "closed":
        return "closed; `stockroom create-admin` makes administrators."
    return f"open to whoever reaches the service; new accounts have the role {settings.default_role}."


def database_fault(settings: Settings, *, written: bool = False) -> str | None:
    """What keeps the database from being used, as a sentence; None when it is reachable and migrated.

    `written` says that it is to be written, too.
    """
    database = open_database(settings.database_url, connections=1, pooled=settings.database_pooled)
    try:
        migrate.require_head(database)
        if written:
            with database.connect() as connection:
                connection.require_writable()
    except ReadOnly as error:
        return f"read-only: {first_line(error)}"
    except migrate.WrongRevision as error:
        return data_dir.emptied(settings) or str(error)
    except sa.exc.SQLAlchemyError as error:
        return f"not reachable: {first_line(error)}"
    finally:
        database.dispose()
    return None


def first_line(error: Exception) -> str:
    """What a library's error says, without the statement and links that SQLAlchemy adds."""
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return str(cause).strip().partition("\n")[0]


def _dotenv() -> Mapping[str, str | None]:
    return dotenv_values(".env")


def _shown(field: str, value: object) -> str:
    if isinstance(value, SecretStr):
        return MASK
    text = "" if value is None else str(value)
    return masked(text) if field.endswith("_url") and text else text
