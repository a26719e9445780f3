"""The image, made step by step as the Dockerfile says, and containers started as compose.yaml says:
`make deploy-test`. To make the image takes minutes the first time.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.deploy.customer import DONE, create_admin, errand
from tests.deploy.engine import LIMITS, Engine, until
from tests.deploy.manifests import containers, of
from tests.deploy.test_compose import SERVICES, seconds
from tests.processes import ROOT, _free_port

BROKER = os.environ.get("STOCKROOM_TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1")
BARE = ["--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges"]
"""Without any right; nothing can be written but what is mounted."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of the data, which is the user's of the image."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    os.chown(folder, 10001, 10001)
    tmp_path.chmod(0o755)
    return folder


@pytest.fixture
def database_url(_postgresql_url: str) -> str:
    """A migrated database, as an operator writes its URL."""
    url = sa.make_url(_postgresql_url).set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


@pytest.fixture
def start(engine: Engine) -> Iterator[Callable[..., str]]:
    """Start containers that are removed when the test ends."""
    names: list[str] = []

    def start(name: str, *arguments: str) -> str:
        names.append(f"stockroom-{name}")
        engine.start(names[-1], *arguments)
        return names[-1]

    yield start
    for name in names:
        engine.remove(name)


def test_the_image_holds_what_is_needed_and_its_user_can_change_none_of_it(
    engine: Engine, image: str
) -> None:
    def told(script: str, *options: str) -> list[str]:
        arguments = ["--cap-drop=all", "--network=none", *options, image]
        return engine.once(*arguments, "sh", "-c", f"({script}) 2>/dev/null || true").split()

    assert told("id -u; id -g") == ["10001", "10001"]
    assert told("command -v pip gcc git curl; python -c 'import pip'; ls tests deploy .env") == []
    writable = "find / -writable ! -type l ! -path '/proc/*' ! -path '/dev/*' ! -path '/sys/*'"
    assert told(f"{writable} -path '/opt/*'") == []
    assert told(writable, *BARE) == ["/var/lib/stockroom"]
    configuration = json.loads(engine.run("inspect", "--type=image", image).stdout)[0]["Config"]
    assert configuration["User"] == "10001:10001"
    assert configuration["Cmd"] == SERVICES["api"]["command"]
    # A shell or a script in front might keep signals to itself.
    assert not configuration.get("Entrypoint")


def test_an_image_with_the_extras_knows_buckets(engine: Engine, image: str) -> None:
    extended = engine.build(f"{image}-extras", ROOT, "--build-arg=REQUIREMENTS=requirements-extras.lock")
    know = "import fsspec; print(fsspec.filesystem('s3', anon=True).protocol)"
    options = [*BARE, "--network=none"]
    assert "s3" in engine.once(*options, extended, "python", "-c", know)
    assert (
        "s3fs"
        in engine.run("run", "--rm", *LIMITS, *options, image, "python", "-c", know, check=False).stdout
    )


def test_the_image_alone_is_a_service(
    engine: Engine, image: str, data: Path, start: Callable[..., str]
) -> None:
    """With the defaults: SQLite, and a broker in the data folder."""
    options = [*BARE, "--tmpfs=/tmp", f"--volume={data}:/var/lib/stockroom", "--network=none"]
    assert "The database is at revision" in engine.once(*options, image, "stockroom", "migrate")
    api = start("api", *options, image)
    worker = start("worker", *options, image, *SERVICES["worker"]["command"])
    # The check that the Dockerfile names.
    until(lambda: engine.run("healthcheck", "run", api, check=False).returncode == 0)
    assert engine.inside(api, *asking_whether_it_is_ready()).returncode == 0
    create_admin(engine, api)
    assert errand(engine, api) == DONE
    for name in (api, worker):
        # Their first process is Python itself, with no shell in between.
        assert engine.inside(name, "readlink", "/proc/1/exe").stdout.strip().startswith("/usr/bin/python3")
        assert engine.inside(name, "touch", "/opt/stockroom/file").returncode != 0
        assert engine.stop(name, 30) == 0
        assert "Traceback" not in engine.run("logs", name).stdout
    # It starts on what is there.
    engine.run("start", api)
    until(lambda: engine.run("healthcheck", "run", api, check=False).returncode == 0)


def test_containers_run_as_compose_says(
    engine: Engine, image: str, data: Path, start: Callable[..., str], redis_url: str, database_url: str
) -> None:
    """On the PostgreSQL, Redis and RabbitMQ of this machine, whose network they share."""
    port = _free_port()
    changes = {
        "STOCKROOM_DATABASE_URL": database_url,
        "STOCKROOM_BROKER_URL": BROKER,
        "STOCKROOM_REDIS_URL": redis_url,
        "STOCKROOM_PORT": str(port),
        "STOCKROOM_METRICS_PORT": str(_free_port()),
    }

    def options(service: str) -> list[str]:
        return as_compose_says(SERVICES[service], data, changes)

    migrate = engine.once(*options("migrate"), image, *SERVICES["migrate"]["command"])
    assert "The database is at revision" in migrate
    api = start("api", *options("api"), image, *SERVICES["api"]["command"])
    worker = start("worker", *options("worker"), image, *SERVICES["worker"]["command"])
    until(lambda: engine.inside(api, *asking_whether_it_is_ready(port)).returncode == 0)
    # What keeps a pod of Kubernetes from starting before the migration, without a folder for data.
    (waiting, _) = containers(of("Deployment", "stockroom-api"))
    engine.once(*BARE, *environment(changes), "--network=host", image, *waiting["command"])
    create_admin(engine, api)
    assert errand(engine, api, port) == DONE
    assert engine.stop(api, seconds(SERVICES["api"]["stop_grace_period"])) == 0
    assert engine.stop(worker, seconds(SERVICES["worker"]["stop_grace_period"])) == 0


def as_compose_says(service: dict[str, Any], data: Path, changes: dict[str, str]) -> list[str]:
    """The engine's options for a service of compose.yaml."""
    assert service["read_only"]
    (volume,) = service["volumes"]
    return [
        "--read-only",
        "--read-only-tmpfs=false",
        *(f"--cap-drop={name}" for name in service["cap_drop"]),
        *(f"--security-opt={option.removesuffix(':true')}" for option in service["security_opt"]),
        *(f"--tmpfs={folder}" for folder in service["tmpfs"]),
        f"--volume={data}:{volume.partition(':')[2]}",
        *environment(service["environment"] | changes),
        "--network=host",
    ]


def environment(variables: dict[str, str]) -> list[str]:
    return [f"--env={name}={value}" for name, value in variables.items()]


def asking_whether_it_is_ready(port: int = 8000) -> list[str]:
    """The check that compose.yaml names."""
    kind, *command = SERVICES["api"]["healthcheck"]["test"]
    assert kind == "CMD"
    return [word.replace(":8000/", f":{port}/") for word in command]
