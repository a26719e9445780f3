"""The units, installed as they say themselves on a machine that systemd has booted: `make deploy-test`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.customer import DONE, create_admin, errand
from tests.deploy.engine import FROM, Engine, until
from tests.deploy.test_systemd import FOLDER

SETTINGS = "/etc/stockroom/stockroom.env"
PYTHON = "/opt/stockroom/.venv/bin/python"
API, WORKER = "stockroom-api", "stockroom-worker"
MACHINE = f"""
FROM {FROM}
RUN apt-get update && apt-get install --yes --no-install-recommends dbus python3 systemd systemd-sysv
COPY --from={{image}} /opt/stockroom /opt/stockroom
COPY systemd/stockroom.sysusers.conf /etc/sysusers.d/stockroom.conf
COPY systemd/stockroom.env {SETTINGS}
COPY systemd/*.service /etc/systemd/system/
COPY systemd/stockroom-.service.d /etc/systemd/system/stockroom-.service.d
RUN chmod 0600 {SETTINGS} && systemctl enable {API} {WORKER}
CMD ["/sbin/init"]
"""


@pytest.fixture
def machine(engine: Engine, image: str, tmp_path: Path) -> Iterator[str]:
    """Name of a container in which systemd is the first process; the units are enabled in it."""
    (tmp_path / "Dockerfile").write_text(MACHINE.format(image=f"localhost/{image}"))
    shutil.copytree(FOLDER, tmp_path / "systemd")
    name = "stockroom-machine"
    # What units are kept from needs these rights; the host's /proc/sys and /sys stay read-only.
    rights = ["--cap-add=all", "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"]
    tag = engine.build(name, tmp_path)
    engine.start(name, "--systemd=always", "--network=none", *rights, tag)
    until(lambda: engine.inside(name, "systemctl", "is-system-running").stdout.strip() == "running")
    yield name
    engine.remove(name)


def test_the_units_run_a_service(engine: Engine, machine: str) -> None:
    def systemctl(*arguments: str) -> None:
        done = engine.inside(machine, "systemctl", *arguments)
        assert done.returncode == 0, done.stdout + journal()

    def journal() -> str:
        return engine.inside(machine, "journalctl", "--no-pager", "--unit=stockroom-*").stdout

    def shown(unit: str, name: str) -> str:
        return engine.inside(
            machine, "systemctl", "show", "--value", f"--property={name}", unit
        ).stdout.strip()

    def is_ready() -> bool:
        ask = "from stockroom.process import health; assert health.answers('http://127.0.0.1:8000/health/ready')"
        return engine.inside(machine, PYTHON, "-c", ask).returncode == 0

    def edit(old: str, new: str) -> None:
        assert engine.inside(machine, "sed", "--in-place", f"s|^{old}$|{new}|", SETTINGS).returncode == 0

    until(is_ready)
    as_it = ["systemd-run", "--quiet", "--pipe", "--wait", "--uid=stockroom"]
    as_it += [f"--property=EnvironmentFile={SETTINGS}", "--setenv=STOCKROOM_DATA_DIR=/var/lib/stockroom"]
    create_admin(engine, machine, *as_it, command="/opt/stockroom/.venv/bin/stockroom")
    # Nothing that the service does is kept from it.
    assert errand(engine, machine, python=PYTHON) == DONE
    assert "Operation not permitted" not in journal()
    for unit in (API, WORKER):
        status = engine.inside(machine, "cat", f"/proc/{shown(unit, 'MainPID')}/status").stdout.split("\n")
        assert {"NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000"} <= set(status)
        assert not any(line.startswith("Uid:\t0") for line in status)

    # A process that dies is replaced.
    died = shown(API, "MainPID")
    systemctl("kill", "--signal=SIGKILL", "--kill-who=all", API)
    until(lambda: shown(API, "MainPID") not in {died, "0"} and is_ready())

    # They end when they are told to, and in time.
    systemctl("stop", API, WORKER)
    for unit in (API, WORKER):
        assert (shown(unit, "Result"), shown(unit, "ExecMainStatus")) == ("success", "0")

    # Without a database they go on trying, and begin when it is there.
    edit("STOCKROOM_DATABASE_URL=", "STOCKROOM_DATABASE_URL=postgresql://nobody@127.0.0.1:1/none")
    systemctl("start", "--no-block", API, WORKER)
    until(lambda: "The database cannot be migrated" in journal())
    edit("STOCKROOM_DATABASE_URL=.*", "STOCKROOM_DATABASE_URL=")
    until(is_ready)
