"""The units for machines without containers. `make deploy-test` starts them."""

import os
import re
import shlex
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tests.deploy.tools import API, MIGRATE, WORKER, program, settings_of
from tests.processes import ROOT

FOLDER = ROOT / "deploy" / "systemd"
UNITS = {
    "stockroom-api.service": API,
    "stockroom-migrate.service": MIGRATE,
    "stockroom-worker.service": WORKER,
}
COMMON = "stockroom-.service.d/common.conf"
INSTALLED = "/opt/stockroom/.venv/bin/"
# systemd's own scale, times ten: up to 20 is "OK", 100 is a service with all rights.
EXPOSURE = 20


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units in a folder; their programs are those of this environment."""
    for path in FOLDER.rglob("*"):
        if path.suffix in {".service", ".conf"}:
            copy = tmp_path / path.relative_to(FOLDER)
            copy.parent.mkdir(exist_ok=True)
            text = path.read_text().replace(INSTALLED, f"{Path(sys.executable).parent}/")
            copy.write_text(text)
    return tmp_path


def analyzed(units: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("systemd-analyze"), "--no-pager", *arguments],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{units}:/lib/systemd/system"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_has_nothing_to_say(units: Path, unit: str) -> None:
    done = analyzed(units, "verify", unit)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Restart=always", "Restart=allways"),
        ("WantedBy=", "WantedFrom="),
        ("/gunicorn", "/gunicron"),
    ],
)
def test_systemd_sees_faults(units: Path, old: str, new: str) -> None:
    edit(units / "stockroom-api.service", old, new)
    assert analyzed(units, "verify", "stockroom-api.service").stdout


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_can_do_little_harm(units: Path, unit: str) -> None:
    arguments = ["security", "--offline=yes", f"--threshold={EXPOSURE}", unit]
    done = analyzed(units, *arguments)
    assert done.returncode == 0, done.stdout
    (units / COMMON).unlink()
    assert analyzed(units, *arguments).returncode != 0


@pytest.mark.parametrize(("unit", "command"), UNITS.items())
def test_a_unit_runs_the_command_of_every_deployment(unit: str, command: list[str]) -> None:
    started = shlex.split(read(unit)["Service"]["ExecStart"])
    assert started == [INSTALLED + command[0], *command[1:]]


@pytest.mark.parametrize("unit", ["stockroom-api.service", "stockroom-worker.service"])
def test_a_unit_starts_after_the_migration(unit: str) -> None:
    wishes = read(unit)["Unit"]
    assert "stockroom-migrate.service" in wishes["Wants"].split()
    assert "stockroom-migrate.service" in wishes["After"].split()


def test_requests_under_way_are_given_time(graceful_seconds: int) -> None:
    assert int(read(COMMON)["Service"]["TimeoutStopSec"]) >= graceful_seconds + 5


def test_every_variable_is_a_setting(fresh_settings: pytest.MonkeyPatch) -> None:
    given = {name: value or "" for name, value in dotenv_values(FOLDER / "stockroom.env").items()}
    settings = settings_of(given, fresh_settings)
    # As it comes, it needs no other service.
    assert settings.embedded
    assert settings.registration == "closed"
    assert settings.trusted_proxies == 1
    # Those of the unit itself.
    for setting in re.findall(r"STOCKROOM_\w+", (FOLDER / COMMON).read_text()):
        assert setting.removeprefix("STOCKROOM_").lower() in type(settings).model_fields


def read(name: str) -> ConfigParser:
    """A unit whose names occur once each, but for those that nobody looks up here."""
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # as documented
    parser.read(FOLDER / name)
    return parser
