"""The `stockroom` command: starts the service, migrates, checks the settings, makes the first account.

What keeps an installation safe is in `upkeep`.
"""

import sys
import traceback
from collections.abc import Sequence

import click
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from stockroom.accounts import actions as accounts
from stockroom.accounts.passwords import Passwords
from stockroom.cli import upkeep
from stockroom.cli.opened import read_settings, ready
from stockroom.cli.output import Failure, echo
from stockroom.db import migrate
from stockroom.db.database import open_database
from stockroom.errors import DomainError
from stockroom.printable import printable
from stockroom.process import data_dir, launch, report
from stockroom.process.connection_demand import connections_fault
from stockroom.process.exposure import exposures
from stockroom.settings import Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stockroom", message="%(package)s %(version)s")
def main() -> None:
    """Stockroom, a stock-keeping service. `stockroom check` lists its settings."""
    sys.excepthook = _print_uncaught


@main.command()
def run() -> None:
    """Run the API and its worker in this terminal until Ctrl-C, on a database brought up to date.

    Exits with 0 when it was stopped, and with 1 when the API has ended by itself.
    """
    chosen = ready()
    _migrate(chosen)
    if (fault := launch.run(chosen)) is not None:
        raise Failure(fault)


@main.command("migrate")
def migrate_database() -> None:
    """Bring the database to the schema of this version."""
    _migrate(ready())
    echo(f"The database is at revision {migrate.head()}.")


@main.command()
def check() -> None:
    """List every setting with its value and origin, who may register, and the state of the database.

    Exits with 1 unless all settings and the signing key are usable, the data folder can be written, and the
    database is reachable and migrated, and can be written.
    """
    chosen = read_settings()
    lines = report.settings_lines(chosen)
    _print_table([(line.variable, printable(line.value) or "-", line.source) for line in lines])
    for name in report.unknown_variables():
        echo(f"Warning: {printable(name)} is set, and no setting has that name.", err=True)
    for found in exposures(chosen):
        echo(f"Warning: {found}{' The next start does.' if found.is_ours else ''}", err=True)
    echo(f"\nRegistration: {report.registration(chosen)}")
    if warning := connections_fault(chosen):
        echo(f"Warning: {warning}", err=True)
    for sentence in (faults := list(data_dir.faults(chosen))):
        echo(f"Error: {sentence}", err=True)
    fault = report.database_fault(chosen, written=True)
    echo(f"Database: {fault or f'reachable, at revision {migrate.head()}.'}")
    sys.exit(1 if fault or faults else 0)


@main.command()
@click.option("--username", prompt="User name")
@click.option("--email", prompt="E-mail")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create_admin(username: str, email: str, *, password_stdin: bool) -> None:
    """Make an account with the role admin."""
    chosen = ready()
    if fault := report.database_fault(chosen):
        raise Failure(f"The database is {fault}")
    password = _password(stdin=password_stdin)
    database = open_database(chosen.database_url, connections=1, pooled=chosen.database_pooled)
    try:
        with database.work() as work:
            accounts.create_admin(
                work, username=username, email=email, password=password, passwords=Passwords()
            )
    except DomainError as error:
        raise Failure("\n".join([error.detail, *(fault["detail"] for fault in error.errors)])) from None
    finally:
        database.dispose()
    echo(f"{username} is an admin now.")


def _print_uncaught(kind: type[BaseException], error: BaseException, trace: object) -> None:
    echo("".join(traceback.format_exception(error)), err=True)


for command in (upkeep.audit, upkeep.backup, upkeep.restore):
    main.add_command(command)


def _migrate(chosen: Settings) -> None:
    if fault := data_dir.emptied(chosen):
        raise Failure(f"The database is {fault}")
    try:
        migrate.upgrade(chosen.database_url)
    except migrate.WrongRevision as error:
        raise Failure(f"The database is {error}") from None
    except (SQLAlchemyError, CommandError) as error:
        raise Failure(f"The database cannot be migrated: {report.first_line(error)}") from None


def _password(*, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed


def _print_table(rows: Sequence[tuple[str, str, str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for variable, value, source in rows:
        echo(f"{variable:<{widths[0]}}  {value:<{widths[1]}}  {source}")
