"""What runs on Kubernetes is bounded, without rights, and true to the service."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from stockroom.db.database import Database
from stockroom.db.tables import tasks
from stockroom.settings import Settings
from tests.deploy.manifests import (
    BUILT_IN,
    QUEUE,
    WORKLOADS,
    Document,
    containers,
    every_deployment,
    every_workload,
    labels,
    literals,
    name_of,
    of,
    pod,
)
from tests.deploy.tools import API, IMAGE, MIGRATE, WORKER, documents, settings_of
from tests.processes import ROOT

SECRETS = {"STOCKROOM_DATABASE_URL", "STOCKROOM_BROKER_URL", "STOCKROOM_REDIS_URL", "STOCKROOM_JWT_KEY"}


# Settings and secrets


def test_every_variable_is_a_setting(fresh_settings: pytest.MonkeyPatch) -> None:
    secrets = {
        "STOCKROOM_DATABASE_URL": "postgresql://stockroom:word@postgresql.example.com/stockroom",
        "STOCKROOM_BROKER_URL": "amqps://stockroom:word@rabbitmq.example.com",
        "STOCKROOM_REDIS_URL": "rediss://:word@redis.example.com",
        "STOCKROOM_JWT_KEY": "k" * 64,
    }
    assert secrets.keys() == SECRETS
    settings = settings_of(literals() | secrets, fresh_settings)
    assert not settings.embedded
    assert settings.registration == "closed"
    assert settings.trusted_proxies == 1


@every_workload
def test_secrets_are_named_and_none_is_said(workload: Document) -> None:
    for container in containers(workload):
        for variable in container["env"]:
            assert variable["valueFrom"] == {"secretKeyRef": {"name": "stockroom", "key": variable["name"]}}
        names = {variable["name"] for variable in container["env"]}
        assert names == ({"STOCKROOM_DATABASE_URL"} if workload["kind"] == "Job" else SECRETS)
    # A setting that may hold a password is never in the ConfigMap.
    hidden = {name for name, field in Settings.model_fields.items() if not field.repr} | {"jwt_key"}
    assert {f"STOCKROOM_{name.upper()}" for name in hidden} & literals().keys() <= {"STOCKROOM_FILES_URL"}
    assert literals()["STOCKROOM_FILES_URL"].startswith("file:")


# Pods


@every_workload
def test_a_pod_meets_the_restricted_standard(workload: Document) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/, and a read-only root besides."""
    user = pod(workload)["securityContext"]
    assert user["runAsNonRoot"]
    assert user["runAsUser"] == user["runAsGroup"] == user["fsGroup"] == 10001
    assert "USER 10001:10001" in (ROOT / "Dockerfile").read_text()
    assert user["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod(workload)["automountServiceAccountToken"] is False
    for container in containers(workload):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@every_workload
def test_a_pod_is_bounded(workload: Document) -> None:
    for container in containers(workload):
        assert container["image"] == IMAGE
        for which in ("requests", "limits"):
            assert set(container["resources"][which]) == {"cpu", "memory"}
    for volume in pod(workload)["volumes"]:
        assert "persistentVolumeClaim" in volume or volume["emptyDir"]["sizeLimit"]


@every_workload
def test_a_pod_can_write_where_the_service_does(workload: Document) -> None:
    (container,) = pod(workload)["containers"]
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {"/tmp", "/var/lib/stockroom"} <= mounts  # noqa: S108 - the pod's own
    if workload["kind"] != "Job":
        assert literals()["STOCKROOM_FILES_URL"].removeprefix("file://") in mounts
    volumes = {volume["name"] for volume in pod(workload)["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_the_commands_are_those_of_every_deployment() -> None:
    commands = {name_of(workload): pod(workload)["containers"][0]["command"] for workload in WORKLOADS}
    assert commands == {
        "Deployment/stockroom-api": API,
        "Deployment/stockroom-worker": WORKER,
        "Job/stockroom-migrate": MIGRATE,
    }


@every_deployment
def test_new_pods_wait_for_the_migration_while_old_ones_serve(workload: Document) -> None:
    (waiting,) = pod(workload)["initContainers"]
    assert "until stockroom check;" in waiting["command"][-1]
    assert workload["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@every_deployment
def test_requests_under_way_are_given_time(workload: Document, graceful_seconds: int) -> None:
    (container,) = pod(workload)["containers"]
    hook = container.get("lifecycle", {}).get("preStop", {"exec": {"command": ["sleep", "0"]}})
    pause = int(hook["exec"]["command"][1])
    assert pod(workload)["terminationGracePeriodSeconds"] >= pause + graceful_seconds + 5


def test_probes_ask_what_the_contract_has() -> None:
    (api,) = pod(of("Deployment", "stockroom-api"))["containers"]
    contract = yaml.safe_load((ROOT / "openapi" / "openapi.yaml").read_text())
    probes = {name: probe["httpGet"] for name, probe in api.items() if name.endswith("Probe")}
    assert {name: asked["path"] for name, asked in probes.items()} == {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
    for asked in probes.values():
        assert "get" in contract["paths"][asked["path"]]
        assert asked["port"] == "http"
    ports = {port["name"]: port["containerPort"] for port in api["ports"]}
    assert ports == {"http": 8000, "metrics": int(literals()["STOCKROOM_METRICS_PORT"])}
    assert "STOCKROOM_PORT=8000" in (ROOT / "Dockerfile").read_text()


# What belongs together


def selections() -> Iterator[tuple[str, dict[str, str]]]:
    """Everything that selects pods, and the labels by which it does."""
    for document in BUILT_IN:
        specification = document["spec"]
        match document["kind"]:
            case "Service":
                yield name_of(document), specification["selector"]
            case "Deployment" | "PodDisruptionBudget":
                yield name_of(document), specification["selector"]["matchLabels"]
            case "NetworkPolicy":
                yield name_of(document), specification["podSelector"]["matchLabels"]


@pytest.mark.parametrize(("name", "selector"), [*selections()])
def test_a_selector_selects_the_pods_of_its_name(name: str, selector: dict[str, str]) -> None:
    selected = {
        workload["metadata"]["name"] for workload in WORKLOADS if selector.items() <= labels(workload).items()
    }
    own = name.partition("/")[2]
    every = {workload["metadata"]["name"] for workload in WORKLOADS}
    assert selected == ({own} if own in every else every)


def test_what_is_reached_by_name_exists() -> None:
    backend = of("Ingress", "stockroom")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    (port,) = of("Service", backend["name"])["spec"]["ports"]
    assert backend["port"]["name"] == port["name"]
    assert port["targetPort"] == "http"
    (scaled, authentication) = documents(QUEUE / "worker-autoscaling.yaml")
    autoscaled = of("HorizontalPodAutoscaler", "stockroom-api")["spec"]["scaleTargetRef"]
    for target in (autoscaled["name"], scaled["spec"]["scaleTargetRef"]["name"]):
        # The number of pods is the autoscaler's matter alone.
        assert "replicas" not in of("Deployment", target)["spec"]
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
    (parameter,) = authentication["spec"]["secretTargetRef"]
    assert parameter["key"] in SECRETS
    claim = pod(of("Deployment", "stockroom-api"))["volumes"][-1]["persistentVolumeClaim"]["claimName"]
    assert of("PersistentVolumeClaim", claim)["spec"]["accessModes"] == ["ReadWriteMany"]


def test_pods_reach_what_the_settings_name_and_nothing_else() -> None:
    policy = of("NetworkPolicy", "stockroom")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy
    names, servers = policy["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    assert "to" not in servers
    assert {port["port"] for port in servers["ports"]} == {5432, 5671, 5672, 6379, 6380}
    allowed = of("NetworkPolicy", "stockroom-api")["spec"]["ingress"]
    assert [[port["port"] for port in rule["ports"]] for rule in allowed] == [["http"], ["metrics"]]
    assert all(rule["from"] for rule in allowed)
    (seen,) = of("NetworkPolicy", "stockroom-worker")["spec"]["ingress"]
    assert seen == allowed[1]


@every_deployment
def test_prometheus_is_told_where_metrics_are(workload: Document) -> None:
    (container,) = pod(workload)["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    setting = {"api": "STOCKROOM_METRICS_PORT", "worker": "STOCKROOM_WORKER_METRICS_PORT"}[container["name"]]
    assert ports["metrics"] == int(literals()[setting])
    assert workload["spec"]["template"]["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(ports["metrics"]),
    }


# The queue


@pytest.fixture
def database_url(_postgresql_url: str) -> str:
    return _postgresql_url


def test_the_workers_are_as_many_as_there_is_work_for(
    database: Database, sign_in: Any, fresh_settings: pytest.MonkeyPatch
) -> None:
    sign_in()
    scaled, _ = documents(QUEUE / "worker-autoscaling.yaml")
    (trigger,) = scaled["spec"]["triggers"]
    states = ["queued", "queued", "running", "succeeded", "failed", "cancelled"]
    with database.work() as work:
        for number, state in enumerate(states):
            work.connection.execute(
                tasks.insert(),
                {
                    "id": str(number),
                    "owner": "admin",
                    "kind": "import",
                    "parameters": {},
                    "state": state,
                    "done": 0,
                    "errors": 0,
                    "created_at": database.clock(),
                    "fence": 0,
                    "claims": 0,
                },
            )
    with database.connect() as reader:
        assert reader.scalar(sa.text(trigger["metadata"]["query"])) == 3
    command = pod(of("Deployment", "stockroom-worker"))["containers"][0]["command"]
    assert trigger["metadata"]["targetQueryValue"] == command[command.index("--concurrency") + 1]
