"""compose.yaml: the whole service on one machine."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from tests.deploy.tools import API, IMAGE, MIGRATE, WORKER, settings_of
from tests.processes import ROOT

TEXT = (ROOT / "compose.yaml").read_text()
OURS = ["migrate", "api", "worker"]
GIVEN = {
    "POSTGRES_PASSWORD": "p" * 64,
    "RABBITMQ_PASSWORD": "q" * 64,
    "REDIS_PASSWORD": "r" * 64,
    "STOCKROOM_JWT_KEY": "k" * 64,
    "TLS_DIR": "/srv/tls",
}
"""What an operator says in `.env`; all that must be said."""

VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def interpolated(text: str, given: dict[str, str]) -> Any:
    """The file with its variables replaced. KeyError names one that must be set."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        return given.get(name, rest) if kind == "-" else given[name]

    return yaml.safe_load(VARIABLE.sub(value, text))


COMPOSE = interpolated(TEXT, GIVEN)
SERVICES = COMPOSE["services"]


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_it_is_as_the_compose_specification_says(tmp_path: Path) -> None:
    def check(text: str) -> int:
        file = tmp_path / "compose.yaml"
        file.write_text(text)
        command = ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
        command[0] = str(Path(sys.executable).with_name(command[0]))
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert check(TEXT) == 0
    assert check(TEXT.replace("read_only:", "readonly:")) == 1
    assert check(TEXT.replace("condition: service_healthy", "condition: healthy")) == 1


def test_whatever_is_secret_must_be_said() -> None:
    """There is no default that somebody could forget to change."""
    variables = {(name, kind) for name, kind, _ in VARIABLE.findall(TEXT)}
    assert {name for name, kind in variables if kind != "?"} == {"HTTP_PORT", "HTTPS_PORT"}
    assert {name for name, kind in variables if kind == "?"} == set(GIVEN)
    told = TEXT.partition("\nname:")[0]
    assert all(name in told for name in GIVEN)


@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_a_setting(service: str, fresh_settings: pytest.MonkeyPatch) -> None:
    settings = settings_of(SERVICES[service]["environment"], fresh_settings)
    assert not settings.embedded
    assert settings.redis_url
    assert settings.registration == "closed"
    assert settings.trusted_proxies == 1
    assert settings.jwt_key is not None
    # For whoever is in the network; none is published.
    assert (settings.metrics_host, settings.metrics_port) == ("0.0.0.0", 9464)  # noqa: S104 - compared, not bound
    assert settings.worker_metrics_port == 9465


def test_the_service_finds_the_others_and_they_let_it_in(fresh_settings: pytest.MonkeyPatch) -> None:
    settings = settings_of(SERVICES["api"]["environment"], fresh_settings)
    database, broker, redis = map(
        sa.make_url, (settings.database_url, settings.broker_url, settings.redis_url)
    )
    assert database.host == "postgresql"
    server = SERVICES["postgresql"]["environment"]
    assert server["POSTGRES_USER"] == database.username
    assert server["POSTGRES_PASSWORD"] == database.password
    assert server["POSTGRES_DB"] == database.database
    assert broker.host == "rabbitmq"
    server = SERVICES["rabbitmq"]["environment"]
    assert server["RABBITMQ_DEFAULT_USER"] == broker.username
    assert server["RABBITMQ_DEFAULT_PASS"] == broker.password
    assert redis.host == "redis"
    command = SERVICES["redis"]["command"]
    assert command[command.index("--requirepass") + 1] == redis.password
    assert SERVICES["redis"]["environment"]["REDISCLI_AUTH"] == redis.password


def test_the_database_has_connections_for_all(fresh_settings: pytest.MonkeyPatch) -> None:
    settings = settings_of(SERVICES["api"]["environment"], fresh_settings)
    api = settings.web_workers * settings.database_connections
    command = SERVICES["worker"]["command"]
    worker = (1 + int(command[command.index("--concurrency") + 1])) * settings.database_connections
    most = int(SERVICES["postgresql"]["command"][-1].removeprefix("max_connections="))
    # Some for `stockroom create-admin`, for whoever looks at the database, and the three of superusers.
    assert most >= api + worker + 20


def test_the_database_is_migrated_before_anything_uses_it() -> None:
    assert SERVICES["migrate"]["command"] == MIGRATE
    assert SERVICES["migrate"]["depends_on"]["postgresql"]["condition"] == "service_healthy"
    for service, command in (("api", API), ("worker", WORKER)):
        assert SERVICES[service]["command"] == command
        conditions = {name: how["condition"] for name, how in SERVICES[service]["depends_on"].items()}
        assert conditions.pop("migrate") == "service_completed_successfully"
        assert conditions == dict.fromkeys(["postgresql", "rabbitmq", "redis"], "service_healthy")
    # Where a container is made anew it has another address, which nginx looks up when it starts.
    assert SERVICES["nginx"]["depends_on"] == {"api": {"condition": "service_healthy", "restart": True}}


def test_whoever_is_waited_for_says_when_it_is_healthy() -> None:
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("service", OURS)
def test_what_is_ours_has_no_rights(service: str) -> None:
    ours = SERVICES[service]
    assert ours["image"] == IMAGE
    assert ours["read_only"]
    assert ours["cap_drop"] == ["ALL"]
    assert "cap_add" not in ours
    assert "user" not in ours  # the image's is not root
    assert ours["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_bounded(service: str) -> None:
    bounded = SERVICES[service]
    assert set(bounded["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert bounded["logging"] == {"driver": "local"}  # which removes old logs; Docker's usual one does not
    assert re.search(r":\d+\.\d+(\.\d+)?$", bounded["image"]), "no version"
    assert bounded["restart"]


def test_only_the_proxy_can_be_reached() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if "edge" in service["networks"]} == {"api", "nginx"}


@pytest.mark.parametrize("service", ["api", "worker"])
def test_requests_under_way_are_given_time(service: str, graceful_seconds: int) -> None:
    assert seconds(SERVICES[service]["stop_grace_period"]) >= graceful_seconds + 5


def test_every_volume_is_declared() -> None:
    named = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume[0] not in "./"
    }
    assert named == set(COMPOSE["volumes"])


# deploy/nginx.conf is not written yet.
def test_the_proxy_finds_what_its_configuration_names() -> None:
    proxy = SERVICES["nginx"]
    places = dict(volume.split(":")[:2] for volume in proxy["volumes"])
    assert places["./deploy/nginx.conf"] == "/etc/nginx/nginx.conf"
    configuration = (ROOT / "deploy" / "nginx.conf").read_text()
    assert f"ssl_certificate {places[GIVEN['TLS_DIR']]}/fullchain.pem;" in configuration
    assert f"ssl_certificate_key {places[GIVEN['TLS_DIR']]}/privkey.pem;" in configuration
    (upstream,) = proxy["configs"]
    assert f"include {upstream['target']};" in configuration
    assert COMPOSE["configs"][upstream["source"]] == {
        "content": "server api:8000 max_fails=0 max_conns=1400;"
    }
    assert "STOCKROOM_PORT=8000" in (ROOT / "Dockerfile").read_text()
