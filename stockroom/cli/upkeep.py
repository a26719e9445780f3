"""The commands that keep an installation safe: audit, backup, restore.

Each loads what it needs when it is called: the other commands start faster without.
"""

import json
import sys
from pathlib import Path

import click

from stockroom.audit import model
from stockroom.cli.opened import patient_database, read_settings, ready
from stockroom.cli.output import Failure, echo
from stockroom.db import migrate
from stockroom.db.files import FileStore
from stockroom.process import health, report
from stockroom.settings import Settings


class _Unchecked(click.ClickException):
    exit_code = model.UNCHECKED


@click.command()
@click.option("--json", "json_wanted", is_flag=True, help="Tell all of it as one JSON object.")
@click.option(
    "--listed",
    type=click.IntRange(0),
    default=model.MOST_LISTED,
    show_default=True,
    help="How many violations of each check are told in words.",
)
def audit(*, json_wanted: bool, listed: int) -> None:
    """Check that database and files hold what they promise, whether the service runs or not.

    Nothing is changed and nobody is held up. Exits with 0 if everything holds, 1 if something does not, and 2
    if something could not be checked.
    """
    try:
        findings = _audited(listed, told=not json_wanted)
    except click.ClickException as error:
        raise _Unchecked(error.message) from None
    outcome = model.outcome(findings)
    if json_wanted:
        checks = [model.as_json(finding) for finding in findings]
        echo(json.dumps({"outcome": outcome, "checks": checks}, indent=1))
    else:
        echo(model.summary(findings))
    sys.exit(outcome)


def _audited(listed: int, *, told: bool) -> list[model.Finding]:
    from stockroom.audit import actions  # noqa: PLC0415 - see above

    chosen = read_settings()
    if fault := report.database_fault(chosen):
        raise Failure(f"The database is {fault}")
    findings = []
    with patient_database(chosen) as database:
        for finding in actions.audit(database, FileStore(chosen.files_url), listed=listed):
            findings.append(finding)
            if told:
                echo("\n".join(model.lines(finding)))
    return findings


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def backup(folder: Path) -> None:
    """Back up the database, the files that tasks need and the signing key into a new FOLDER.

    The service may be running. Of PostgreSQL the database is written by pg_dump, which must be installed.
    """
    from stockroom.backup.taking import back_up  # noqa: PLC0415 - see above

    chosen = read_settings()
    key = _key_file(chosen)
    with patient_database(chosen) as database:
        taken = back_up(
            database,
            FileStore(chosen.files_url),
            key=key if key and key.exists() else None,
            target=folder.absolute(),
        )
    manifest = taken.manifest
    echo(
        f"{folder} has the database of {manifest.taken_at}, at revision {manifest.revision}, "
        f"{len(manifest.files)} files and {'the' if manifest.has_key else 'no'} signing key, "
        f"{manifest.size:,} bytes in all."
    )
    for name in taken.lost:
        echo(f"Warning: a task needs the file {name}, which is not there.", err=True)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def restore(folder: Path) -> None:
    """Restore the backup in FOLDER to where the settings say, and where nothing is yet.

    PostgreSQL needs an empty database for it, and pg_restore, which must be installed.
    """
    from stockroom.backup import restoring  # noqa: PLC0415 - see above

    chosen = ready()
    if health.answers(f"{chosen.address}/health/live"):
        raise Failure(
            f"A service answers at {chosen.address}: stop it first. If it is another installation's, set "
            "STOCKROOM_PORT to a port that is free."
        )
    with patient_database(chosen) as database:
        manifest = restoring.restore(
            database,
            FileStore(chosen.files_url),
            key=_key_file(chosen),
            data_dir=chosen.data_dir,
            source=folder.absolute(),
        )
    echo(f"Restored the database of {manifest.taken_at}, with {len(manifest.files)} files.")
    if manifest.revision != migrate.head():
        echo(f"It is at revision {manifest.revision}: run `stockroom migrate`.")


def _key_file(chosen: Settings) -> Path | None:
    """Where the signing key is kept, unless a setting has it."""
    return None if chosen.jwt_key else chosen.key_file
