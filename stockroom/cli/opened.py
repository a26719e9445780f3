"""What commands work on: the settings, the data folder, the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from stockroom import settings
from stockroom.backup.model import BackupError
from stockroom.cli.output import Failure, echo
from stockroom.db.connections import Deadlines
from stockroom.db.database import Database, open_database
from stockroom.process import data_dir, report
from stockroom.settings import Settings, SettingsError

# A statement over everything takes as long as there is much.
_PATIENT = Deadlines(statement=6 * 3600)


def read_settings() -> Settings:
    try:
        return settings.load()
    except SettingsError as error:
        raise Failure(str(error)) from None


def ready() -> Settings:
    """Settings whose data folder can be written."""
    chosen = read_settings()
    try:
        exposed = data_dir.prepare(chosen)
    except SettingsError as error:
        raise Failure(str(error)) from None
    for sentence in exposed:
        echo(f"Warning: {sentence}", err=True)
    return chosen


@contextmanager
def patient_database(chosen: Settings) -> Iterator[Database]:
    """The database, for what takes long; what goes wrong with it, or with files, is told in a line."""
    database = open_database(
        chosen.database_url, connections=2, deadlines=_PATIENT, pooled=chosen.database_pooled
    )
    try:
        yield database
    except BackupError as error:
        raise Failure(str(error)) from None
    except (SQLAlchemyError, OSError) as error:
        raise Failure(report.first_line(error)) from None
    finally:
        database.dispose()
